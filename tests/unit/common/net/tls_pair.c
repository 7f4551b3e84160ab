#include "tests/unit/common/net/tls_pair.h"

#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 40 };

static EVP_PKEY *
key_make(enum key_kind kind)
{
	switch (kind) {
	case KEY_RSA:
		return EVP_RSA_gen(2048);
	case KEY_P256:
		return EVP_EC_gen("P-256");
	case KEY_P384:
		return EVP_EC_gen("P-384");
	case KEY_ED25519:
	case KEY_KINDS:
		break;
	}
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	cr_assert_not_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static void
add_names(X509 *x, const char *names)
{
	struct slice rest = slice_of(names), name;
	char value[512] = "";

	while (slice_split(&rest, ',', &name))
		snprintf(value + strlen(value), sizeof(value) - strlen(value), "%sDNS:%.*s",
		    value[0] == '\0' ? "" : ",", SLICE_FMT(name));
	add_extension(x, NID_subject_alt_name, value);
}

struct test_certificate
certificate_make(enum key_kind kind, const char *names)
{
	static long serial;
	struct test_certificate c = {.key = key_make(kind)};
	X509 *x = X509_new();
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long len;

	cr_assert_not_null(c.key);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, c.key);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x), "O", MBSTRING_ASC, (const unsigned char *)names, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	add_names(x, names);
	cr_assert(X509_sign(x, c.key, kind == KEY_ED25519 ? NULL : EVP_sha256()) > 0);
	PEM_write_bio_X509(out, x);
	len = BIO_get_mem_data(out, &data);
	c.pem.len = (size_t)len;
	c.text = slice_text(slice_make(data, c.pem.len));
	c.pem.data = c.text;
	BIO_free(out);
	X509_free(x);
	return c;
}

void
certificate_fini(struct test_certificate *c)
{
	EVP_PKEY_free(c->key);
	free(c->text);
}

struct slice
key_pem(EVP_PKEY *key, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	len = BIO_read(bio, out, (int)size);
	cr_assert(len > 0);
	BIO_free(bio);
	return slice_make(out, (size_t)len);
}

int
file_with(struct slice text, mode_t mode)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text.data, text.len), (ssize_t)text.len);
	cr_assert_eq(fchmod(fd, mode), 0);
	return fd;
}

/* Which of the server's keys is meant. */
static EVP_PKEY *
find_key(const struct tls_pair *p, const unsigned char hash[32])
{
	for (size_t i = 0; i < 4 && p->certificates[i] != NULL; i++) {
		unsigned char *der = NULL, own[32];
		int len = i2d_PUBKEY(p->certificates[i]->key, &der);

		EVP_Digest(der, (size_t)len, own, NULL, EVP_sha256(), NULL);
		OPENSSL_free(der);
		if (memcmp(own, hash, 32) == 0)
			return p->certificates[i]->key;
	}
	return NULL;
}

static void
sign(void *owner, struct tls_signature *s, const unsigned char hash[32], uint16_t scheme,
    struct slice octets)
{
	struct tls_pair *p = owner;
	EVP_PKEY *key = find_key(p, hash);

	cr_assert_not_null(key);
	p->signatures++;
	p->scheme = scheme;
	p->signature = slice_make(
	    (const char *)p->store, p->sign(key, scheme, octets, p->store, sizeof(p->store)));
	cr_assert(p->signature.len > 0, "scheme 0x%04x", scheme);
	if (p->manner == AT_ONCE) {
		tls_signed(s, true, p->signature);
	} else {
		cr_assert_null(p->asked);
		p->asked = s;
	}
}

static void
on_wake(void *owner)
{
	struct tls_pair *p = owner;

	p->wakes++;
	if (p->woken != NULL)
		p->woken();
}

/* The last session a client gets is the one it comes back with. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_pair *p = SSL_get_app_data(ssl);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1;
}

void
pair_init(struct tls_pair *p, const struct tls_server_options *options)
{
	static const struct tls_server_options plain = {.context = {"test", 4}};
	struct tls_signer signer = {.sign = sign, .owner = p};
	struct error why = {""};

	signal(SIGPIPE, SIG_IGN);
	p->fds[0] = p->fds[1] = -1;
	if (p->server == NULL)
		p->server = tls_server_new(options == NULL ? &plain : options, &signer, &why);
	cr_assert_not_null(p->server, "%s", why.text);
	for (size_t i = 0; i < 4 && p->certificates[i] != NULL; i++)
		cr_assert(tls_server_add(p->server, p->certificates[i]->pem, &why), "%s", why.text);
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p->ctx, on_session);
}

void
pair_fini(struct tls_pair *p)
{
	pair_disconnect(p);
	tls_server_free(p->server);
	SSL_SESSION_free(p->session);
	SSL_CTX_free(p->ctx);
	if (p->asked != NULL)
		tls_signed(p->asked, false, SLICE(""));
}

void
pair_connect(struct tls_pair *p, const char *name)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	p->s = tls_accept(p->server, p->fds[0], on_wake, p);
	p->c = SSL_new(p->ctx);
	SSL_set_app_data(p->c, p);
	SSL_set_fd(p->c, p->fds[1]);
	SSL_set_connect_state(p->c);
	if (name != NULL)
		SSL_set_tlsext_host_name(p->c, name);
	if (p->session != NULL)
		SSL_set_session(p->c, p->session);
	p->s_result = TLS_WANT_READ;
	p->c_result = -1;
	pair_run(p);
}

void
pair_run(struct tls_pair *p)
{
	for (int i = 0; i < ROUNDS; i++) {
		ERR_clear_error();
		if (p->c_result != 1)
			p->c_result = SSL_do_handshake(p->c);
		if (p->s_result != TLS_OK && p->s_result != TLS_FAILED && p->s_result != TLS_EOF)
			p->s_result = tls_handshake(p->s);
		if (p->s_result == TLS_WANT_KEY && p->asked != NULL &&
		    (p->manner == LATER || p->manner == REFUSED))
			pair_answer(p);
	}
	ERR_clear_error();
}

void
pair_answer(struct tls_pair *p)
{
	struct tls_signature *s = p->asked;

	cr_assert_not_null(s);
	p->asked = NULL;
	tls_signed(s, p->manner != REFUSED, p->signature);
}

void
pair_disconnect(struct tls_pair *p)
{
	tls_free(p->s);
	SSL_free(p->c);
	p->s = NULL;
	p->c = NULL;
	for (int i = 0; i < 2; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->fds[0] = p->fds[1] = -1;
}

bool
pair_talk(struct tls_pair *p)
{
	static char room[TLS_RECORD];
	size_t n = 0;

	if (tls_write(p->s, "s", 1, &n) != TLS_OK || SSL_write(p->c, "c", 1) != 1)
		return false;
	if (SSL_read(p->c, room, sizeof(room)) != 1 || room[0] != 's')
		return false;
	return tls_read(p->s, room, sizeof(room), &n) == TLS_OK && n == 1 && room[0] == 'c';
}
