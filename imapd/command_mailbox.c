/* CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE: what mailboxes there are. */
#include "imapd/command.h"

static void
on_changed(struct imap_session *s, const struct ipc_message *m)
{
	imap_done(s, "OK done");
}

static const struct imap_answers changed = {.last = {&am_ok_schema, on_changed}};

/* Levels that end in a blank name are told by clients that want to have children in them. */
static void
drop_last_slash(struct buf *name)
{
	if (name->len > 1 && name->data[name->len - 1] == '/')
		buf_truncate(name, name->len - 1);
}

/* What a mailbox may be for. \All and \Flagged would be views of others: there are none. */
static struct slice
special_use(struct slice name)
{
	static const char *const uses[] = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		if (slice_equal_text_nocase(name, uses[i] + 1))
			return slice_of(uses[i]);
	}
	return SLICE("");
}

/* " (USE (\Sent))", RFC 6154 3. Not *can_be: no mailbox here can be for that, or for so much. */
static bool
parse_use(struct imap_parse *p, struct slice *use, bool *can_be)
{
	struct slice word;

	if (!imap_parse_char(p, ' ') || !imap_parse_char(p, '(') || !imap_parse_keyword(p, "USE") ||
	    !imap_parse_char(p, ' ') || !imap_parse_char(p, '('))
		return false;
	if (imap_parse_char(p, ')'))
		return imap_parse_char(p, ')');
	do {
		if (!imap_parse_char(p, '\\') || !imap_parse_word(p, IMAP_ATOM, &word))
			return false;
		*can_be = *can_be && use->len == 0 && special_use(word).len > 0;
		*use = special_use(word);
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')') && imap_parse_char(p, ')');
}

IMAP_COMMAND(create)
{
	struct buf name = {0};
	struct am_create m = {.handle = s->handle, .special_use = SLICE("")};
	bool can_be = true;

	if (imap_parse_mailbox(s, p, &name)) {
		drop_last_slash(&name);
		m.name = buf_slice(&name);
		if (!imap_parse_is_end(p) &&
		    (!parse_use(p, &m.special_use, &can_be) || !imap_parse_is_end(p)))
			imap_bad(s, "CREATE takes one name");
		else if (!can_be)
			imap_done(s, "NO [USEATTR] a mailbox is for one of archive, drafts, junk,"
				     " sent and trash");
		else
			imap_ask_mailbox(s, &am_create_schema, &m, &changed);
	}
	buf_fini(&name);
}

IMAP_COMMAND(delete)
{
	struct buf name = {0};
	struct am_remove m = {.handle = s->handle};

	if (imap_parse_mailbox(s, p, &name)) {
		m.name = buf_slice(&name);
		if (!imap_parse_is_end(p))
			imap_bad(s, "DELETE takes one name");
		else
			imap_ask_mailbox(s, &am_remove_schema, &m, &changed);
	}
	buf_fini(&name);
}

IMAP_COMMAND(rename)
{
	struct buf name = {0}, to = {0};
	struct am_rename m = {.handle = s->handle};

	if (imap_parse_mailbox(s, p, &name) && imap_parse_mailbox(s, p, &to)) {
		drop_last_slash(&to);
		m.name = buf_slice(&name);
		m.to = buf_slice(&to);
		if (!imap_parse_is_end(p))
			imap_bad(s, "RENAME takes two names");
		else
			imap_ask_mailbox(s, &am_rename_schema, &m, &changed);
	}
	buf_fini(&name);
	buf_fini(&to);
}

static void
set_subscribed(struct imap_session *s, struct imap_parse *p, bool on)
{
	struct buf name = {0};
	struct am_subscribe m = {.handle = s->handle, .on = on};

	if (imap_parse_mailbox(s, p, &name)) {
		drop_last_slash(&name);
		m.name = buf_slice(&name);
		if (!imap_parse_is_end(p))
			imap_bad(s, "this command takes one name");
		else
			imap_ask_mailbox(s, &am_subscribe_schema, &m, &changed);
	}
	buf_fini(&name);
}

IMAP_COMMAND(subscribe)
{
	set_subscribed(s, p, true);
}

IMAP_COMMAND(unsubscribe)
{
	set_subscribed(s, p, false);
}
