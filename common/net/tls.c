/*
 * Invariants:
 * 1. No private key of a server is in this process; see tls_key.c.
 * 2. A connection that is freed while its signature is asked for lets OpenSSL's fiber end first.
 * 3. Reads are of whole records without read-ahead, so no octet waits inside OpenSSL while the
 *    descriptor has nothing to read.
 */
#include "common/net/tls.h"

#include "common/base/assert.h"
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "common/net/tls_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define TLS_CIPHERS "HIGH:!aNULL:!eNULL:!MD5:!RC4:!3DES:!PSK:!SRP:!kRSA:!CAMELLIA:!ARIA:!SHA1:!SHA256:!SHA384"

enum { FAILURE = 200 };

struct certificate {
	STAILQ_ENTRY(certificate) link;
	SSL_CTX *ctx;
	X509 *leaf;
};

struct tls_server {
	STAILQ_HEAD(, certificate) certificates;      /* the first is the default */
	struct tls_signer signer;
	char *alpn, *ciphers;
	struct buf context, client_ca;
	bool client_required;
	int uses;                                     /* the owner, and each connection */
};

struct tls_client {
	SSL_CTX *ctx;
	bool verify;
};

struct tls {
	SSL *ssl;
	struct tls_server *server;            /* NULL: a client */
	void (*wake)(void *owner);
	void *owner;
	struct tls_signature *waiting;
	struct task go_on;
	char failure[FAILURE];
	bool is_failed;
};

static void
note_failure(struct tls *t, const char *what)
{

	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	snprintf(t->failure, sizeof(t->failure), "%s%s%s", what, reason == NULL ? "" : ": ",
	    reason == NULL ? "" : reason);
	t->is_failed = true;
	ERR_clear_error();
}

static bool
openssl_error(struct error *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	error_set(why, "%s: %s", what, reason == NULL ? "OpenSSL refuses" : reason);
	ERR_clear_error();
	return false;
}

static BIO *
bio_of(struct slice pem)
{
	return BIO_new_mem_buf(pem.data, (int)pem.len);
}

static bool
add_authorities(SSL_CTX *ctx, struct slice pem, bool announce)
{
	BIO *bio = bio_of(pem);
	X509 *x;
	int count = 0;

	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x);
		if (announce)
			SSL_CTX_add_client_CA(ctx, x);
		X509_free(x);
		count++;
	}
	BIO_free(bio);
	ERR_clear_error();
	return count > 0;
}

static SSL_CTX *
new_context(const SSL_METHOD *method, const char *ciphers, struct error *why)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
		openssl_error(why, "cannot set TLS up");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
	        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_ECDH_USE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	return ctx;
}

/* Server. */

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : mem_text(text, strlen(text));
}

struct tls_server *
tls_server_new(const struct tls_server_options *o, const struct tls_signer *signer, struct error *why)
{
	struct tls_server *s;

	if (!tls_key_init(why))
		return NULL;
	s = mem_zero(sizeof(*s));
	STAILQ_INIT(&s->certificates);
	s->signer = *signer;
	s->alpn = copy_text(o->alpn);
	s->ciphers = copy_text(o->ciphers);
	buf_add_slice(&s->context, slice_sub(o->context, 0, SSL_MAX_SID_CTX_LENGTH));
	buf_add_slice(&s->client_ca, o->client_ca);
	s->client_required = o->client_required;
	s->uses = 1;
	return s;
}

static void
server_release(struct tls_server *s)
{
	struct certificate *c;

	if (--s->uses > 0)
		return;
	while ((c = STAILQ_FIRST(&s->certificates)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->certificates, link);
		SSL_CTX_free(c->ctx);
		X509_free(c->leaf);
		free(c);
	}
	buf_fini(&s->context);
	buf_fini(&s->client_ca);
	free(s->alpn);
	free(s->ciphers);
	free(s);
}

void
tls_server_free(struct tls_server *s)
{
	if (s != NULL)
		server_release(s);
}

