#include "common/net/tls.h"

#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(tls_client);

/* Our client against a server of OpenSSL's, which has its key at hand. */
static struct {
	struct test_certificate certificate;
	SSL_CTX *ctx;
	SSL *s;
	int fds[2];
	struct tls *c;
	enum tls_result result;
} t;

static void
begin_with(const struct test_certificate *certificate)
{
	BIO *in;
	X509 *x;

	signal(SIGPIPE, SIG_IGN);
	t.certificate = *certificate;
	in = BIO_new_mem_buf(t.certificate.text, -1);
	x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	t.ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(t.ctx, x);
	SSL_CTX_use_PrivateKey(t.ctx, t.certificate.key);
	X509_free(x);
	BIO_free(in);
}

static void
begin(enum key_kind kind, const char *names)
{
	struct test_certificate c = certificate_make(kind, names);

	begin_with(&c);
}

static void
hang_up(void)
{
	tls_free(t.c);
	SSL_free(t.s);
	close(t.fds[0]);
	close(t.fds[1]);
}

static void
end(void)
{
	SSL_CTX_free(t.ctx);
	certificate_fini(&t.certificate);
}

static void
connect_to(struct tls_client *client, const char *name)
{
	int accepted = -1;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, t.fds), 0);
	t.s = SSL_new(t.ctx);
	SSL_set_fd(t.s, t.fds[0]);
	SSL_set_accept_state(t.s);
	t.c = tls_connect(client, t.fds[1], name);
	t.result = TLS_WANT_READ;
	for (int i = 0; i < 10; i++) {
		if (t.result == TLS_WANT_READ || t.result == TLS_WANT_WRITE)
			t.result = tls_handshake(t.c);
		if (accepted != 1)
			accepted = SSL_do_handshake(t.s);
		ERR_clear_error();
	}
}

Test(tls_client, the_name_must_be_in_the_certificate)
{
	static const struct {
		const char *name;
		enum tls_result result;
	} cases[] = {
	    {"mail.example", TLS_OK},
	    {"mail.example.", TLS_OK},
	    {"MAIL.Example", TLS_OK},
	    {"in.wild.example", TLS_OK},
	    {"wild.example", TLS_FAILED},
	    {"a.in.wild.example", TLS_FAILED},
	    {"mail.part.example", TLS_FAILED},
	    {"mail.example.org", TLS_FAILED},
	    {"127.0.0.1", TLS_FAILED},
	    {"", TLS_FAILED},
	    {NULL, TLS_FAILED},
	};
	struct tls_client *c;
	struct error why = {""};

	begin(KEY_P256, "mail.example,*.wild.example,m*.part.example");
	c = tls_client_new(
	    &(struct tls_client_options){.verify = true, .ca = t.certificate.pem}, &why);
	cr_assert_not_null(c, "%s", why.text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		connect_to(c, cases[i].name);
		cr_assert_eq(t.result, cases[i].result, "case %zu: %s", i, tls_failure(t.c));
		if (t.result == TLS_OK)
			cr_assert(tls_is_verified(t.c));
		else
			cr_assert(tls_failure(t.c)[0] != '\0');
		hang_up();
	}
	connect_to(c, "other.example");
	cr_assert_str_eq(
	    tls_failure(t.c), "the peer's certificate does not hold: hostname mismatch");
	hang_up();
	tls_client_free(c);
	end();
}

Test(tls_client, a_stranger_is_not_trusted)
{
	struct test_certificate stranger = certificate_make(KEY_P256, "mail.example");
	struct tls_client *c;
	struct error why = {""};

	begin(KEY_ED25519, "mail.example");
	c = tls_client_new(&(struct tls_client_options){.verify = true, .ca = stranger.pem}, &why);
	connect_to(c, "mail.example");
	cr_assert_eq(t.result, TLS_FAILED);
	hang_up();
	tls_client_free(c);
	certificate_fini(&stranger);
	end();
}

