/*
 * For tests of TLS: certificates made on the spot, a server of ours whose signer is the test, and
 * a client of OpenSSL's that can be told to behave badly, both ends of one socket pair.
 */
#ifndef TESTS_UNIT_COMMON_NET_TLS_PAIR_H
#define TESTS_UNIT_COMMON_NET_TLS_PAIR_H

#include "common/net/tls.h"

#include <openssl/ssl.h>
#include <sys/types.h>

enum key_kind { KEY_RSA, KEY_P256, KEY_P384, KEY_ED25519, KEY_KINDS };

struct test_certificate {
	EVP_PKEY *key;
	struct slice pem;
	char *text;
};

/* A certificate that signs itself, for those DNS names, a comma between them. */
struct test_certificate certificate_make(enum key_kind kind, const char *names);
void certificate_fini(struct test_certificate *c);

/* The private key as PEM, in out. */
struct slice key_pem(EVP_PKEY *key, char *out, size_t size);

/* A file without a name that holds the text. */
int file_with(struct slice text, mode_t mode);

/* When the test's signer answers. */
enum manner { AT_ONCE, LATER, NEVER, REFUSED };

struct tls_pair {
	enum manner manner;
	const struct test_certificate *certificates[4]; /* NULL at the end */
	size_t (*sign)(
	    EVP_PKEY *key, uint16_t scheme, struct slice octets, unsigned char *out, size_t size);
	struct tls_server *server; /* given before pair_init(), or made by it */
	void (*woken)(void);       /* the connection was woken; may be NULL */
	int fds[2];                /* the server's, the client's */
	struct tls *s;
	SSL_CTX *ctx;
	SSL *c;
	SSL_SESSION *session; /* the last that the server gave */
	struct tls_signature *asked;
	struct slice signature; /* for asked, in store */
	unsigned char store[1024];
	uint16_t scheme;
	size_t signatures, wakes;
	enum tls_result s_result;
	int c_result; /* as SSL_do_handshake() gave it */
};

/* A server with the certificates and a context for OpenSSL's client. options may be NULL. */
void pair_init(struct tls_pair *p, const struct tls_server_options *options);
void pair_fini(struct tls_pair *p);

/* A new connection; the client says that name. Then runs both sides until neither moves. */
void pair_connect(struct tls_pair *p, const char *name);
void pair_run(struct tls_pair *p);
void pair_disconnect(struct tls_pair *p);

/* Answers what was asked LATER or NEVER. */
void pair_answer(struct tls_pair *p);

/* One octet each way; the client takes what else was sent (tickets). False when either fails. */
bool pair_talk(struct tls_pair *p);

#endif
