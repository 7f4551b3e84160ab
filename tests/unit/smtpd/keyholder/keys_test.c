#include "smtpd/keyholder/keys.h"

#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

UNIT_SUITE(keys);

static bool
load(const char *pki, EVP_PKEY *key, struct error *why)
{
	char pem[4096];

	return keys_load(
	    slice_of(pki), file_with(key_pem(key, pem, sizeof(pem)), 0600), false, why);
}

static EVP_PKEY *
find(EVP_PKEY *key, unsigned services)
{
	unsigned char *der = NULL, hash[32];
	int len = i2d_PUBKEY(key, &der);

	EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return keys_find(slice_make((const char *)hash, 32), services);
}

static void
add_pki(struct conf *c, const char *name, const struct test_certificate *certificate)
{
	struct conf_pki p = {.name = slice_of(name),
	    .cert_path = SLICE("/etc/cert.pem"),
	    .key_path = SLICE("/etc/key.pem"),
	    .chain = certificate->pem};

	conf_add_pki(c, &p);
}

static void
add_listen(struct conf *c, enum conf_service service, const char *pki)
{
	struct buf names = {0};
	struct conf_listen l = {.id = 1, .service = (uint8_t)service};

	ipc_list_add(&names, slice_of(pki));
	l.pki = buf_slice(&names);
	conf_add_listen(c, &l);
	buf_fini(&names);
}

Test(keys, every_kind_is_found_by_its_public_half)
{
	struct test_certificate c[KEY_KINDS];
	struct conf *conf = conf_new();
	struct error why = {""};

	for (int i = 0; i < KEY_KINDS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "pki%d", i);
		c[i] = certificate_make((enum key_kind)i, "mail.example");
		add_pki(conf, name, &c[i]);
		cr_assert(load(name, c[i].key, &why), "%s", why.text);
		cr_assert_null(find(c[i].key, ~0U));
	}
	cr_assert(keys_apply(conf, &why), "%s", why.text);
	cr_assert_eq(keys_count(), KEY_KINDS);
	for (int i = 0; i < KEY_KINDS; i++) {
		cr_assert(find(c[i].key, 1) != NULL);
		certificate_fini(&c[i]);
	}
	cr_assert_null(keys_find(SLICE("0123456789abcdef0123456789abcdef"), ~0U));
	conf_free(conf);
	keys_fini();
}

/* Only services that listen with the pki may use its key. */
Test(keys, services)
{
	struct test_certificate a = certificate_make(KEY_P256, "mail.example");
	struct test_certificate b = certificate_make(KEY_P256, "imap.example");
	struct conf *conf = conf_new();
	struct error why = {""};

	add_pki(conf, "a", &a);
	add_pki(conf, "b", &b);
	add_pki(conf, "a again", &a);
	add_listen(conf, SERVICE_SMTP, "a");
	add_listen(conf, SERVICE_IMAP, "b");
	add_listen(conf, SERVICE_POP3, "a again");
	cr_assert(load("a", a.key, &why) && load("b", b.key, &why) && load("a again", a.key, &why));
	cr_assert(keys_apply(conf, &why), "%s", why.text);
	cr_assert_eq(keys_count(), 2);
	cr_assert_not_null(find(a.key, 1U << SERVICE_SMTP | 1U << SERVICE_SUBMISSION));
	cr_assert_not_null(find(a.key, 1U << SERVICE_POP3));
	cr_assert_null(find(a.key, 1U << SERVICE_IMAP));
	cr_assert_not_null(find(b.key, 1U << SERVICE_IMAP));
	cr_assert_null(find(b.key, 1U << SERVICE_SMTP));
	conf_free(conf);
	certificate_fini(&a);
	certificate_fini(&b);
	keys_fini();
}

