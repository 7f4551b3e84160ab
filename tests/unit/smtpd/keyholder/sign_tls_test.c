#include "smtpd/keyholder/sign_tls.h"

#include "common/base/buf.h"
#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include <openssl/rsa.h>

UNIT_SUITE(sign_tls);

#define CONTEXT "TLS 1.3, server CertificateVerify"

/* n octets c, then what was asked for. */
static struct slice
built(
    struct buf *b, size_t blanks, char blank, const char *context, size_t context_len, size_t rest)
{
	buf_clear(b);
	for (size_t i = 0; i < blanks; i++)
		buf_add_char(b, blank);
	buf_add(b, context, context_len);
	for (size_t i = 0; i < rest; i++)
		buf_add_char(b, (char)(i * 37));
	return buf_slice(b);
}

Test(sign_tls, certificate_verify)
{
	struct buf b = {0};
	size_t n = sizeof(CONTEXT);

	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT, n, 32)), SHAPE_TLS_1_3);
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT, n, 48)), SHAPE_TLS_1_3);
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT, n, 64)), SHAPE_NONE);
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT, n, 31)), SHAPE_NONE);
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT, n, 0)), SHAPE_NONE);
	cr_assert_eq(sign_tls_shape(built(&b, 63, ' ', CONTEXT, n, 33)), SHAPE_NONE);
	cr_assert_eq(sign_tls_shape(built(&b, 64, '\t', CONTEXT, n, 32)), SHAPE_NONE);
	/* A client's signature is not ours to give. */
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', "TLS 1.3, client CertificateVerify", n, 32)),
	    SHAPE_NONE);
	cr_assert_eq(sign_tls_shape(built(&b, 64, ' ', CONTEXT "!", n, 32)), SHAPE_NONE);
	buf_fini(&b);
}

Test(sign_tls, key_exchange)
{
	/* clang-format off */
	static const struct { const char *header; size_t len, point; enum sign_shape shape; } cases[] = {
		{"\3\0\27\101\4", 5, 64,  SHAPE_TLS_1_2},      /* secp256r1 */
		{"\3\0\30\141\4", 5, 96,  SHAPE_TLS_1_2},      /* secp384r1 */
		{"\3\0\31\205\4", 5, 132, SHAPE_TLS_1_2},      /* secp521r1 */
		{"\3\0\35\40",    4, 32,  SHAPE_TLS_1_2},      /* x25519 */
		{"\3\0\36\70",    4, 56,  SHAPE_TLS_1_2},      /* x448 */
		{"\3\0\35\40",    4, 31,  SHAPE_NONE},
		{"\3\0\35\40",    4, 33,  SHAPE_NONE},
		{"\3\0\35\41",    4, 33,  SHAPE_NONE},
		{"\3\0\27\101\3", 5, 64,  SHAPE_NONE},         /* compressed */
		{"\3\0\27\40",    4, 32,  SHAPE_NONE},
		{"\3\0\1\40",     4, 32,  SHAPE_NONE},         /* sect163k1 */
		{"\1\0\35\40",    4, 32,  SHAPE_NONE},         /* explicit_prime */
		{"",              0, 0,   SHAPE_NONE},
		{"\3\0\35",       3, 0,   SHAPE_NONE},
		{"\3\0\35\0",     4, 0,   SHAPE_NONE},
	};
	/* clang-format on */
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice tbs =
		    built(&b, 64, 'r', cases[i].header, cases[i].len, cases[i].point);

		cr_assert_eq(sign_tls_shape(tbs), cases[i].shape, "case %zu", i);
	}
	buf_fini(&b);
}

/* A bare digest, a mail, a certificate to be: nothing of the sort is ever signed. */
Test(sign_tls, anything_else_has_no_shape)
{
	struct buf b = {0};

	for (size_t len = 0; len <= 1024; len++) {
		cr_assert_eq(
		    sign_tls_shape(built(&b, 0, 0, "", 0, len)), SHAPE_NONE, "%zu octets", len);
		cr_assert_eq(
		    sign_tls_shape(built(&b, len, 0, "", 0, 0)), SHAPE_NONE, "%zu octets", len);
		cr_assert_eq(
		    sign_tls_shape(built(&b, len, ' ', "", 0, 0)), SHAPE_NONE, "%zu octets", len);
	}
	buf_fini(&b);
}

