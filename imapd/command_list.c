/*
 * LIST and LSUB (RFC 3501 6.3.8, 6.3.9), and of LIST-EXTENDED (RFC 5258) what SPECIAL-USE
 * (RFC 6154) builds on: selection and return options, several patterns.
 */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/mail/imap_string.h"
#include "common/mail/mailbox_name.h"
#include "imapd/command.h"
#include "imapd/list_match.h"
#include "imapd/mutf7.h"

#include <stdio.h>

struct listing {
	struct buf patterns[LIMIT_LIST_PATTERNS]; /* UTF-8, the reference before them */
	size_t count, octets;                     /* of them, as they came */
	bool is_lsub;
	bool only_subscribed, only_special; /* selection */
	bool tells_subscribed;              /* return */
	struct hash parents;                /* that LSUB has told of */
};

static void
drop_listing(void *work)
{
	struct listing *l = work;

	for (size_t i = 0; i < l->count; i++)
		buf_fini(&l->patterns[i]);
	hash_fini(&l->parents);
	free(l);
}

static bool
is_listed(const struct listing *l, struct slice name)
{
	for (size_t i = 0; i < l->count; i++) {
		if (imap_list_match(buf_slice(&l->patterns[i]), name))
			return true;
	}
	return false;
}

static void
tell_mailbox(
    struct imap_session *s, const char *attributes, struct slice special, struct slice name)
{
	struct listing *l = s->command.work;
	struct buf out = {0}, wire = {0};

	mutf7_encode(&wire, name);
	buf_printf(&out, "* %s (%s", l->is_lsub ? "LSUB" : "LIST", attributes);
	if (special.len > 0) {
		buf_add_text(&out, attributes[0] == '\0' ? "" : " ");
		buf_add_slice(&out, special);
	}
	buf_add_text(&out, ") \"/\" ");
	imap_astring(&out, buf_slice(&wire));
	buf_add_text(&out, "\r\n");
	imap_write(s, buf_slice(&out));
	buf_fini(&out);
	buf_fini(&wire);
}

/* A subscribed name that no pattern reaches still shows its parent under % (RFC 3501 6.3.9). */
static void
tell_parents(struct imap_session *s, struct slice name)
{
	struct listing *l = s->command.work;

	for (size_t i = 1; i < name.len; i++) {
		struct slice parent = slice_sub(name, 0, i);

		if (name.data[i] != '/' || !is_listed(l, parent) ||
		    hash_find(&l->parents, parent) != NULL)
			continue;
		hash_add(&l->parents, parent, l);
		tell_mailbox(s, "\\Noselect", SLICE(""), parent);
	}
}

static void
on_mailbox(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_mailbox *is = m->body;
	struct listing *l = s->command.work;
	char attributes[80] = "";
	bool subscribed = is->flags & MAILBOX_SUBSCRIBED;
	bool exists = !(is->flags & MAILBOX_NONEXISTENT);

	if ((l->is_lsub || l->only_subscribed) ? !subscribed : !exists)
		return;
	if (l->only_special && is->special_use.len == 0)
		return;
	if (!is_listed(l, is->name)) {
		if (l->is_lsub)
			tell_parents(s, is->name);
		return;
	}
	if (l->is_lsub) {
		if (hash_add(&l->parents, is->name, l) == NULL)
			tell_mailbox(s, is->flags & MAILBOX_NOSELECT || !exists ? "\\Noselect" : "",
			    SLICE(""), is->name);
		return;
	}
	snprintf(attributes, sizeof(attributes), "%s%s%s%s", exists ? "" : "\\NonExistent ",
	    is->flags & MAILBOX_NOSELECT ? "\\Noselect " : "",
	    l->only_subscribed || (l->tells_subscribed && subscribed) ? "\\Subscribed " : "",
	    is->flags & MAILBOX_HASCHILDREN ? "\\HasChildren" : "\\HasNoChildren");
	tell_mailbox(s, attributes, is->special_use, is->name);
}

static void
on_listed(struct imap_session *s, const struct ipc_message *m)
{
	imap_done(s, "OK listed");
}

