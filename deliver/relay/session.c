/*
 * Invariants:
 * 1. relay_move() is the only writer of the state, and every state has a deadline.
 * 2. A session in the pool is idle: it leaves the pool before it leaves that state.
 * 3. The replies that are awaited are exactly those whose commands were sent; a reply that
 *    nobody waits for ends the session.
 * 4. After the last dot was sent, silence is a temporary failure: the message may arrive twice,
 *    but is never lost.
 */
#include "deliver/relay/session.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "deliver/relay/hanging.h"
#include "deliver/relay/pool.h"
#include "deliver/relay/server.h"

#include <stdio.h>
#include <string.h>

enum { SESSION_MESSAGES = 100, LINES_IN_A_TURN = 64 };

static const struct {
	const char *name;
	int seconds, hasty;
	unsigned next;
} states[] = {
#define S(name, waits, seconds, hasty, next) {waits, seconds, hasty, next},
    RELAY_STATES(S)
#undef S
};

static LIST_HEAD(, relay_session) sessions = LIST_HEAD_INITIALIZER(sessions);
static size_t session_count;

size_t
relay_sessions(void)
{
	return session_count;
}

size_t
relay_sessions_sending(void)
{
	const struct relay_session *s;
	size_t n = 0;

	LIST_FOREACH (s, &sessions, link)
		n += s->state == RELAY_BODY || s->state == RELAY_DOT;
	return n;
}

static void
set_deadline(struct relay_session *s)
{
	bool is_hasty = s->transfer != NULL && s->transfer->is_hasty;

	timer_start(&s->deadline,
	    SPAN_SECONDS(is_hasty ? states[s->state].hasty : states[s->state].seconds));
}

void
relay_wait(struct relay_session *s)
{
	if (s->transfer == NULL || !relay_transfer_is_late(s->transfer))
		set_deadline(s);
}

void
relay_move(struct relay_session *s, enum relay_state next)
{
	ASSERT(states[s->state].next & (1U << next));
	s->state = next;
	set_deadline(s);
	if (next == RELAY_CLOSING) {
		relay_pool_remove(s);
		task_queue(&s->again);
	}
}

static void
free_session(struct relay_session *s)
{
	ASSERT(s->transfer == NULL && !s->is_pooled);
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	stream_finish(s->stream);
	reply_fini(&s->reply);
	LIST_REMOVE(s, link);
	session_count--;
	free(s->action);
	free(s->place);
	free(s);
}

/* No TLS came about, or what came about is mute: the server closed, spoke nonsense, or nothing. */
static void
note_tls(struct relay_session *s)
{
	s->tls_refused |= s->state == RELAY_STARTTLS || s->state == RELAY_TLS ||
			  (s->state == RELAY_EHLO && s->is_tls);
}

/* Whether another connection of ours to this server has come so far at least. */
static bool
has_company(const struct relay_session *s, enum relay_state least)
{
	const struct relay_session *other;

	LIST_FOREACH (other, &sessions, link) {
		if (other != s && other->state >= least && other->state != RELAY_CLOSING &&
		    relay_route_is_same(&other->address, &s->address))
			return true;
	}
	return false;
}

/*
 * A server that lets others of our connections in and turns this one away, by 4yz before it heard
 * of a message or without a word at the door, is up: it wants no more of them at a time. Others
 * that are not greeted yet count too, for it may turn one away before it greets them; where it
 * turns all away, the last one has no company. Where it was only silent, the others must have heard
 * it speak: a server that never does is none that is busy.
 */
static bool
is_one_too_many(const struct relay_session *s)
{
	int code = s->reply.code;

	switch (s->state) {
	case RELAY_CONNECT:
		return has_company(s, RELAY_EHLO);
	case RELAY_GREETING:
		return (code == 0 || code / 100 == 4) &&
		       has_company(s, s->is_silent ? RELAY_EHLO : RELAY_GREETING);
	case RELAY_EHLO:
	case RELAY_HELO:
		return code / 100 == 4 && has_company(s, RELAY_GREETING);
	case RELAY_ENVELOPE:
		return code == 421 && s->replies_seen == 0 && !s->is_reused &&
		       has_company(s, RELAY_GREETING);
	case RELAY_STARTTLS:
	case RELAY_TLS:
	case RELAY_AUTH:
	case RELAY_IDLE:
	case RELAY_BODY:
	case RELAY_DOT:
	case RELAY_RESET:
	case RELAY_QUIT:
	case RELAY_CLOSING:
	case RELAY_STATE_COUNT:
		break;
	}
	return false;
}

