/*
 * TLS 1.2 and 1.3 by OpenSSL. A server's private keys are not here: its certificates are
 * loaded with keys that sign through keyholder, so a handshake may wait for a reply (TLS_WANT_KEY).
 */
#ifndef COMMON_NET_TLS_H
#define COMMON_NET_TLS_H

#include "common/base/error.h"
#include "common/base/slice.h"

enum tls_result {
	TLS_OK,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_WANT_KEY, /* keyholder signs; wake follows */
	TLS_EOF,      /* the peer ended it */
	TLS_FAILED,   /* tls_failure() says why */
};

struct tls;
struct tls_server;
struct tls_client;

/*
 * How a server's handshake has a signature made: asked with the certificate's public key hash
 * (SHA-256 of its SubjectPublicKeyInfo), the scheme (TLS SignatureScheme number) and the octets
 * to be signed, valid during the call. It answers once, then or later, with tls_signed().
 */
enum { TLS_KEY_HASH = 32, TLS_SIGNATURE = 1024 }; /* octets; of a signature, the most */

struct tls_signature;
struct tls_signer {
	void (*sign)(void *owner, struct tls_signature *s, const unsigned char key[TLS_KEY_HASH],
	    uint16_t scheme, struct slice octets);
	void *owner;
};
void tls_signed(struct tls_signature *s, bool ok, struct slice signature);

struct tls_server_options {
	struct slice context;   /* session id context: "smtp", "imap", "pop3" */
	const char *alpn;       /* what to insist on if the client sends ALPN; NULL: any */
	const char *ciphers;    /* OpenSSL's cipher string for TLS 1.2; NULL or "": ours */
	struct slice protocols; /* in libtls's words ("all:!tlsv1.2"); empty: 1.2 and 1.3 */
	struct slice client_ca; /* PEM to check client certificates; empty: none are asked for */
	bool client_required;
};

/* A server without certificates yet. Gives; free with tls_server_free(). */
struct tls_server *tls_server_new(
    const struct tls_server_options *o, const struct tls_signer *signer, struct error *why);

/* Adds a certificate chain (PEM); the first is the default, SNI picks by the names in each. */
bool tls_server_add(struct tls_server *s, struct slice pem, struct error *why);
void tls_server_free(struct tls_server *s); /* connections keep what they use */

struct tls_client_options {
	bool verify;         /* the chain and the name */
	struct slice ca;     /* PEM; empty: the system's, read for the first client */
	const char *ciphers; /* as above */
	struct slice protocols;
};
struct tls_client *tls_client_new(const struct tls_client_options *o, struct error *why);
void tls_client_free(struct tls_client *c); /* connections keep what they use */

/* The same once more, for who uses it later: each of them frees it. */
struct tls_client *tls_client_share(struct tls_client *c);

/* One connection on a descriptor that stays the caller's. wake(owner) after TLS_WANT_KEY. */
struct tls *tls_accept(struct tls_server *s, int fd, void (*wake)(void *owner), void *owner);
struct tls *tls_connect(struct tls_client *c, int fd, const char *name);
void tls_free(struct tls *t); /* also while a signature is asked for; NULL is fine */

enum tls_result tls_handshake(struct tls *t);

/* size is TLS_RECORD at least, so that nothing stays behind that poll(2) cannot see. */
enum { TLS_RECORD = 16 * 1024 };
enum tls_result tls_read(struct tls *t, void *out, size_t size, size_t *n);

/* Takes what it can, at least one octet on TLS_OK; the next call begins where this one ended. */
enum tls_result tls_write(struct tls *t, const void *data, size_t len, size_t *n);
void tls_close_notify(struct tls *t);

const char *tls_version(const struct tls *t); /* "TLSv1.3" */
const char *tls_cipher(const struct tls *t);
bool tls_is_verified(const struct tls *t); /* the peer's certificate held, name and all */
bool tls_is_resumed(const struct tls *t);  /* an earlier session goes on */
const char *tls_failure(const struct tls *t);

#endif
