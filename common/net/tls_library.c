#include "common/net/tls_library.h"

#include "common/base/assert.h"
#include "common/net/tls_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

enum { CERTIFICATES = 4096 };

OSSL_LIB_CTX *
tls_library(void)
{
	static OSSL_LIB_CTX *library;

	if (library != NULL)
		return library;
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	library = OSSL_LIB_CTX_new();
	if (library == NULL || OSSL_PROVIDER_load(library, "default") == NULL ||
	    !tls_key_provide(library))
		PANIC("OpenSSL's default provider does not load");
	return library;
}

/* OpenSSL's reasons that deserve a better sentence. */
static const struct {
	int reason;
	const char *text;
} sentences[] = {
    {SSL_R_HTTP_REQUEST, "the peer speaks HTTP, not TLS"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "no version of TLS is left to speak"},
    {SSL_R_NO_SHARED_CIPHER, "the peer offers no cipher that we allow"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
	"no signature algorithm fits the certificate and the peer"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
	"the client gave no certificate, and one is required"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks only versions of TLS that are too old"},
    {SSL_R_WRONG_VERSION_NUMBER, "what the peer sent is not TLS"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust our certificate"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer refuses our versions of TLS"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the peer found nothing in common with us"},
};

const char *
tls_library_error(void)
{
	unsigned long code = ERR_get_error();
	const char *text = ERR_reason_error_string(code);

	ERR_clear_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL)
		for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
			if (ERR_GET_REASON(code) == sentences[i].reason)
				return sentences[i].text;
	return text == NULL ? "OpenSSL gives no reason" : text;
}

static bool
is_one_of(struct slice word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (slice_equal_text_nocase(word, *words))
			return true;
	return false;
}

/* libtls's words, as smtpd.conf has them: which versions stay on. */
static bool
read_protocols(struct slice words, bool *v12, bool *v13, struct error *why)
{
	static const char *const all[] = {"all", "default", "legacy", "secure", "tlsv1", NULL};
	static const char *const old[] = {"tlsv1.0", "tlsv1.1", NULL};
	struct slice part;

	*v12 = *v13 = words.len == 0 || words.data[0] == '!';
	while (words.len > 0) {
		ptrdiff_t colon = slice_find(words, ':'), comma = slice_find(words, ',');
		bool on = true;

		slice_split(&words, comma >= 0 && (colon < 0 || comma < colon) ? ',' : ':', &part);
		part = slice_trim(part);
		if (slice_has_prefix(part, SLICE("!"))) {
			on = false;
			part = slice_from(part, 1);
		}
		if (slice_equal_text_nocase(part, "tlsv1.2"))
			*v12 = on;
		else if (slice_equal_text_nocase(part, "tlsv1.3"))
			*v13 = on;
		else if (on && is_one_of(part, all))
			*v12 = *v13 = true;
		else if (!is_one_of(part, old))
			return error_set(why, "unknown protocol \"%.*s\"; write tlsv1.2 or tlsv1.3",
			    SLICE_FMT(part));
	}
	return *v12 || *v13 ||
	       error_set(why, "the protocols leave neither TLS 1.2 nor 1.3; write one of them"
			      " (tlsv1.2, tlsv1.3) or nothing");
}

SSL_CTX *
tls_context_new(const SSL_METHOD *method, struct slice protocols, struct error *why)
{
	bool v12, v13;
	SSL_CTX *ctx;

	if (!read_protocols(protocols, &v12, &v13, why))
		return NULL;
	ctx = SSL_CTX_new_ex(tls_library(), NULL, method);
	if (ctx == NULL) {
		error_set(why, "a TLS context cannot be made: %s", tls_library_error());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, v12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, v13 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
#ifdef SSL_OP_CLEANSE_PLAINTEXT
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT); /* a password may be in it */
#endif
	/* Lines and literals show their own ends: who just closes takes nothing from anyone. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 0);
	return ctx;
}

STACK_OF(X509) * tls_certificates(struct slice pem, struct error *why)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);

	if (list == NULL || in == NULL)
		PANIC("out of memory");
	ERR_clear_error();
	for (;;) {
		X509 *x = X509_new_ex(tls_library(), NULL);

		if (x == NULL)
			PANIC("out of memory");
		if (sk_X509_num(list) >= CERTIFICATES ||
		    PEM_read_bio_X509(in, &x, NULL, NULL) == NULL) {
			X509_free(x);
			break;
		}
		if (sk_X509_push(list, x) <= 0)
			PANIC("out of memory");
	}
	BIO_free(in);
	/* The end of the text is an error too, of one particular kind. */
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && sk_X509_num(list) > 0) {
		ERR_clear_error();
		return list;
	}
	error_set(why, "certificate %d of the PEM text cannot be read: %s", sk_X509_num(list) + 1,
	    tls_library_error());
	sk_X509_pop_free(list, X509_free);
	return NULL;
}

X509_STORE *
tls_store(struct slice pem, struct error *why)
{
	STACK_OF(X509) *list = tls_certificates(pem, why);
	X509_STORE *store;

	if (list == NULL)
		return NULL;
	store = X509_STORE_new();
	if (store == NULL)
		PANIC("out of memory");
	for (int i = 0; i < sk_X509_num(list); i++)
		X509_STORE_add_cert(store, sk_X509_value(list, i));
	sk_X509_pop_free(list, X509_free);
	ERR_clear_error();
	return store;
}

X509_STORE *
tls_system_store(void)
{
	/* One file each: a folder would be read when a certificate is looked for, too late. */
	static const char *const places[] = {
	    "/etc/ssl/certs/ca-certificates.crt",
	    "/etc/ssl/cert.pem",
	    "/etc/pki/tls/certs/ca-bundle.crt",
	    "/etc/ssl/ca-bundle.pem",
	    "/usr/local/share/certs/ca-root-nss.crt",
	    "/usr/local/etc/ssl/cert.pem",
	};
	static X509_STORE *store;
	static bool tried;
	const char *named = getenv(X509_get_default_cert_file_env());

	if (tried)
		return store;
	tried = true;
	store = X509_STORE_new();
	if (store == NULL)
		PANIC("out of memory");
	if (named != NULL && X509_STORE_load_file_ex(store, named, tls_library(), NULL) == 1)
		return store;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (X509_STORE_load_file_ex(store, places[i], tls_library(), NULL) == 1)
			return store;
	ERR_clear_error();
	X509_STORE_free(store);
	store = NULL;
	return NULL;
}