void
relay_session_refused(struct relay_session *s, const char *why)
{
	struct relay_transfer *t = s->transfer;
	bool is_crowded = t != NULL && is_one_too_many(s);
	char text[300];

	snprintf(text, sizeof(text), "%s: %s", s->name, why);
	if (is_crowded) {
		t->is_crowded = true;
		log_event(&t->log, EV_relay_busy, WORD("mta", s->name), WORD("reply", why));
		relay_pool_make_room(s);
	}
	s->transfer = NULL;
	if (s->state != RELAY_CLOSING)
		relay_move(s, RELAY_CLOSING);
	if (t == NULL)
		return;
	/* Opportunistic TLS that does not come about is tried once more in clear (RFC 7435). */
	if (s->tls_refused && t->route.security == SECURITY_OPPORTUNISTIC && !s->candidate->no_tls)
		s->candidate->no_tls = true;
	else
		t->route.next++;
	relay_transfer_next_host(t, text);
}

void
relay_session_met_self(struct relay_session *s)
{
	struct relay_transfer *t = s->transfer;

	s->transfer = NULL;
	relay_move(s, RELAY_CLOSING);
	relay_transfer_met_self(t, child_conf()->global.hostname);
}

/* A server that took the session but gives up at MAIL has not judged the message: where there is
 * another host, that one is asked, as it would be had the first not answered at all (RFC
 * 5321 5.1). */
static bool
may_go_elsewhere(const struct relay_session *s)
{
	const struct relay_transfer *t = s->transfer;

	return t != NULL && s->state == RELAY_ENVELOPE && s->replies_seen == 0 && !s->is_reused &&
	       t->route.next + 1 < t->route.count;
}

void
relay_session_broken(struct relay_session *s, const char *why)
{
	struct relay_transfer *t = s->transfer;
	bool is_stale;

	if (!s->is_ready || may_go_elsewhere(s) || is_one_too_many(s)) {
		note_tls(s);
		relay_session_refused(s, why);
		return;
	}
	/* A kept connection may have been given up by the server meanwhile: that says
	 * nothing yet. */
	is_stale = s->is_reused && s->state == RELAY_ENVELOPE && s->replies_seen == 0;
	s->transfer = NULL;
	if (s->state != RELAY_CLOSING)
		relay_move(s, RELAY_CLOSING);
	if (t == NULL)
		return;
	if (is_stale) {
		relay_transfer_anew(t);
		return;
	}
	relay_transfer_outcome_all(t, OUTCOME_TEMPORARY, "4.4.2", why, s->name);
	relay_transfer_end(t);
}

void
relay_session_forget(struct relay_session *s)
{
	struct relay_transfer *t = s->transfer;

	if (s->state != RELAY_ENVELOPE && s->state != RELAY_BODY)
		return;
	s->transfer = NULL;
	relay_move(s, RELAY_CLOSING);
	relay_transfer_end(t);
}

void
relay_session_quit(struct relay_session *s)
{
	relay_pool_remove(s);
	stream_printf(s->stream, "QUIT\r\n");
	relay_move(s, RELAY_QUIT);
}

void
relay_session_idle(struct relay_session *s)
{
	relay_move(s, RELAY_IDLE);
	s->is_ready = true;
	s->candidate = NULL;
	if (s->transfer != NULL)
		relay_say_envelope(s);
	else if (s->messages >= SESSION_MESSAGES || !relay_pool_add(s))
		relay_session_quit(s);
}

void
relay_session_go(struct relay_session *s, struct relay_transfer *t)
{
	s->transfer = t;
	s->is_reused = true;
	relay_say_envelope(s);
}

static void
on_reply(struct relay_session *s)
{
	switch (s->state) {
	case RELAY_GREETING:
		relay_on_greeting(s);
		return;
	case RELAY_EHLO:
		relay_on_ehlo(s);
		return;
	case RELAY_HELO:
		relay_on_helo(s);
		return;
	case RELAY_STARTTLS:
		relay_on_starttls(s);
		return;
	case RELAY_AUTH:
		relay_on_auth(s);
		return;
	case RELAY_ENVELOPE:
		relay_on_envelope(s);
		return;
	case RELAY_DOT:
		relay_on_dot(s);
		return;
	case RELAY_RESET:
		relay_on_reset(s);
		return;
	case RELAY_QUIT:
		relay_move(s, RELAY_CLOSING);
		return;
	case RELAY_BODY:
		relay_on_early_reply(s);
		return;
	case RELAY_IDLE:
		relay_session_broken(s, "the server closed the session");
		return;
	case RELAY_CONNECT:
	case RELAY_TLS:
	case RELAY_CLOSING:
	case RELAY_STATE_COUNT:
		break;
	}
	PANIC("a reply where none can be read");
}

