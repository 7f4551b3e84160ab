/*
 * Invariants:
 * 1. relay_transfer_outcome() sends an outcome only for a recipient that has none.
 * 2. A transfer belongs to at most one session, and has at most one request open.
 */
#include "deliver/relay/transfer.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_resolver.h"
#include "common/mail/address.h"
#include "deliver/relay/pool.h"
#include "deliver/relay/server.h"
#include "deliver/relay/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Half an hour is more than the longest ways from a late transfer to its end: the last reply of the
 * envelope, the last block of the message, the reply to the dot. Who is hasty has so long for his
 * envelope. */
enum { ASK_SECONDS = 60, LATE_MINUTES = QR_TRANSFER_MINUTES - 30, HASTY_MINUTES = 3 };

static LIST_HEAD(, relay_transfer) transfers = LIST_HEAD_INITIALIZER(transfers);

struct relay_transfer *
relay_transfer_new(struct channel *queue, uint32_t id, const struct qr_transfer *m)
{
	struct relay_transfer *t = mem_zero(sizeof(*t));

	t->queue = queue;
	t->id = id;
	t->log = (struct log_context){.key = "message", .id = m->message};
	t->message = m->message;
	t->size = m->size;
	t->flags = m->flags;
	t->action = slice_text(m->action);
	t->domain = slice_text(m->domain);
	t->sender = slice_text(m->sender);
	t->envid = slice_text(m->envid);
	t->ret = m->ret;
	t->announced = m->rcpts;
	t->recipients = mem_array(m->rcpts, sizeof(*t->recipients));
	t->fd = -1;
	t->began = loop_now();
	t->is_hasty = m->hasty;
	t->late = moment_after(
	    t->began, t->is_hasty ? SPAN_MINUTES(HASTY_MINUTES) : SPAN_MINUTES(LATE_MINUTES));
	LIST_INSERT_HEAD(&transfers, t, link);
	return t;
}

bool
relay_transfer_add(struct relay_transfer *t, const struct qr_rcpt *m)
{
	struct relay_recipient *r;

	if (t->count == t->announced)
		return false;
	r = &t->recipients[t->count++];
	r->envelope = m->envelope;
	r->address = slice_text(m->address);
	r->original = slice_text(m->original);
	r->orcpt = slice_text(m->orcpt);
	r->notify = m->notify;
	return true;
}

bool
relay_transfer_is_late(const struct relay_transfer *t)
{
	return moment_reached(t->late, loop_now());
}

void
relay_transfer_is_welcome(struct relay_transfer *t)
{
	t->is_hasty = false;
	t->late = moment_after(t->began, SPAN_MINUTES(LATE_MINUTES));
}

void
relay_transfer_outcome(struct relay_transfer *t, struct relay_recipient *r, enum outcome outcome,
    const char *status, const char *reply, const char *mta)
{
	struct qr_outcome m = {.envelope = r->envelope,
	    .outcome = (uint8_t)outcome,
	    .status = slice_of(status),
	    .reply = slice_sub(slice_of(reply), 0, LIMIT_REPLY_TEXT),
	    .mta = slice_of(mta),
	    .dsn = outcome == OUTCOME_RELAYED && t->passes_dsn};

	if (r->is_done)
		return;
	r->is_done = true;
	log_event(&t->log, outcome == OUTCOME_RELAYED ? EV_relayed : EV_relay_failed,
	    WORD("to", r->address), WORD("mta", mta), WORD("status", status), WORD("reply", reply));
	if (t->queue != NULL)
		qr_outcome_send(t->queue, t->id, &m, -1);
}

void
relay_transfer_outcome_all(struct relay_transfer *t, enum outcome outcome, const char *status,
    const char *reply, const char *mta)
{
	for (size_t i = 0; i < t->count; i++)
		relay_transfer_outcome(t, &t->recipients[i], outcome, status, reply, mta);
}

static void
recipient_fini(struct relay_recipient *r)
{
	free(r->address);
	free(r->original);
	free(r->orcpt);
}

