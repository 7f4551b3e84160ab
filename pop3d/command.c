#include "pop3d/command.h"

enum { IN_AUTHORIZATION = 1, IN_TRANSACTION = 2 };

static const struct {
	const char *name;
	int states;
	void (*run)(struct pop3_session *s, struct slice argument);
} commands[] = {
    {"CAPA", IN_AUTHORIZATION | IN_TRANSACTION, pop3_command_capa},
    {"STLS", IN_AUTHORIZATION, pop3_command_stls},
    {"USER", IN_AUTHORIZATION, pop3_command_user},
    {"PASS", IN_AUTHORIZATION, pop3_command_pass},
    {"AUTH", IN_AUTHORIZATION, pop3_command_auth},
    {"STAT", IN_TRANSACTION, pop3_command_stat},
    {"LIST", IN_TRANSACTION, pop3_command_list},
    {"UIDL", IN_TRANSACTION, pop3_command_uidl},
    {"RETR", IN_TRANSACTION, pop3_command_retr},
    {"TOP", IN_TRANSACTION, pop3_command_top},
    {"DELE", IN_TRANSACTION, pop3_command_dele},
    {"NOOP", IN_TRANSACTION, pop3_command_noop},
    {"RSET", IN_TRANSACTION, pop3_command_rset},
    {"QUIT", IN_AUTHORIZATION | IN_TRANSACTION, pop3_command_quit},
};

/* The name ends at the first blank; the rest is the argument, blanks of a password and all. */
static void
run(struct pop3_session *s, struct slice line)
{
	ptrdiff_t blank = slice_find(line, ' ');
	struct slice name = blank < 0 ? line : slice_sub(line, 0, (size_t)blank);
	struct slice argument = blank < 0 ? SLICE("") : slice_from(line, (size_t)blank + 1);
	int state = s->base.state == POP3_TRANSACTION ? IN_TRANSACTION : IN_AUTHORIZATION;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '\0' || line.data[i] == '\r') {
			pop3_err(s, "a command has no NUL and no bare CR");
			return;
		}
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!slice_equal_text_nocase(name, commands[i].name))
			continue;
		/* Whoever is logged in and says what there is goes on, though it may be of no avail. */
		if (commands[i].states & state & IN_TRANSACTION)
			s->errors = 0;
		if (commands[i].states & state)
			commands[i].run(s, argument);
		else if (state == IN_AUTHORIZATION)
			pop3_err(s, "log in first");
		else
			pop3_err(s, "you are logged in already");
		return;
	}
	pop3_err(s, "there is no such command");
}

enum session_next
pop3_when_command(struct pop3_session *s)
{
	struct slice line;

	if (s->errors > LIMIT_SMTP_ERRORS) {
		pop3_session_shut(s, "too many errors");
		return SESSION_GO_ON;
	}
	switch (stream_line(s->base.stream, LIMIT_POP3_LINE, &line)) {
	case STREAM_OK:
		session_heard(&s->base);
		run(s, line);
		if (s->base.state != POP3_TRANSACTION)
			stream_wipe(s->base.stream);
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
		pop3_err(s, "a line ends in CR LF");
		return SESSION_GO_ON;
	case STREAM_TOO_LONG:
		pop3_err(s, "the line is longer than %d octets", LIMIT_POP3_LINE);
		return SESSION_GO_ON;
	case STREAM_FLOOD:
		pop3_session_shut(s, "a line without end");
		return SESSION_GO_ON;
	case STREAM_CLOSED:
		break;
	}
	pop3_move(s, POP3_CLOSING);
	return SESSION_GO_ON;
}
