/* Sets of keywords. A message names one; sets that are equal are one, and never change. */
#include "deliver/mailbox/store/keyword.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/ipc/schema.h"

#include <stdlib.h>
#include <string.h>

enum { KEYWORD_LEAST = 4 }; /* octets of one in an ipc_list */

static int
by_octets(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The same keywords are the same set, in whatever order they came to a message. */
static void
sort_keywords(struct slice keywords, struct buf *out)
{
	struct slice *words = mem_array(keywords.len / KEYWORD_LEAST + 1, sizeof(*words)), word;
	size_t count = 0;

	while (ipc_list_next(&keywords, &word))
		words[count++] = word;
	qsort(words, count, sizeof(*words), by_octets);
	for (size_t i = 0; i < count; i++)
		ipc_list_add(out, words[i]);
	free(words);
}

static uint32_t
add_set(struct store *s, struct slice words)
{
	struct statement *all =
	    db_statement(s->db, "SELECT count(*), sum(length(words)) FROM keyword_set");
	struct statement *add = db_statement(s->db, "INSERT INTO keyword_set (words) VALUES (?)");
	bool is_room = statement_step(all) == DB_ROW &&
		       statement_number(all, 0) < LIMIT_KEYWORD_SETS &&
		       statement_number(all, 1) + (int64_t)words.len <= LIMIT_KEYWORDS_KEPT;

	statement_reset(all);
	statement_bind_octets(add, 1, words);
	return is_room && statement_run(add) == DB_DONE ? (uint32_t)db_last_rowid(s->db)
							: UINT32_MAX;
}

uint32_t
store_set(struct store *s, struct slice keywords)
{
	struct statement *find = db_statement(s->db, "SELECT id FROM keyword_set WHERE words = ?");
	struct buf words = {0};
	uint32_t set = UINT32_MAX;

	if (keywords.len == 0)
		return 0;
	if (keywords.len > LIMIT_KEYWORD_SET)
		return UINT32_MAX;
	sort_keywords(keywords, &words);
	statement_bind_octets(find, 1, buf_slice(&words));
	if (statement_step(find) == DB_ROW)
		set = (uint32_t)statement_number(find, 0);
	statement_reset(find);
	if (set == UINT32_MAX)
		set = add_set(s, buf_slice(&words));
	buf_fini(&words);
	return set;
}

void
store_sweep_sets(struct store *s)
{
	struct statement *st = db_statement(s->db,
	    "DELETE FROM keyword_set WHERE (SELECT count(*) FROM keyword_set) > ?"
	    " AND id NOT IN (SELECT kwset FROM message)"
	    " AND id <> (SELECT max(id) FROM keyword_set)");

	statement_bind_number(st, 1, LIMIT_KEYWORD_SETS / 2);
	statement_run(st);
}

void
store_each_set(struct store *s, uint32_t after,
    void (*each)(void *owner, uint32_t set, struct slice keywords), void *owner)
{
	struct statement *st =
	    db_statement(s->db, "SELECT id, words FROM keyword_set WHERE id > ? ORDER BY id");

	statement_bind_number(st, 1, after);
	while (statement_step(st) == DB_ROW)
		each(owner, (uint32_t)statement_number(st, 0), statement_octets(st, 1));
	statement_reset(st);
}

bool
store_set_keywords(struct store *s, uint32_t set, struct buf *keywords)
{
	struct statement *st = db_statement(s->db, "SELECT words FROM keyword_set WHERE id = ?");
	enum db_result result;

	statement_bind_number(st, 1, set);
	result = statement_step(st);
	if (result == DB_ROW)
		buf_add_slice(keywords, statement_octets(st, 0));
	statement_reset(st);
	return result == DB_ROW || result == DB_DONE;
}
