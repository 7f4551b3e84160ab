/* STATUS (RFC 3501 6.3.10, and SIZE of RFC 8438). */
#include "common/base/mem.h"
#include "common/mail/imap_string.h"
#include "imapd/command.h"
#include "imapd/mutf7.h"

enum status_item { MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, SIZE, ITEMS };

static const char *const names[ITEMS] = {
    "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE"};

struct status {
	struct buf name; /* UTF-8 */
	unsigned items;  /* a bit each */
};

static void
drop_status(void *work)
{
	struct status *st = work;

	buf_fini(&st->name);
	free(st);
}

static void
tell_status(struct imap_session *s, const struct am_status_is *is)
{
	const struct status *st = s->command.work;
	const uint64_t values[ITEMS] = {
	    is->messages, is->recent, is->uidnext, is->uidvalidity, is->unseen, is->size};
	struct buf out = {0}, wire = {0};
	const char *before = " (";

	mutf7_encode(&wire, buf_slice(&st->name));
	buf_add_text(&out, "* STATUS ");
	imap_astring(&out, buf_slice(&wire));
	for (size_t i = 0; i < ITEMS; i++) {
		if (!(st->items & 1U << i))
			continue;
		buf_printf(&out, "%s%s %llu", before, names[i], (unsigned long long)values[i]);
		before = " ";
	}
	buf_add_text(&out, ")\r\n");
	imap_write(s, buf_slice(&out));
	buf_fini(&out);
	buf_fini(&wire);
}

static void
on_status(struct imap_session *s, const struct ipc_message *m)
{
	tell_status(s, m->body);
	imap_done(s, "OK that is its status");
}

static bool
parse_items(struct imap_parse *p, unsigned *items)
{
	struct slice word;

	if (!imap_parse_char(p, ' ') || !imap_parse_char(p, '('))
		return false;
	do {
		size_t i = 0;

		if (!imap_parse_word(p, IMAP_ATOM, &word))
			return false;
		while (i < ITEMS && !slice_equal_text_nocase(word, names[i]))
			i++;
		if (i == ITEMS)
			return false;
		*items |= 1U << i;
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')') && imap_parse_is_end(p);
}

IMAP_COMMAND(status)
{
	static const struct imap_answers told = {.last = {&am_status_is_schema, on_status}};
	struct status *st = mem_zero(sizeof(*st));
	struct am_status m = {.handle = s->handle};

	imap_keep_work(s, st, drop_status);
	if (!imap_parse_mailbox(s, p, &st->name))
		return;
	if (!parse_items(p, &st->items)) {
		imap_bad(s, "STATUS takes a name and a list of items");
		return;
	}
	m.name = buf_slice(&st->name);
	imap_ask_mailbox(s, &am_status_schema, &m, &told);
}
