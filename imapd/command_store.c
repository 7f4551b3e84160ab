/*
 * STORE (RFC 3501 6.4.6). What the messages then have is told by sync.h, from what mailbox
 * reports; a silent STORE marks what the client can expect, so that only surprises are told.
 */
#include "common/base/mem.h"
#include "imapd/command.h"

struct store {
	struct imap_set set;
	int mode;
	bool is_silent;
	struct imap_flags flags;
};

static void
drop_store(void *work)
{
	struct store *st = work;

	imap_set_fini(&st->set);
	buf_fini(&st->flags.keywords);
	free(st);
}

static void
expect_flags(struct imap_message *m, const struct store *st)
{
	uint8_t recent = m->flags & FLAG_RECENT;

	if (st->mode == STORE_ADD)
		m->flags |= st->flags.system;
	else if (st->mode == STORE_REMOVE)
		m->flags &= (uint8_t)~st->flags.system;
	else
		m->flags = st->flags.system | recent;
	m->marks |= IMAP_EXPECTED;
}

static void
on_stored(struct imap_session *s, const struct ipc_message *m)
{
	const struct store *st = s->command.work;

	if (st->is_silent)
		imap_view_expect(s->view, st->mode, buf_slice(&st->flags.keywords));
	for (size_t i = 0; i < st->set.count; i++) {
		for (size_t n = st->set.ranges[i].first; n <= st->set.ranges[i].last; n++) {
			if (st->is_silent)
				expect_flags(&s->view->messages[n], st);
			else
				s->view->messages[n].marks |= IMAP_TELL;
		}
	}
	s->view->is_stale = true;
	imap_done(s, "OK stored");
}

/* " +FLAGS.SILENT " and its kin. */
static bool
parse_mode(struct store *st, struct imap_parse *p)
{
	st->mode = STORE_REPLACE;
	if (!imap_parse_char(p, ' '))
		return false;
	if (imap_parse_char(p, '+'))
		st->mode = STORE_ADD;
	else if (imap_parse_char(p, '-'))
		st->mode = STORE_REMOVE;
	st->is_silent = imap_parse_keyword(p, "FLAGS.SILENT");
	return (st->is_silent || imap_parse_keyword(p, "FLAGS")) && imap_parse_char(p, ' ');
}

static void
send_store(struct imap_session *s, const struct store *st)
{
	static const struct imap_answers stored = {.last = {&am_ok_schema, on_stored}};
	struct buf uids = {0};
	struct am_store m = {.handle = s->handle,
	    .mode = (uint8_t)st->mode,
	    .flags = st->flags.system,
	    .keywords = buf_slice(&st->flags.keywords)};

	if (!imap_view_pack_set(s->view, &st->set, &uids)) {
		imap_done(s, "NO [LIMIT] the set has too many ranges");
	} else {
		m.uids = buf_slice(&uids);
		imap_ask_mailbox(s, &am_store_schema, &m, &stored);
	}
	buf_fini(&uids);
}

IMAP_COMMAND(store)
{
	struct store *st = mem_zero(sizeof(*st));

	imap_keep_work(s, st, drop_store);
	if (!imap_parse_set(s, p, &st->set))
		return;
	if (!parse_mode(st, p)) {
		imap_bad(s, "STORE takes a set, FLAGS and the flags");
		return;
	}
	switch (imap_parse_flags(p, true, &st->flags)) {
	case IMAP_FLAGS_OK:
		break;
	case IMAP_FLAGS_BAD:
		imap_bad(s, "a flag is not one");
		return;
	case IMAP_FLAGS_LIMIT:
		imap_done(s, "NO [LIMIT] too many keywords, or one too long");
		return;
	}
	if (!imap_parse_is_end(p))
		imap_bad(s, "nothing follows the flags");
	else if (s->view->is_readonly)
		imap_done(s, "NO [READ-ONLY] the mailbox is open for reading only");
	else if (st->set.count == 0)
		imap_done(s, "OK no such messages");
	else
		send_store(s, st);
}
