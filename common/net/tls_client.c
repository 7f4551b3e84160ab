#include "common/base/mem.h"
#include "common/net/tls_library.h"
#include "common/net/tls_part.h"

#include <openssl/x509v3.h>

/* Who is verified is held to what is modern; to others, weak encryption is better than none. */
#define CIPHERS_VERIFIED "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES"
#define CIPHERS_OPPORTUNISTIC "ALL:!eNULL:!PSK:!SRP:@STRENGTH:@SECLEVEL=0"

static bool
set_trust(struct tls_client *c, const struct tls_client_options *o, struct error *why)
{
	X509_STORE *store = tls_system_store();

	if (o->ca.len > 0) {
		store = tls_store(o->ca, why);
		if (store == NULL)
			return false;
		SSL_CTX_set_cert_store(c->ctx, store);
	} else if (store != NULL) {
		SSL_CTX_set1_cert_store(c->ctx, store);
	} else {
		c->trusts_nobody = true;
	}
	return true;
}

struct tls_client *
tls_client_new(const struct tls_client_options *o, struct error *why)
{
	struct tls_client *c = mem_zero(sizeof(*c));
	const char *ciphers = o->verify ? CIPHERS_VERIFIED : CIPHERS_OPPORTUNISTIC;

	if (o->ciphers != NULL && o->ciphers[0] != '\0')
		ciphers = o->ciphers;
	c->references = 1;
	c->verify = o->verify;
	c->ctx = tls_context_new(TLS_client_method(), o->protocols, why);
	if (c->ctx == NULL || !set_trust(c, o, why)) {
		tls_client_unref(c);
		return NULL;
	}
	if (SSL_CTX_set_cipher_list(c->ctx, ciphers) != 1) {
		error_set(why, "the ciphers \"%s\" leave nothing to use: %s", ciphers,
		    tls_library_error());
		tls_client_unref(c);
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c->ctx, o->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	return c;
}

void
tls_client_unref(struct tls_client *c)
{
	if (--c->references > 0)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

void
tls_client_free(struct tls_client *c)
{
	if (c != NULL)
		tls_client_unref(c);
}

struct tls_client *
tls_client_share(struct tls_client *c)
{
	c->references++;
	return c;
}
