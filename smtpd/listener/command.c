#include "smtpd/listener/command.h"

#include "smtpd/listener/extension.h"

static const struct {
	enum smtp_verb verb;
	void (*run)(struct smtp_session *s, const struct smtp_command *c);
} verbs[] = {
#define C(verb, name) {SMTP_VERB_##verb, smtp_command_##name},
    SMTP_COMMANDS(C)
#undef C
};

/* Whatever is asked: the verbs there are. */
void
smtp_command_help(struct smtp_session *s, const struct smtp_command *c)
{
	struct buf names = {0};

	if (!smtp_is_patient(s))
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		buf_printf(&names, "%s ", smtp_verb_name(verbs[i].verb));
	smtp_reply(s, 214, "2.0.0", "%ssee RFC 5321", buf_text(&names));
	buf_fini(&names);
}

static void
run(struct smtp_session *s, struct slice line)
{
	struct smtp_command c;
	enum smtp_syntax_result result = smtp_command_parse(line, smtp_offers(s), &c);

	if (result != SMTP_SYNTAX_OK) {
		smtp_refuse(s, smtp_syntax_code(result), smtp_syntax_enhanced(result), "%s",
		    smtp_syntax_text(result));
		if (result == SMTP_SYNTAX_HTTP)
			smtp_session_shut(s, "4.7.0", "this is no web server");
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (verbs[i].verb == c.verb) {
			verbs[i].run(s, &c);
			return;
		}
	}
	smtp_refuse(s, 502, "5.5.1", "this server does not do that");
}

enum session_next
smtp_when_command(struct smtp_session *s)
{
	struct slice line;

	if (s->errors - s->old_errors > LIMIT_SMTP_ERRORS) {
		smtp_session_shut(s, "4.7.0", "too many errors");
		return SESSION_GO_ON;
	}
	switch (stream_line(s->base.stream, LIMIT_SMTP_COMMAND - 2, &line)) {
	case STREAM_OK:
		session_heard(&s->base);
		run(s, line);
		return s->base.request != 0 ? SESSION_WAIT : SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
		smtp_refuse(s, 500, "5.5.2", "a line ends in CR LF");
		return SESSION_GO_ON;
	case STREAM_TOO_LONG:
		smtp_refuse(
		    s, 500, "5.5.2", "the line is longer than %d octets", LIMIT_SMTP_COMMAND);
		return SESSION_GO_ON;
	case STREAM_FLOOD:
		smtp_session_shut(s, "4.7.0", "a line without end");
		return SESSION_GO_ON;
	case STREAM_CLOSED:
		break;
	}
	smtp_move(s, SMTP_CLOSING);
	return SESSION_GO_ON;
}