/* SNI (RFC 6066 3): the certificate with that name, else the default. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	struct tls_server *s = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct certificate *c;

	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	STAILQ_FOREACH (c, &s->certificates, link) {
		if (X509_check_host(c->leaf, name, 0, 0, NULL) == 1) {
			SSL_set_SSL_CTX(ssl, c->ctx);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* A client that says what it wants to speak must mean us (against cross-protocol attacks). */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
    void *arg)
{
	const struct tls_server *s = arg;
	size_t want = strlen(s->alpn);

	for (unsigned i = 0; i < in_len; i += in[i] + 1U) {
		if (in[i] == want && i + 1 + want <= in_len && memcmp(in + i + 1, s->alpn, want) == 0) {
			*out = in + i + 1;
			*out_len = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
set_callbacks(struct tls_server *s, SSL_CTX *ctx)
{
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)s->context.data, (unsigned)s->context.len);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, s);
	if (s->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	if (s->client_ca.len > 0) {
		add_authorities(ctx, buf_slice(&s->client_ca), true);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (s->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	}
}

/* Tickets of one certificate's context are good for the others: clients resume whatever name they ask for. */
static void
share_tickets(struct tls_server *s, SSL_CTX *ctx)
{
	unsigned char keys[80];

	if (!STAILQ_EMPTY(&s->certificates) &&
	    SSL_CTX_get_tlsext_ticket_keys(STAILQ_FIRST(&s->certificates)->ctx, keys, sizeof(keys)) == 1)
		SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys));
}

static bool
use_chain(SSL_CTX *ctx, struct slice pem, X509 **leaf, struct error *why)
{
	BIO *bio = bio_of(pem);
	X509 *x;

	*leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	while (*leaf != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		SSL_CTX_add0_chain_cert(ctx, x);
	BIO_free(bio);
	if (*leaf == NULL)
		return openssl_error(why, "there is no certificate in the file");
	ERR_clear_error();
	return SSL_CTX_use_certificate(ctx, *leaf) == 1 || openssl_error(why, "the certificate cannot be used");
}

bool
tls_server_add(struct tls_server *s, struct slice pem, struct error *why)
{
	SSL_CTX *ctx = new_context(TLS_server_method(), s->ciphers == NULL ? TLS_CIPHERS : s->ciphers, why);
	X509 *leaf = NULL;
	EVP_PKEY *key = NULL;
	struct certificate *c;
	bool ok;

	if (ctx == NULL)
		return false;
	ok = use_chain(ctx, pem, &leaf, why);
	if (ok)
		key = tls_key_new(X509_get0_pubkey(leaf), &s->signer, why);
	ok = ok && key != NULL;
	if (ok && SSL_CTX_use_PrivateKey(ctx, key) != 1)
		ok = openssl_error(why, "the certificate and its key do not fit");
	EVP_PKEY_free(key);
	if (!ok) {
		X509_free(leaf);
		SSL_CTX_free(ctx);
		return false;
	}
	set_callbacks(s, ctx);
	share_tickets(s, ctx);
	c = mem_zero(sizeof(*c));
	c->ctx = ctx;
	c->leaf = leaf;
	STAILQ_INSERT_TAIL(&s->certificates, c, link);
	return true;
}

/* Client. */

struct tls_client *
tls_client_new(const struct tls_client_options *o, struct error *why)
{
	struct tls_client *c;
	SSL_CTX *ctx = new_context(TLS_client_method(), o->ciphers == NULL ? "DEFAULT" : o->ciphers, why);

	if (ctx == NULL)
		return NULL;
	if (o->ca.len > 0 && !add_authorities(ctx, o->ca, false)) {
		error_set(why, "there is no certificate among the authorities");
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (o->ca.len == 0 && o->verify) {
		SSL_CTX_set_default_verify_paths(ctx);
		X509_STORE_load_file(SSL_CTX_get_cert_store(ctx), "/etc/ssl/certs/ca-certificates.crt");
		ERR_clear_error();
	}
	c = mem_zero(sizeof(*c));
	c->ctx = ctx;
	c->verify = o->verify;
	return c;
}

void
tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* Connections. */

static void
on_go_on(void *owner)
{
	struct tls *t = owner;

	t->wake(t->owner);
}

static struct tls *
new_connection(SSL_CTX *ctx, int fd)
{
	struct tls *t = mem_zero(sizeof(*t));

	t->ssl = SSL_new(ctx);
	ASSERT(t->ssl != NULL && SSL_set_fd(t->ssl, fd) == 1);
	BIO_set_close(SSL_get_rbio(t->ssl), BIO_NOCLOSE);
	task_init(&t->go_on, on_go_on, t);
	return t;
}

struct tls *
tls_accept(struct tls_server *s, int fd, void (*wake)(void *owner), void *owner)
{
	struct tls *t;

	ASSERT(!STAILQ_EMPTY(&s->certificates));
	t = new_connection(STAILQ_FIRST(&s->certificates)->ctx, fd);
	t->server = s;
	s->uses++;
	t->wake = wake;
	t->owner = owner;
	SSL_set_accept_state(t->ssl);
	return t;
}

/* A name that is an address is checked as one (RFC 6125 1.7.2), and never sent as SNI. */
static void
expect_name(struct tls *t, const char *name, bool verify)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) != 1) {
		SSL_set_tlsext_host_name(t->ssl, name);
		X509_VERIFY_PARAM_set1_host(param, name, 0);
	}
	SSL_set_verify(t->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	ERR_clear_error();
}

