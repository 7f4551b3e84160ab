/*
 * What the parts of TLS (tls.c, tls_server.c, tls_client.c) know of each other.
 */
#ifndef COMMON_NET_TLS_PART_H
#define COMMON_NET_TLS_PART_H

#include "common/net/tls.h"

#include <openssl/ssl.h>

/* One certificate with its chain and the key that signs elsewhere. */
struct tls_identity {
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	unsigned kind; /* a bit for RSA, EC, Ed25519 */
};

struct tls_server {
	size_t references; /* its owner's and its connections' */
	SSL_CTX *ctx;
	struct tls_signer signer;
	struct tls_identity *identities;
	size_t count;
	char *name;    /* in the first certificate: what a client without SNI gets */
	char alpn[32]; /* one length octet, then the protocol; "": any */
};

struct tls_client {
	size_t references;
	SSL_CTX *ctx;
	bool verify;
	bool trusts_nobody; /* no certificates of authorities are on this system */
};

void tls_server_unref(struct tls_server *s);
void tls_client_unref(struct tls_client *c);

#endif
