/*
 * An OpenSSL provider, built in: key management for keys of which only the public half exists, and
 * the one signature that goes with them. Its signature has a name of its own, so OpenSSL never
 * tries to carry such a key over to its default provider and sign there.
 */
#include "common/net/tls_key.h"

#include "common/base/mem.h"
#include "common/net/tls_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <string.h>
#include <strings.h>

#define PROVIDER "kurir"
#define PROPERTIES "provider=" PROVIDER
#define SIGNATURE "KURIR-SIGNATURE"
#define PARAM_SPKI "kurir-spki"

struct remote_key {
	EVP_PKEY *public;
	unsigned char hash[TLS_KEY_HASH];
};

enum padding { PADDING_PKCS1, PADDING_PSS };

struct signing {
	const struct remote_key *key;
	char digest[16];
	enum padding padding;
};

/* A dispatch table holds functions of many types; OpenSSL calls each by its own. */
#define ENTRY(id, function) \
	{ \
		(id), (void (*)(void))(function) \
	}

static void *
key_new(void *context)
{
	return mem_zero(sizeof(struct remote_key));
}

static void
key_free(void *data)
{
	struct remote_key *key = data;

	EVP_PKEY_free(key->public);
	free(key);
}

static int
key_has(const void *data, int selection)
{
	return 1;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct remote_key *one = a, *other = b;

	return memcmp(one->hash, other->hash, sizeof(one->hash)) == 0;
}

static int
key_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct remote_key *key = data;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_SPKI);
	const void *spki;
	const unsigned char *at;
	size_t len;

	if (p == NULL || !OSSL_PARAM_get_octet_string_ptr(p, &spki, &len))
		return 0;
	at = spki;
	key->public = d2i_PUBKEY_ex(NULL, &at, (long)len, tls_library(), NULL);
	return key->public != NULL &&
	       EVP_Q_digest(tls_library(), "SHA256", NULL, spki, len, key->hash, NULL);
}

static int
key_export(void *data, int selection, OSSL_CALLBACK *take, void *owner)
{
	const struct remote_key *key = data;

	return EVP_PKEY_export(key->public, EVP_PKEY_PUBLIC_KEY, take, owner);
}

static const OSSL_PARAM *
key_transfer_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0), OSSL_PARAM_END};

	return types;
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
	const struct remote_key *key = data;

	return EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *
key_gettable(void *context)
{
	static const OSSL_PARAM params[] = {
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
	    OSSL_PARAM_END,
	};

	return params;
}

static const char *
key_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? SIGNATURE : NULL;
}

static const OSSL_DISPATCH key_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, key_new),
    ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),
    ENTRY(OSSL_FUNC_KEYMGMT_HAS, key_has),
    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, key_match),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_transfer_types),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT, key_export),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_transfer_types),
    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_name),
    {0, NULL},
};

static void *
signing_new(void *context, const char *properties)
{
	return mem_zero(sizeof(struct signing));
}

static void
signing_free(void *data)
{
	free(data);
}

static int
signing_set_padding(struct signing *s, const OSSL_PARAM *p)
{
	int number = 0;

	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		if (strcasecmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0)
			number = RSA_PKCS1_PSS_PADDING;
		else if (strcasecmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0)
			number = RSA_PKCS1_PADDING;
	} else if (!OSSL_PARAM_get_int(p, &number)) {
		return 0;
	}
	s->padding = number == RSA_PKCS1_PSS_PADDING ? PADDING_PSS : PADDING_PKCS1;
	return number == RSA_PKCS1_PSS_PADDING || number == RSA_PKCS1_PADDING;
}

