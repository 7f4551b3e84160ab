/*
 * An OpenSSL provider inside the process, with two operations: key management (the public half,
 * for OpenSSL's own checks) and signing (collects what is to be signed, asks, and pauses).
 *
 * Invariant: a struct tls_signature is freed exactly once: by the handshake that used its answer,
 * or, when the connection went first, by tls_signed().
 */
#include "common/net/tls_key.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define PARAM_PUBLIC "kurir-public"
#define PARAM_SIGNER "kurir-signer"

struct remote_key {
	EVP_PKEY *public_key;
	const struct tls_signer *signer;
	unsigned char hash[SHA256_DIGEST_LENGTH];      /* of the SubjectPublicKeyInfo */
};

struct signing {
	struct remote_key *key;
	char digest[32];
	bool is_pss;
};

struct tls_signature {
	struct tls *tls;      /* NULL: nobody waits any more */
	bool is_done, ok;
	struct buf octets;
};

static struct tls *current;

void
tls_key_current(struct tls *t)
{
	current = t;
}

/* Key management. */

static void *
key_new(void *provider)
{
	return mem_zero(sizeof(struct remote_key));
}

static void
key_free(void *data)
{
	struct remote_key *k = data;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->public_key);
	free(k);
}

static int
key_has(const void *data, int selection)
{
	const struct remote_key *k = data;

	return k != NULL && k->public_key != NULL;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct remote_key *x = a, *y = b;

	return x->public_key != NULL && y->public_key != NULL &&
	    EVP_PKEY_eq(x->public_key, y->public_key) == 1;
}

static bool
hash_public(struct remote_key *k)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(k->public_key, &der);

	if (len <= 0)
		return false;
	SHA256(der, (size_t)len, k->hash);
	OPENSSL_free(der);
	return true;
}

/* From our own parameters, or from another provider's, when OpenSSL compares the two. */
static int
key_import(void *data, int selection, const OSSL_PARAM params[], const char *type)
{
	struct remote_key *k = data;
	const OSSL_PARAM *public = OSSL_PARAM_locate_const(params, PARAM_PUBLIC);
	const OSSL_PARAM *signer = OSSL_PARAM_locate_const(params, PARAM_SIGNER);
	const unsigned char *der;

	if (public != NULL && signer != NULL && signer->data_size == sizeof(void *)) {
		der = public->data;
		k->public_key = d2i_PUBKEY(NULL, &der, (long)public->data_size);
		memcpy(&k->signer, signer->data, sizeof(void *));
	} else {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=default");

		if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
			EVP_PKEY_fromdata(ctx, &k->public_key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params);
		EVP_PKEY_CTX_free(ctx);
	}
	return k->public_key != NULL && hash_public(k);
}

static int
rsa_import(void *data, int selection, const OSSL_PARAM params[])
{
	return key_import(data, selection, params, "RSA");
}

static int
ec_import(void *data, int selection, const OSSL_PARAM params[])
{
	return key_import(data, selection, params, "EC");
}

static int
ed25519_import(void *data, int selection, const OSSL_PARAM params[])
{
	return key_import(data, selection, params, "ED25519");
}

static const OSSL_PARAM *
key_types(int selection)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(PARAM_PUBLIC, NULL, 0),
	    OSSL_PARAM_octet_string(PARAM_SIGNER, NULL, 0), OSSL_PARAM_END};

	return types;
}