/* One line of a reply; false when there is no more for now. */
static bool
read_line(struct relay_session *s)
{
	struct slice line;

	switch (stream_line(s->stream, LIMIT_SMTP_COMMAND, &line)) {
	case STREAM_OK:
	case STREAM_BARE:
		break;
	case STREAM_AGAIN:
		return false;
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
		relay_session_broken(s, "a reply line without end");
		return true;
	case STREAM_CLOSED:
		relay_session_broken(s, stream_failure(s->stream)[0] != '\0'
					    ? stream_failure(s->stream)
					    : "the server closed the connection");
		return true;
	}
	switch (reply_feed(&s->reply, line)) {
	case REPLY_MORE:
		break;
	case REPLY_DONE:
		on_reply(s);
		reply_reset(&s->reply);
		break;
	case REPLY_BAD:
		relay_session_broken(s, "the server's reply is malformed");
		break;
	}
	return true;
}

static bool
when_connecting(struct relay_session *s)
{
	if (stream_failure(s->stream)[0] != '\0') {
		relay_session_refused(s, stream_failure(s->stream));
		return true;
	}
	if (stream_is_connecting(s->stream))
		return false;
	if (s->transfer->route.security == SECURITY_SMTPS) {
		relay_start_tls(s);
	} else {
		relay_move(s, RELAY_GREETING);
	}
	return true;
}

static bool
when_tls(struct relay_session *s)
{
	struct slice nothing;

	if (stream_failure(s->stream)[0] != '\0') {
		s->tls_refused = true;
		relay_session_refused(s, stream_failure(s->stream));
		return true;
	}
	if (stream_is_handshaking(s->stream)) {
		stream_peek(s->stream, &nothing);
		return false;
	}
	s->is_tls = true;
	if (s->transfer->route.security == SECURITY_SMTPS)
		relay_move(s, RELAY_GREETING);
	else
		relay_say_ehlo(s);
	return true;
}

static void
step(struct relay_session *s)
{
	bool more = true;

	for (int i = 0; i < LINES_IN_A_TURN && more; i++) {
		if (s->state == RELAY_CLOSING) {
			free_session(s);
			return;
		}
		if (s->state == RELAY_CONNECT)
			more = when_connecting(s);
		else if (s->state == RELAY_TLS)
			more = when_tls(s);
		else
			more = read_line(s);
	}
	if (s->state == RELAY_BODY)
		relay_send_body(s);
	if (more)
		task_queue(&s->again);
}

static void
on_again(void *owner)
{
	step(owner);
}

static void
on_deadline(void *owner)
{
	struct relay_session *s = owner;
	char why[100];

	if (s->state == RELAY_IDLE) {
		relay_session_quit(s);
		return;
	}
	if (s->state == RELAY_STARTTLS || s->state == RELAY_TLS)
		relay_hanging_add(&s->address, loop_now());
	s->is_silent = true;
	snprintf(why, sizeof(why), "timeout while waiting for %s", states[s->state].name);
	relay_session_broken(s, why);
	if (s->state != RELAY_CLOSING)
		relay_move(s, RELAY_CLOSING);
}

struct relay_session *
relay_session_open(struct relay_transfer *t, struct relay_candidate *c)
{
	struct relay_session *s = mem_zero(sizeof(*s));

	s->is_lmtp = t->route.is_lmtp;
	s->stream =
	    stream_connect(&c->address, t->source.family != 0 ? &t->source : NULL, on_again, s);
	if (s->stream == NULL) {
		free(s);
		return NULL;
	}
	s->transfer = t;
	s->rules = t->rules;
	s->candidate = c;
	s->address = c->address;
	s->action = slice_text(slice_of(t->action));
	s->place = relay_route_place(&t->route, slice_of(t->domain));
	slice_copy(slice_of(c->name), s->name, sizeof(s->name));
	reply_init(&s->reply);
	task_init(&s->again, on_again, s);
	timer_init(&s->deadline, on_deadline, s);
	set_deadline(s);
	LIST_INSERT_HEAD(&sessions, s, link);
	session_count++;
	return s;
}
