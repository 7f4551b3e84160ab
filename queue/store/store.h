/*
 * Everything in SQL about the queue: messages, envelopes and a few numbers. Changes go through
 * the group commit; begin them with commit_begin() or commit_save().
 */
#ifndef QUEUE_STORE_STORE_H
#define QUEUE_STORE_STORE_H

#include "common/db/commit.h"
#include "queue/store/columns.h"

struct store;

/* Their columns, but for id, is_file and octets, are those of columns.h. */
struct store_message {
	uint64_t id;
	STORE_MESSAGE_COLUMNS(STORE_MEMBER)
	bool is_file; /* the octets are in a file (spool.h) */
	struct slice octets;
};

struct store_envelope {
	uint64_t id;
	STORE_ENVELOPE_COLUMNS(STORE_MEMBER)
};

/* The database in the folder; broken(NULL) is called when it cannot be trusted any more. */
struct store *store_open(const char *folder, void (*broken)(void *owner), struct error *why);
void store_close(struct store *s); /* commits what is open; NULL is fine */

/* Makes durable what was changed outside a commit: at the start, before anybody waits. False: it,
 * or more, was lost. Without room on the disk it is only put off. */
bool store_sync(struct store *s);

struct commit *store_commit(struct store *s);
const char *store_failure(const struct store *s);

/* The id must not be there: DB_CONSTRAINT. */
enum db_result store_add_message(struct store *s, const struct store_message *m);
enum db_result store_add_envelope(struct store *s, const struct store_envelope *e);

/*
 * DB_ROW: found, and its texts and octets live until store_done(), or until the next message (or
 * envelope) is looked for. DB_DONE: there is none. DB_CORRUPT: a row that cannot be. End with
 * store_done() before the turn of the loop ends.
 */
enum db_result store_find_message(struct store *s, uint64_t id, struct store_message *m);
enum db_result store_find_envelope(struct store *s, uint64_t id, struct store_envelope *e);
void store_done(struct store *s);

/* The message that an envelope's row names, sound or damaged; 0: there is none of that id. */
uint64_t store_message_of(struct store *s, uint64_t envelope);

/* Cuts what is damage to what can be shown: no field is above its most. */
void store_cut_envelope(struct store_envelope *e);

/* Gives the octets that the texts of *e now lie in; free(3) them. */
char *store_copy_envelope(struct store_envelope *e);

/* Whether all its fields are as they can have been taken in; store_scan() gives others too. */
bool store_envelope_is_sane(const struct store_envelope *e);

bool store_has_message(struct store *s, uint64_t id);

enum db_result store_remove_message(struct store *s, uint64_t id);
enum db_result store_remove_envelope(struct store *s, uint64_t id);

/* After a try: writes the columns of e that are TRIED. */
enum db_result store_change_envelope(struct store *s, const struct store_envelope *e);
enum db_result store_hold_envelope(struct store *s, uint64_t id, uint8_t hold);

/*
 * Calls each() for at most so many envelopes with *after < id < before, in the order of ids, and
 * leaves the last id in *after. DB_DONE: there are no more.
 */
enum db_result store_scan(struct store *s, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e), void *owner);
enum db_result store_scan_with_sender(struct store *s, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e, struct slice sender), void *owner);

/* A number by its name, which must be a literal; 0 when it was never set. */
uint64_t store_setting(struct store *s, const char *name);
enum db_result store_set(struct store *s, const char *name, uint64_t value);

#endif