/* Without verification all is taken, and what it is worth is still known. */
Test(tls_client, opportunistic)
{
	struct tls_client *c;
	struct error why = {""};
	char room[TLS_RECORD];
	size_t n;

	begin(KEY_RSA, "mail.example");
	c = tls_client_new(&(struct tls_client_options){.ca = t.certificate.pem}, &why);
	connect_to(c, "other.example");
	cr_assert_eq(t.result, TLS_OK, "%s", tls_failure(t.c));
	cr_assert(!tls_is_verified(t.c));
	hang_up();
	connect_to(c, "mail.example");
	cr_assert_eq(t.result, TLS_OK);
	cr_assert(tls_is_verified(t.c));
	tls_client_free(c);
	cr_assert_eq(SSL_write(t.s, "220", 3), 3);
	/* The server's tickets come first; they are no octets for us. */
	do
		t.result = tls_read(t.c, room, sizeof(room), &n);
	while (t.result == TLS_WANT_READ);
	cr_assert_eq(t.result, TLS_OK);
	cr_slice_eq(slice_make(room, n), "220");
	hang_up();
	end();
}

/* A key exchange whose record can be read once the key is known: better than nothing, and no more. */
Test(tls_client, weak_ciphers_are_for_opportunists)
{
	struct tls_client *c;
	struct error why = {""};

	begin(KEY_RSA, "mail.example");
	SSL_CTX_set_max_proto_version(t.ctx, TLS1_2_VERSION);
	cr_assert_eq(SSL_CTX_set_cipher_list(t.ctx, "AES128-SHA"), 1);
	for (int verify = 0; verify < 2; verify++) {
		c = tls_client_new(
		    &(struct tls_client_options){.verify = verify, .ca = t.certificate.pem}, &why);
		connect_to(c, "mail.example");
		cr_assert_eq(t.result, verify ? TLS_FAILED : TLS_OK, "verify %d", verify);
		hang_up();
		tls_client_free(c);
	}
	end();
}

Test(tls_client, an_old_server_is_refused)
{
	struct tls_client *c;
	struct error why = {""};

	begin(KEY_RSA, "mail.example");
	SSL_CTX_set_cipher_list(t.ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(t.ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(t.ctx, TLS1_1_VERSION);
	c = tls_client_new(&(struct tls_client_options){.ca = t.certificate.pem}, &why);
	connect_to(c, "mail.example");
	cr_assert_eq(t.result, TLS_FAILED);
	hang_up();
	tls_client_free(c);
	end();
}

Test(tls_client, wrong_settings)
{
	struct error why = {""};

	cr_assert_null(tls_client_new(&(struct tls_client_options){.ca = SLICE("no pem")}, &why));
	cr_assert_null(
	    tls_client_new(&(struct tls_client_options){.protocols = SLICE("ssl3")}, &why));
	cr_assert_null(tls_client_new(&(struct tls_client_options){.ciphers = "none such"}, &why));
	cr_assert(why.text[0] != '\0');
}

/* Without certificates of its own, a client trusts whom the system trusts. */
Test(tls_client, authorities_of_the_system)
{
	struct tls_client_options strict = {.verify = true};
	struct test_certificate known = certificate_make(KEY_P256, "known.example");
	struct tls_client *c;
	struct error why = {""};
	char path[32];

	snprintf(path, sizeof(path), "/dev/fd/%d", file_with(known.pem, 0600));
	setenv("SSL_CERT_FILE", path, 1);
	c = tls_client_new(&strict, &why);
	cr_assert_not_null(c, "%s", why.text);
	begin(KEY_P256, "mail.example");
	connect_to(c, "mail.example");
	cr_assert_eq(t.result, TLS_FAILED);
	hang_up();
	end();
	begin_with(&known);
	connect_to(c, "known.example");
	cr_assert_eq(t.result, TLS_OK, "%s", tls_failure(t.c));
	cr_assert(tls_is_verified(t.c));
	hang_up();
	tls_client_free(c);
	end();
}
