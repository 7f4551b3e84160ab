#include "smtpd/keyholder/sign_tls.h"

#include "common/net/tls_library.h"

#include <openssl/rsa.h>
#include <string.h>

enum { RANDOMS = 64, BLANKS = 64, NAMED_CURVE = 3, CURVE_HEADER = 4, UNCOMPRESSED = 4 };

struct scheme {
	uint16_t number;
	const char *type, *digest;
	const char *curve; /* which TLS 1.3 binds to the digest; TLS 1.2 does not */
	bool pss;
};

/* clang-format off */
static const struct scheme schemes[] = {
	{0x0401, "RSA",     "SHA256", NULL,         false},
	{0x0501, "RSA",     "SHA384", NULL,         false},
	{0x0601, "RSA",     "SHA512", NULL,         false},
	{0x0804, "RSA",     "SHA256", NULL,         true},
	{0x0805, "RSA",     "SHA384", NULL,         true},
	{0x0806, "RSA",     "SHA512", NULL,         true},
	{0x0403, "EC",      "SHA256", "prime256v1", false},
	{0x0503, "EC",      "SHA384", "secp384r1",  false},
	{0x0603, "EC",      "SHA512", "secp521r1",  false},
	{0x0807, "ED25519", NULL,     NULL,         false},
};

/* The groups that common/net/tls_server.c offers, and how long their points are. */
static const struct {
	unsigned char number[2];
	size_t point;
	bool uncompressed;
} curves[] = {
	{{0, 23}, 65,  true},      /* secp256r1 */
	{{0, 24}, 97,  true},      /* secp384r1 */
	{{0, 25}, 133, true},      /* secp521r1 */
	{{0, 29}, 32,  false},     /* x25519 */
	{{0, 30}, 56,  false},     /* x448 */
};
/* clang-format on */

static const struct scheme *
find_scheme(uint16_t number)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].number == number)
			return &schemes[i];
	return NULL;
}

static bool
is_certificate_verify(struct slice s)
{
	/* Its NUL is the octet that ends the context. */
	static const char context[] = "TLS 1.3, server CertificateVerify";
	size_t before = BLANKS + sizeof(context);

	if (s.len != before + 32 && s.len != before + 48)
		return false;
	for (size_t i = 0; i < BLANKS; i++)
		if (s.data[i] != ' ')
			return false;
	return memcmp(s.data + BLANKS, context, sizeof(context)) == 0;
}

static bool
is_key_exchange(struct slice s)
{
	struct slice params = slice_from(s, RANDOMS);

	if (params.len <= CURVE_HEADER || params.data[0] != NAMED_CURVE)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (memcmp(params.data + 1, curves[i].number, 2) != 0)
			continue;
		return (unsigned char)params.data[3] == curves[i].point &&
		       params.len == CURVE_HEADER + curves[i].point &&
		       (!curves[i].uncompressed || params.data[CURVE_HEADER] == UNCOMPRESSED);
	}
	return false;
}

enum sign_shape
sign_tls_shape(struct slice tbs)
{
	if (is_certificate_verify(tbs))
		return SHAPE_TLS_1_3;
	return is_key_exchange(tbs) ? SHAPE_TLS_1_2 : SHAPE_NONE;
}

bool
sign_tls_fits(const EVP_PKEY *key, uint16_t number, enum sign_shape shape)
{
	const struct scheme *s = find_scheme(number);
	char curve[32] = "";

	if (s == NULL || shape == SHAPE_NONE || !EVP_PKEY_is_a(key, s->type))
		return false;
	if (shape == SHAPE_TLS_1_2)
		return true;
	if (s->curve != NULL)
		return EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
		       strcmp(curve, s->curve) == 0;
	return s->pss || strcmp(s->type, "RSA") != 0;
}

static bool
prepare(EVP_MD_CTX *ctx, EVP_PKEY *key, const struct scheme *s)
{
	EVP_PKEY_CTX *options = NULL;

	if (EVP_DigestSignInit_ex(ctx, &options, s->digest, tls_library(), NULL, key, NULL) != 1)
		return false;
	if (!s->pss)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
}

size_t
sign_tls(EVP_PKEY *key, uint16_t number, struct slice tbs, unsigned char *out, size_t size)
{
	const struct scheme *s = find_scheme(number);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = size;

	if (s == NULL || ctx == NULL || !prepare(ctx, key, s) ||
	    EVP_DigestSign(ctx, out, &len, (const unsigned char *)tbs.data, tbs.len) != 1)
		len = 0;
	EVP_MD_CTX_free(ctx);
	return len;
}