void
relay_transfer_end(struct relay_transfer *t)
{
	struct qr_done done = {.destination = (uint8_t)t->destination};

	if (t->queue != NULL)
		qr_done_send(t->queue, t->id, &done, -1);
	if (t->request != 0)
		channel_done(t->asked, t->request);
	LIST_REMOVE(t, link);
	for (size_t i = 0; i < t->count; i++)
		recipient_fini(&t->recipients[i]);
	free(t->recipients);
	free(t->action);
	free(t->domain);
	free(t->sender);
	free(t->envid);
	free(t->helo);
	free(t->octets);
	free(t->user);
	if (t->secret != NULL)
		explicit_bzero(t->secret, strlen(t->secret));
	free(t->secret);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static void
give_up(struct relay_transfer *t, enum outcome outcome, const char *status, const char *why)
{
	relay_transfer_outcome_all(t, outcome, status, why, "");
	if (outcome == OUTCOME_TEMPORARY)
		t->destination = DESTINATION_DOWN;
	relay_transfer_end(t);
}

static const struct {
	const char *status, *why;
} lacks[] = {
    [LACK_8BITMIME] = {"5.6.3", "the message has 8-bit octets, and the server does not take those"},
    [LACK_SIZE] = {"5.3.4", "the message is larger than the server takes"},
};

/* Of the hosts that answered none can take it. The others might, another time. */
static void
end_weak(struct relay_transfer *t)
{
	const char *why = lacks[t->lack].why;
	struct error text;

	if (!relay_route_is_weak(&t->route)) {
		error_set(&text, "%s; of the other hosts none can be asked now%s%s", why,
		    t->reason.text[0] == '\0' ? "" : ": ", t->reason.text);
		relay_transfer_outcome_all(t, OUTCOME_TEMPORARY, "4.4.1", text.text, t->weak_host);
	} else {
		error_set(&text, "%s%s", why,
		    t->route.count > 1 ? ", nor do the others that were asked take it" : "");
		relay_transfer_outcome_all(
		    t, OUTCOME_PERMANENT, lacks[t->lack].status, text.text, t->weak_host);
	}
	relay_transfer_end(t);
}

void
relay_transfer_next_host(struct relay_transfer *t, const char *why)
{
	t->session = NULL;
	if (why != NULL)
		error_set(&t->reason, "%s", why);
	if (relay_transfer_is_late(t)) {
		give_up(t, OUTCOME_TEMPORARY, "4.4.7", "the way to the server took too long");
		return;
	}
	for (; t->route.next < t->route.count; t->route.next++) {
		struct relay_candidate *c = &t->route.candidates[t->route.next];
		bool is_reachable = t->source.family == 0 || t->source.family == c->address.family;

		t->session = is_reachable ? relay_session_open(t, c) : NULL;
		if (t->session != NULL)
			return;
		if (is_reachable || t->reason.text[0] == '\0')
			error_set(&t->reason, "%s",
			    is_reachable ? "cannot open a connection"
					 : "no host has an address of the kind of src");
	}
	if (t->is_crowded) {
		t->destination = DESTINATION_BUSY;
		relay_transfer_end(t);
	} else if (t->lack != LACK_NOTHING) {
		end_weak(t);
	} else {
		give_up(t, OUTCOME_TEMPORARY, "4.4.1",
		    t->reason.text[0] == '\0' ? "no host answers" : t->reason.text);
	}
}

void
relay_transfer_lacks(struct relay_transfer *t, enum relay_lack lack, const char *host)
{
	t->lack = lack;
	slice_copy(slice_of(host), t->weak_host, sizeof(t->weak_host));
	t->route.candidates[t->route.next++].is_weak = true;
	relay_transfer_next_host(t, NULL);
}

void
relay_transfer_met_self(struct relay_transfer *t, struct slice name)
{
	const struct relay_route *r = &t->route;
	struct error why;

	t->session = NULL;
	error_set(
	    &why, "the domain's host greets by this server's own name, %.*s", SLICE_FMT(name));
	if (r->candidates[0].preference < r->candidates[r->next].preference)
		give_up(t, OUTCOME_TEMPORARY, "4.4.1", "no host that is before this one answers");
	else
		give_up(t, OUTCOME_PERMANENT, "5.4.6", why.text);
}

static void
on_ask_ended(void *owner, enum channel_end why)
{
	struct relay_transfer *t = owner;

	t->request = 0;
	give_up(t, OUTCOME_TEMPORARY, "4.3.0", "a process of this server does not answer now");
}

/* Where nobody can be asked the transfer is over. */
static void
ask(struct relay_transfer *t, struct channel *c, const struct ipc_schema *schema,
    const void *message, void (*answer)(void *owner, struct ipc_message *m))
{
	struct channel_request r = {.answer = answer,
	    .ended = on_ask_ended,
	    .owner = t,
	    .deadline = SPAN_SECONDS(ASK_SECONDS)};

	t->asked = c;
	t->request = channel_ask(c, &r, schema, message);
	if (t->request == 0)
		on_ask_ended(t, CHANNEL_DOWN);
}

static void
asked(struct relay_transfer *t)
{
	channel_done(t->asked, t->request);
	t->request = 0;
}

/* As which MX this host stands in a domain's list. */
static struct slice
own_name(const struct relay_transfer *t)
{
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(t->action));

	return a != NULL && a->backup_mx.len > 0 ? a->backup_mx : child_conf()->global.hostname;
}

