#include "smtpd/keyholder/keys.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/tls.h"
#include "common/net/tls_library.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE = 64 * 1024 };

struct key {
	SLIST_ENTRY(key) link;
	char *pki;
	EVP_PKEY *key;
	char hash[TLS_KEY_HASH];
	unsigned services;
};

SLIST_HEAD(keys, key);

static struct keys in_force = SLIST_HEAD_INITIALIZER(in_force);
static struct keys coming = SLIST_HEAD_INITIALIZER(coming);
static struct keys replaced = SLIST_HEAD_INITIALIZER(replaced);
static struct hash by_hash; /* those in force, unlike the list with each public half once */

static void
key_free(struct key *k)
{
	EVP_PKEY_free(k->key);
	free(k->pki);
	free(k);
}

static void
wipe(struct keys *list)
{
	while (!SLIST_EMPTY(list)) {
		struct key *k = SLIST_FIRST(list);

		SLIST_REMOVE_HEAD(list, link);
		key_free(k);
	}
}

static bool
check_file(int fd, struct slice pki, bool is_root, struct error *why)
{
	struct stat st;
	bool is_open;

	if (fstat(fd, &st) < 0)
		return error_errno(why, "its file cannot be examined");
	if (!S_ISREG(st.st_mode))
		return error_set(why, "it is no regular file");
	is_open = (st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0;
	if (is_root && st.st_uid != 0)
		return error_set(why, "its file belongs to user %u; make it root's (chown root)",
		    (unsigned)st.st_uid);
	if (is_root && is_open)
		return error_set(why, "its file is open to other users; close it (chmod 600)");
	if (is_open)
		log_warning(
		    "the key of pki \"%.*s\": its file is open to other users", SLICE_FMT(pki));
	return true;
}

static bool
read_file(int fd, char *out, size_t size, size_t *len, struct error *why)
{
	*len = 0;
	for (;;) {
		ssize_t n = pread(fd, out + *len, size - *len, (off_t)*len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(why, "its file cannot be read");
		if (n == 0)
			return true;
		*len += (size_t)n;
		if (*len == size)
			return error_set(why, "its file is too large for a key");
	}
}

static int
on_passphrase(char *out, int size, int writing, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

static EVP_PKEY *
parse(const char *pem, size_t len, struct error *why)
{
	BIO *in = BIO_new_mem_buf(pem, (int)len);
	bool asked = false;
	EVP_PKEY *key =
	    PEM_read_bio_PrivateKey_ex(in, NULL, on_passphrase, &asked, tls_library(), NULL);
	bool is_kind;

	BIO_free(in);
	ERR_clear_error();
	if (key == NULL && asked)
		error_set(why, "it is under a passphrase; write it without one (openssl pkey)");
	else if (key == NULL)
		error_set(why, "there is no private key in PEM form in its file");
	if (key == NULL)
		return NULL;
	is_kind =
	    EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "ED25519");
	if (is_kind && EVP_PKEY_get_size(key) <= TLS_SIGNATURE)
		return key;
	EVP_PKEY_free(key);
	error_set(why, is_kind ? "it is too large" : "it is neither RSA nor EC nor Ed25519");
	return NULL;
}

static bool
hash_of(EVP_PKEY *key, char *hash)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	bool ok = len > 0 && EVP_Q_digest(tls_library(), "SHA256", NULL, der, (size_t)len,
				 (unsigned char *)hash, NULL);

	OPENSSL_free(der);
	return ok;
}

static struct key *
find_by_pki(struct keys *list, struct slice pki)
{
	struct key *k;

	SLIST_FOREACH (k, list, link) {
		if (slice_equal_text(pki, k->pki))
			return k;
	}
	return NULL;
}

static struct key *
find_by_hash(const struct keys *list, struct slice hash)
{
	struct key *k;

	SLIST_FOREACH (k, list, link) {
		if (slice_equal(hash, slice_make(k->hash, sizeof(k->hash))))
			return k;
	}
	return NULL;
}

/* Takes k. */
static void
add_coming(struct key *k)
{
	struct key *old = find_by_pki(&coming, slice_of(k->pki));

	if (old != NULL) {
		SLIST_REMOVE(&coming, old, key, link);
		key_free(old);
	}
	SLIST_INSERT_HEAD(&coming, k, link);
}

bool
keys_load(struct slice pki, int fd, bool is_root, struct error *why)
{
	static char pem[KEY_FILE];
	size_t len = 0;
	struct error reason = {""};
	struct key *k = mem_zero(sizeof(*k));

	if (check_file(fd, pki, is_root, &reason) && read_file(fd, pem, sizeof(pem), &len, &reason))
		k->key = parse(pem, len, &reason);
	explicit_bzero(pem, len);
	close(fd);
	if (k->key == NULL || !hash_of(k->key, k->hash)) {
		key_free(k);
		return error_set(
		    why, "the key of pki \"%.*s\" cannot be used: %s", SLICE_FMT(pki), reason.text);
	}
	k->pki = slice_text(pki);
	add_coming(k);
	return true;
}

static bool
belongs_to(const struct key *k, const struct conf_pki *pki, struct error *why)
{
	STACK_OF(X509) *chain = tls_certificates(pki->chain, why);
	char hash[TLS_KEY_HASH];
	bool same;

	if (chain == NULL)
		return false;
	same = hash_of(X509_get0_pubkey(sk_X509_value(chain, 0)), hash) &&
	       memcmp(hash, k->hash, sizeof(hash)) == 0;
	sk_X509_pop_free(chain, X509_free);
	return same || error_set(why, "the key in %.*s does not belong to the certificate in %.*s",
			   SLICE_FMT(pki->key_path), SLICE_FMT(pki->cert_path));
}

static unsigned
services_of(const struct conf *c, struct slice pki)
{
	unsigned services = 0;

	if (c->listen_count == 0)
		return ~0U;
	for (size_t i = 0; i < c->listen_count; i++) {
		struct slice names = c->listens[i].pki, name;

		while (ipc_list_next(&names, &name))
			if (slice_equal(name, pki))
				services |= 1U << c->listens[i].service;
	}
	return services;
}

/* The key that this pki goes on with, taken from where it was. */
static struct key *
choose(const struct conf_pki *pki, bool *fault, struct error *why)
{
	struct key *fresh = find_by_pki(&coming, pki->name);
	struct key *old = find_by_pki(&in_force, pki->name);
	struct error reason = {""};

	if (fresh != NULL && !belongs_to(fresh, pki, &reason)) {
		*fault = true;
		error_set(why, "pki \"%.*s\": %s", SLICE_FMT(pki->name), reason.text);
		fresh = NULL;
	}
	if (fresh != NULL) {
		SLIST_REMOVE(&coming, fresh, key, link);
		return fresh;
	}
	if (old != NULL)
		SLIST_REMOVE(&in_force, old, key, link);
	return old;
}

static void
index_keys(const struct conf *c)
{
	struct key *k, *same;

	hash_fini(&by_hash);
	hash_init(&by_hash);
	SLIST_FOREACH (k, &in_force, link) {
		k->services = services_of(c, slice_of(k->pki));
		same = hash_add(&by_hash, slice_make(k->hash, sizeof(k->hash)), k);
		if (same != NULL)
			k->services |= same->services;
	}
}

/* What is left of those in force has no place any more. One that only came anew is not needed. */
static void
retire(const struct keys *next)
{
	struct keys left = SLIST_HEAD_INITIALIZER(left);
	struct key *k;

	while ((k = SLIST_FIRST(&in_force)) != NULL) {
		SLIST_REMOVE_HEAD(&in_force, link);
		if (find_by_hash(next, slice_make(k->hash, sizeof(k->hash))) != NULL)
			key_free(k);
		else
			SLIST_INSERT_HEAD(&left, k, link);
	}
	if (SLIST_EMPTY(&left))
		return;
	wipe(&replaced);
	replaced = left;
}

bool
keys_apply(const struct conf *c, struct error *why)
{
	struct keys next = SLIST_HEAD_INITIALIZER(next);
	bool fault = false;

	for (size_t i = 0; i < c->pki_count; i++) {
		struct key *k = choose(&c->pkis[i], &fault, why);

		if (k != NULL)
			SLIST_INSERT_HEAD(&next, k, link);
		else
			log_warning(
			    "pki \"%.*s\" has no key that can be used", SLICE_FMT(c->pkis[i].name));
	}
	retire(&next);
	wipe(&coming);
	in_force = next;
	index_keys(c);
	return !fault;
}

void
keys_forget(void)
{
	wipe(&replaced);
}

EVP_PKEY *
keys_find(struct slice hash, unsigned services)
{
	struct key *k = by_hash.size == 0 ? NULL : hash_find(&by_hash, hash);

	if (k == NULL)
		k = find_by_hash(&replaced, hash);
	return k == NULL || (k->services & services) == 0 ? NULL : k->key;
}

size_t
keys_count(void)
{
	return by_hash.count;
}

void
keys_fini(void)
{
	wipe(&in_force);
	wipe(&coming);
	wipe(&replaced);
	hash_fini(&by_hash);
}
