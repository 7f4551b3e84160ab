#include "common/net/tls.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(tls);

/* What a holder of keys does, as plainly as OpenSSL allows. */
static size_t
sign(EVP_PKEY *key, uint16_t scheme, struct slice octets, unsigned char *out, size_t size)
{
	bool pss = scheme >= 0x0804 && scheme <= 0x0806;
	const char *digest = "SHA512";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	size_t len = size;

	if (scheme >> 8 == 4 || scheme == 0x0804)
		digest = "SHA256";
	else if (scheme >> 8 == 5 || scheme == 0x0805)
		digest = "SHA384";
	else if (scheme == 0x0807)
		digest = NULL;
	cr_assert_eq(EVP_DigestSignInit_ex(ctx, &options, digest, NULL, NULL, key, NULL), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
	}
	cr_assert_eq(
	    EVP_DigestSign(ctx, out, &len, (const unsigned char *)octets.data, octets.len), 1);
	EVP_MD_CTX_free(ctx);
	return len;
}

static struct test_certificate a, b;

static void
begin(
    struct tls_pair *p, enum key_kind kind, enum manner manner, const struct tls_server_options *o)
{
	a = certificate_make(kind, "mail.example");
	*p = (struct tls_pair){.manner = manner, .sign = sign, .certificates = {&a}};
	pair_init(p, o);
}

static void
end(struct tls_pair *p)
{
	pair_fini(p);
	certificate_fini(&a);
	certificate_fini(&b);
	a = b = (struct test_certificate){0};
}

Test(tls, every_kind_of_key_in_both_versions)
{
	static const struct {
		int version;
		enum manner manner;
		const char *name;
	} ways[] = {
	    {TLS1_2_VERSION, AT_ONCE, "TLSv1.2"},
	    {TLS1_2_VERSION, LATER, "TLSv1.2"},
	    {TLS1_3_VERSION, AT_ONCE, "TLSv1.3"},
	    {TLS1_3_VERSION, LATER, "TLSv1.3"},
	};

	for (int kind = 0; kind < KEY_KINDS; kind++) {
		struct tls_pair p;

		begin(&p, (enum key_kind)kind, AT_ONCE, NULL);
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			p.manner = ways[i].manner;
			p.signatures = p.wakes = 0;
			SSL_CTX_set_min_proto_version(p.ctx, ways[i].version);
			SSL_CTX_set_max_proto_version(p.ctx, ways[i].version);
			SSL_SESSION_free(p.session);
			p.session = NULL;
			pair_connect(&p, "mail.example");
			cr_assert_eq(
			    p.s_result, TLS_OK, "key %d, way %zu: %s", kind, i, tls_failure(p.s));
			cr_assert_eq(p.c_result, 1);
			cr_assert_eq(p.signatures, 1);
			cr_assert_eq(p.wakes, ways[i].manner == LATER ? 1 : 0);
			cr_assert_str_eq(tls_version(p.s), ways[i].name);
			cr_assert(!tls_is_verified(p.s) && !tls_is_resumed(p.s));
			cr_assert(pair_talk(&p));
			pair_disconnect(&p);
		}
		end(&p);
	}
}

/* RSA has two paddings, and every digest a number: the signer must hear the right one. */
Test(tls, schemes)
{
	static const struct {
		enum key_kind kind;
		int version;
		const char *offered;
		uint16_t scheme;
	} cases[] = {
	    {KEY_RSA, TLS1_2_VERSION, "RSA+SHA256", 0x0401},
	    {KEY_RSA, TLS1_2_VERSION, "RSA+SHA384", 0x0501},
	    {KEY_RSA, TLS1_2_VERSION, "RSA+SHA512", 0x0601},
	    {KEY_RSA, TLS1_2_VERSION, "rsa_pss_rsae_sha256", 0x0804},
	    {KEY_RSA, TLS1_3_VERSION, "rsa_pss_rsae_sha384", 0x0805},
	    {KEY_RSA, TLS1_3_VERSION, "rsa_pss_rsae_sha512", 0x0806},
	    {KEY_P256, TLS1_2_VERSION, "ECDSA+SHA512", 0x0603},
	    {KEY_P384, TLS1_3_VERSION, "ecdsa_secp384r1_sha384", 0x0503},
	    {KEY_ED25519, TLS1_2_VERSION, "ed25519", 0x0807},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_pair p;

		begin(&p, cases[i].kind, LATER, NULL);
		SSL_CTX_set_max_proto_version(p.ctx, cases[i].version);
		SSL_CTX_set_min_proto_version(p.ctx, cases[i].version);
		cr_assert_eq(SSL_CTX_set1_sigalgs_list(p.ctx, cases[i].offered), 1);
		pair_connect(&p, NULL);
		cr_assert_eq(p.s_result, TLS_OK, "%s: %s", cases[i].offered, tls_failure(p.s));
		cr_assert_eq(p.c_result, 1);
		cr_assert_eq(p.scheme, cases[i].scheme, "%s: 0x%04x", cases[i].offered, p.scheme);
		end(&p);
	}
}

