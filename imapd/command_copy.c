/* COPY and MOVE (RFC 3501 6.4.7, RFC 6851), with the UIDs of RFC 4315. */
#include "common/base/mem.h"
#include "common/ipc/packed.h"
#include "imapd/command.h"

/* As a set, in the order it came in; what touches is joined. */
static void
add_ranges(struct buf *out, struct slice packed)
{
	const char *comma = "";
	uint32_t first, last, next_first, next_last;
	bool more = am_range_next(&packed, &next_first, &next_last);

	while (more) {
		first = next_first;
		last = next_last;
		while ((more = am_range_next(&packed, &next_first, &next_last)) &&
		       last != UINT32_MAX && next_first == last + 1)
			last = next_last;
		buf_printf(out, first == last ? "%s%u" : "%s%u:%u", comma, first, last);
		comma = ",";
	}
}

/* "[COPYUID …] ", or nothing when no message was there. */
static void
add_code(struct buf *out, const struct am_copied *is)
{
	if (is->from.len == 0)
		return;
	buf_printf(out, "[COPYUID %u ", is->uidvalidity);
	add_ranges(out, is->from);
	buf_add_char(out, ' ');
	add_ranges(out, is->to);
	buf_add_text(out, "] ");
}

static void
on_copied(struct imap_session *s, const struct ipc_message *m)
{
	struct buf code = {0};

	add_code(&code, m->body);
	s->view->is_stale = true;
	imap_done(s, "OK %scopied", buf_text(&code));
	buf_fini(&code);
}

/* RFC 6851 4.3: where they went is told before they go. */
static void
on_moved(struct imap_session *s, const struct ipc_message *m)
{
	struct buf code = {0};

	add_code(&code, m->body);
	if (code.len > 0)
		imap_printf(s, "* OK %smoved\r\n", buf_text(&code));
	buf_fini(&code);
	s->view->is_stale = true;
	imap_done(s, "OK done");
}

static void
send_copy(struct imap_session *s, const struct imap_set *set, struct slice to, bool move)
{
	static const struct imap_answers copied = {.last = {&am_copied_schema, on_copied}};
	static const struct imap_answers moved = {.last = {&am_copied_schema, on_moved}};
	struct buf uids = {0};
	struct am_copy m = {.handle = s->handle, .to = to, .move = move};

	if (set->count == 0) {
		imap_done(s, "OK no such messages");
	} else if (!imap_view_pack_set(s->view, set, &uids)) {
		imap_done(s, "NO [LIMIT] the set has too many ranges");
	} else {
		m.uids = buf_slice(&uids);
		imap_ask_mailbox(s, &am_copy_schema, &m, move ? &moved : &copied);
	}
	buf_fini(&uids);
}

static void
copy_messages(struct imap_session *s, struct imap_parse *p, bool move)
{
	struct imap_set set;
	struct buf to = {0};

	if (!imap_parse_set(s, p, &set))
		return;
	if (imap_parse_mailbox(s, p, &to)) {
		if (!imap_parse_is_end(p))
			imap_bad(s, "this command takes a set and a mailbox");
		else if (move && s->view->is_readonly)
			imap_done(s, "NO [READ-ONLY] the mailbox is open for reading only");
		else
			send_copy(s, &set, buf_slice(&to), move);
	}
	imap_set_fini(&set);
	buf_fini(&to);
}

IMAP_COMMAND(copy)
{
	copy_messages(s, p, false);
}

IMAP_COMMAND(move)
{
	copy_messages(s, p, true);
}
