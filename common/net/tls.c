/*
 * A handshake of a server's runs on a stack of its own (OpenSSL's ASYNC), for it is suspended
 * in the middle, where it needs a signature, until keyholder has answered. AddressSanitizer sees
 * the unknown stack and warns, once a process, of reports that may be false; none has been.
 *
 * Invariants:
 * 1. A signature that is asked for belongs to the signer until tls_signed(), then to the
 *    connection; if the connection goes first, tls_signed() finds no connection and only frees.
 * 2. Nothing that was decrypted is left inside OpenSSL by tls_read(): it does not read ahead, and a
 *    whole record fits in what it is given. So poll(2) on the descriptor tells the truth.
 * 3. A suspended handshake is always run to its end before its memory is freed.
 */
#include "common/net/tls.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/net/tls_key.h"
#include "common/net/tls_library.h"
#include "common/net/tls_part.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { FAILURE = 300 };

struct tls_signature {
	struct tls *tls; /* NULL: it went away meanwhile */
	bool answered;
	size_t len; /* 0: refused */
	unsigned char octets[TLS_SIGNATURE];
};

struct tls {
	SSL *ssl;
	struct tls_server *server;
	struct tls_client *client;
	void (*wake)(void *owner);
	void *owner;
	struct tls_signature *signature; /* asked for and not yet used */
	bool established, failed, abandoned;
	char *failure;
};

static struct tls *current; /* whose handshake runs now: OpenSSL does not tell its keys */
static size_t suspended;    /* handshakes that wait, each with a stack of its own */

static enum tls_result
fail(struct tls *t, const char *text)
{
	t->failed = true;
	if (t->failure == NULL)
		t->failure = mem_text(text, strlen(text));
	ERR_clear_error();
	return TLS_FAILED;
}

/* When it was the peer's certificate, what is wrong with it. */
static enum tls_result
fail_in_library(struct tls *t)
{
	long verdict = SSL_get_verify_result(t->ssl);
	const char *text = tls_library_error();
	char room[FAILURE];

	if (!t->established && verdict != X509_V_OK &&
	    (SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER) != 0) {
		snprintf(room, sizeof(room), "the peer's certificate does not hold: %s%s",
		    X509_verify_cert_error_string(verdict),
		    t->client != NULL && t->client->trusts_nobody
			? " (this system knows no authorities; install ca-certificates)"
			: "");
		text = room;
	}
	return fail(t, text);
}

static enum tls_result
result_of(struct tls *t, int code)
{
	int reason = errno;

	switch (SSL_get_error(t->ssl, code)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_WANT_ASYNC:
		return TLS_WANT_KEY;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	case SSL_ERROR_SYSCALL:
		return fail(t, reason == 0 ? "the connection broke" : strerror(reason));
	default:
		return fail_in_library(t);
	}
}

/* Waits, with the whole handshake, for the answer. False when there will be none. */
static bool
await(struct tls *t)
{
	suspended++;
	while (!t->abandoned && !t->signature->answered) {
		if (ASYNC_get_current_job() == NULL || ASYNC_pause_job() != 1)
			break;
	}
	suspended--;
	return !t->abandoned && t->signature->answered;
}

static void
disown(struct tls *t)
{
	struct tls_signature *s = t->signature;

	t->signature = NULL;
	if (s->answered)
		free(s);
	else
		s->tls = NULL;
}

size_t
tls_ask_signature(const unsigned char key[TLS_KEY_HASH], uint16_t scheme, struct slice octets,
    unsigned char *out, size_t size)
{
	struct tls *t = current;
	size_t len = 0;

	if (t == NULL || t->server == NULL || t->signature != NULL || suspended >= LIMIT_HANDSHAKES)
		return 0;
	t->signature = mem_zero(sizeof(*t->signature));
	t->signature->tls = t;
	t->server->signer.sign(t->server->signer.owner, t->signature, key, scheme, octets);
	if (await(t) && t->signature->len <= size) {
		len = t->signature->len;
		memcpy(out, t->signature->octets, len);
	}
	disown(t);
	return len;
}