Test(sign_tls, scheme_must_fit_key_and_version)
{
	/* clang-format off */
	static const struct { enum key_kind kind; uint16_t scheme; bool in_1_2, in_1_3; } cases[] = {
		{KEY_RSA,     0x0401, true,  false},
		{KEY_RSA,     0x0601, true,  false},
		{KEY_RSA,     0x0804, true,  true},
		{KEY_RSA,     0x0806, true,  true},
		{KEY_RSA,     0x0201, false, false},      /* SHA-1 */
		{KEY_RSA,     0x0809, false, false},      /* a key for PSS alone */
		{KEY_RSA,     0x0403, false, false},
		{KEY_RSA,     0x0807, false, false},
		{KEY_P256,    0x0403, true,  true},
		{KEY_P256,    0x0503, true,  false},
		{KEY_P256,    0x0203, false, false},
		{KEY_P256,    0x0401, false, false},
		{KEY_P384,    0x0503, true,  true},
		{KEY_P384,    0x0403, true,  false},
		{KEY_ED25519, 0x0807, true,  true},
		{KEY_ED25519, 0x0403, false, false},
		{KEY_ED25519, 0x0000, false, false},
		{KEY_ED25519, 0xffff, false, false},
	};
	/* clang-format on */
	struct test_certificate c[KEY_KINDS];

	for (int i = 0; i < KEY_KINDS; i++)
		c[i] = certificate_make((enum key_kind)i, "mail.example");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const EVP_PKEY *key = c[cases[i].kind].key;

		cr_assert_eq(sign_tls_fits(key, cases[i].scheme, SHAPE_TLS_1_2), cases[i].in_1_2,
		    "case %zu", i);
		cr_assert_eq(sign_tls_fits(key, cases[i].scheme, SHAPE_TLS_1_3), cases[i].in_1_3,
		    "case %zu", i);
		cr_assert(!sign_tls_fits(key, cases[i].scheme, SHAPE_NONE));
	}
	for (int i = 0; i < KEY_KINDS; i++)
		certificate_fini(&c[i]);
}

/* What a real handshake wants signed has the shape, and what is signed satisfies the client. */
static size_t
sign_checked(EVP_PKEY *key, uint16_t scheme, struct slice octets, unsigned char *out, size_t size)
{
	enum sign_shape shape = sign_tls_shape(octets);

	cr_assert_neq(shape, SHAPE_NONE);
	cr_assert(sign_tls_fits(key, scheme, shape));
	return sign_tls(key, scheme, octets, out, size);
}

Test(sign_tls, real_handshakes)
{
	static const char *const groups[] = {"X25519", "P-256", "P-384", "P-521", "X448"};
	static const char *const schemes[KEY_KINDS][3] = {
	    {"RSA+SHA256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"},
	    {"ecdsa_secp256r1_sha256", "ECDSA+SHA256", "ecdsa_secp256r1_sha256"},
	    {"ecdsa_secp384r1_sha384", "ECDSA+SHA384", "ecdsa_secp384r1_sha384"},
	    {"ed25519", "ed25519", "ed25519"},
	};

	for (int kind = 0; kind < KEY_KINDS; kind++) {
		struct test_certificate c = certificate_make((enum key_kind)kind, "mail.example");
		struct tls_pair p = {.manner = LATER, .sign = sign_checked, .certificates = {&c}};
		bool is_curve = kind == KEY_P256 || kind == KEY_P384;

		pair_init(&p, NULL);
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			for (size_t i = 0; i < 5; i++) {
				SSL_CTX_set_min_proto_version(p.ctx, version);
				SSL_CTX_set_max_proto_version(p.ctx, version);
				/* In 1.2 they bind the certificate too (RFC 8422 5.1.1). */
				SSL_CTX_set1_groups_list(
				    p.ctx, is_curve && version == TLS1_2_VERSION ? "P-256:P-384"
										 : groups[i]);
				SSL_CTX_set1_sigalgs_list(p.ctx,
				    schemes[kind][version == TLS1_3_VERSION ? 1 + i % 2 : i % 3]);
				SSL_SESSION_free(p.session);
				p.session = NULL;
				pair_connect(&p, NULL);
				cr_assert_eq(p.s_result, TLS_OK, "%d %x %s: %s", kind, version,
				    groups[i], tls_failure(p.s));
				cr_assert(pair_talk(&p));
				pair_disconnect(&p);
			}
		}
		pair_fini(&p);
		certificate_fini(&c);
	}
}
