#include "smtpd/keyholder/serve.h"

#include "common/base/limits.h"
#include "common/conf/tls_conf.h"
#include "common/ipc/any_keyholder.h"
#include "common/net/loop.h"
#include "smtpd/keyholder/keys.h"
#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include <sys/socket.h>

UNIT_SUITE(serve);

/* 130 octets that a handshake of TLS 1.3 may want signed. */
#define BLANKS16 "                "
#define HANDSHAKE \
	BLANKS16 BLANKS16 BLANKS16 BLANKS16 "TLS 1.3, server CertificateVerify\0" \
					    "0123456789abcdef0123456789abcdef"

/* A neighbour that asks, and keyholder, on one loop. */
static struct {
	struct test_certificate certificate;
	struct conf *conf;
	struct channel *keyholder;
	char hash[32];
	size_t outstanding, made, refused, ended;
	bool is_down;
	struct timer patience;
} t;

static void
count_one(void)
{
	if (--t.outstanding == 0)
		loop_stop();
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	const struct ak_signed *s = m->body;

	channel_done(m->channel, m->id);
	if (s->ok != 0 && s->signature.len > 0)
		t.made++;
	else
		t.refused++;
	count_one();
}

static void
on_ended(void *owner, enum channel_end why)
{
	t.ended++;
	count_one();
}

static void
on_down(void *owner)
{
	t.is_down = true;
	channel_close(t.keyholder);
	t.keyholder = NULL;
	loop_stop();
}

static void
on_patience(void *owner)
{
	loop_stop();
}

static void
connect_as(enum sandbox_role role)
{
	static const struct ipc_schema *const answers[] = {&ak_signed_schema, NULL};
	struct channel_options o = {.peer = "keyholder", .answers = answers, .down = on_down};
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	neighbours_take(role, 0, ends[0]);
	channel_close(t.keyholder);
	t.keyholder = channel_new(ends[1], &o);
}

/* One certificate, with which SMTP alone is served. */
static void
configure(void)
{
	struct conf_pki pki = {.name = SLICE("mail"),
	    .cert_path = SLICE("c"),
	    .key_path = SLICE("k"),
	    .chain = t.certificate.pem};
	struct conf_listen l = {.id = 1, .service = SERVICE_SMTP, .tls = TLS_IMPLICIT};
	struct buf names = {0};

	ipc_list_add(&names, SLICE("mail"));
	l.pki = buf_slice(&names);
	t.conf = conf_new();
	conf_add_pki(t.conf, &pki);
	conf_add_listen(t.conf, &l);
	buf_fini(&names);
}

