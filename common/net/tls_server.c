/*
 * One context for a whole service: its certificates stand beside it and are given to a
 * handshake when the client has said which name it wants.
 */
#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/net/tls_key.h"
#include "common/net/tls_library.h"
#include "common/net/tls_part.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Forward secrecy alone, for keyholder signs and never decrypts. */
#define CIPHERS_SERVER "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256:ECDHE+AES128"
#define CIPHERS_NEVER ":!kRSA:!kDHE:!aNULL:!eNULL:!PSK:!SRP"
#define SCHEMES \
	"ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384:" \
	"rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA512"
/* What keyholder knows the points of. */
#define GROUPS "X25519:P-256:X448:P-384:P-521"

enum { IDENTITIES = 256 };

/* Hands the certificates for that name to the handshake, one of each kind of key. */
static bool
use_named(struct tls_server *s, SSL *ssl, const char *name, unsigned flags)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct tls_identity *d = &s->identities[i];

		if ((kinds & d->kind) != 0 || X509_check_host(d->leaf, name, 0, flags, NULL) != 1)
			continue;
		if (SSL_use_cert_and_key(ssl, d->leaf, d->key, d->chain, 1) == 1)
			kinds |= d->kind;
	}
	return kinds != 0;
}

static int
on_certificate(SSL *ssl, void *owner)
{
	struct tls_server *s = owner;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_identity *first = s->identities;

	if (s->count == 0)
		return 0;
	if (name != NULL && use_named(s, ssl, name, X509_CHECK_FLAG_NO_WILDCARDS))
		return 1;
	if (name != NULL && use_named(s, ssl, name, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
		return 1;
	if (s->name != NULL && use_named(s, ssl, s->name, X509_CHECK_FLAG_NO_WILDCARDS))
		return 1;
	return SSL_use_cert_and_key(ssl, first->leaf, first->key, first->chain, 1);
}

/* Tells the client that its name was heeded (RFC 6066 3). */
static int
on_name(SSL *ssl, int *alert, void *owner)
{
	return SSL_TLSEXT_ERR_OK;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *offered,
    unsigned offered_len, void *owner)
{
	const struct tls_server *s = owner;
	size_t own = (size_t)s->alpn[0];

	for (unsigned at = 0; at < offered_len; at += 1U + offered[at]) {
		if (offered[at] != own || offered_len - at - 1 < own ||
		    memcmp(offered + at + 1, s->alpn + 1, own) != 0)
			continue;
		*out = offered + at + 1;
		*len = offered[at];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool
set_ciphers(SSL_CTX *ctx, const char *ciphers, struct error *why)
{
	char list[2048];

	if (ciphers == NULL || ciphers[0] == '\0')
		ciphers = CIPHERS_SERVER;
	if ((size_t)snprintf(list, sizeof(list), "%s%s", ciphers, CIPHERS_NEVER) >= sizeof(list))
		return error_set(why, "the list of ciphers is too long");
	if (SSL_CTX_set_cipher_list(ctx, list) != 1)
		return error_set(why,
		    "the ciphers \"%s\" leave nothing to use (key exchange must be ECDHE): %s",
		    ciphers, tls_library_error());
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	return true;
}

static bool
set_client_ca(SSL_CTX *ctx, const struct tls_server_options *o, struct error *why)
{
	STACK_OF(X509) * list;

	if (o->client_ca.len == 0)
		return !o->client_required ||
		       error_set(why,
			   "client certificates are required, but no ca says who may issue them");
	list = tls_certificates(o->client_ca, why);
	if (list == NULL)
		return false;
	for (int i = 0; i < sk_X509_num(list); i++) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(list, i));
		SSL_CTX_add_client_CA(ctx, sk_X509_value(list, i));
	}
	sk_X509_pop_free(list, X509_free);
	ERR_clear_error();
	SSL_CTX_set_verify(ctx,
	    SSL_VERIFY_PEER | (o->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	return true;
}

static bool
configure(struct tls_server *s, const struct tls_server_options *o, struct error *why)
{
	size_t alpn = o->alpn == NULL ? 0 : strlen(o->alpn);

	if (!set_ciphers(s->ctx, o->ciphers, why) || !set_client_ca(s->ctx, o, why))
		return false;
	ASSERT(alpn < sizeof(s->alpn) && o->context.len <= SSL_MAX_SID_CTX_LENGTH);
	SSL_CTX_set_mode(s->ctx, SSL_MODE_ASYNC);
	SSL_CTX_set1_sigalgs_list(s->ctx, SCHEMES);
	SSL_CTX_set1_groups_list(s->ctx, GROUPS);
	/* Sessions live in tickets alone: nothing that a client can make grow. */
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(
	    s->ctx, (const unsigned char *)o->context.data, (unsigned)o->context.len);
	SSL_CTX_set_cert_cb(s->ctx, on_certificate, s);
	SSL_CTX_set_tlsext_servername_callback(s->ctx, on_name);
	if (alpn > 0) {
		s->alpn[0] = (char)alpn;
		memcpy(s->alpn + 1, o->alpn, alpn);
		SSL_CTX_set_alpn_select_cb(s->ctx, on_alpn, s);
	}
	return true;
}

struct tls_server *
tls_server_new(
    const struct tls_server_options *o, const struct tls_signer *signer, struct error *why)
{
	struct tls_server *s = mem_zero(sizeof(*s));

	s->references = 1;
	s->signer = *signer;
	s->ctx = tls_context_new(TLS_server_method(), o->protocols, why);
	if (s->ctx != NULL && configure(s, o, why))
		return s;
	tls_server_unref(s);
	return NULL;
}

static void
identity_fini(struct tls_identity *d)
{
	X509_free(d->leaf);
	sk_X509_pop_free(d->chain, X509_free);
	EVP_PKEY_free(d->key);
}

/* The first DNS name in the certificate, or NULL. */
static char *
first_name(X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	char *found = NULL;

	for (int i = 0; found == NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DNS)
			found = mem_text((const char *)ASN1_STRING_get0_data(n->d.dNSName),
			    (size_t)ASN1_STRING_length(n->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return found;
}

/* OpenSSL's own judgement of certificate, key and chain, now and not at the first client. */
static bool
is_usable(struct tls_server *s, struct tls_identity *d, struct error *why)
{
	SSL *trial = SSL_new(s->ctx);
	bool ok = trial != NULL && SSL_use_cert_and_key(trial, d->leaf, d->key, d->chain, 1) == 1;

	SSL_free(trial);
	return ok || error_set(why, "the certificate cannot be used: %s", tls_library_error());
}

bool
tls_server_add(struct tls_server *s, struct slice pem, struct error *why)
{
	struct tls_identity d = {.chain = tls_certificates(pem, why)};

	if (d.chain == NULL)
		return false;
	d.leaf = sk_X509_shift(d.chain);
	d.key = tls_key_new(d.leaf, why);
	if (d.key == NULL || !is_usable(s, &d, why)) {
		identity_fini(&d);
		return false;
	}
	if (s->count >= IDENTITIES) {
		identity_fini(&d);
		return error_set(why, "more than %d certificates for one service", IDENTITIES);
	}
	d.kind = EVP_PKEY_is_a(d.key, "RSA") ? 1 : EVP_PKEY_is_a(d.key, "EC") ? 2 : 4;
	if (s->count == 0)
		s->name = first_name(d.leaf);
	s->identities = mem_resize(s->identities, (s->count + 1) * sizeof(d));
	s->identities[s->count++] = d;
	return true;
}

void
tls_server_unref(struct tls_server *s)
{
	if (--s->references > 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		identity_fini(&s->identities[i]);
	SSL_CTX_free(s->ctx);
	free(s->identities);
	free(s->name);
	free(s);
}

void
tls_server_free(struct tls_server *s)
{
	if (s != NULL)
		tls_server_unref(s);
}
