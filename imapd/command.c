/*
 * A line comes in; its first one names the command, so that a literal of a command that will
 * not run is refused before it is sent. When the command is whole it runs.
 */
#include "imapd/command.h"

#include "common/base/mem.h"

enum {
	NOT = IMAP_NOT_AUTHENTICATED,
	AUTH = IMAP_AUTHENTICATED | IMAP_SELECTED,
	SELECTED = IMAP_SELECTED,
	ANY = NOT | AUTH,
	ALONE = 8,   /* takes no argument */
	BY_UID = 16, /* may stand behind UID */
	KEEPS = 64,  /* EXPUNGE may not follow unless it is a UID command */
	TAKES_MESSAGE = 128,
	ERRORS_AFTER_LOGIN = 100,
};

struct imap_command {
	const char *name;
	unsigned flags;
	void (*run)(struct imap_session *s, struct imap_parse *p);
};

static const struct imap_command commands[] = {
    {"APPEND", AUTH | TAKES_MESSAGE, imap_command_append},
    {"AUTHENTICATE", NOT, imap_command_authenticate},
    {"CAPABILITY", ANY | ALONE, imap_command_capability},
    {"CHECK", SELECTED | ALONE, imap_command_check},
    {"CLOSE", SELECTED | ALONE, imap_command_close},
    {"COPY", SELECTED | BY_UID, imap_command_copy},
    {"CREATE", AUTH, imap_command_create},
    {"DELETE", AUTH, imap_command_delete},
    {"ENABLE", AUTH, imap_command_enable},
    {"EXAMINE", AUTH, imap_command_examine},
    {"EXPUNGE", SELECTED | BY_UID, imap_command_expunge},
    {"FETCH", SELECTED | BY_UID | KEEPS, imap_command_fetch},
    {"ID", ANY, imap_command_id},
    {"IDLE", AUTH | ALONE, imap_command_idle},
    {"LIST", AUTH, imap_command_list},
    {"LOGIN", NOT, imap_command_login},
    {"LOGOUT", ANY | ALONE, imap_command_logout},
    {"LSUB", AUTH, imap_command_lsub},
    {"MOVE", SELECTED | BY_UID, imap_command_move},
    {"NAMESPACE", AUTH | ALONE, imap_command_namespace},
    {"NOOP", ANY | ALONE, imap_command_noop},
    {"RENAME", AUTH, imap_command_rename},
    {"SEARCH", SELECTED | BY_UID | KEEPS, imap_command_search},
    {"SELECT", AUTH, imap_command_select},
    {"STARTTLS", NOT | ALONE, imap_command_starttls},
    {"STATUS", AUTH, imap_command_status},
    {"STORE", SELECTED | BY_UID | KEEPS, imap_command_store},
    {"SUBSCRIBE", AUTH, imap_command_subscribe},
    {"UNSELECT", SELECTED | ALONE, imap_command_unselect},
    {"UNSUBSCRIBE", AUTH, imap_command_unsubscribe},
};

bool
imap_command_may_expunge(const struct imap_session *s)
{
	return s->is_idle || (s->command != NULL && (!(s->command->flags & KEEPS) || s->is_uid));
}

static const struct imap_command *
find_command(struct slice name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (slice_equal_text_nocase(name, commands[i].name))
			return &commands[i];
	}
	return NULL;
}

/* Takes tag and name off a command's first line, or says what is wrong with them. */
static const char *
read_name(struct imap_session *s, struct imap_parse *p)
{
	struct slice word;

	if (!imap_parse_word(p, IMAP_TAG, &word) || word.len > IMAP_TAG_OCTETS)
		return "a command begins with a tag";
	if (s->tag == NULL)
		s->tag = slice_text(word);
	if (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_ATOM, &word))
		return "the command's name is missing";
	s->is_uid = slice_equal_text_nocase(word, "UID");
	if (s->is_uid && (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_ATOM, &word)))
		return "UID needs a command";
	s->command = find_command(word);
	if (s->command == NULL || (s->is_uid && !(s->command->flags & BY_UID)))
		return "there is no such command";
	if (s->command->flags & (unsigned)s->level)
		return NULL;
	if (s->level == IMAP_NOT_AUTHENTICATED)
		return "log in first";
	return s->command->flags & NOT ? "you are logged in already" : "select a mailbox first";
}

/* The command's first line: know the command before anything of it is taken. */
static void
begin(struct imap_session *s, struct slice line)
{
	struct imap_parse p = {
	    (char *)(uintptr_t)line.data, (char *)(uintptr_t)line.data + line.len};
	const char *flaw = read_name(s, &p);

	if (flaw != NULL)
		imap_input_spoil(&s->input, "", flaw);
}

static void
run(struct imap_session *s)
{
	struct imap_parse p;

	if (s->input.flaw != NULL) {
		imap_bad(s, s->input.flaw);
		return;
	}
	p = imap_parse_of(&s->input.command);
	if (read_name(s, &p) != NULL || ((s->command->flags & ALONE) && !imap_parse_is_end(&p))) {
		imap_bad(s, "this command takes no argument");
		return;
	}
	if (s->level != IMAP_NOT_AUTHENTICATED)
		s->errors = 0;
	s->command->run(s, &p);
}