Test(tls, sha1_is_never_signed)
{
	struct tls_pair p;

	begin(&p, KEY_RSA, AT_ONCE, NULL);
	SSL_CTX_set_max_proto_version(p.ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(p.ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set1_sigalgs_list(p.ctx, "RSA+SHA1");
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_FAILED);
	cr_assert_eq(p.signatures, 0);
	end(&p);
}

Test(tls, resumption_needs_no_signature)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < 2; i++) {
		struct tls_pair p;

		begin(&p, KEY_P256, LATER, NULL);
		SSL_CTX_set_max_proto_version(p.ctx, versions[i]);
		for (int round = 0; round < 3; round++) {
			pair_connect(&p, "mail.example");
			cr_assert_eq(p.s_result, TLS_OK);
			cr_assert(pair_talk(&p));
			cr_assert_eq(tls_is_resumed(p.s), round > 0);
			SSL_shutdown(p.c);
			pair_disconnect(&p);
		}
		cr_assert_eq(p.signatures, 1);
		end(&p);
	}
}

/* A ticket of one service is worth nothing at another, not even in the same process. */
Test(tls, tickets_stay_with_their_service)
{
	struct tls_server_options smtp = {.context = SLICE("smtp")},
				  imap = {.context = SLICE("imap")};
	struct tls_pair p, other;

	begin(&p, KEY_P256, AT_ONCE, &smtp);
	other = (struct tls_pair){.sign = sign, .certificates = {&a}};
	pair_init(&other, &imap);
	pair_connect(&p, NULL);
	cr_assert(pair_talk(&p));
	SSL_shutdown(p.c);
	other.session = p.session;
	p.session = NULL;
	pair_connect(&other, NULL);
	cr_assert_eq(other.s_result, TLS_OK, "%s", tls_failure(other.s));
	cr_assert(!tls_is_resumed(other.s));
	pair_fini(&other);
	end(&p);
}

static struct slice
organization(SSL *c, char *room, int size)
{
	X509 *x = SSL_get0_peer_certificate(c);

	cr_assert_not_null(x);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_organizationName, room, size);
	return slice_of(room);
}

Test(tls, sni_picks_the_certificate)
{
	static const struct {
		const char *asked, *given;
	} cases[] = {
	    {NULL, "mail.example"},
	    {"mail.example", "mail.example"},
	    {"MAIL.example", "mail.example"},
	    {"other.test", "other.test,*.other.test"},
	    {"imap.other.test", "other.test,*.other.test"},
	    {"a.b.other.test", "mail.example"},
	    {"stranger.test", "mail.example"},
	    {"exact.other.test", "exact.other.test"},
	};
	struct test_certificate exact = certificate_make(KEY_P256, "exact.other.test");
	struct tls_pair p;
	struct error why = {""};
	char room[64];

	begin(&p, KEY_P256, AT_ONCE, NULL);
	b = certificate_make(KEY_RSA, "other.test,*.other.test");
	p.certificates[1] = &b;
	p.certificates[2] = &exact;
	cr_assert(tls_server_add(p.server, b.pem, &why));
	cr_assert(tls_server_add(p.server, exact.pem, &why));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SSL_SESSION_free(p.session);
		p.session = NULL;
		pair_connect(&p, cases[i].asked);
		cr_assert_eq(p.s_result, TLS_OK, "%s", tls_failure(p.s));
		cr_slice_eq(organization(p.c, room, sizeof(room)), cases[i].given);
		pair_disconnect(&p);
	}
	end(&p);
	certificate_fini(&exact);
}

