#include "imapd/sync.h"

#include "imapd/command.h"

enum { RETRY_SECONDS = 5 };

/* "* n FETCH (FLAGS (…))", with the UID where the command was a UID command. */
static void
tell_flags(struct imap_session *s, size_t index)
{
	const struct imap_message *m = &s->view->messages[index];
	struct buf out = {0};

	buf_printf(&out, "* %zu FETCH (", index + 1);
	if (s->command.is_uid)
		buf_printf(&out, "UID %u ", m->uid);
	buf_add_text(&out, "FLAGS ");
	imap_view_flags(s->view, m, &out);
	buf_add_text(&out, ")\r\n");
	imap_write(s, buf_slice(&out));
	buf_fini(&out);
}

/* EXPUNGE for all that is gone, each number as it is after those before it went. It takes no more
 * room than the view itself has. */
static void
tell_gone(struct imap_view *v, struct buf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++) {
		if (v->messages[i].marks & IMAP_GONE) {
			/* One that the client never heard of goes as it came. */
			if (kept < v->told) {
				buf_printf(out, "* %zu EXPUNGE\r\n", kept + 1);
				v->told--;
			}
			continue;
		}
		v->messages[kept++] = v->messages[i];
	}
	v->count = kept;
	v->has_gone = false;
}

static void
tell_keywords(struct imap_view *v, struct buf *out)
{
	if (!v->has_new_keywords)
		return;
	buf_add_text(out, "* FLAGS ");
	imap_view_all_flags(v, false, out);
	buf_add_text(out, "\r\n");
	if (!v->is_readonly) {
		buf_add_text(out, "* OK [PERMANENTFLAGS ");
		imap_view_all_flags(v, true, out);
		buf_add_text(out, "] new keywords\r\n");
	}
	v->has_new_keywords = false;
}

static void
tell_changes(struct imap_session *s)
{
	struct imap_view *v = s->view;
	struct buf out = {0};
	size_t recent;

	if (imap_command_may_expunge(s))
		tell_gone(v, &out);
	recent = imap_view_recent(v);
	if (v->count != v->told || recent > v->told_recent) {
		buf_printf(&out, "* %zu EXISTS\r\n* %zu RECENT\r\n", v->count, recent);
		v->told = v->count;
	}
	v->told_recent = recent;
	tell_keywords(v, &out);
	imap_write(s, buf_slice(&out));
	buf_fini(&out);
}

/* The flags follow as the client takes them. */
static void
finish_sync(struct imap_session *s)
{
	tell_changes(s);
	s->view->flags_told = 0;
	imap_move(s, IMAP_SYNC_TELL);
	session_again(&s->base);
}

enum session_next
imap_when_sync_tell(struct imap_session *s)
{
	struct imap_view *v = s->view;

	if (stream_failure(s->base.stream)[0] != '\0') {
		imap_move(s, IMAP_CLOSING);
		return SESSION_GO_ON;
	}
	/* It has taken what it waited for. */
	if (v->flags_told > 0 && !imap_is_client_slow(s))
		imap_heard(s);
	for (; v->flags_told < v->count; v->flags_told++) {
		struct imap_message *m = &v->messages[v->flags_told];

		if ((m->marks & IMAP_TELL) && !(m->marks & IMAP_GONE)) {
			if (imap_is_client_slow(s))
				return SESSION_WAIT;
			tell_flags(s, v->flags_told);
		}
		m->marks &= IMAP_GONE;
	}
	imap_synced(s);
	return SESSION_GO_ON;
}

/* The news are still to be had; IDLE, where nobody else would ask again, does so after a pause. */
static void
on_missing(struct imap_session *s)
{
	s->view->is_stale = true;
	if (s->is_idle)
		timer_start(&s->retry, SPAN_SECONDS(RETRY_SECONDS));
	finish_sync(s);
}

static void
on_refused(struct imap_session *s, const struct am_no *no)
{
	on_missing(s);
}

static void
on_keywords(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_keywords *is = m->body;

	imap_view_keywords(s->view, is->set, is->keywords);
}

static void
on_messages(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_messages *is = m->body;

	imap_view_records(s->view, is->records);
}

static void
on_gone(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_gone *is = m->body;

	imap_view_gone(s->view, is->uids);
}

static void
on_up_to_date(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_ok *is = m->body;

	s->view->modseq = is->modseq;
	finish_sync(s);
}

bool
imap_sync_is_due(const struct imap_session *s)
{
	return s->view != NULL && s->mailbox != NULL &&
	       (s->view->is_stale || (s->view->has_gone && imap_command_may_expunge(s)));
}

void
imap_sync_start(struct imap_session *s)
{
	static const struct imap_answers news = {
	    .parts = {{&am_keywords_schema, on_keywords}, {&am_messages_schema, on_messages},
		{&am_gone_schema, on_gone}},
	    .last = {&am_ok_schema, on_up_to_date},
	    .refused = on_refused,
	    .missing = on_missing,
	};
	struct am_changes changes = {
	    .handle = s->handle, .since = s->view->modseq, .set = imap_view_newest_set(s->view)};

	imap_move(s, IMAP_SYNC_ASK);
	s->view->is_stale = false;
	imap_ask_mailbox(s, &am_changes_schema, &changes, &news);
}
