/*
 * A signature for a TLS handshake, and for nothing else: the octets must be what a TLS server
 * signs, and the scheme must fit the key. Hashing and padding happen here.
 */
#ifndef SMTPD_KEYHOLDER_SIGN_TLS_H
#define SMTPD_KEYHOLDER_SIGN_TLS_H

#include "common/base/slice.h"

#include <openssl/evp.h>

/*
 * Whether the octets are a CertificateVerify of a TLS 1.3 server (RFC 8446 4.4.3) or the signed
 * part of a TLS 1.2 ServerKeyExchange with a named curve (RFC 8422 5.4). Pure.
 */
bool sign_tls_is_handshake(struct slice tbs);

/* Whether a key of that type may sign with that SignatureScheme. */
bool sign_tls_fits(EVP_PKEY *key, uint16_t scheme);

/* Signs; returns the length of the signature in out, 0 when OpenSSL refuses. May run on any thread. */
size_t sign_tls(EVP_PKEY *key, uint16_t scheme, struct slice tbs, unsigned char *out, size_t size);

#endif