/* Two certificates for one name: the client's abilities choose. */
Test(tls, rsa_and_ec_side_by_side)
{
	struct tls_pair p;
	struct error why = {""};

	begin(&p, KEY_P256, LATER, NULL);
	b = certificate_make(KEY_RSA, "mail.example");
	p.certificates[1] = &b;
	cr_assert(tls_server_add(p.server, b.pem, &why));
	for (int i = 0; i < 2; i++) {
		SSL_CTX_set1_sigalgs_list(
		    p.ctx, i == 0 ? "rsa_pss_rsae_sha256" : "ecdsa_secp256r1_sha256");
		SSL_SESSION_free(p.session);
		p.session = NULL;
		pair_connect(&p, i == 0 ? NULL : "mail.example");
		cr_assert_eq(p.s_result, TLS_OK, "%s", tls_failure(p.s));
		cr_assert_eq(p.scheme, i == 0 ? 0x0804 : 0x0403);
		pair_disconnect(&p);
	}
	end(&p);
}

Test(tls, old_versions_are_refused)
{
	struct tls_pair p;

	begin(&p, KEY_RSA, AT_ONCE, NULL);
	SSL_CTX_set_cipher_list(p.ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(p.ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(p.ctx, TLS1_1_VERSION);
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_FAILED);
	cr_assert_str_eq(tls_failure(p.s), "the peer speaks only versions of TLS that are too old");
	cr_assert_eq(tls_handshake(p.s), TLS_FAILED);
	end(&p);
}

Test(tls, what_is_no_tls_is_said)
{
	static const struct {
		const char *sent, *failure;
	} cases[] = {
	    {"GET / HTTP/1.0\r\n\r\n", "the peer speaks HTTP, not TLS"},
	    {"EHLO client.example\r\n", "what the peer sent is not TLS"},
	};

	for (size_t i = 0; i < 2; i++) {
		struct tls_pair p;

		begin(&p, KEY_P256, AT_ONCE, NULL);
		pair_connect(&p, NULL);
		pair_disconnect(&p);
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.fds), 0);
		p.s = tls_accept(p.server, p.fds[0], NULL, NULL);
		cr_assert(write(p.fds[1], cases[i].sent, strlen(cases[i].sent)) > 0);
		cr_assert_eq(tls_handshake(p.s), TLS_FAILED);
		cr_assert_str_eq(tls_failure(p.s), cases[i].failure);
		end(&p);
	}
}

Test(tls, no_renegotiation)
{
	struct tls_pair p;
	char room[TLS_RECORD];
	size_t n;

	begin(&p, KEY_P256, AT_ONCE, NULL);
	SSL_CTX_set_max_proto_version(p.ctx, TLS1_2_VERSION);
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_OK);
	cr_assert_eq(SSL_renegotiate(p.c), 1);
	SSL_do_handshake(p.c);
	cr_assert_neq(tls_read(p.s, room, sizeof(room), &n), TLS_OK);
	cr_assert_neq(SSL_do_handshake(p.c), 1);
	cr_assert_eq(p.signatures, 1);
	end(&p);
}

Test(tls, alpn_must_fit_when_it_is_sent)
{
	static const struct {
		const char *offered;
		enum tls_result result;
	} cases[] = {
	    {"", TLS_OK},
	    {"\4imap", TLS_OK},
	    {"\2h2\4imap", TLS_OK},
	    {"\2h2\10http/1.1", TLS_FAILED},
	    {"\5imaps", TLS_FAILED},
	    {"\3ima", TLS_FAILED},
	};
	struct tls_server_options o = {.context = SLICE("imap"), .alpn = "imap"};
	struct tls_pair p;

	begin(&p, KEY_P256, AT_ONCE, &o);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *offered = cases[i].offered;

		SSL_CTX_set_alpn_protos(
		    p.ctx, (const unsigned char *)offered, (unsigned)strlen(offered));
		pair_connect(&p, NULL);
		cr_assert_eq(p.s_result, cases[i].result, "case %zu: %s", i, tls_failure(p.s));
		pair_disconnect(&p);
	}
	end(&p);
}