Test(keys, a_reload_replaces_keeps_and_forgets)
{
	struct test_certificate a = certificate_make(KEY_P256, "mail.example");
	struct test_certificate b = certificate_make(KEY_ED25519, "mail.example");
	struct conf *first = conf_new(), *second = conf_new(), *none = conf_new();
	struct error why = {""};

	add_pki(first, "mail", &a);
	add_pki(second, "mail", &b);
	cr_assert(load("mail", a.key, &why));
	cr_assert(keys_apply(first, &why));
	/* Nothing new came: the key stays. */
	cr_assert(keys_apply(first, &why));
	cr_assert_not_null(find(a.key, 1));
	/* The wrong one for the certificate: said, and the key stays. */
	cr_assert(load("mail", b.key, &why));
	cr_assert(!keys_apply(first, &why));
	cr_assert_str_eq(why.text,
	    "pki \"mail\": the key in /etc/key.pem does not belong to the certificate in "
	    "/etc/cert.pem");
	cr_assert_not_null(find(a.key, 1));
	cr_assert_null(find(b.key, 1));
	cr_assert(load("mail", b.key, &why));
	cr_assert(keys_apply(second, &why));
	cr_assert_eq(keys_count(), 1);
	cr_assert_not_null(find(b.key, 1));
	/* Sessions that began before have the old certificate, and their handshake may come yet. */
	cr_assert_not_null(find(a.key, 1));
	/* A key that came anew takes no other's place. */
	cr_assert(load("mail", b.key, &why));
	cr_assert(keys_apply(second, &why));
	cr_assert_not_null(find(a.key, 1));
	cr_assert(keys_apply(none, &why));
	cr_assert_eq(keys_count(), 0);
	cr_assert_null(find(a.key, 1), "one generation is kept, not all of them");
	cr_assert_not_null(find(b.key, 1));
	keys_forget();
	cr_assert_null(find(b.key, 1));
	conf_free(first);
	conf_free(second);
	conf_free(none);
	certificate_fini(&a);
	certificate_fini(&b);
	keys_fini();
}

static struct slice
locked_pem(EVP_PKEY *key, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL);
	len = BIO_read(bio, out, (int)size);
	BIO_free(bio);
	return slice_make(out, (size_t)len);
}

Test(keys, what_is_no_key_is_said)
{
	struct test_certificate c = certificate_make(KEY_RSA, "mail.example");
	EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	char locked[4096], other[4096], large[70 * 1024];
	struct {
		struct slice text;
		const char *reason;
	} cases[] = {
	    {locked_pem(c.key, locked, sizeof(locked)),
		"it is under a passphrase; write it without one (openssl pkey)"},
	    {key_pem(x25519, other, sizeof(other)), "it is neither RSA nor EC nor Ed25519"},
	    {c.pem, "there is no private key in PEM form in its file"},
	    {SLICE(""), "there is no private key in PEM form in its file"},
	    {SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		"there is no private key in PEM form in its file"},
	    {slice_make(large, sizeof(large)), "its file is too large for a key"},
	};

	memset(large, 'A', sizeof(large));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error why = {""};
		char wanted[300];

		snprintf(wanted, sizeof(wanted), "the key of pki \"mail\" cannot be used: %s",
		    cases[i].reason);
		cr_assert(!keys_load(SLICE("mail"), file_with(cases[i].text, 0600), false, &why));
		cr_assert_str_eq(why.text, wanted);
	}
	EVP_PKEY_free(x25519);
	certificate_fini(&c);
	keys_fini();
}

/* Root's keys are root's alone; what an ordinary user tries out only earns a warning. */
Test(keys, files_of_root)
{
	static const struct {
		mode_t mode;
		bool as_root;
	} cases[] = {
	    {0600, true}, {0400, true}, {0640, true}, {0660, false}, {0644, false}, {0602, false}};
	struct test_certificate c = certificate_make(KEY_P256, "mail.example");
	char pem[4096];
	struct slice text = key_pem(c.key, pem, sizeof(pem));
	struct error why = {""};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_roots = geteuid() == 0;

		cr_assert_eq(keys_load(SLICE("mail"), file_with(text, cases[i].mode), true, &why),
		    cases[i].as_root && is_roots, "mode %o: %s", (unsigned)cases[i].mode, why.text);
		cr_assert(keys_load(SLICE("mail"), file_with(text, cases[i].mode), false, &why));
	}
	if (geteuid() == 0) {
		int fd = file_with(text, 0600);

		cr_assert_eq(fchown(fd, 12345, 12345), 0);
		cr_assert(!keys_load(SLICE("mail"), fd, true, &why));
		cr_assert_str_eq(why.text,
		    "the key of pki \"mail\" cannot be used: its file belongs to user 12345; "
		    "make it root's (chown root)");
	}
	certificate_fini(&c);
	keys_fini();
}
