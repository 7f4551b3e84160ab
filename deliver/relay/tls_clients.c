#include "deliver/relay/tls_clients.h"

#include "common/base/log.h"
#include "common/conf/child.h"

enum { CLIENTS = 64 };

static struct tls_client *verifying, *opportunistic;

static struct {
	struct slice ca, ciphers, protocols; /* the configuration's */
	bool is_verified;
	struct tls_client *client;
} clients[CLIENTS];
static size_t count;

bool
relay_tls_init(struct error *why)
{
	struct tls_client_options strict = {.verify = true}, lax = {.verify = false};

	verifying = tls_client_new(&strict, why);
	opportunistic = tls_client_new(&lax, why);
	return verifying != NULL && opportunistic != NULL;
}

void
relay_tls_forget(void)
{
	while (count > 0)
		tls_client_free(clients[--count].client);
}

static struct tls_client *
make(const struct conf_action *a, struct slice ca, bool is_verified)
{
	struct tls_client_options o = {
	    .verify = is_verified, .ca = ca, .ciphers = a->ciphers.data, .protocols = a->protocols};
	struct error why = {""};

	if (count == CLIENTS)
		error_set(&why, "the actions name more than %d kinds of TLS", CLIENTS);
	else
		clients[count].client = tls_client_new(&o, &why);
	if (count == CLIENTS || clients[count].client == NULL) {
		log_error("action \"%.*s\": %s", SLICE_FMT(a->name), why.text);
		return NULL;
	}
	clients[count].ca = ca;
	clients[count].ciphers = a->ciphers;
	clients[count].protocols = a->protocols;
	clients[count].is_verified = is_verified;
	return clients[count++].client;
}

struct tls_client *
relay_tls_client(const struct conf_action *a, bool is_verified)
{
	const struct conf_ca *named =
	    a == NULL || a->ca.len == 0 ? NULL : conf_find_ca(child_conf(), a->ca);
	struct slice ca = named == NULL ? SLICE("") : named->certificates;
	bool is_plain =
	    a == NULL || (named == NULL && a->ciphers.len == 0 && a->protocols.len == 0);

	if (is_plain)
		return is_verified ? verifying : opportunistic;
	for (size_t i = 0; i < count; i++) {
		if (clients[i].is_verified == is_verified && slice_equal(clients[i].ca, ca) &&
		    slice_equal(clients[i].ciphers, a->ciphers) &&
		    slice_equal(clients[i].protocols, a->protocols))
			return clients[i].client;
	}
	return make(a, ca, is_verified);
}
