/*
 * The table of commands, and the one in hand. Its first line names it, so that a literal of a
 * command that will not run is refused before it is sent; when it is whole, it runs. Invariant: a
 * command is in hand from its first line to its tagged response, and there is one at most.
 */
#include "imapd/command.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "imapd/beginning.h"

enum {
	NOT = IMAP_NOT_AUTHENTICATED,
	AUTH = IMAP_AUTHENTICATED | IMAP_SELECTED,
	SELECTED = IMAP_SELECTED,
	ANY = NOT | AUTH,
	ALONE = 8,   /* takes no argument */
	BY_UID = 16, /* may stand behind UID */
	KEEPS = 32,  /* EXPUNGE may not follow unless it is a UID command */
	TAKES_MESSAGE = 64,
};

struct imap_verb {
	const char *name;
	unsigned flags;
	void (*run)(struct imap_session *s, struct imap_parse *p);
};

static const struct imap_verb verbs[] = {
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
	const struct imap_command *c = &s->command;

	return s->is_idle || (c->verb != NULL && (!(c->verb->flags & KEEPS) || c->is_uid));
}

bool
imap_command_takes_message(const struct imap_session *s)
{
	return s->command.verb != NULL && (s->command.verb->flags & TAKES_MESSAGE);
}

static const struct imap_verb *
find_verb(struct slice name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (slice_equal_text_nocase(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

/* Whether the command may come now; else why not. */
static const char *
check_verb(const struct imap_session *s)
{
	const struct imap_verb *verb = s->command.verb;

	if (verb == NULL || (s->command.is_uid && !(verb->flags & BY_UID)))
		return "there is no such command";
	if (verb->flags & (unsigned)s->level)
		return NULL;
	if (s->level == IMAP_NOT_AUTHENTICATED)
		return "log in first";
	return verb->flags & NOT ? "you are logged in already" : "select a mailbox first";
}

void
imap_command_begin(struct imap_session *s, struct slice line)
{
	struct imap_beginning b;
	const char *flaw = imap_beginning_parse(line, &b);

	ASSERT(s->command.ending == NULL && s->command.work == NULL);
	s->command = (struct imap_command){.tag = b.tag.len > 0 ? slice_text(b.tag) : NULL,
	    .verb = find_verb(b.name),
	    .is_uid = b.is_uid,
	    .arguments = b.octets};
	if (flaw == NULL)
		flaw = check_verb(s);
	if (flaw != NULL)
		imap_input_spoil(&s->input, "", flaw);
}

struct imap_parse
imap_command_arguments(struct imap_session *s)
{
	struct imap_parse p = imap_parse_of(&s->input.command);

	p.at += s->command.arguments;
	return p;
}

void
imap_command_run(struct imap_session *s)
{
	struct imap_parse p;

	if (s->input.flaw != NULL) {
		imap_bad(s, s->input.flaw);
		return;
	}
	p = imap_command_arguments(s);
	if ((s->command.verb->flags & ALONE) && !imap_parse_is_end(&p)) {
		imap_bad(s, "this command takes no argument");
		return;
	}
	if (s->level != IMAP_NOT_AUTHENTICATED)
		s->errors = 0;
	s->command.verb->run(s, &p);
}

void
imap_command_end(struct imap_session *s)
{
	if (s->command.drop_work != NULL)
		s->command.drop_work(s->command.work);
	imap_input_reset(&s->input);
	free(s->command.tag);
	free(s->command.ending);
	s->command = (struct imap_command){.tag = NULL};
}

void
imap_keep_work(struct imap_session *s, void *work, void (*drop)(void *work))
{
	ASSERT(s->command.work == NULL);
	s->command.work = work;
	s->command.drop_work = drop;
}

void *
imap_take_work(struct imap_session *s)
{
	void *work = s->command.work;

	s->command.work = NULL;
	s->command.drop_work = NULL;
	return work;
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
	if (!imap_view_resolve(s->view, set, s->command.is_uid)) {
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
