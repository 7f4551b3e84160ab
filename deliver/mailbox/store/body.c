/*
 * Invariants:
 * 1. A row names a file only when the file and its name are durable (body_file.h).
 * 2. What a packed body claims as its size is bounded before it is believed.
 */
#include "deliver/mailbox/store/body.h"

#include "common/base/assert.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/mail/header.h"
#include "deliver/mailbox/store/body_file.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/store/signature.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { LEVEL = 1 };

/* Made once: to make one for each message costs more than to use it. */
static ZSTD_CCtx *
packer(void)
{
	static ZSTD_CCtx *context;

	if (context == NULL && (context = ZSTD_createCCtx()) == NULL)
		PANIC("out of memory");
	return context;
}

static ZSTD_DCtx *
unpacker(void)
{
	static ZSTD_DCtx *context;

	if (context == NULL && (context = ZSTD_createDCtx()) == NULL)
		PANIC("out of memory");
	return context;
}

/* A body as it is kept. */
struct row {
	struct slice octets; /* packed or not; or: */
	const char *file;    /* the name of its file; NULL: none */
	bool is_packed;
	uint64_t size, header_size; /* unpacked */
	const struct store_index *index;
};

static uint64_t
insert(struct store *s, const struct row *row, bool *full)
{
	static const char wide[] =
	    "INSERT INTO body (size, is_packed, octets, file, header_size,"
	    " envelope, structure, basic) VALUES (?, ?, ?, ?, 0, x'', x'', x'')";
	static const char slim[] =
	    "INSERT INTO body (size, is_packed, octets, file) VALUES (?, ?, ?, ?)";
	struct statement *st = db_statement(s->db, s->is_wide ? wide : slim);
	enum store_result r;
	uint64_t body;

	statement_bind_number(st, 1, (int64_t)row->size);
	statement_bind_number(st, 2, row->is_packed);
	if (row->file == NULL) {
		statement_bind_octets(st, 3, row->octets);
		statement_bind_null(st, 4);
	} else {
		statement_bind_null(st, 3);
		statement_bind_text(st, 4, slice_of(row->file));
	}
	r = store_result_of(statement_run(st));
	body = (uint64_t)db_last_rowid(s->db);
	if (r == STORE_OK)
		r = store_index_add(s, body, row->header_size, row->index);
	*full = r == STORE_FULL;
	if (r != STORE_OK)
		return 0;
	store_has_unsigned(s, body);
	return body;
}

static uint64_t
add_octets(struct store *s, struct slice octets, const struct store_index *i, bool *full)
{
	struct row row = {
	    .octets = octets, .size = octets.len, .header_size = header_body(octets), .index = i};
	size_t bound = ZSTD_compressBound(octets.len);
	char *packed = mem_zero(bound);
	size_t n = ZSTD_compressCCtx(packer(), packed, bound, octets.data, octets.len, LEVEL);
	uint64_t id;

	row.is_packed = !ZSTD_isError(n) && n < octets.len;
	if (row.is_packed)
		row.octets = slice_make(packed, n);
	id = insert(s, &row, full);
	free(packed);
	return id;
}

static uint64_t
add_file(struct store *s, const struct store_new *n, bool *full)
{
	struct row row = {.file = n->file,
	    .size = n->size,
	    .header_size = n->index->header_size,
	    .index = n->index};

	return insert(s, &row, full);
}

uint64_t
store_body_add(struct store *s, const struct store_new *n, bool *full)
{
	struct store_index made;
	uint64_t id;

	*full = false;
	if (n->file != NULL)
		return add_file(s, n, full);
	ASSERT(n->octets.len <= LIMIT_INLINE);
	if (n->index != NULL)
		return add_octets(s, n->octets, n->index, full);
	store_index_make(n->octets, &made);
	id = add_octets(s, n->octets, &made, full);
	store_index_fini(&made);
	return id;
}

static bool
unpack(struct slice packed, uint64_t size, struct buf *octets)
{
	char *room = size > LIMIT_INLINE ? NULL : buf_room(octets, (size_t)size);
	size_t n;

	if (room == NULL)
		return false;
	n = ZSTD_decompressDCtx(unpacker(), room, (size_t)size, packed.data, packed.len);
	if (ZSTD_isError(n) || n != size)
		return false;
	buf_grew(octets, n);
	return true;
}