static void
begin(enum key_kind kind, enum sandbox_role role)
{
	char pem[4096];
	unsigned char *der = NULL;
	struct error why = {""};
	int len;

	memset(&t, 0, sizeof(t));
	loop_init();
	serve_init();
	neighbours_init(serve_neighbours);
	timer_init(&t.patience, on_patience, NULL);
	timer_start(&t.patience, SPAN_SECONDS(100));
	t.certificate = certificate_make(kind, "mail.example");
	configure();
	len = i2d_PUBKEY(t.certificate.key, &der);
	EVP_Digest(der, (size_t)len, (unsigned char *)t.hash, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	cr_assert(keys_load(SLICE("mail"),
	    file_with(key_pem(t.certificate.key, pem, sizeof(pem)), 0600), false, &why));
	cr_assert(keys_apply(t.conf, &why), "%s", why.text);
	connect_as(role);
}

static void
end(void)
{
	timer_stop(&t.patience);
	channel_close(t.keyholder);
	neighbours_close();
	keys_fini();
	conf_free(t.conf);
	certificate_fini(&t.certificate);
	loop_fini();
}

static void
ask(uint16_t scheme, struct slice octets)
{
	struct channel_request r = {.answer = on_answer, .ended = on_ended};
	struct ak_sign m = {
	    .key = slice_make(t.hash, sizeof(t.hash)), .scheme = scheme, .tbs = octets};
	uint32_t id = channel_request(t.keyholder, &r);

	cr_assert_neq(id, 0);
	cr_assert(ak_sign_send(t.keyholder, id, &m, -1));
	t.outstanding++;
}

Test(serve, signs)
{
	begin(KEY_P256, SANDBOX_LISTENER);
	ask(0x0403, SLICE(HANDSHAKE));
	ask(0x0403, SLICE(HANDSHAKE));
	loop_run();
	cr_assert_eq(t.made, 2);
	cr_assert_eq(serve_signed(), 2);
	end();
}

Test(serve, what_is_no_handshake_cuts_the_neighbour_off)
{
	static const struct {
		uint16_t scheme;
		struct slice octets;
	} cases[] = {
	    {0x0403, {"0123456789abcdef0123456789abcdef", 32}}, /* a bare digest */
	    {0x0403, {"Subject: pay him\r\n\r\n", 20}},
	    {0x0804, {HANDSHAKE, sizeof(HANDSHAKE) - 1}}, /* RSA's scheme, an EC key */
	    {0x0503, {HANDSHAKE, sizeof(HANDSHAKE) - 1}}, /* another curve's */
	    {0x0203, {HANDSHAKE, sizeof(HANDSHAKE) - 1}}, /* SHA-1 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(KEY_P256, SANDBOX_LISTENER);
		ask(cases[i].scheme, cases[i].octets);
		loop_run();
		cr_assert(t.is_down, "case %zu", i);
		cr_assert_eq(t.made, 0);
		cr_assert_eq(t.ended, 1);
		/* It lives on for the next one. */
		connect_as(SANDBOX_LISTENER);
		ask(0x0403, SLICE(HANDSHAKE));
		loop_run();
		cr_assert_eq(t.made, 1);
		end();
	}
}

Test(serve, keys_of_other_services_and_unknown_ones_are_refused)
{
	begin(KEY_P256, SANDBOX_IMAPD);
	ask(0x0403, SLICE(HANDSHAKE));
	loop_run();
	cr_assert_eq(t.refused, 1);
	connect_as(SANDBOX_LISTENER);
	t.hash[0] ^= 1;
	ask(0x0403, SLICE(HANDSHAKE));
	loop_run();
	cr_assert_eq(t.refused, 2);
	cr_assert(!t.is_down);
	end();
}

/* LIMIT_HANDSHAKES wait, LIMIT_SIGNATURES a second: the rest is refused, all are answered. */
Test(serve, a_flood_is_bounded)
{
	enum { FLOOD = 3 * LIMIT_SIGNATURES };

	begin(KEY_RSA, SANDBOX_LISTENER);
	for (int i = 0; i < FLOOD; i++)
		ask(0x0804, SLICE(HANDSHAKE));
	loop_run();
	cr_assert_eq(t.made + t.refused, FLOOD);
	cr_assert_geq(t.made, LIMIT_HANDSHAKES);
	cr_assert_gt(t.refused, 0);
	cr_assert(!t.is_down);
	end();
}

/* So few at a time that nobody waits: what is too much is too much all the same. */
Test(serve, a_neighbour_has_so_many_signatures_a_second)
{
	enum { PORTION = 500, PORTIONS = 3 * LIMIT_SIGNATURES / PORTION };
	struct moment began;
	int64_t ms;

	begin(KEY_P256, SANDBOX_LISTENER);
	began = moment_now();
	for (int i = 0; i < PORTIONS; i++) {
		for (int j = 0; j < PORTION; j++)
			ask(0x0403, SLICE(HANDSHAKE));
		loop_run();
		cr_assert_eq(t.outstanding, 0);
	}
	ms = moment_between(began, moment_now()).ms + 1;
	cr_assert_leq((int64_t)t.made, LIMIT_SIGNATURES + LIMIT_SIGNATURES * ms / 1000);
	cr_assert_geq(t.made, LIMIT_SIGNATURES);
	cr_assert(!t.is_down);
	end();
}

static size_t made_before; /* when the other neighbour had its answer */

static void
on_other_answer(void *owner, struct ipc_message *m)
{
	cr_assert_eq(((const struct ak_signed *)m->body)->ok, 1);
	channel_done(m->channel, m->id);
	made_before = t.made;
	count_one();
}

/* Each has its turn. */
Test(serve, a_flood_of_one_neighbour_holds_up_no_other)
{
	enum { FLOOD = 500 };
	static const struct ipc_schema *const answers[] = {&ak_signed_schema, NULL};
	struct channel_request r = {.answer = on_other_answer, .ended = on_ended};
	struct channel_options o = {.peer = "keyholder", .answers = answers};
	struct ak_sign m = {.scheme = 0x0804, .tbs = SLICE(HANDSHAKE)};
	struct channel *other;
	int ends[2];

	begin(KEY_RSA, SANDBOX_LISTENER);
	for (int i = 0; i < FLOOD; i++)
		ask(0x0804, SLICE(HANDSHAKE));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	cr_assert(neighbours_take(SANDBOX_LISTENER, 1, ends[0]));
	other = channel_new(ends[1], &o);
	m.key = slice_make(t.hash, sizeof(t.hash));
	cr_assert_neq(channel_ask(other, &r, &ak_sign_schema, &m), 0);
	t.outstanding++;
	loop_run();
	cr_assert_eq(t.made, FLOOD);
	cr_assert_lt(made_before, FLOOD / 4);
	channel_close(other);
	end();
}

/* The old line's answers must not reach the new one. */
Test(serve, a_neighbour_that_was_replaced_gets_no_answers)
{
	begin(KEY_RSA, SANDBOX_LISTENER);
	for (int i = 0; i < 100; i++)
		ask(0x0804, SLICE(HANDSHAKE));
	channel_flush(t.keyholder);
	timer_start(&t.patience, SPAN_MS(1));
	loop_run();
	connect_as(SANDBOX_LISTENER);
	cr_assert_eq(t.outstanding, 0);
	timer_start(&t.patience, SPAN_SECONDS(100));
	ask(0x0804, SLICE(HANDSHAKE));
	loop_run();
	cr_assert(!t.is_down);
	cr_assert_eq(t.outstanding, 0);
	cr_assert_geq(t.made, 1);
	end();
}

static void
handshake_through_conf(struct tls_pair *p)
{
	struct error why = {""};

	*p = (struct tls_pair){.woken = loop_stop};
	p->server = tls_server_from_conf(t.conf, &t.conf->listens[0], "smtp", &t.keyholder, &why);
	cr_assert_not_null(p->server, "%s", why.text);
	pair_init(p, NULL);
	pair_connect(p, "mail.example");
	cr_assert_eq(p->s_result, TLS_WANT_KEY, "%s", tls_failure(p->s));
}

Test(serve, a_handshake_from_the_configuration_to_the_key)
{
	struct tls_pair p;

	begin(KEY_RSA, SANDBOX_LISTENER);
	handshake_through_conf(&p);
	loop_run();
	pair_run(&p);
	cr_assert_eq(p.s_result, TLS_OK, "%s", tls_failure(p.s));
	cr_assert(pair_talk(&p));
	pair_fini(&p);
	end();
}

Test(serve, a_handshake_outlives_keyholder_as_a_failure)
{
	struct tls_pair p;

	begin(KEY_RSA, SANDBOX_LISTENER);
	handshake_through_conf(&p);
	neighbours_close();
	loop_run();
	pair_run(&p);
	cr_assert_eq(p.s_result, TLS_FAILED);
	pair_disconnect(&p);
	/* Without a line there is nobody to ask: it fails at once, and waits for nothing. */
	channel_close(t.keyholder);
	t.keyholder = NULL;
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_FAILED);
	pair_fini(&p);
	end();
}