static int
key_export(void *data, int selection, OSSL_CALLBACK *take, void *arg)
{
	struct remote_key *k = data;
	OSSL_PARAM *params = NULL;
	int ok;

	/* Without the private half another provider cannot sign: OpenSSL then comes back to this one. */
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	if (EVP_PKEY_todata(k->public_key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return 0;
	ok = take(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
	struct remote_key *k = data;

	return EVP_PKEY_get_params(k->public_key, params);
}

static const OSSL_PARAM *
key_gettable(void *provider)
{
	static const OSSL_PARAM gettable[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL), OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_END};

	return gettable;
}

static const char *
ec_operation(int operation)
{
	return "ECDSA";
}

#define FUNCTION(f) ((void (*)(void))(f))
#define KEY_FUNCTIONS(import)                                                                      \
	{OSSL_FUNC_KEYMGMT_NEW, FUNCTION(key_new)}, {OSSL_FUNC_KEYMGMT_FREE, FUNCTION(key_free)},  \
	    {OSSL_FUNC_KEYMGMT_HAS, FUNCTION(key_has)},                                            \
	    {OSSL_FUNC_KEYMGMT_MATCH, FUNCTION(key_match)},                                        \
	    {OSSL_FUNC_KEYMGMT_IMPORT, FUNCTION(import)},                                          \
	    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FUNCTION(key_types)},                                 \
	    {OSSL_FUNC_KEYMGMT_EXPORT, FUNCTION(key_export)},                                      \
	    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FUNCTION(key_types)},                                 \
	    {OSSL_FUNC_KEYMGMT_GET_PARAMS, FUNCTION(key_get_params)},                              \
	{                                                                                          \
		OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FUNCTION(key_gettable)                          \
	}

static const OSSL_DISPATCH rsa_keys[] = {KEY_FUNCTIONS(rsa_import), {0, NULL}};
static const OSSL_DISPATCH ec_keys[] = {KEY_FUNCTIONS(ec_import),
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FUNCTION(ec_operation)}, {0, NULL}};
static const OSSL_DISPATCH ed25519_keys[] = {KEY_FUNCTIONS(ed25519_import), {0, NULL}};

/* Signing. */

static void *
sign_new(void *provider, const char *properties)
{
	return mem_zero(sizeof(struct signing));
}

static void
sign_free(void *data)
{
	free(data);
}

static int sign_set_params(void *data, const OSSL_PARAM params[]);

static int
sign_init(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *s = data;

	s->key = key;
	strlcpy(s->digest, digest == NULL ? "" : digest, sizeof(s->digest));
	return sign_set_params(data, params);
}

static int
sign_set_params(void *data, const OSSL_PARAM params[])
{
	struct signing *s = data;
	const OSSL_PARAM *pad = params == NULL ? NULL : OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	int mode = RSA_PKCS1_PADDING;

	if (pad == NULL)
		return 1;
	if (pad->data_type == OSSL_PARAM_UTF8_STRING)
		s->is_pss = strcmp(pad->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else if (OSSL_PARAM_get_int(pad, &mode) == 1)
		s->is_pss = mode == RSA_PKCS1_PSS_PADDING;
	return 1;
}

static const OSSL_PARAM *
sign_settable(void *data, void *provider)
{
	static const OSSL_PARAM settable[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0), OSSL_PARAM_END};

	return settable;
}

/* SignatureScheme (RFC 8446 4.2.3) from what OpenSSL has chosen; 0: none we sign with. */
static uint16_t
scheme_of(const struct signing *s)
{
	bool sha256 = strcasecmp(s->digest, "SHA256") == 0 || strcasecmp(s->digest, "SHA2-256") == 0;
	bool sha384 = strcasecmp(s->digest, "SHA384") == 0 || strcasecmp(s->digest, "SHA2-384") == 0;
	bool sha512 = strcasecmp(s->digest, "SHA512") == 0 || strcasecmp(s->digest, "SHA2-512") == 0;
	uint16_t step = sha256 ? 0 : sha384 ? 1 : 2;

	if (EVP_PKEY_is_a(s->key->public_key, "ED25519"))
		return 0x0807;
	if (!sha256 && !sha384 && !sha512)
		return 0;
	if (EVP_PKEY_is_a(s->key->public_key, "EC"))
		return (uint16_t)(0x0403 + (step << 8));
	return s->is_pss ? (uint16_t)(0x0804 + step) : (uint16_t)(0x0401 + (step << 8));
}

static int
take_answer(struct tls_signature *answer, unsigned char *out, size_t *len, size_t size)
{
	int ok = answer->ok && answer->octets.len <= size;

	if (ok) {
		memcpy(out, answer->octets.data, answer->octets.len);
		*len = answer->octets.len;
	}
	return ok;
}