Test(tls, protocols_and_ciphers_of_the_configuration)
{
	static const struct {
		const char *protocols, *ciphers;
		int client;
		enum tls_result result;
	} cases[] = {
	    {"tlsv1.3", NULL, TLS1_2_VERSION, TLS_FAILED},
	    {"tlsv1.3", NULL, TLS1_3_VERSION, TLS_OK},
	    {"all:!tlsv1.3", NULL, TLS1_3_VERSION, TLS_OK},
	    {"!tlsv1.2", NULL, TLS1_2_VERSION, TLS_FAILED},
	    {"tlsv1.1, tlsv1.2", NULL, TLS1_2_VERSION, TLS_OK},
	    {"", "HIGH:!aNULL:!MD5", TLS1_2_VERSION, TLS_OK},
	};
	static const char *const wrong[][2] = {
	    {"tlsv1.1", NULL}, {"tlsv9", NULL}, {"!all", NULL}, {"", "kRSA"}, {"", "nonsense"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_server_options o = {
		    .protocols = slice_of(cases[i].protocols), .ciphers = cases[i].ciphers};
		struct tls_pair p;

		begin(&p, KEY_RSA, AT_ONCE, &o);
		SSL_CTX_set_max_proto_version(p.ctx, cases[i].client);
		pair_connect(&p, NULL);
		cr_assert_eq(p.s_result, cases[i].result, "case %zu: %s", i, tls_failure(p.s));
		end(&p);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tls_server_options o = {
		    .protocols = slice_of(wrong[i][0]), .ciphers = wrong[i][1]};
		struct error why = {""};

		cr_assert_null(tls_server_new(&o, &(struct tls_signer){0}, &why), "case %zu", i);
		cr_assert(why.text[0] != '\0');
	}
}

static void
show_certificate(SSL_CTX *ctx, const struct test_certificate *c)
{
	BIO *in = BIO_new_mem_buf(c->text, -1);
	X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);

	cr_assert_eq(SSL_CTX_use_certificate(ctx, x), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, c->key), 1);
	X509_free(x);
	BIO_free(in);
}

Test(tls, client_certificates)
{
	struct test_certificate known = certificate_make(KEY_P256, "client.example");
	struct test_certificate stranger = certificate_make(KEY_P256, "stranger.example");
	const struct {
		bool required;
		const struct test_certificate *shown;
		enum tls_result result;
	} cases[] = {
	    {false, NULL, TLS_OK},
	    {false, &known, TLS_OK},
	    {false, &stranger, TLS_FAILED},
	    {true, NULL, TLS_FAILED},
	    {true, &known, TLS_OK},
	    {true, &stranger, TLS_FAILED},
	};
	struct error why = {""};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_server_options o = {
		    .client_ca = known.pem, .client_required = cases[i].required};
		struct tls_pair p;

		begin(&p, KEY_P256, LATER, &o);
		if (cases[i].shown != NULL)
			show_certificate(p.ctx, cases[i].shown);
		pair_connect(&p, NULL);
		cr_assert_eq(p.s_result, cases[i].result, "case %zu: %s", i, tls_failure(p.s));
		cr_assert_eq(tls_is_verified(p.s), cases[i].shown == &known);
		end(&p);
	}
	cr_assert_null(tls_server_new(
	    &(struct tls_server_options){.client_required = true}, &(struct tls_signer){0}, &why));
	certificate_fini(&known);
	certificate_fini(&stranger);
}

Test(tls, broken_certificates_are_refused)
{
	struct tls_pair p;
	struct error why = {""};
	struct buf cut = {0};

	begin(&p, KEY_P256, AT_ONCE, NULL);
	cr_assert(!tls_server_add(p.server, SLICE(""), &why));
	cr_assert(!tls_server_add(p.server, SLICE("hello\n"), &why));
	buf_add_slice(&cut, a.pem);
	buf_add_slice(&cut, slice_sub(a.pem, 0, a.pem.len / 2));
	cr_assert(!tls_server_add(p.server, buf_slice(&cut), &why));
	buf_fini(&cut);
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_OK);
	end(&p);
}

Test(tls, a_server_without_certificates_serves_nobody)
{
	struct tls_pair p = {.sign = sign};

	pair_init(&p, NULL);
	pair_connect(&p, "mail.example");
	cr_assert_eq(p.s_result, TLS_FAILED);
	pair_fini(&p);
}

Test(tls, signer_refuses)
{
	struct tls_pair p;

	begin(&p, KEY_RSA, REFUSED, NULL);
	pair_connect(&p, NULL);
	cr_assert_eq(p.s_result, TLS_FAILED);
	cr_assert_eq(p.wakes, 1);
	cr_assert(tls_failure(p.s)[0] != '\0');
	end(&p);
}