Test(serve, a_connection_goes_before_its_signature_comes)
{
	struct tls_pair p;

	begin(KEY_RSA, SANDBOX_LISTENER);
	handshake_through_conf(&p);
	pair_fini(&p);
	for (int i = 0; i < 1000 && serve_signed() == 0; i++) {
		timer_start(&t.patience, SPAN_MS(20));
		loop_run();
	}
	cr_assert(!t.is_down);
	cr_assert_eq(serve_signed(), 1);
	end();
}

Test(serve, faults_of_the_configuration_are_said)
{
	struct conf_listen l;
	struct error why = {""};

	begin(KEY_P256, SANDBOX_LISTENER);
	l = t.conf->listens[0];
	l.address = SLICE("127.0.0.1");
	l.port = 2525;
	l.pki = SLICE("");
	cr_assert_null(tls_server_from_conf(t.conf, &l, "smtp", &t.keyholder, &why));
	cr_assert_str_eq(why.text,
	    "listen on 127.0.0.1 port 2525: TLS needs a certificate; name a pki on the line");
	l.pki = t.conf->listens[0].pki;
	l.verify = 1;
	cr_assert_null(tls_server_from_conf(t.conf, &l, "smtp", &t.keyholder, &why));
	l.verify = 0;
	l.protocols = SLICE("sslv3");
	cr_assert_null(tls_server_from_conf(t.conf, &l, "smtp", &t.keyholder, &why));
	end();
}
