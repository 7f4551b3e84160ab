#include "smtpd/keyholder/keys.h"

#include "common/base/hash.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

enum { KEY_FILE = 64 * 1024 };

static struct hash in_force, coming;

static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	*(bool *)arg = true;
	return -1;
}

static bool
read_file(int fd, char *out, size_t size, size_t *len)
{
	*len = 0;
	for (;;) {
		ssize_t n = pread(fd, out + *len, size - *len, (off_t)*len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && *len > 0;
		*len += (size_t)n;
		if (*len == size)
			return false;
	}
}

static EVP_PKEY *
parse(const char *pem, size_t len, struct error *why)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);

	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL)
		error_set(why, asked ? "it is protected by a passphrase; write it without one (openssl pkey -in … -out …)"
		                     : "there is no private key in PEM form in it");
	return key;
}

static void
add(EVP_PKEY *key)
{
	unsigned char *der = NULL, hash[SHA256_DIGEST_LENGTH];
	int len = i2d_PUBKEY(key, &der);
	EVP_PKEY *old;

	SHA256(der, len > 0 ? (size_t)len : 0, hash);
	OPENSSL_free(der);
	old = hash_add(&coming, slice_make((const char *)hash, sizeof(hash)), key);
	EVP_PKEY_free(old);
}

bool
keys_load(struct slice pki, int fd, struct error *why)
{
	static char pem[KEY_FILE];
	size_t len;
	struct error reason = {""};
	EVP_PKEY *key = NULL;

	if (!read_file(fd, pem, sizeof(pem), &len))
		error_set(&reason, "it cannot be read, or is no key file");
	else
		key = parse(pem, len, &reason);
	close(fd);
	explicit_bzero(pem, sizeof(pem));
	if (key == NULL)
		return error_set(why, "the key of pki \"%.*s\": %s", SLICE_FMT(pki), reason.text);
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "ED25519")) {
		EVP_PKEY_free(key);
		return error_set(why, "the key of pki \"%.*s\" is neither RSA, EC nor Ed25519", SLICE_FMT(pki));
	}
	add(key);
	return true;
}

EVP_PKEY *
keys_find(struct slice hash)
{
	return hash_find(&in_force, hash);
}

size_t
keys_count(void)
{
	return in_force.count;
}

void
keys_apply(void)
{
	struct hash_walk walk = {0};
	struct slice hash;
	void *key;

	while (hash_next(&in_force, &walk, &hash, &key))
		EVP_PKEY_free(key);
	hash_fini(&in_force);
	in_force = coming;
	hash_init(&coming);
}