/* The hosts are known, with an address at least. */
static void
try_hosts(struct relay_transfer *t)
{
	enum relay_way way = WAY_ON;

	if (t->route.host[0] == '\0')
		way = relay_route_without_self(&t->route, own_name(t));
	switch (way) {
	case WAY_ON:
		relay_transfer_next_host(t, NULL);
		return;
	case WAY_BACK:
		give_up(t, OUTCOME_PERMANENT, "5.4.6",
		    "the domain's mail would come back to this server");
		return;
	case WAY_UNKNOWN:
		give_up(t, OUTCOME_TEMPORARY, "4.4.4",
		    "no host that is before this one has an address now");
		return;
	}
}

/* What a name lacks for good is its owner's to hear: of a domain the sender, but of a host that the
 * configuration names the administrator, who mends it while the mail waits. */
static void
take_lack(struct relay_transfer *t, const char *status, const char *why)
{
	if (t->route.host[0] != '\0')
		give_up(t, OUTCOME_TEMPORARY, "4.3.5", why);
	else
		give_up(t, OUTCOME_PERMANENT, status, why);
}

static void
take_status(struct relay_transfer *t, const struct ar_done *done)
{
	const char *place = t->route.host[0] != '\0' ? t->route.host : t->domain;
	struct error why;

	error_set(&why, "%s: %.*s", place, SLICE_FMT(done->reason));
	switch ((enum ar_status)done->status) {
	case DNS_OK:
		try_hosts(t);
		return;
	case DNS_NULL_MX:
		take_lack(t, "5.1.10", why.text);
		return;
	case DNS_NONE:
		take_lack(t, "5.1.2", why.text);
		return;
	case DNS_BOGUS:
		give_up(t, OUTCOME_TEMPORARY, "4.7.5", why.text);
		return;
	case DNS_TEMPORARY:
		give_up(t, OUTCOME_TEMPORARY, "4.4.3", why.text);
		return;
	}
}

static void
on_hosts(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = owner;

	if (m->schema == &ar_host_schema) {
		const struct ar_host *h = m->body;

		relay_route_add(&t->route, h->address, h->name, h->preference);
	} else if (m->schema == &ar_done_schema) {
		asked(t);
		take_status(t, m->body);
	} else {
		channel_violation(m->channel, m->schema->name);
	}
}

static void
find_hosts(struct relay_transfer *t)
{
	struct netaddr literal;
	struct slice host = slice_of(t->route.host), domain = slice_of(t->domain);

	if (host.len == 0 && domain.len > 2 && domain.data[0] == '[') {
		host = slice_sub(domain, 1, domain.len - 2);
		if (slice_has_prefix_nocase(host, SLICE("IPv6:")))
			host = slice_from(host, 5);
	}
	if (host.len > 0 && netaddr_parse(host, &literal)) {
		relay_route_add(&t->route,
		    slice_make((const char *)literal.octets, literal.family == AF_INET ? 4 : 16),
		    host, 0);
		relay_transfer_next_host(t, NULL);
		return;
	}
	if (host.len > 0)
		ask(t, relay_server.resolver, &ar_address_schema,
		    &(struct ar_address){.host = host}, on_hosts);
	else
		ask(t, relay_server.resolver, &ar_mx_schema, &(struct ar_mx){.domain = domain},
		    on_hosts);
}

static void prepare(struct relay_transfer *t);

static void
on_credentials(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = owner;
	const struct al_value *v = m->body;
	ptrdiff_t colon;

	asked(t);
	colon = slice_find(v->value, ':');
	if (!v->found || colon < 0) {
		give_up(
		    t, OUTCOME_TEMPORARY, "4.7.0", "there are no credentials for the smarthost");
		return;
	}
	t->user = slice_text(slice_sub(v->value, 0, (size_t)colon));
	t->secret = slice_text(slice_from(v->value, (size_t)colon + 1));
	prepare(t);
}

static void
on_source(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = owner;
	const struct al_value *v = m->body;

	asked(t);
	if (!v->found || !netaddr_parse(v->value, &t->source))
		give_up(
		    t, OUTCOME_TEMPORARY, "4.3.5", "the table of source addresses has no address");
	else
		prepare(t);
}

static void
on_helo(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = owner;
	const struct al_value *v = m->body;

	asked(t);
	if (v->found && v->value.len > 0 && v->value.len <= LIMIT_HOSTNAME)
		t->helo = slice_text(v->value);
	prepare(t);
}

static void
fetch(struct relay_transfer *t, enum al_service service, struct slice table, struct slice key,
    void (*answer)(void *owner, struct ipc_message *m))
{
	struct al_fetch m = {.service = (uint8_t)service, .table = table, .key = key};

	ask(t, relay_server.lookup, &al_fetch_schema, &m, answer);
}

