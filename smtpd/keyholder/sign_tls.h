/*
 * A signature for a TLS handshake, and for nothing else: the octets must be what a TLS server
 * signs, and the scheme must fit the key. Hashing and padding happen here.
 */
#ifndef SMTPD_KEYHOLDER_SIGN_TLS_H
#define SMTPD_KEYHOLDER_SIGN_TLS_H

#include "common/base/slice.h"

#include <openssl/evp.h>

enum sign_shape { SHAPE_NONE, SHAPE_TLS_1_2, SHAPE_TLS_1_3 };

/*
 * What a server signs: in TLS 1.3 its CertificateVerify (RFC 8446 4.4.3), in TLS 1.2 the randoms
 * and the named curve's point of a ServerKeyExchange (RFC 8422 5.4). Pure.
 */
enum sign_shape sign_tls_shape(struct slice tbs);

/* Whether a key of that type may sign with that SignatureScheme and shape (RFC 8446 4.2.3). */
bool sign_tls_fits(const EVP_PKEY *key, uint16_t scheme, enum sign_shape shape);

/* Signs; gives the signature's length in out, 0 when OpenSSL refuses. May run on any thread. */
size_t sign_tls(EVP_PKEY *key, uint16_t scheme, struct slice tbs, unsigned char *out, size_t size);

#endif
