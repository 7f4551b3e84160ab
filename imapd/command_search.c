/* SEARCH (RFC 3501 6.4.4): the keys become a program that mailbox runs; UIDs come back. */
#include "common/base/mem.h"
#include "common/ipc/packed.h"
#include "imapd/command.h"
#include "imapd/search_key.h"

static void
drop_found(void *work)
{
	buf_fini(work);
	free(work);
}

/* What the client does not know of yet it is not told of here. */
static void
on_found(struct imap_session *s, const struct ipc_message *m)
{
	struct slice uids = ((const struct am_found *)m->body)->uids;
	const struct imap_message *messages = s->view->messages;
	struct buf *out = s->command.work;
	uint32_t uid;

	while (am_uid_next(&uids, &uid)) {
		const struct imap_message *known = imap_view_find(s->view, uid);

		if (known == NULL || (size_t)(known - messages) >= s->view->told)
			continue;
		buf_add_char(out, ' ');
		buf_add_number(
		    out, s->command.is_uid ? known->uid : (uint64_t)(known - messages) + 1);
	}
}

static void
tell_found(struct imap_session *s)
{
	struct buf *out = s->command.work;

	buf_add_text(out, "\r\n");
	imap_write(s, buf_slice(out));
	imap_done(s, "OK searched");
}

static void
on_searched(struct imap_session *s, const struct ipc_message *m)
{
	tell_found(s);
}

static void
send_search(struct imap_session *s, struct slice program)
{
	static const struct imap_answers found = {
	    .parts = {{&am_found_schema, on_found}}, .last = {&am_ok_schema, on_searched}};
	struct imap_range all = {0, (uint32_t)s->view->count - 1};
	struct buf uids = {0}, *out = mem_zero(sizeof(*out));
	struct am_search m = {.handle = s->handle, .program = program};

	buf_add_text(out, "* SEARCH");
	imap_keep_work(s, out, drop_found);
	if (s->view->count == 0) {
		tell_found(s);
		return;
	}
	imap_view_pack(s->view, &all, &uids);
	m.uids = buf_slice(&uids);
	imap_ask_mailbox(s, &am_search_schema, &m, &found);
	buf_fini(&uids);
}

IMAP_COMMAND(search)
{
	struct buf program = {0};

	if (!imap_parse_char(p, ' ')) {
		imap_bad(s, "SEARCH takes keys");
		return;
	}
	switch (imap_search_parse(p, s->view, &program)) {
	case IMAP_SEARCH_OK:
		send_search(s, buf_slice(&program));
		break;
	case IMAP_SEARCH_BAD:
		imap_bad(s, "a key is none, or lacks what it needs, or they are nested too deeply");
		break;
	case IMAP_SEARCH_CHARSET:
		imap_done(s, "NO [BADCHARSET (US-ASCII UTF-8)] the charset is UTF-8");
		break;
	case IMAP_SEARCH_TOO_LONG:
		imap_done(s, "NO [LIMIT] the search is too long");
		break;
	}
	buf_fini(&program);
}
