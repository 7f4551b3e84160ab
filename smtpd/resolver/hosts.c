/*
 * MX records, else the domain's own address (RFC 5321 5.1); a null MX means no mail (RFC 7505).
 * Hosts of one preference are shuffled, and each host's addresses are asked for at once.
 */
#include "smtpd/resolver/hosts.h"

#include "common/base/mem.h"
#include "smtpd/resolver/query.h"
#include "smtpd/resolver/rdata.h"

#include <stdlib.h>
#include <string.h>

struct host {
	struct lookup *lookup;
	uint16_t preference;
	uint32_t shuffle;
	char name[LIMIT_DOMAIN + 1];
	struct {
		unsigned char octets[16];
		size_t len;
		bool secure;
	} addresses[LIMIT_MX_ADDRESSES];
	size_t count;
};

struct lookup {
	struct ipc_asker asker;
	char domain[LIMIT_DOMAIN + 1];
	struct host hosts[LIMIT_MX];
	size_t count;
	int pending; /* questions without an answer yet */
	bool mx_secure, failed, bogus;
	char reason[200];
};

static int
compare_hosts(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return (x->shuffle > y->shuffle) - (x->shuffle < y->shuffle);
}

static void
end_lookup(struct lookup *l, enum ar_status status)
{
	struct ar_done done = {
	    .status = (uint8_t)status, .secure = l->mx_secure, .reason = slice_of(l->reason)};

	ar_done_send(ipc_asker_channel(&l->asker), l->asker.id, &done, -1);
	free(l);
}

/* One line for each address; a host without any is told of too, for it may be before the asker. */
static void
send_host(const struct lookup *l, const struct host *host)
{
	struct ar_host h = {.preference = host->preference, .name = slice_of(host->name)};

	if (host->count == 0)
		ar_host_send(ipc_asker_channel(&l->asker), l->asker.id, &h, -1);
	for (size_t i = 0; i < host->count; i++) {
		h.secure = host->addresses[i].secure;
		h.address =
		    slice_make((const char *)host->addresses[i].octets, host->addresses[i].len);
		ar_host_send(ipc_asker_channel(&l->asker), l->asker.id, &h, -1);
	}
}

/* How many addresses there were. */
static size_t
send_hosts(struct lookup *l)
{
	size_t sent = 0;

	qsort(l->hosts, l->count, sizeof(l->hosts[0]), compare_hosts);
	for (size_t i = 0; i < l->count; i++) {
		send_host(l, &l->hosts[i]);
		sent += l->hosts[i].count;
	}
	return sent;
}

static void
finish(struct lookup *l)
{
	if (send_hosts(l) > 0)
		end_lookup(l, DNS_OK);
	else if (l->bogus)
		end_lookup(l, DNS_BOGUS);
	else if (l->failed)
		end_lookup(l, DNS_TEMPORARY);
	else
		end_lookup(l, DNS_NONE);
}

static void
take_failure(struct lookup *l, const struct query_answer *a)
{
	if (a->status == QUERY_FAILED)
		l->failed = true;
	if (a->status == QUERY_BOGUS)
		l->bogus = true;
	if (a->status != QUERY_FOUND)
		strlcpy(l->reason, a->reason, sizeof(l->reason));
}

static void
on_address(void *owner, const struct query_answer *a)
{
	struct host *h = owner;
	struct lookup *l = h->lookup;

	take_failure(l, a);
	for (size_t i = 0; i < a->count && h->count < LIMIT_MX_ADDRESSES; i++) {
		if (a->records[i].len != 4 && a->records[i].len != 16)
			continue;
		memcpy(h->addresses[h->count].octets, a->records[i].data, a->records[i].len);
		h->addresses[h->count].len = a->records[i].len;
		h->addresses[h->count].secure = a->secure && l->mx_secure;
		h->count++;
	}
	if (--l->pending == 0)
		finish(l);
}

static void
ask_addresses(struct lookup *l)
{
	l->pending = (int)l->count * 2;
	for (size_t i = 0; i < l->count; i++) {
		l->hosts[i].lookup = l;
		query_ask(l->hosts[i].name, QUERY_AAAA, on_address, &l->hosts[i]);
		query_ask(l->hosts[i].name, QUERY_A, on_address, &l->hosts[i]);
	}
}

/* A place for one more host: where there are enough, that of the one to be tried last, if it is
 * later than the new one. NULL: none. */
static struct host *
place_for(struct lookup *l, uint16_t preference)
{
	struct host *last = &l->hosts[0];

	if (l->count < LIMIT_MX)
		return &l->hosts[l->count++];
	for (size_t i = 1; i < LIMIT_MX; i++)
		if (l->hosts[i].preference > last->preference)
			last = &l->hosts[i];
	return preference < last->preference ? last : NULL;
}

static void
add_host(struct lookup *l, uint16_t preference, const char *name)
{
	struct host *h = place_for(l, preference);

	if (h == NULL)
		return;
	h->preference = preference;
	h->shuffle = arc4random();
	strlcpy(h->name, name, sizeof(h->name));
}

static void
take_mx(struct lookup *l, const struct query_answer *a)
{
	bool null_mx = false;

	for (size_t i = 0; i < a->count; i++) {
		uint16_t preference;
		char name[LIMIT_DOMAIN + 1];

		if (!rdata_mx(a->records[i], &preference, name))
			continue;
		if (name[0] == '\0')
			null_mx = true;
		else
			add_host(l, preference, name);
	}
	if (l->count > 0) {
		ask_addresses(l);
		return;
	}
	strlcpy(l->reason, null_mx ? "the domain takes no mail (null MX)" : "no usable MX record",
	    sizeof(l->reason));
	end_lookup(l, null_mx ? DNS_NULL_MX : DNS_NONE);
}

static void
on_mx(void *owner, const struct query_answer *a)
{
	struct lookup *l = owner;

	l->mx_secure = a->secure;
	switch (a->status) {
	case QUERY_FOUND:
		take_mx(l, a);
		return;
	case QUERY_NO_DATA:
		add_host(l, 0, l->domain);
		ask_addresses(l);
		return;
	case QUERY_NO_NAME:
	case QUERY_BOGUS:
	case QUERY_FAILED:
		take_failure(l, a);
		finish(l);
		return;
	}
}

static struct lookup *
new_lookup(struct ipc_asker asker, struct slice name)
{
	struct lookup *l = mem_zero(sizeof(*l));

	l->asker = asker;
	l->mx_secure = true;
	slice_copy(name, l->domain, sizeof(l->domain));
	return l;
}

void
hosts_for_domain(struct ipc_asker asker, const struct ar_mx *q)
{
	struct lookup *l = new_lookup(asker, q->domain);

	query_ask(l->domain, QUERY_MX, on_mx, l);
}

void
hosts_for_name(struct ipc_asker asker, const struct ar_address *q)
{
	struct lookup *l = new_lookup(asker, q->host);

	add_host(l, 0, l->domain);
	ask_addresses(l);
}
