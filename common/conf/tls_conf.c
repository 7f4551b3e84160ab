#include "common/conf/tls_conf.h"

#include "common/base/mem.h"
#include "common/ipc/any_keyholder.h"

enum { SIGN_SECONDS = 10 };

/* A signature asked of keyholder; it goes with the answer. */
struct asking {
	struct tls_signature *signature;
	struct channel *keyholder;
	uint32_t id;
};

static void
on_signed(void *owner, struct ipc_message *m)
{
	struct asking *a = owner;
	const struct ak_signed *s = m->body;

	channel_done(a->keyholder, a->id);
	tls_signed(a->signature, s->ok != 0, s->signature);
	free(a);
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct asking *a = owner;

	tls_signed(a->signature, false, SLICE(""));
	free(a);
}

static void
sign(void *owner, struct tls_signature *s, const unsigned char key[TLS_KEY_HASH], uint16_t scheme,
    struct slice octets)
{
	struct channel **keyholder = owner;
	struct asking *a = mem_zero(sizeof(*a));
	struct channel_request r = {.answer = on_signed,
	    .ended = on_ended,
	    .owner = a,
	    .deadline = SPAN_SECONDS(SIGN_SECONDS)};
	struct ak_sign m = {
	    .key = slice_make((const char *)key, TLS_KEY_HASH), .scheme = scheme, .tbs = octets};

	a->signature = s;
	a->keyholder = *keyholder;
	a->id = ak_sign_ask(*keyholder, &r, &m);
	if (a->id != 0)
		return;
	free(a);
	tls_signed(s, false, SLICE(""));
}

static const char *
ciphers_of(const struct conf *c, const struct conf_listen *l)
{
	bool is_smtp = l->service == SERVICE_SMTP || l->service == SERVICE_SUBMISSION;

	if (l->ciphers.len > 0)
		return l->ciphers.data;
	return is_smtp && c->global.smtp_ciphers.len > 0 ? c->global.smtp_ciphers.data : NULL;
}

static bool
add_certificates(
    struct tls_server *s, const struct conf *c, const struct conf_listen *l, struct error *why)
{
	struct slice names = l->pki, name;
	size_t count = 0;

	for (; ipc_list_next(&names, &name); count++) {
		const struct conf_pki *p = conf_find_pki(c, name);
		struct error reason = {"it is not defined"};

		if (p == NULL || !tls_server_add(s, p->chain, &reason))
			return error_set(why, "pki \"%.*s\": %s", SLICE_FMT(name), reason.text);
	}
	return count > 0 || error_set(why, "TLS needs a certificate; name a pki on the line");
}

struct tls_server *
tls_server_from_conf(const struct conf *c, const struct conf_listen *l, const char *protocol,
    struct channel **keyholder, struct error *why)
{
	const struct conf_ca *ca = l->ca.len == 0 ? NULL : conf_find_ca(c, l->ca);
	struct tls_server_options o = {.context = slice_of(protocol),
	    .alpn = protocol,
	    .ciphers = ciphers_of(c, l),
	    .protocols = l->protocols,
	    .client_ca = ca == NULL ? SLICE("") : ca->certificates,
	    .client_required = l->verify != 0};
	struct tls_signer signer = {.sign = sign, .owner = keyholder};
	struct error reason = {""};
	struct tls_server *s = tls_server_new(&o, &signer, &reason);

	if (s != NULL && add_certificates(s, c, l, &reason))
		return s;
	error_set(why, "listen on %.*s port %u: %s", SLICE_FMT(l->address), l->port, reason.text);
	tls_server_free(s);
	return NULL;
}
