/*
 * A private key that is not here: OpenSSL sees a key it can pair with a certificate, and when it
 * has something signed, the request goes to keyholder through the connection in hand.
 */
#ifndef COMMON_NET_TLS_KEY_H
#define COMMON_NET_TLS_KEY_H

#include "common/base/error.h"
#include "common/base/slice.h"
#include "common/net/tls.h"

#include <openssl/x509.h>

/* Adds the keys' provider to a library context. */
bool tls_key_provide(OSSL_LIB_CTX *library);

/* The key that belongs to a certificate (RSA, EC or Ed25519). Gives; NULL with *why. */
EVP_PKEY *tls_key_new(X509 *certificate, struct error *why);

/*
 * Has the octets signed by keyholder for the handshake that runs right now (tls.c): it is suspended
 * until the answer is there. The signature goes into out; gives its length, 0 when there is none.
 */
size_t tls_ask_signature(const unsigned char key[TLS_KEY_HASH], uint16_t scheme,
    struct slice octets, unsigned char *out, size_t size);

#endif
