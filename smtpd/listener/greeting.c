/*
 * What comes before the first word of a session: the header of a proxy, the client's name in DNS,
 * our own name on the address it came to. The greeting waits for all of them, so that every rule
 * and trace field can use them.
 */
#include "smtpd/listener/greeting.h"

#include "common/ipc/any_lookup.h"
#include "common/ipc/any_resolver.h"
#include "common/net/proxy.h"

enum { NAME_SECONDS = 5 };

static void
on_name(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	const struct ar_name *n;

	if (m->schema != &ar_name_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	n = m->body;
	if (n->status == DNS_OK && n->name.len > 0) {
		s->rdns = slice_text(n->name);
		s->is_confirmed_rdns = n->confirmed != 0;
	}
	channel_done(m->channel, s->ptr_request);
	s->ptr_request = 0;
	session_step(&s->base);
}

static void
on_no_name(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->ptr_request = 0;
	session_step(&s->base);
}

/* Asks for the client's name, unless it is this machine or nobody answers. */
static void
ask_name(struct smtp_session *s)
{
	struct channel_request r = {.answer = on_name,
	    .ended = on_no_name,
	    .owner = s,
	    .deadline = SPAN_SECONDS(NAME_SECONDS)};
	struct ar_ptr ptr = {.address = slice_make((const char *)s->base.peer.octets,
				 s->base.peer.family == AF_INET6 ? 16 : 4)};

	if (netaddr_is_loopback(&s->base.peer))
		return;
	s->ptr_request = ar_ptr_ask(smtp_server.resolver, &r, &ptr);
}

static void
on_hostname(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	const struct al_value *v;

	if (m->schema != &al_value_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	v = m->body;
	if (v->found && v->value.len > 0 && v->value.len <= LIMIT_HOSTNAME)
		s->hostname = slice_text(v->value);
	channel_done(m->channel, s->hostname_request);
	s->hostname_request = 0;
	session_step(&s->base);
}

static void
on_no_hostname(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->hostname_request = 0;
	session_step(&s->base);
}

/* listen … hostnames <table>: what this host is called depends on where the client came to. */
static void
ask_hostname(struct smtp_session *s)
{
	struct channel_request r = {.answer = on_hostname,
	    .ended = on_no_hostname,
	    .owner = s,
	    .deadline = SPAN_SECONDS(NAME_SECONDS)};
	char address[NETADDR_TEXT];
	struct al_fetch q = {.service = FETCH_ADDRNAME,
	    .table = s->base.service->listen->hostnames,
	    .key = slice_of(netaddr_format(&s->local, address))};

	if (q.table.len == 0)
		return;
	s->hostname_request = al_fetch_ask(smtp_server.lookup, &r, &q);
}

static void
ask_names(struct smtp_session *s)
{
	char text[NETADDR_TEXT];

	log_event(&s->base.log, EV_connect, WORD("from", netaddr_format(&s->base.peer, text)),
	    NUM("port", s->base.service->listen->port));
	ask_name(s);
	ask_hostname(s);
}

void
smtp_greeting_begin(struct smtp_session *s)
{
	if (s->base.service->listen->proxy_v2)
		smtp_move(s, SMTP_PROXY);
	else
		ask_names(s);
}

void
smtp_greeting_end(struct smtp_session *s)
{
	if (s->ptr_request != 0)
		channel_done(smtp_server.resolver, s->ptr_request);
	if (s->hostname_request != 0)
		channel_done(smtp_server.lookup, s->hostname_request);
	s->ptr_request = s->hostname_request = 0;
	buf_fini(&s->proxy);
}

/* Takes what belongs to the header, and no octet more: TLS may begin right behind it. */
static enum session_next
take_header(struct smtp_session *s, struct slice octets)
{
	size_t need = proxy_need(buf_slice(&s->proxy)), n = 0;

	if (need > s->proxy.len) {
		n = need - s->proxy.len;
		n = n < octets.len ? n : octets.len;
		buf_add(&s->proxy, octets.data, n);
		stream_consume(s->base.stream, n);
		need = proxy_need(buf_slice(&s->proxy));
	}
	if (need > s->proxy.len)
		return SESSION_GO_ON;
	if (need == 0 || !proxy_parse(buf_slice(&s->proxy), &s->base.peer, &s->local)) {
		log_event(&s->base.log, EV_refused, WORD("why", "no header of the PROXY protocol"));
		smtp_move(s, SMTP_CLOSING);
		return SESSION_GO_ON;
	}
	buf_fini(&s->proxy);
	smtp_move(s, SMTP_GREETING);
	ask_names(s);
	return SESSION_GO_ON;
}

enum session_next
smtp_when_proxy(struct smtp_session *s)
{
	struct slice octets;
	enum session_next next;

	return session_peek(&s->base, &octets, &next) ? take_header(s, octets) : next;
}

enum session_next
smtp_when_greeting(struct smtp_session *s)
{
	if (s->base.service->listen->tls == TLS_IMPLICIT && !s->base.is_tls) {
		smtp_move(s, SMTP_TLS);
		session_start_tls(&s->base);
		return SESSION_GO_ON;
	}
	if (s->ptr_request != 0 || s->hostname_request != 0)
		return SESSION_WAIT;
	smtp_reply(s, 220, "", "%s ESMTP Kurir", smtp_hostname(s));
	smtp_move(s, SMTP_COMMAND);
	return SESSION_GO_ON;
}
