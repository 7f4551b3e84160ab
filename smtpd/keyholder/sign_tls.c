#include "smtpd/keyholder/sign_tls.h"

#include <openssl/rsa.h>
#include <string.h>

enum { RANDOMS = 64, NAMED_CURVE = 3, POINT_LEAST = 32, POINT_MOST = 133 };

static const struct {
	uint16_t scheme;
	const char *type, *digest;
	bool pss;
} schemes[] = {
    {0x0401, "RSA", "SHA256", false}, {0x0501, "RSA", "SHA384", false}, {0x0601, "RSA", "SHA512", false},
    {0x0804, "RSA", "SHA256", true}, {0x0805, "RSA", "SHA384", true}, {0x0806, "RSA", "SHA512", true},
    {0x0403, "EC", "SHA256", false}, {0x0503, "EC", "SHA384", false}, {0x0603, "EC", "SHA512", false},
    {0x0807, "ED25519", NULL, false},
};

enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

static bool
is_certificate_verify(struct slice s)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";

	if (s.len != 64 + sizeof(context) + 32 && s.len != 64 + sizeof(context) + 48)
		return false;
	for (size_t i = 0; i < 64; i++) {
		if (s.data[i] != ' ')
			return false;
	}
	return memcmp(s.data + 64, context, sizeof(context)) == 0;
}

/* client random, server random, curve type 3, curve, point length, point. */
static bool
is_key_exchange(struct slice s)
{
	size_t point;

	if (s.len < RANDOMS + 4 + POINT_LEAST || s.data[RANDOMS] != NAMED_CURVE)
		return false;
	point = (unsigned char)s.data[RANDOMS + 3];
	return point >= POINT_LEAST && point <= POINT_MOST && s.len == RANDOMS + 4 + point;
}

bool
sign_tls_is_handshake(struct slice tbs)
{
	return is_certificate_verify(tbs) || is_key_exchange(tbs);
}

bool
sign_tls_fits(EVP_PKEY *key, uint16_t scheme)
{
	for (size_t i = 0; i < SCHEMES; i++) {
		if (schemes[i].scheme == scheme)
			return EVP_PKEY_is_a(key, schemes[i].type) == 1;
	}
	return false;
}

static bool
prepare(EVP_MD_CTX *ctx, EVP_PKEY *key, size_t i)
{
	EVP_PKEY_CTX *options = NULL;

	if (EVP_DigestSignInit_ex(ctx, &options, schemes[i].digest, NULL, NULL, key, NULL) != 1)
		return false;
	return !schemes[i].pss || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
}

size_t
sign_tls(EVP_PKEY *key, uint16_t scheme, struct slice tbs, unsigned char *out, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 0;

	for (size_t i = 0; i < SCHEMES; i++) {
		if (schemes[i].scheme != scheme)
			continue;
		len = size;
		if (!prepare(ctx, key, i) ||
		    EVP_DigestSign(ctx, out, &len, (const unsigned char *)tbs.data, tbs.len) != 1)
			len = 0;
	}
	EVP_MD_CTX_free(ctx);
	return len;
}
