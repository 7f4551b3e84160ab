/* From the greeting to a session that is ready: EHLO, STARTTLS, AUTH. */
#include "deliver/relay/session.h"

#include "common/base/encode.h"
#include "common/conf/child.h"
#include "deliver/relay/hanging.h"
#include "deliver/relay/tls_clients.h"

#include <string.h>

static const struct conf_action *
action_of(const struct relay_session *s)
{
	return conf_find_action(child_conf(), slice_of(s->action));
}

static struct slice
helo_name(const struct relay_session *s)
{
	const struct conf_action *a = action_of(s);

	if (s->transfer != NULL && s->transfer->helo != NULL)
		return slice_of(s->transfer->helo);
	return a != NULL && a->helo.len > 0 ? a->helo : child_conf()->global.hostname;
}

void
relay_say_ehlo(struct relay_session *s)
{
	s->offers = (struct relay_offers){0};
	stream_printf(
	    s->stream, "%s %.*s\r\n", s->is_lmtp ? "LHLO" : "EHLO", SLICE_FMT(helo_name(s)));
	relay_move(s, RELAY_EHLO);
}

void
relay_on_greeting(struct relay_session *s)
{
	if (s->reply.code == 220)
		relay_say_ehlo(s);
	else
		relay_session_refused(s, reply_line(&s->reply));
}

static void
take_auth(struct relay_offers *o, struct slice mechanisms)
{
	struct slice word;

	while (slice_word(&mechanisms, &word)) {
		o->auth_plain |= slice_equal_text_nocase(word, "PLAIN");
		o->auth_login |= slice_equal_text_nocase(word, "LOGIN");
	}
}

static void
take_extension(struct relay_offers *o, struct slice line)
{
	struct slice word;

	if (!slice_word(&line, &word))
		return;
	if (slice_equal_text_nocase(word, "PIPELINING"))
		o->pipelining = true;
	else if (slice_equal_text_nocase(word, "STARTTLS"))
		o->starttls = true;
	else if (slice_equal_text_nocase(word, "8BITMIME"))
		o->mime_8bit = true;
	else if (slice_equal_text_nocase(word, "DSN"))
		o->dsn = true;
	else if (slice_equal_text_nocase(word, "AUTH"))
		take_auth(o, line);
	else if (slice_equal_text_nocase(word, "SIZE")) {
		o->size = true;
		slice_number(line, INT64_MAX, &o->size_limit);
	}
}

static void
say_plain(struct relay_session *s)
{
	struct buf message = {.is_secret = true}, encoded = {.is_secret = true};

	buf_add_char(&message, '\0');
	buf_add_text(&message, s->transfer->user);
	buf_add_char(&message, '\0');
	buf_add_text(&message, s->transfer->secret);
	base64_encode(&encoded, buf_slice(&message));
	stream_write(s->stream, SLICE("AUTH PLAIN "));
	stream_write_secret(s->stream, buf_slice(&encoded));
	stream_write(s->stream, SLICE("\r\n"));
	buf_fini(&message);
	buf_fini(&encoded);
	relay_move(s, RELAY_AUTH);
}

/* A line of AUTH LOGIN's, which no RFC describes, but some servers offer nothing else. */
static void
say_secret(struct relay_session *s, const char *text)
{
	struct buf encoded = {.is_secret = true};

	base64_encode(&encoded, slice_of(text));
	buf_add_text(&encoded, "\r\n");
	stream_write_secret(s->stream, buf_slice(&encoded));
	buf_fini(&encoded);
	relay_wait(s);
}

static void
say_login(struct relay_session *s)
{
	s->login_said = 0;
	stream_printf(s->stream, "AUTH LOGIN\r\n");
	relay_move(s, RELAY_AUTH);
}

/* EHLO is through, and TLS if there is to be any. */
static void
say_auth_or_idle(struct relay_session *s)
{
	if (s->transfer->user == NULL)
		relay_session_idle(s);
	else if (!s->is_tls)
		relay_session_refused(s, "no TLS, so the password is not sent");
	else if (s->offers.auth_plain)
		say_plain(s);
	else if (s->offers.auth_login)
		say_login(s);
	else
		relay_session_refused(s, "the server offers neither AUTH PLAIN nor AUTH LOGIN");
}

static void
after_ehlo(struct relay_session *s)
{
	enum relay_security security = s->transfer->route.security;
	bool wants = security == SECURITY_STARTTLS ||
		     (security == SECURITY_OPPORTUNISTIC && !s->candidate->no_tls &&
			 !relay_hanging_has(&s->address, loop_now()));

	if (!s->is_tls && wants && s->offers.starttls) {
		stream_printf(s->stream, "STARTTLS\r\n");
		relay_move(s, RELAY_STARTTLS);
	} else if (!s->is_tls && security == SECURITY_STARTTLS) {
		relay_session_refused(s, "TLS is required, but the server does not offer it");
	} else {
		say_auth_or_idle(s);
	}
}

/* An address that leads back here, whatever name the DNS has for it, greets by our own name. Where
 * an administrator named the host, that is meant so: two servers may share a name. */
static bool
is_self(const struct relay_session *s, struct slice greeting)
{
	struct slice word;

	return s->transfer->route.host[0] == '\0' && slice_word(&greeting, &word) &&
	       slice_equal_nocase(word, child_conf()->global.hostname);
}

void
relay_on_ehlo(struct relay_session *s)
{
	struct slice lines, line;

	if (s->reply.code / 100 == 5 && s->transfer->user == NULL && !s->is_lmtp &&
	    s->transfer->route.security != SECURITY_STARTTLS) {
		stream_printf(s->stream, "HELO %.*s\r\n", SLICE_FMT(helo_name(s)));
		relay_move(s, RELAY_HELO);
		return;
	}
	if (s->reply.code != 250) {
		relay_session_refused(s, reply_line(&s->reply));
		return;
	}
	lines = reply_text(&s->reply);
	slice_split(&lines, '\n', &line);
	if (is_self(s, line)) {
		relay_session_met_self(s);
		return;
	}
	while (slice_split(&lines, '\n', &line))
		take_extension(&s->offers, line);
	after_ehlo(s);
}

void
relay_on_helo(struct relay_session *s)
{
	if (s->reply.code == 250)
		relay_session_idle(s);
	else
		relay_session_refused(s, reply_line(&s->reply));
}

/* Octets in clear behind the 220 would be an injection: the session is broken off (RFC 3207). */
void
relay_on_starttls(struct relay_session *s)
{
	if (s->reply.code != 220) {
		if (s->transfer->route.security == SECURITY_STARTTLS)
			relay_session_refused(s, "TLS is required, but the server refused it");
		else
			say_auth_or_idle(s);
		return;
	}
	if (stream_has_input(s->stream)) {
		relay_session_refused(
		    s, "the server sent octets in clear behind its 220 to STARTTLS");
		return;
	}
	relay_start_tls(s);
}

void
relay_start_tls(struct relay_session *s)
{
	struct tls_client *client = relay_tls_client(action_of(s), s->transfer->route.is_verified);

	if (client == NULL) {
		relay_session_refused(s, "TLS cannot be spoken as the action says; see the log");
		return;
	}
	relay_move(s, RELAY_TLS);
	stream_start_tls_client(s->stream, client, s->name);
}

void
relay_on_auth(struct relay_session *s)
{
	if (s->reply.code == 235)
		relay_session_idle(s);
	else if (s->reply.code == 334 && !s->offers.auth_plain && s->login_said < 2)
		say_secret(s, s->login_said++ == 0 ? s->transfer->user : s->transfer->secret);
	else
		relay_session_refused(s, reply_line(&s->reply));
}
