/*
 * A private key that is somewhere else: OpenSSL sees an ordinary key, made from a certificate's
 * public half, and every signature is asked of a struct tls_signer while the handshake waits.
 */
#ifndef COMMON_NET_TLS_KEY_H
#define COMMON_NET_TLS_KEY_H

#include "common/net/tls.h"

#include <openssl/evp.h>

/* Makes the keys known to OpenSSL, once for the process. False when OpenSSL refuses. */
bool tls_key_init(struct error *why);

/* A key that belongs to the public key and signs through signer, which must outlive it. NULL: *why. */
EVP_PKEY *tls_key_new(EVP_PKEY *public_key, const struct tls_signer *signer, struct error *why);

/* Which connection is in its handshake now; signatures are asked in its name. */
void tls_key_current(struct tls *t);

/* A signature under way for a connection: its answer is there (tls.c goes on), or must not be used any more. */
void tls_key_abandon(struct tls_signature *s);
bool tls_key_is_pending(const struct tls_signature *s);

/* tls.c's side: the connection waits for this signature; and: it has come. */
void tls_wait_for(struct tls *t, struct tls_signature *s);
void tls_go_on(struct tls *t);

#endif
