#include "deliver/mailbox/store/message.h"

#include "common/base/moment.h"
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"

uint64_t
store_next_modseq(struct store *s, uint64_t mailbox)
{
	struct statement *st = db_statement(s->db, "UPDATE mailbox SET modseq = ? WHERE id = ?");

	statement_bind_number(st, 1, (int64_t)++s->modseq);
	statement_bind_number(st, 2, (int64_t)mailbox);
	statement_run(st);
	return s->modseq;
}

enum store_result
store_put_uidnext(struct store *s, const struct store_mailbox *m)
{
	struct statement *st =
	    db_statement(s->db, "UPDATE mailbox SET uidnext = ?, modseq = ? WHERE id = ?");

	statement_bind_number(st, 1, m->uidnext);
	statement_bind_number(st, 2, (int64_t)s->modseq);
	statement_bind_number(st, 3, (int64_t)m->id);
	return store_result_of(statement_run(st));
}

static enum db_result
insert(struct store *s, const struct store_mailbox *m, const struct store_message *n)
{
	struct statement *st =
	    db_statement(s->db, "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

	statement_bind_number(st, 1, (int64_t)m->id);
	statement_bind_number(st, 2, n->uid);
	statement_bind_number(st, 3, (int64_t)n->modseq);
	statement_bind_number(st, 4, n->flags);
	statement_bind_number(st, 5, n->set);
	statement_bind_number(st, 6, n->date);
	statement_bind_number(st, 7, (int64_t)n->size);
	statement_bind_number(st, 8, (int64_t)n->body);
	return statement_run(st);
}

/* False: this mailbox has used up its UIDs, and nothing can be added to it any more. */
static bool
take_uid(struct store_mailbox *m, uint32_t *uid)
{
	if (m->uidnext == UINT32_MAX)
		return false;
	*uid = m->uidnext++;
	return true;
}

/* Marks a delivery; STORE_EXISTS when it was stored before. */
static enum store_result
mark(struct store *s, uint64_t envelope)
{
	enum store_result r;
	struct statement *st = db_statement(s->db, "INSERT OR IGNORE INTO delivered VALUES (?, ?)");

	statement_bind_number(st, 1, (int64_t)envelope);
	statement_bind_number(st, 2, civil_now());
	r = store_result_of(statement_run(st));
	return r == STORE_OK && db_changes(s->db) == 0 ? STORE_EXISTS : r;
}

static enum store_result
add(struct store *s, struct store_mailbox *m, const struct store_new *n, uint32_t *uid)
{
	struct store_message message = {.size = n->size, .date = n->date, .flags = n->flags};
	enum store_result r = n->envelope == 0 ? STORE_OK : mark(s, n->envelope);
	bool full = false;

	if (r != STORE_OK)
		return r == STORE_EXISTS ? STORE_OK : r;
	message.set = store_set(s, n->keywords);
	if (message.set == UINT32_MAX || !take_uid(m, &message.uid))
		return STORE_LIMIT;
	message.body = store_body_add(s, n, &full);
	if (message.body == 0)
		return full ? STORE_FULL : STORE_BROKEN;
	message.modseq = ++s->modseq;
	r = store_result_of(insert(s, m, &message));
	if (r == STORE_OK)
		r = store_put_uidnext(s, m);
	*uid = message.uid;
	return r;
}

enum store_result
store_add(struct store *s, struct store_mailbox *m, const struct store_new *n, uint32_t *uid)
{
	struct store_mailbox before = *m;
	enum store_result r;

	*uid = 0;
	/* A file takes no more room than it has already. */
	if (!store_has_room(s, n->file == NULL ? n->size : 0))
		return STORE_FULL;
	if (!store_begin(s))
		return STORE_BROKEN;
	r = store_end(s, add(s, m, n, uid));
	if (r != STORE_OK)
		*m = before;
	return r;
}

static enum store_result
put_again(struct store *s, struct store_mailbox *to, const struct store_message *message,
    uint64_t modseq, uint32_t *uid)
{
	struct store_message again = *message;

	if (!take_uid(to, &again.uid))
		return STORE_LIMIT;
	again.modseq = modseq;
	*uid = again.uid;
	return store_result_of(insert(s, to, &again));
}

static enum store_result
take_out(struct store *s, const struct store_mailbox *m, uint32_t uid, uint64_t modseq)
{
	struct statement *del =
	    db_statement(s->db, "DELETE FROM message WHERE mailbox = ? AND uid = ?");
	struct statement *mark = db_statement(s->db, "INSERT INTO expunged VALUES (?, ?, ?)");
	enum db_result r;

	statement_bind_number(del, 1, (int64_t)m->id);
	statement_bind_number(del, 2, uid);
	statement_bind_number(mark, 1, (int64_t)m->id);
	statement_bind_number(mark, 2, (int64_t)modseq);
	statement_bind_number(mark, 3, uid);
	r = statement_run(del);
	return store_result_of(r == DB_DONE ? statement_run(mark) : r);
}

enum store_result
store_copy(struct store *s, struct store_mailbox *to, const struct store_message *message,
    uint64_t modseq, uint32_t *uid)
{
	enum store_result r = put_again(s, to, message, modseq, uid);

	return r == STORE_OK ? store_body_share(s, message->body) : r;
}

static struct statement *
of_range(struct store *s, const char *sql, const struct store_range *range)
{
	struct statement *st = db_statement(s->db, sql);

	statement_bind_number(st, 1, (int64_t)range->mailbox);
	statement_bind_number(st, 2, range->first);
	statement_bind_number(st, 3, range->last);
	return st;
}

enum store_result
store_copy_range(struct store *s, struct store_mailbox *to, const struct store_range *range,
    uint64_t modseq, uint32_t *uid)
{
	static const char copy[] = "INSERT INTO message SELECT ?4, ?5 + row_number() OVER"
				   " (ORDER BY uid), ?6, flags, kwset, date, size, body"
				   " FROM message WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
	static const char share[] = "INSERT INTO share SELECT body, 2 FROM message"
				    " WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3"
				    " ON CONFLICT (body) DO UPDATE SET uses = uses + 1";
	struct statement *insert = of_range(s, copy, range);
	enum store_result r;

	if (range->count > UINT32_MAX - to->uidnext)
		return STORE_LIMIT;
	statement_bind_number(insert, 4, (int64_t)to->id);
	statement_bind_number(insert, 5, (int64_t)to->uidnext - 1);
	statement_bind_number(insert, 6, (int64_t)modseq);
	r = store_result_of(statement_run(insert));
	if (r == STORE_OK && db_changes(s->db) != (int)range->count)
		r = STORE_BROKEN;
	*uid = to->uidnext;
	to->uidnext += range->count;
	return r == STORE_OK ? store_result_of(statement_run(of_range(s, share, range))) : r;
}

enum store_result
store_move(struct store *s, const struct store_mailbox *from, struct store_mailbox *to,
    const struct store_message *message, uint64_t modseq, uint32_t *uid)
{
	enum store_result r = put_again(s, to, message, modseq, uid);

	return r == STORE_OK ? take_out(s, from, message->uid, modseq) : r;
}

enum store_result
store_expunge(struct store *s, const struct store_mailbox *m, const struct store_message *message,
    uint64_t modseq)
{
	enum store_result r = take_out(s, m, message->uid, modseq);

	return r == STORE_OK ? store_body_release(s, message->body) : r;
}

enum store_result
store_flags(struct store *s, uint64_t mailbox, const struct store_flagging *f, uint64_t modseq)
{
	struct statement *st = db_statement(s->db,
	    "UPDATE message SET flags = (flags & ?1) | ?2, kwset = ?3, modseq = ?4"
	    " WHERE mailbox = ?5 AND uid BETWEEN ?6 AND ?7"
	    " AND (flags <> ((flags & ?1) | ?2) OR kwset <> ?3)");

	statement_bind_number(st, 1, (uint8_t)~f->drop);
	statement_bind_number(st, 2, f->add);
	statement_bind_number(st, 3, f->set);
	statement_bind_number(st, 4, (int64_t)modseq);
	statement_bind_number(st, 5, (int64_t)mailbox);
	statement_bind_number(st, 6, f->first);
	statement_bind_number(st, 7, f->last);
	return store_result_of(statement_run(st));
}

static void
walk(struct statement *st, bool (*each)(void *owner, const struct store_message *m), void *owner)
{
	bool more = true;

	while (more && statement_step(st) == DB_ROW) {
		struct store_message m = {.uid = (uint32_t)statement_number(st, 0),
		    .modseq = (uint64_t)statement_number(st, 1),
		    .flags = (uint8_t)statement_number(st, 2),
		    .set = (uint32_t)statement_number(st, 3),
		    .date = statement_number(st, 4),
		    .size = (uint64_t)statement_number(st, 5),
		    .body = (uint64_t)statement_number(st, 6)};

		more = each(owner, &m);
	}
	statement_reset(st);
}

void
store_each(struct store *s, uint64_t mailbox, uint32_t first, uint32_t last,
    bool (*each)(void *owner, const struct store_message *m), void *owner)
{
	struct statement *st =
	    db_statement(s->db, "SELECT uid, modseq, flags, kwset, date, size, body FROM message"
				" WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid");

	statement_bind_number(st, 1, (int64_t)mailbox);
	statement_bind_number(st, 2, first);
	statement_bind_number(st, 3, last);
	walk(st, each, owner);
}

bool
store_few_changed(struct store *s, uint64_t mailbox, uint64_t since, uint32_t most)
{
	struct statement *st = db_statement(s->db,
	    "SELECT count(*) FROM (SELECT 1 FROM message INDEXED BY message_modseq"
	    " WHERE mailbox = ? AND modseq > ? LIMIT ?)");
	bool few;

	statement_bind_number(st, 1, (int64_t)mailbox);
	statement_bind_number(st, 2, (int64_t)since);
	statement_bind_number(st, 3, (int64_t)most + 1);
	few = statement_step(st) == DB_ROW && statement_number(st, 0) <= most;
	statement_reset(st);
	return few;
}

void
store_each_changed(struct store *s, uint64_t mailbox, uint64_t since,
    bool (*each)(void *owner, const struct store_message *m), void *owner)
{
	struct statement *st =
	    db_statement(s->db, "SELECT uid, modseq, flags, kwset, date, size, body"
				" FROM message INDEXED BY message_modseq"
				" WHERE mailbox = ? AND modseq > ? ORDER BY uid");

	statement_bind_number(st, 1, (int64_t)mailbox);
	statement_bind_number(st, 2, (int64_t)since);
	walk(st, each, owner);
}

bool
store_each_gone(struct store *s, uint64_t mailbox, struct store_gone *from,
    bool (*each)(void *owner, uint32_t uid), void *owner)
{
	struct statement *st = db_statement(s->db,
	    "SELECT modseq, uid FROM expunged WHERE mailbox = ? AND (modseq, uid) > (?, ?)"
	    " ORDER BY modseq, uid");
	bool more = true;

	statement_bind_number(st, 1, (int64_t)mailbox);
	statement_bind_number(st, 2, (int64_t)from->modseq);
	statement_bind_number(st, 3, from->uid);
	while (more && statement_step(st) == DB_ROW) {
		from->modseq = (uint64_t)statement_number(st, 0);
		from->uid = (uint32_t)statement_number(st, 1);
		more = each(owner, from->uid);
	}
	statement_reset(st);
	return more;
}

enum store_result
store_forget_gone(struct store *s, uint64_t mailbox, uint64_t known, unsigned most)
{
	struct statement *st = db_statement(s->db,
	    "DELETE FROM expunged WHERE mailbox = ?1 AND (modseq, uid) IN (SELECT modseq, uid"
	    " FROM expunged WHERE mailbox = ?1 AND modseq <= ?2 ORDER BY modseq, uid LIMIT ?3)");

	statement_bind_number(st, 1, (int64_t)mailbox);
	statement_bind_number(st, 2, (int64_t)known);
	statement_bind_number(st, 3, most);
	return store_result_of(statement_run(st));
}
