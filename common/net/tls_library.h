/*
 * What TLS servers and clients share: OpenSSL set up for this process alone (no openssl.cnf, keys
 * that sign elsewhere), its errors as sentences, certificates from PEM, and the settings both have.
 */
#ifndef COMMON_NET_TLS_LIBRARY_H
#define COMMON_NET_TLS_LIBRARY_H

#include "common/base/error.h"
#include "common/base/slice.h"

#include <openssl/ssl.h>

/* The process's own library context, made on the first call; it lasts as long as the process. */
OSSL_LIB_CTX *tls_library(void);

/* The oldest of OpenSSL's errors in words; the queue is empty afterwards. */
const char *tls_library_error(void);

/* A context with the versions, modes and options that all of ours have. NULL with *why. */
SSL_CTX *tls_context_new(const SSL_METHOD *method, struct slice protocols, struct error *why);

/* The certificates of a PEM text in their order, one at least. Gives; NULL with *why. */
STACK_OF(X509) * tls_certificates(struct slice pem, struct error *why);

/* A store that trusts exactly those certificates. Gives; NULL with *why. */
X509_STORE *tls_store(struct slice pem, struct error *why);

/* The system's certificates, read by the first call, before any chroot. Borrowed; NULL: none. */
X509_STORE *tls_system_store(void);

#endif