static struct imap_input_limits
limits_of(const struct imap_session *s)
{
	size_t message = (size_t)s->base.service->conf->global.max_message;

	if (s->level == IMAP_NOT_AUTHENTICATED)
		return (struct imap_input_limits){.lines = LIMIT_IMAP_LOGIN_LINE,
		    .literal = LIMIT_IMAP_LOGIN_LITERAL,
		    .literals = 4 * LIMIT_IMAP_LOGIN_LITERAL,
		    .skipped = 4 * LIMIT_IMAP_LOGIN_LITERAL};
	if (s->command != NULL && (s->command->flags & TAKES_MESSAGE))
		return (struct imap_input_limits){.lines = LIMIT_IMAP_LINE,
		    .literal = message,
		    .literals = message + LIMIT_IMAP_LITERALS,
		    .skipped = message};
	return (struct imap_input_limits){.lines = LIMIT_IMAP_LINE,
	    .literal = LIMIT_IMAP_LITERALS,
	    .literals = LIMIT_IMAP_LITERALS,
	    .skipped = message};
}

/* The client waits for "+" with its literal, and will not send it. */
static void
refuse_literal(struct imap_session *s)
{
	if (s->input.code[0] != '\0')
		imap_done(s, "NO %s%s", s->input.code, s->input.flaw);
	else
		imap_bad(s, s->input.flaw);
}

static void
begin_literal(struct imap_session *s, bool is_sync)
{
	if (s->command != NULL && (s->command->flags & TAKES_MESSAGE) && s->input.flaw == NULL &&
	    imap_append_begin(s, is_sync))
		return;
	if (is_sync && s->input.flaw != NULL) {
		refuse_literal(s);
		return;
	}
	if (is_sync)
		imap_write(s, SLICE("+ go ahead\r\n"));
	imap_move(s, IMAP_LITERAL);
}

void
imap_command_line(struct imap_session *s, struct slice line)
{
	struct imap_input_limits limits;

	if (s->input.lines == 0)
		begin(s, line);
	limits = limits_of(s);
	switch (imap_input_line(&s->input, line, &limits)) {
	case IMAP_INPUT_DONE:
		run(s);
		break;
	case IMAP_INPUT_ASK:
		begin_literal(s, true);
		break;
	case IMAP_INPUT_OCTETS:
		begin_literal(s, false);
		break;
	case IMAP_INPUT_REFUSE:
		refuse_literal(s);
		break;
	case IMAP_INPUT_BYE:
		imap_session_shut(s, "[TOOBIG] the command is too large");
		break;
	}
}

static size_t
longest_line(const struct imap_session *s)
{
	return s->level == IMAP_NOT_AUTHENTICATED ? LIMIT_IMAP_LOGIN_LINE : LIMIT_IMAP_LINE;
}

enum session_next
imap_when_command(struct imap_session *s)
{
	unsigned most = s->level == IMAP_NOT_AUTHENTICATED ? LIMIT_IMAP_ERRORS : ERRORS_AFTER_LOGIN;
	struct slice line;

	if (!imap_output_is_empty(&s->output))
		return SESSION_WAIT;
	if (s->errors >= most) {
		imap_session_shut(s, "too many errors");
		return SESSION_GO_ON;
	}
	switch (stream_line(s->base.stream, longest_line(s), &line)) {
	case STREAM_OK:
		imap_heard(s);
		imap_command_line(s, line);
		if (s->level == IMAP_NOT_AUTHENTICATED)
			stream_wipe(s->base.stream);
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
		/* What looks like a literal behind it must not be taken for commands. */
		if (line.len > 0 && line.data[line.len - 1] == '}') {
			imap_session_shut(s, "a line ends in CR LF");
			return SESSION_GO_ON;
		}
		if (s->input.lines == 0)
			begin(s, line);
		imap_bad(s, "a line ends in CR LF");
		return SESSION_GO_ON;
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
		imap_session_shut(s, "the line is too long");
		return SESSION_GO_ON;
	case STREAM_CLOSED:
		break;
	}
	imap_move(s, IMAP_CLOSING);
	return SESSION_GO_ON;
}

enum session_next
imap_when_literal(struct imap_session *s)
{
	struct slice octets;

	while (s->input.wanted > 0) {
		switch (stream_peek(s->base.stream, &octets)) {
		case STREAM_OK:
			stream_consume(s->base.stream, imap_input_octets(&s->input, octets));
			imap_heard(s);
			break;
		case STREAM_AGAIN:
			return SESSION_WAIT;
		case STREAM_BARE:
		case STREAM_TOO_LONG:
		case STREAM_FLOOD:
		case STREAM_CLOSED:
			imap_move(s, IMAP_CLOSING);
			return SESSION_GO_ON;
		}
	}
	imap_move(s, IMAP_COMMAND);
	return SESSION_GO_ON;
}

bool
imap_parse_set(struct imap_session *s, struct imap_parse *p, struct imap_set *set)
{
	struct slice text;

	*set = (struct imap_set){0};
	if (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_NUMBERS, &text) ||
	    !imap_set_parse(set, text)) {
		imap_bad(s, "that is no set of numbers");
		return false;
	}
	if (!imap_view_resolve(s->view, set, s->is_uid)) {
		imap_set_fini(set);
		imap_bad(s, "there are fewer messages than that");
		return false;
	}
	return true;
}

bool
imap_parse_mailbox(struct imap_session *s, struct imap_parse *p, struct buf *name)
{
	struct slice wire;

	if (!imap_parse_argument(p, &wire)) {
		imap_bad(s, "the name of a mailbox is missing");
		return false;
	}
	if (imap_mailbox_name(wire, name))
		return true;
	imap_done(s, "NO [CANNOT] no mailbox can have this name");
	return false;
}

bool
imap_pack_set(const struct imap_session *s, const struct imap_set *set, struct buf *uids)
{
	enum { MOST = 64000 / 8 };

	if (set->count > MOST)
		return false;
	for (size_t i = 0; i < set->count; i++)
		imap_view_pack(s->view, &set->ranges[i], uids);
	return true;
}