struct tls *
tls_connect(struct tls_client *c, int fd, const char *name)
{
	struct tls *t = new_connection(c->ctx, fd);

	expect_name(t, name, c->verify);
	SSL_set_connect_state(t->ssl);
	return t;
}

void
tls_wait_for(struct tls *t, struct tls_signature *s)
{
	t->waiting = s;
}

void
tls_go_on(struct tls *t)
{
	task_queue(&t->go_on);
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	if (t->waiting != NULL) {
		if (tls_key_is_pending(t->waiting))
			tls_key_abandon(t->waiting);
		SSL_do_handshake(t->ssl);
	}
	task_cancel(&t->go_on);
	SSL_free(t->ssl);
	ERR_clear_error();
	if (t->server != NULL)
		server_release(t->server);
	free(t);
}

static enum tls_result
result_of(struct tls *t, int code, const char *what)
{
	switch (SSL_get_error(t->ssl, code)) {
	case SSL_ERROR_NONE:
		return TLS_OK;
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_WANT_ASYNC:
	case SSL_ERROR_WANT_ASYNC_JOB:
		return TLS_WANT_KEY;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		note_failure(t, what);
		return TLS_FAILED;
	}
}

enum tls_result
tls_handshake(struct tls *t)
{
	int code;

	ERR_clear_error();
	tls_key_current(t);
	code = SSL_do_handshake(t->ssl);
	tls_key_current(NULL);
	if (code == 1) {
		SSL_clear_mode(t->ssl, SSL_MODE_ASYNC);
		return TLS_OK;
	}
	if (SSL_get_verify_result(t->ssl) != X509_V_OK && t->server == NULL &&
	    (SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER) && SSL_get_error(t->ssl, code) == SSL_ERROR_SSL) {
		snprintf(t->failure, sizeof(t->failure), "the certificate does not hold: %s",
		    X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)));
		t->is_failed = true;
		ERR_clear_error();
		return TLS_FAILED;
	}
	return result_of(t, code, "TLS handshake");
}

enum tls_result
tls_read(struct tls *t, void *out, size_t size, size_t *n)
{
	int code;

	ERR_clear_error();
	code = SSL_read_ex(t->ssl, out, size, n);
	return code == 1 ? TLS_OK : result_of(t, code, "TLS");
}

enum tls_result
tls_write(struct tls *t, const void *data, size_t len, size_t *n)
{
	int code;

	ERR_clear_error();
	code = SSL_write_ex(t->ssl, data, len, n);
	return code == 1 ? TLS_OK : result_of(t, code, "TLS");
}

void
tls_close_notify(struct tls *t)
{
	if (!t->is_failed)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *
tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
tls_cipher(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

int
tls_cipher_bits(const struct tls *t)
{
	return SSL_get_cipher_bits(t->ssl, NULL);
}

bool
tls_is_verified(const struct tls *t)
{
	X509 *peer = SSL_get1_peer_certificate(t->ssl);
	bool ok = peer != NULL && SSL_get_verify_result(t->ssl) == X509_V_OK;

	X509_free(peer);
	return ok;
}

const char *
tls_failure(const struct tls *t)
{
	return t->failure;
}