/* What lookup knows, one question after the other: credentials, where from, by what name. */
static void
prepare(struct relay_transfer *t)
{
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(t->action));
	char address[NETADDR_TEXT];

	if (a == NULL) {
		give_up(t, OUTCOME_TEMPORARY, "4.3.5", "the action is not configured any more");
	} else if (t->route.label[0] != '\0' && a->auth_table.len > 0 && t->user == NULL) {
		fetch(
		    t, FETCH_CREDENTIALS, a->auth_table, slice_of(t->route.label), on_credentials);
	} else if (a->src_table.len > 0 && !t->has_asked_source) {
		t->has_asked_source = true;
		fetch(t, FETCH_SOURCE, a->src_table, SLICE(""), on_source);
	} else if (a->helo_table.len > 0 && t->source.family != 0 && !t->has_asked_helo) {
		t->has_asked_helo = true;
		fetch(t, FETCH_ADDRNAME, a->helo_table,
		    slice_of(netaddr_format(&t->source, address)), on_helo);
	} else {
		find_hosts(t);
	}
}

/* With the URL known. */
static void
go(struct relay_transfer *t, const struct conf_action *a, struct slice url)
{
	struct error why = {""};

	if (!relay_route_init(&t->route, child_conf(), a, url, &why)) {
		give_up(t, OUTCOME_TEMPORARY, "4.3.5", why.text);
		return;
	}
	t->rules = relay_pool_rules();
	if (a->src.len > 0)
		netaddr_parse(a->src, &t->source);
	t->session = relay_pool_take(t);
	if (t->session != NULL)
		relay_session_go(t->session, t);
	else
		prepare(t);
}

void
relay_transfer_anew(struct relay_transfer *t)
{
	t->session = NULL;
	prepare(t);
}

static void
on_value(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = owner;
	const struct al_value *v = m->body;
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(t->action));

	asked(t);
	if (!v->found || a == NULL)
		give_up(t, OUTCOME_TEMPORARY, "4.3.5",
		    "the table of relay hosts has nothing for this domain");
	else
		go(t, a, v->value);
}

/* Makes an address one that a server without SMTPUTF8 can have: the domain in A-labels. False: its
 * local part has no such form. */
static bool
make_ascii(struct relay_recipient *r)
{
	struct buf text = {0};
	struct address a;

	if (utf8_is_ascii(slice_of(r->address)))
		return true;
	if (address_parse(slice_of(r->address), ADDRESS_ALLOW_UTF8, &a) != ADDRESS_OK ||
	    !utf8_is_ascii(a.local))
		return false;
	address_local_canonical(&text, &a);
	buf_add_char(&text, '@');
	address_domain_folded(&text, &a);
	free(r->address);
	r->address = buf_take(&text, NULL);
	return true;
}

/* No server is spoken to with SMTPUTF8, so recipients that need it come back at once (RFC
 * 6531 3.2). */
static void
leave_out_utf8(struct relay_transfer *t)
{
	for (size_t i = 0; i < t->count;) {
		struct relay_recipient *r = &t->recipients[i];

		if (make_ascii(r)) {
			i++;
			continue;
		}
		relay_transfer_outcome(t, r, OUTCOME_PERMANENT, "5.6.7",
		    "the address is not ASCII, and this server does not send with SMTPUTF8", "");
		recipient_fini(r);
		*r = t->recipients[--t->count];
	}
}

bool
relay_transfer_start(struct relay_transfer *t, struct slice octets, int fd)
{
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(t->action));

	if (t->count != t->announced || (fd < 0 && octets.len != t->size)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	t->fd = fd;
	if (fd < 0)
		t->octets = mem_text(octets.data, octets.len);
	leave_out_utf8(t);
	if (t->count == 0) {
		relay_transfer_end(t);
	} else if (a == NULL) {
		give_up(t, OUTCOME_TEMPORARY, "4.3.5", "the action is not configured any more");
	} else if (a->host_table.len > 0 || a->domain_table.len > 0) {
		fetch(t, FETCH_RELAYHOST, a->host_table.len > 0 ? a->host_table : a->domain_table,
		    a->host_table.len > 0 ? SLICE("") : slice_of(t->domain), on_value);
	} else {
		go(t, a, a->host);
	}
	return true;
}

void
relay_transfers_forget(struct channel *queue)
{
	struct relay_transfer *t, *next;

	for (t = LIST_FIRST(&transfers); t != NULL; t = next) {
		next = LIST_NEXT(t, link);
		if (t->queue != queue)
			continue;
		t->queue = NULL;
		if (t->session != NULL)
			relay_session_forget(t->session);
	}
}