void
tls_signed(struct tls_signature *s, bool ok, struct slice signature)
{
	struct tls *t = s->tls;

	if (t == NULL) {
		free(s);
		return;
	}
	s->answered = true;
	if (ok && signature.len > 0 && signature.len <= sizeof(s->octets)) {
		s->len = signature.len;
		memcpy(s->octets, signature.data, signature.len);
	}
	if (current != t)
		t->wake(t->owner);
}

static struct tls *
tls_new(SSL_CTX *ctx, int fd)
{
	struct tls *t = mem_zero(sizeof(*t));

	t->ssl = SSL_new(ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		PANIC("out of memory");
	return t;
}

struct tls *
tls_accept(struct tls_server *s, int fd, void (*wake)(void *owner), void *owner)
{
	struct tls *t = tls_new(s->ctx, fd);

	s->references++;
	t->server = s;
	t->wake = wake;
	t->owner = owner;
	SSL_set_accept_state(t->ssl);
	return t;
}

/* Which name the certificate must bear, and which is asked for (RFC 6066 3: no address). */
static bool
expect(SSL *ssl, struct slice name)
{
	char text[LIMIT_HOSTNAME + 1];
	unsigned char octets[16];

	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || !slice_copy(name, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, text) == 1 && SSL_set_tlsext_host_name(ssl, text) == 1;
}

struct tls *
tls_connect(struct tls_client *c, int fd, const char *name)
{
	struct tls *t = tls_new(c->ctx, fd);

	c->references++;
	t->client = c;
	SSL_set_connect_state(t->ssl);
	if (!expect(t->ssl, slice_of(name)) && c->verify)
		fail(t, "there is no name to hold the peer's certificate against");
	return t;
}

static int
run_handshake(struct tls *t)
{
	int code;

	ASSERT(current == NULL);
	ERR_clear_error();
	errno = 0;
	current = t;
	code = SSL_do_handshake(t->ssl);
	current = NULL;
	return code;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	if (t->signature != NULL) {
		t->abandoned = true;
		run_handshake(t);
		ASSERT(t->signature == NULL);
	}
	SSL_free(t->ssl);
	ERR_clear_error();
	if (t->server != NULL)
		tls_server_unref(t->server);
	if (t->client != NULL)
		tls_client_unref(t->client);
	free(t->failure);
	free(t);
}

enum tls_result
tls_handshake(struct tls *t)
{
	int code;

	if (t->failed)
		return TLS_FAILED;
	if (t->signature != NULL && !t->signature->answered)
		return TLS_WANT_KEY;
	code = run_handshake(t);
	if (code != 1)
		return result_of(t, code);
	t->established = true;
	SSL_clear_mode(t->ssl, SSL_MODE_ASYNC);
	return TLS_OK;
}

enum tls_result
tls_read(struct tls *t, void *out, size_t size, size_t *n)
{
	int code;

	ASSERT(size >= TLS_RECORD);
	*n = 0;
	if (t->failed)
		return TLS_FAILED;
	ERR_clear_error();
	errno = 0;
	code = SSL_read_ex(t->ssl, out, size, n);
	return code == 1 ? TLS_OK : result_of(t, code);
}

enum tls_result
tls_write(struct tls *t, const void *data, size_t len, size_t *n)
{
	int code;

	*n = 0;
	if (t->failed)
		return TLS_FAILED;
	if (len == 0)
		return TLS_OK;
	ERR_clear_error();
	errno = 0;
	code = SSL_write_ex(t->ssl, data, len, n);
	return code == 1 ? TLS_OK : result_of(t, code);
}

void
tls_close_notify(struct tls *t)
{
	if (!t->established || t->failed)
		return;
	ERR_clear_error();
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

bool
tls_is_verified(const struct tls *t)
{
	return SSL_get0_peer_certificate(t->ssl) != NULL &&
	       SSL_get_verify_result(t->ssl) == X509_V_OK;
}

bool
tls_is_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

const char *
tls_failure(const struct tls *t)
{
	return t->failure == NULL ? "" : t->failure;
}
