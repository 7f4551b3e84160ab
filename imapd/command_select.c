/* SELECT, EXAMINE, UNSELECT, CLOSE and EXPUNGE: the mailbox that a session looks at (RFC 3501 6.3.1). */
#include "common/base/mem.h"
#include "imapd/command.h"

/* What SELECT tells of a mailbox (RFC 3501 6.3.1). */
static void
tell_selected(struct imap_session *s)
{
	struct imap_view *v = s->view;
	struct buf out = {0};
	size_t unseen = 0;

	while (unseen < v->count && (v->messages[unseen].flags & FLAG_SEEN))
		unseen++;
	v->told = v->count;
	v->told_recent = imap_view_recent(v);
	v->has_new_keywords = false;
	buf_add_text(&out, "* FLAGS ");
	imap_view_all_flags(v, false, &out);
	buf_add_text(&out, "\r\n* OK [PERMANENTFLAGS ");
	if (v->is_readonly)
		buf_add_text(&out, "()");
	else
		imap_view_all_flags(v, true, &out);
	buf_printf(&out, "] these can be kept\r\n* %zu EXISTS\r\n* %zu RECENT\r\n", v->told,
	    v->told_recent);
	if (unseen < v->count)
		buf_printf(&out, "* OK [UNSEEN %zu] the first unseen\r\n", unseen + 1);
	buf_printf(&out, "* OK [UIDVALIDITY %u] UIDs hold\r\n* OK [UIDNEXT %u] the next UID\r\n",
	    v->uidvalidity, v->uidnext);
	imap_write(s, buf_slice(&out));
	buf_fini(&out);
}

static void
on_view(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_view_is *is = m->body;
	struct imap_view *v = s->command.work;

	v->uidvalidity = is->uidvalidity;
	v->uidnext = is->uidnext;
	v->modseq = is->modseq;
	imap_view_reserve(v, is->uidnext - 1);
}

static void
on_keywords(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_keywords *is = m->body;

	imap_view_keywords(s->command.work, is->set, is->keywords);
}

static void
on_messages(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_messages *is = m->body;

	imap_view_records(s->command.work, is->records);
}

static void
on_selected(struct imap_session *s, const struct ipc_message *m)
{
	s->view = imap_take_work(s);
	imap_view_trim(s->view);
	s->level = IMAP_SELECTED;
	tell_selected(s);
	imap_done(s, "OK [READ-%s] selected", s->view->is_readonly ? "ONLY" : "WRITE");
}

static void
drop_view(void *work)
{
	imap_view_fini(work);
	free(work);
}

static void
select_mailbox(struct imap_session *s, struct imap_parse *p, bool readonly)
{
	static const struct imap_answers selected = {
	    .parts = {{&am_view_is_schema, on_view}, {&am_keywords_schema, on_keywords},
		{&am_messages_schema, on_messages}},
	    .last = {&am_ok_schema, on_selected},
	};
	struct buf name = {0};
	struct am_view m = {.handle = s->handle, .readonly = readonly};
	struct imap_view *v;

	imap_unselect(s);
	if (imap_parse_mailbox(s, p, &name)) {
		m.name = buf_slice(&name);
		if (!imap_parse_is_end(p)) {
			imap_bad(s, "this command takes one name");
		} else {
			v = mem_zero(sizeof(*v));
			v->is_readonly = readonly;
			imap_keep_work(s, v, drop_view);
			imap_ask_mailbox(s, &am_view_schema, &m, &selected);
		}
	}
	buf_fini(&name);
}

IMAP_COMMAND(select)
{
	select_mailbox(s, p, false);
}

IMAP_COMMAND(examine)
{
	select_mailbox(s, p, true);
}

IMAP_COMMAND(unselect)
{
	imap_unselect(s);
	imap_done(s, "OK unselected");
}

static void
on_closed(struct imap_session *s, const struct ipc_message *m)
{
	imap_unselect(s);
	imap_done(s, "OK closed");
}

static void
on_expunged(struct imap_session *s, const struct ipc_message *m)
{
	s->view->is_stale = true;
	imap_done(s, "OK expunged");
}

static void
send_expunge(struct imap_session *s, const struct imap_set *set, const struct imap_answers *answers)
{
	struct buf uids = {0};
	struct am_expunge m = {.handle = s->handle, .only_deleted = 1};

	if (imap_view_pack_set(s->view, set, &uids)) {
		m.uids = buf_slice(&uids);
		imap_ask_mailbox(s, &am_expunge_schema, &m, answers);
	} else {
		imap_done(s, "NO [LIMIT] the set has too many ranges");
	}
	buf_fini(&uids);
}

/* RFC 3501 6.4.2: what is deleted goes, and the client is not told one by one. */
IMAP_COMMAND(close)
{
	static const struct imap_answers closed = {.last = {&am_ok_schema, on_closed}};
	struct imap_range all = {0, (uint32_t)s->view->count - 1};
	struct imap_set set = {&all, 1};

	if (s->view->is_readonly || s->view->count == 0) {
		imap_unselect(s);
		imap_done(s, "OK closed");
		return;
	}
	send_expunge(s, &set, &closed);
}

IMAP_COMMAND(expunge)
{
	static const struct imap_answers expunged = {.last = {&am_ok_schema, on_expunged}};
	struct imap_range all = {0, (uint32_t)s->view->count - 1};
	struct imap_set set = {&all, s->view->count > 0};
	struct imap_set named = {0};

	if (s->command.is_uid && !imap_parse_set(s, p, &named))
		return;
	if (!imap_parse_is_end(p))
		imap_bad(s, "only UID EXPUNGE takes a set");
	else if (s->view->is_readonly)
		imap_done(s, "NO [READ-ONLY] the mailbox is open for reading only");
	else if ((s->command.is_uid ? named.count : set.count) == 0)
		imap_done(s, "OK nothing to expunge");
	else
		send_expunge(s, s->command.is_uid ? &named : &set, &expunged);
	imap_set_fini(&named);
}