Test(tls, connection_goes_while_the_signer_thinks)
{
	for (size_t answered = 0; answered < 2; answered++) {
		struct tls_pair p;

		begin(&p, KEY_RSA, NEVER, NULL);
		pair_connect(&p, NULL);
		cr_assert_eq(p.s_result, TLS_WANT_KEY);
		cr_assert_eq(tls_handshake(p.s), TLS_WANT_KEY);
		if (answered)
			pair_answer(&p);
		tls_free(p.s);
		p.s = NULL;
		cr_assert_eq(p.wakes, answered);
		if (!answered)
			pair_answer(&p);
		cr_assert_eq(p.wakes, answered);
		end(&p);
	}
}

/* Many at once, answered in the wrong order, the server let go in between. */
Test(tls, handshakes_wait_side_by_side)
{
	enum { MANY = 20 };
	struct tls_pair p[MANY];

	begin(&p[0], KEY_P256, NEVER, NULL);
	pair_connect(&p[0], NULL);
	for (int i = 1; i < MANY; i++) {
		p[i] = (struct tls_pair){.manner = NEVER, .sign = sign, .certificates = {&a}};
		pair_init(&p[i], NULL);
		pair_connect(&p[i], NULL);
		cr_assert_eq(p[i].s_result, TLS_WANT_KEY);
		tls_server_free(p[i].server);
		p[i].server = NULL;
	}
	for (int i = MANY - 1; i >= 0; i--) {
		pair_answer(&p[i]);
		pair_run(&p[i]);
		cr_assert_eq(p[i].s_result, TLS_OK, "%s", tls_failure(p[i].s));
		cr_assert(pair_talk(&p[i]));
	}
	for (int i = 1; i < MANY; i++)
		pair_fini(&p[i]);
	end(&p[0]);
}

/* A record is taken whole, so the next poll(2) tells the truth; large output goes in pieces. */
Test(tls, octets)
{
	enum { LARGE = 300 * 1000 };
	struct tls_pair p;
	char *out = mem_zero(LARGE), *in = mem_zero(LARGE), room[TLS_RECORD];
	size_t sent = 0, got = 0, n = 0;
	enum tls_result r = TLS_OK;

	for (size_t i = 0; i < LARGE; i++)
		out[i] = (char)(i * 7 + i / 256);
	begin(&p, KEY_P256, AT_ONCE, NULL);
	pair_connect(&p, NULL);
	while (got < LARGE) {
		while (sent < LARGE && (r = tls_write(p.s, out + sent, LARGE - sent, &n)) == TLS_OK)
			sent += n;
		cr_assert(r == TLS_OK || r == TLS_WANT_WRITE);
		while (SSL_read_ex(p.c, in + got, LARGE - got, &n) == 1)
			got += n;
	}
	cr_assert_eq(memcmp(in, out, LARGE), 0);
	cr_assert_eq(SSL_write(p.c, out, TLS_RECORD), TLS_RECORD);
	cr_assert_eq(tls_read(p.s, room, sizeof(room), &n), TLS_OK);
	cr_assert_eq(n, TLS_RECORD);
	cr_assert_eq(tls_read(p.s, room, sizeof(room), &n), TLS_WANT_READ);
	SSL_shutdown(p.c);
	cr_assert_eq(tls_read(p.s, room, sizeof(room), &n), TLS_EOF);
	tls_close_notify(p.s);
	free(out);
	free(in);
	end(&p);
}

Test(tls, a_peer_that_just_closes_has_ended)
{
	struct tls_pair p;
	char room[TLS_RECORD];
	size_t n;

	begin(&p, KEY_P256, NEVER, NULL);
	pair_connect(&p, NULL);
	close(p.fds[1]);
	p.fds[1] = -1;
	pair_answer(&p);
	pair_run(&p);
	cr_assert(p.s_result == TLS_EOF || p.s_result == TLS_FAILED);
	pair_disconnect(&p);
	p.manner = AT_ONCE;
	pair_connect(&p, NULL);
	cr_assert(pair_talk(&p));
	close(p.fds[1]);
	p.fds[1] = -1;
	cr_assert_eq(tls_read(p.s, room, sizeof(room), &n), TLS_EOF);
	cr_assert_eq(tls_read(p.s, room, sizeof(room), &n), TLS_EOF);
	end(&p);
}
