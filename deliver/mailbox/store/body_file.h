/*
 * The file of a large body: made and synced in the pool, before the row that names it, so that no
 * account waits for what another brings.
 */
#ifndef DELIVER_MAILBOX_STORE_BODY_FILE_H
#define DELIVER_MAILBOX_STORE_BODY_FILE_H

#include "deliver/mailbox/account.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/message.h"

struct body_file {
	/* What to make it of; zeroed, with fd -1, and then the caller's to fill. */
	struct buf before;   /* lines of ours, which come first */
	struct slice octets; /* the message, borrowed until it is done; or */
	int fd;              /* a file of so many octets, the caller's to close; -1: none */
	uint64_t fd_size;
	bool mends_lines; /* a bare LF becomes CR LF */

	/* Whether this message is wanted; asked in the pool. NULL: any is. */
	bool (*wants)(const void *owner, struct slice message);
	void (*done)(void *owner);
	void *owner;

	/* What came of it. */
	enum store_result result; /* STORE_CANNOT: it is not wanted */
	uint64_t size;            /* with the lines of ours */
	struct store_index index;
	char folder[1024];
	char name[64]; /* "": there is none, or a row names it */
	struct account *account;
	unsigned opening; /* of the account's store, whose folder it lies in */
};

/* Makes the file here and now, which blocks; true when it and its name are durable. If not, there
 * is none, and result says why. */
bool body_file_make(struct body_file *f, const char *folder);

/* Makes it in the pool, in the folder of an account, which it holds from now on; done(owner)
 * follows on the loop, whatever comes of it. */
void body_file_begin(struct body_file *f, struct account *a);

/* Whether it may get its row now: not if the store broke meanwhile, for whoever opened it anew may
 * have swept the file. */
enum store_result body_file_result(const struct body_file *f);

/* What a new message is told by: octets, size and index are those of the file. */
void body_file_describe(const struct body_file *f, struct store_new *n);

/* A row names it. */
void body_file_take(struct body_file *f);

/* Removes a file that no row names, and lets go of the account. Not while it is in the pool. */
void body_file_fini(struct body_file *f);

/* The process ends: what has not begun yet is not made any more. */
void body_files_stop(void);

/* Removes files of a folder, named with a NUL each; takes the names. */
void body_files_remove(const char *folder, struct buf *names);

#endif