/* Pattern and reference, decoded; a pattern that is no name at all matches nothing. */
static bool
add_pattern(struct listing *l, struct slice reference, struct slice pattern)
{
	struct buf whole = {0}, *out;
	bool holds;

	l->octets += reference.len + pattern.len;
	if (l->count == LIMIT_LIST_PATTERNS || reference.len + pattern.len > LIMIT_MAILBOX_NAME ||
	    l->octets > LIMIT_LIST_OCTETS)
		return false;
	out = &l->patterns[l->count];
	buf_add_slice(&whole, reference);
	buf_add_slice(&whole, pattern);
	holds = mutf7_decode(out, buf_slice(&whole));
	buf_fini(&whole);
	if (!holds) {
		buf_fini(out); /* drop_listing() frees only those that count */
		return true;
	}
	l->count++;
	mailbox_name_fold(out->data, out->len);
	return true;
}

static bool
parse_patterns(struct listing *l, struct imap_parse *p, struct slice reference, bool *is_empty)
{
	struct slice pattern;

	*is_empty = false;
	if (!imap_parse_char(p, ' '))
		return false;
	if (l->is_lsub || !imap_parse_char(p, '(')) {
		if (!imap_parse_astring(p, IMAP_PATTERN, &pattern))
			return false;
		*is_empty = pattern.len == 0;
		return add_pattern(l, reference, pattern);
	}
	do {
		if (!imap_parse_astring(p, IMAP_PATTERN, &pattern) ||
		    !add_pattern(l, reference, pattern))
			return false;
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')');
}

/* Behind "(": the options of selection. REMOTE adds nothing where all is here. */
static bool
parse_selection(struct listing *l, struct imap_parse *p)
{
	if (imap_parse_char(p, ')'))
		return true;
	do {
		if (imap_parse_keyword(p, "SUBSCRIBED"))
			l->only_subscribed = true;
		else if (imap_parse_keyword(p, "SPECIAL-USE"))
			l->only_special = true;
		else if (!imap_parse_keyword(p, "REMOTE"))
			return false;
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')');
}

static bool
parse_return(struct listing *l, struct imap_parse *p)
{
	if (imap_parse_is_end(p))
		return true;
	if (!imap_parse_char(p, ' ') || !imap_parse_keyword(p, "RETURN") ||
	    !imap_parse_char(p, ' ') || !imap_parse_char(p, '('))
		return false;
	if (imap_parse_char(p, ')'))
		return imap_parse_is_end(p);
	do {
		if (imap_parse_keyword(p, "SUBSCRIBED"))
			l->tells_subscribed = true;
		else if (!imap_parse_keyword(p, "CHILDREN") &&
			 !imap_parse_keyword(p, "SPECIAL-USE"))
			return false;
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')') && imap_parse_is_end(p);
}

static bool
parse_list(struct listing *l, struct imap_parse *p, bool *is_empty)
{
	struct slice reference;

	if (!imap_parse_char(p, ' '))
		return false;
	if (!l->is_lsub && imap_parse_char(p, '(')) {
		if (!parse_selection(l, p) || !imap_parse_char(p, ' '))
			return false;
	}
	return imap_parse_astring(p, IMAP_ASTRING, &reference) &&
	       parse_patterns(l, p, reference, is_empty) &&
	       (l->is_lsub ? imap_parse_is_end(p) : parse_return(l, p));
}

static void
list_mailboxes(struct imap_session *s, struct imap_parse *p, bool is_lsub)
{
	static const struct imap_answers listed = {
	    .parts = {{&am_mailbox_schema, on_mailbox}}, .last = {&am_ok_schema, on_listed}};
	struct listing *l = mem_zero(sizeof(*l));
	struct am_list m = {.handle = s->handle};
	bool is_empty;

	l->is_lsub = is_lsub;
	hash_init(&l->parents);
	imap_keep_work(s, l, drop_listing);
	if (!parse_list(l, p, &is_empty)) {
		imap_bad(s, "LIST takes a reference and a pattern");
		return;
	}
	if (is_empty) {
		/* The empty pattern asks for the delimiter and the root. */
		if (!is_lsub)
			imap_write(s, SLICE("* LIST (\\Noselect) \"/\" \"\"\r\n"));
		imap_done(s, "OK listed");
		return;
	}
	imap_ask_mailbox(s, &am_list_schema, &m, &listed);
}

IMAP_COMMAND(list)
{
	list_mailboxes(s, p, false);
}

IMAP_COMMAND(lsub)
{
	list_mailboxes(s, p, true);
}