/* One that was cut short must not be mapped: who reads behind its end dies. */
static bool
is_whole(int fd, uint64_t size)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

bool
store_body_read(struct store *s, uint64_t body, struct buf *octets, int *fd, uint64_t *size)
{
	struct statement *st =
	    db_statement(s->db, "SELECT size, is_packed, octets, file FROM body WHERE id = ?");
	char path[1200];
	bool ok;

	*fd = -1;
	statement_bind_number(st, 1, (int64_t)body);
	ok = statement_step(st) == DB_ROW;
	if (ok) {
		*size = (uint64_t)statement_number(st, 0);
		if (!statement_is_null(st, 3)) {
			snprintf(path, sizeof(path), "%s/%.*s", s->folder,
			    SLICE_FMT(statement_octets(st, 3)));
			*fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
			ok = is_whole(*fd, *size);
		} else if (statement_number(st, 1)) {
			ok = unpack(statement_octets(st, 2), *size, octets);
		} else {
			buf_add_slice(octets, statement_octets(st, 2));
		}
	}
	statement_reset(st);
	if (!ok && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	if (!ok)
		log_error("%s: body %llu cannot be read", s->folder, (unsigned long long)body);
	return ok;
}

enum store_result
store_body_share(struct store *s, uint64_t body)
{
	struct statement *st = db_statement(s->db,
	    "INSERT INTO share VALUES (?, 2) ON CONFLICT (body) DO UPDATE SET uses = uses + 1");

	statement_bind_number(st, 1, (int64_t)body);
	return store_result_of(statement_run(st));
}

/* Counts one less; *left have it still. A body that is not counted has one message. */
static enum db_result
count_down(struct store *s, uint64_t body, int64_t *left)
{
	struct statement *less =
	    db_statement(s->db, "UPDATE share SET uses = uses - 1 WHERE body = ? RETURNING uses");
	struct statement *alone = db_statement(s->db, "DELETE FROM share WHERE body = ?");
	enum db_result r;

	*left = 0;
	statement_bind_number(less, 1, (int64_t)body);
	while ((r = statement_step(less)) == DB_ROW)
		*left = statement_number(less, 0);
	statement_reset(less);
	if (r != DB_DONE || *left != 1)
		return r;
	statement_bind_number(alone, 1, (int64_t)body);
	return statement_run(alone);
}

enum store_result
store_body_release(struct store *s, uint64_t body)
{
	struct statement *del = db_statement(s->db, "DELETE FROM body WHERE id = ? RETURNING file");
	int64_t left;
	enum db_result r = count_down(s, body, &left);
	enum store_result result;

	if (r != DB_DONE || left > 0)
		return store_result_of(r);
	statement_bind_number(del, 1, (int64_t)body);
	while ((r = statement_step(del)) == DB_ROW) {
		if (statement_is_null(del, 0))
			continue;
		buf_add_slice(&s->unnamed, statement_octets(del, 0));
		buf_add_char(&s->unnamed, '\0');
	}
	statement_reset(del);
	if (r != DB_DONE)
		return store_result_of(r);
	result = store_index_remove(s, body);
	return result == STORE_OK ? store_remove_signature(s, body) : result;
}

/* Files to remove, once nothing on the disk names them. */
struct removal {
	char folder[1024];
	struct buf names;
};

/* When it is not durable, or we die here, the sweep of the next opening decides. */
static void
on_durable(void *owner, bool ok)
{
	struct removal *r = owner;

	if (ok)
		body_files_remove(r->folder, &r->names);
	buf_fini(&r->names);
	free(r);
}

void
store_remove_unnamed(struct store *s)
{
	struct removal *r;

	if (s->unnamed.len == 0)
		return;
	r = mem_zero(sizeof(*r));
	snprintf(r->folder, sizeof(r->folder), "%s", s->folder);
	r->names = s->unnamed;
	s->unnamed = (struct buf){0};
	commit_wait(s->commit, on_durable, r);
}
