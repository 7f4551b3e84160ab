#include "smtpd/parent/config/load.h"

#include "common/base/mem.h"
#include "common/conf/tls_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

enum { KEY_MODE = 0740, CERT_MODE = 0755, CHAIN_MOST = 100000, CA_MOST = 120000 };

/* Opens a file that only its owner may write, root or us; a key that others may not read either. */
static int
open_safe(const char *path, mode_t most, struct error *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		error_errno(why, "cannot read %s", path);
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		error_set(why, "%s is not a plain file", path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		error_set(why, "%s belongs to user %u; it must be root's: chown root %s", path,
		    (unsigned)st.st_uid, path);
	else if ((st.st_mode & 07777 & ~most) != 0)
		error_set(why, "%s has mode %04o, which lets others at it: chmod %04o %s", path,
		    (unsigned)st.st_mode & 07777, (unsigned)(st.st_mode & most), path);
	else
		return fd;
	close(fd);
	return -1;
}

static bool
read_pem(struct conf *c, struct slice path, size_t most, struct slice *pem, struct error *why)
{
	int fd = open_safe(path.data, CERT_MODE, why);
	char *text;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	text = mem_zero(most + 2);
	while (len <= most && (n = read(fd, text + len, most + 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (len <= most)
		*pem = conf_keep(c, slice_make(text, len));
	free(text);
	return len <= most || error_set(why, "%s is larger than %zu octets", path.data, most);
}

/* No question is asked: a key under a pass phrase does not open. */
static int
no_phrase(char *buf, int size, int is_writing, void *owner)
{
	return -1;
}

static bool
holds_certificate(struct slice pem)
{
	BIO *text = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *cert = PEM_read_bio_X509(text, NULL, no_phrase, NULL);
	bool holds = cert != NULL;

	X509_free(cert);
	BIO_free(text);
	return holds;
}

static bool
load_pki(struct draft *d, size_t i)
{
	struct conf_pki *pki = &d->conf->pkis[i];
	struct place at = places_of(&d->certs, i);
	bool has_cert = pki->cert_path.len > 0;
	struct error reason = {""};
	int key;

	if (!has_cert || pki->key_path.len == 0)
		return draft_fail(d, at, "pki \"%s\" has no %s; write: pki \"%s\" %s \"/path\"",
		    pki->name.data, has_cert ? "key" : "cert", pki->name.data,
		    has_cert ? "key" : "cert");
	if (!read_pem(d->conf, pki->cert_path, CHAIN_MOST, &pki->chain, &reason))
		return draft_fail(d, at, "%s", reason.text);
	if (!holds_certificate(pki->chain))
		return draft_fail(
		    d, at, "%s holds no certificate in PEM form", pki->cert_path.data);
	key = open_safe(pki->key_path.data, KEY_MODE, &reason);
	if (key < 0)
		return draft_fail(d, places_of(&d->keys, i), "%s", reason.text);
	close(key); /* keyholder reads it */
	return true;
}

/* Certificates, ciphers and protocols of a line: what its process would refuse is refused here. */
static bool
check_tls(struct draft *d, const struct conf_listen *l, struct place at)
{
	struct channel *none = NULL;
	struct error reason = {""};
	struct tls_server *s = tls_server_from_conf(d->conf, l, "smtp", &none, &reason);

	if (s == NULL)
		return draft_fail(d, at, "%s", reason.text);
	tls_server_free(s);
	return true;
}

bool
load_files(struct draft *d)
{
	struct conf *c = d->conf;
	struct error reason = {""};

	for (size_t i = 0; i < c->pki_count; i++) {
		if (!load_pki(d, i))
			return false;
	}
	for (size_t i = 0; i < c->ca_count; i++) {
		if (!read_pem(c, c->cas[i].path, CA_MOST, &c->cas[i].certificates, &reason))
			return draft_fail(d, places_of(&d->cas, i), "%s", reason.text);
	}
	for (size_t i = 0; i < c->listen_count; i++) {
		if (c->listens[i].tls != TLS_NONE &&
		    !check_tls(d, &c->listens[i], places_of(&d->listens, i)))
			return false;
	}
	return true;
}

static bool
key_fits(const struct conf_pki *p, struct error *why)
{
	BIO *chain = BIO_new_mem_buf(p->chain.data, (int)p->chain.len);
	X509 *cert = PEM_read_bio_X509(chain, NULL, no_phrase, NULL);
	FILE *f = fopen(p->key_path.data, "re");
	EVP_PKEY *key = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, no_phrase, NULL);
	bool fits = cert != NULL && key != NULL && X509_check_private_key(cert, key) == 1;

	if (key == NULL)
		error_set(why,
		    "pki \"%.*s\": %s holds no key that opens without a pass phrase; take it off "
		    "with: openssl pkey -in %s -out new.key",
		    SLICE_FMT(p->name), p->key_path.data, p->key_path.data);
	else if (!fits)
		error_set(why, "pki \"%.*s\": the key %s is not that of the certificate %s",
		    SLICE_FMT(p->name), p->key_path.data, p->cert_path.data);
	if (f != NULL)
		fclose(f);
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(chain);
	return fits;
}

bool
load_keys(struct draft *d)
{
	struct error reason = {""};

	for (size_t i = 0; i < d->conf->pki_count; i++) {
		if (!key_fits(&d->conf->pkis[i], &reason))
			return draft_fail(d, places_of(&d->keys, i), "%s", reason.text);
	}
	return true;
}