/* TLS only ever wants salts as long as the digest; keyholder makes no other. */
static int
signing_set_salt(const OSSL_PARAM *p)
{
	int number;

	if (p->data_type == OSSL_PARAM_UTF8_STRING)
		return strcmp(p->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
	return OSSL_PARAM_get_int(p, &number) && number == RSA_PSS_SALTLEN_DIGEST;
}

static int
signing_set_params(void *data, const OSSL_PARAM params[])
{
	const OSSL_PARAM *padding, *salt;

	if (params == NULL)
		return 1;
	padding = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	salt = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	return (padding == NULL || signing_set_padding(data, padding)) &&
	       (salt == NULL || signing_set_salt(salt));
}

static const OSSL_PARAM *
signing_settable(void *data, void *context)
{
	static const OSSL_PARAM params[] = {
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	    OSSL_PARAM_END,
	};

	return params;
}

static int
signing_init(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *s = data;

	*s = (struct signing){.key = key};
	if (digest != NULL && !slice_copy(slice_of(digest), s->digest, sizeof(s->digest)))
		return 0;
	return signing_set_params(s, params);
}

/* RFC 8446 4.2.3: the number for what OpenSSL describes with key, digest and padding; 0: none. */
static uint16_t
scheme_of(const struct signing *s)
{
	/* clang-format off */
	static const struct { const char *names[2]; uint16_t pkcs1, pss, ecdsa; } digests[] = {
		{{"SHA256", "SHA2-256"}, 0x0401, 0x0804, 0x0403},
		{{"SHA384", "SHA2-384"}, 0x0501, 0x0805, 0x0503},
		{{"SHA512", "SHA2-512"}, 0x0601, 0x0806, 0x0603},
	};
	/* clang-format on */

	if (EVP_PKEY_is_a(s->key->public, "ED25519"))
		return 0x0807;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (strcasecmp(s->digest, digests[i].names[0]) != 0 &&
		    strcasecmp(s->digest, digests[i].names[1]) != 0)
			continue;
		if (EVP_PKEY_is_a(s->key->public, "EC"))
			return digests[i].ecdsa;
		return s->padding == PADDING_PSS ? digests[i].pss : digests[i].pkcs1;
	}
	return 0;
}

static int
signing_sign(void *data, unsigned char *out, size_t *len, size_t size, const unsigned char *octets,
    size_t octets_len)
{
	const struct signing *s = data;
	uint16_t scheme = scheme_of(s);

	if (scheme == 0)
		return 0;
	if (out == NULL) {
		*len = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	*len = tls_ask_signature(
	    s->key->hash, scheme, slice_make((const char *)octets, octets_len), out, size);
	return *len > 0;
}

static const OSSL_DISPATCH signing_functions[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_init),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
    ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params),
    ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable),
    {0, NULL},
};

static const OSSL_ALGORITHM *
provider_query(void *context, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
	    {"RSA", PROPERTIES, key_functions, "RSA key in keyholder"},
	    {"EC", PROPERTIES, key_functions, "EC key in keyholder"},
	    {"ED25519", PROPERTIES, key_functions, "Ed25519 key in keyholder"},
	    {NULL, NULL, NULL, NULL},
	};
	static const OSSL_ALGORITHM signatures[] = {
	    {SIGNATURE, PROPERTIES, signing_functions, "signature by keyholder"},
	    {NULL, NULL, NULL, NULL},
	};

	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **own,
    void **context)
{
	static const OSSL_DISPATCH functions[] = {
	    ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), {0, NULL}};

	*own = functions;
	*context = (void *)(uintptr_t)handle;
	return 1;
}

bool
tls_key_provide(OSSL_LIB_CTX *library)
{
	/* Both providers know an "RSA"; whoever does not ask for ours means the other. */
	return OSSL_PROVIDER_add_builtin(library, PROVIDER, provider_init) == 1 &&
	       OSSL_PROVIDER_load(library, PROVIDER) != NULL &&
	       EVP_set_default_properties(library, "?provider=default") == 1;
}

static const char *
type_of(X509 *certificate)
{
	static const char *const types[] = {"RSA", "EC", "ED25519"};
	EVP_PKEY *public = X509_get0_pubkey(certificate);

	for (size_t i = 0; public != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (EVP_PKEY_is_a(public, types[i]))
			return types[i];
	return NULL;
}

EVP_PKEY *
tls_key_new(X509 *certificate, struct error *why)
{
	const char *type = type_of(certificate);
	unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
	EVP_PKEY_CTX *maker = NULL;
	EVP_PKEY *key = NULL;

	if (type == NULL || len <= 0) {
		error_set(why, "the certificate's key is neither RSA nor EC nor Ed25519");
	} else {
		OSSL_PARAM params[] = {
		    OSSL_PARAM_octet_string(PARAM_SPKI, spki, (size_t)len), OSSL_PARAM_END};

		maker = EVP_PKEY_CTX_new_from_name(tls_library(), type, PROPERTIES);
		if (maker == NULL || EVP_PKEY_fromdata_init(maker) != 1 ||
		    EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, params) != 1)
			error_set(
			    why, "the certificate's key cannot be used: %s", tls_library_error());
	}
	EVP_PKEY_CTX_free(maker);
	OPENSSL_free(spki);
	return key;
}