/* Asks, and leaves the fiber until the answer is there or the connection is given up. */
static int
sign(void *data, unsigned char *out, size_t *len, size_t size, const unsigned char *tbs, size_t tbs_len)
{
	struct signing *s = data;
	struct tls *owner = current;
	struct tls_signature *answer;
	uint16_t scheme = scheme_of(s);
	int ok;

	if (out == NULL) {
		*len = (size_t)EVP_PKEY_get_size(s->key->public_key);
		return 1;
	}
	if (scheme == 0 || owner == NULL || s->key->signer == NULL || ASYNC_get_current_job() == NULL)
		return 0;
	answer = mem_zero(sizeof(*answer));
	answer->tls = owner;
	tls_wait_for(owner, answer);
	s->key->signer->sign(s->key->signer->owner, answer, s->key->hash, scheme,
	    slice_make((const char *)tbs, tbs_len));
	while (!answer->is_done && answer->tls != NULL)
		ASYNC_pause_job();
	if (answer->tls == NULL)
		return 0;
	ok = take_answer(answer, out, len, size);
	tls_wait_for(owner, NULL);
	buf_fini(&answer->octets);
	free(answer);
	return ok;
}

void
tls_signed(struct tls_signature *s, bool ok, struct slice signature)
{
	if (s->tls == NULL) {
		buf_fini(&s->octets);
		free(s);
		return;
	}
	s->is_done = true;
	s->ok = ok;
	buf_add_slice(&s->octets, signature);
	tls_go_on(s->tls);
}

bool
tls_key_is_pending(const struct tls_signature *s)
{
	return !s->is_done;
}

void
tls_key_abandon(struct tls_signature *s)
{
	s->tls = NULL;
}

static const OSSL_DISPATCH signatures[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FUNCTION(sign_new)},
    {OSSL_FUNC_SIGNATURE_FREECTX, FUNCTION(sign_free)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FUNCTION(sign_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FUNCTION(sign)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FUNCTION(sign_set_params)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FUNCTION(sign_settable)},
    {0, NULL},
};

/* The provider. */

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
	    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=kurir", rsa_keys, NULL},
	    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=kurir", ec_keys, NULL},
	    {"ED25519:1.3.101.112", "provider=kurir", ed25519_keys, NULL}, {NULL, NULL, NULL, NULL}};
	static const OSSL_ALGORITHM signing[] = {
	    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=kurir", signatures, NULL},
	    {"ECDSA", "provider=kurir", signatures, NULL},
	    {"ED25519:1.3.101.112", "provider=kurir", signatures, NULL}, {NULL, NULL, NULL, NULL}};

	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signing : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, FUNCTION(query)}, {0, NULL}};

	*out = functions;
	*context = (void *)(uintptr_t)handle;
	return 1;
}

bool
tls_key_init(struct error *why)
{
	static bool is_done;

	if (is_done)
		return true;
	is_done = OSSL_PROVIDER_load(NULL, "default") != NULL &&
	    OSSL_PROVIDER_add_builtin(NULL, "kurir", provider_init) == 1 &&
	    OSSL_PROVIDER_load(NULL, "kurir") != NULL &&
	    EVP_set_default_properties(NULL, "?provider=default") == 1;
	return is_done || error_set(why, "OpenSSL does not take the provider of remote keys");
}

static const char *
type_of(EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		return "RSA";
	if (EVP_PKEY_is_a(key, "EC"))
		return "EC";
	return EVP_PKEY_is_a(key, "ED25519") ? "ED25519" : NULL;
}

EVP_PKEY *
tls_key_new(EVP_PKEY *public_key, const struct tls_signer *signer, struct error *why)
{
	const char *type = type_of(public_key);
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(public_key, &der);
	EVP_PKEY_CTX *ctx = type == NULL ? NULL : EVP_PKEY_CTX_new_from_name(NULL, type, "provider=kurir");
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {OSSL_PARAM_octet_string(PARAM_PUBLIC, der, (size_t)(len > 0 ? len : 0)),
	    OSSL_PARAM_octet_string(PARAM_SIGNER, &signer, sizeof(signer)), OSSL_PARAM_END};

	if (ctx == NULL)
		error_set(why, "the certificate's key is neither RSA, EC nor Ed25519");
	else if (len <= 0 || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		error_set(why, "OpenSSL does not take the certificate's key");
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	return key;
}
