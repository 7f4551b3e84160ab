/*
 * What the process holds: open accounts, and the handles by which imapd and pop3d know them. A
 * handle does not keep its account's database open: idle sessions cost no descriptors.
 */
#ifndef DELIVER_MAILBOX_SERVER_H
#define DELIVER_MAILBOX_SERVER_H

#include "common/base/hash.h"
#include "common/ipc/channel.h"
#include "deliver/mailbox/store.h"

#include <sys/queue.h>

/* Lasts while somebody has a handle to it, something is in hand, or its store is open. */
struct account {
	TAILQ_ENTRY(account) idle; /* open, nothing in hand: the longest untouched first */
	LIST_HEAD(, handle) handles;
	LIST_HEAD(, snapshot) snapshots;
	char *name;
	struct store store;
	int work;     /* things in hand, for which the store stays open */
	TAILQ_ENTRY(account) batch; /* deliveries that wait for company */
	struct moment batch_began;
	size_t batch_octets;
	bool has_batch;
	bool is_open; /* the store */
};

struct job;
struct fetch;

/* An opened account of one asker, and the mailbox it views. */
struct handle {
	LIST_ENTRY(handle) link; /* of the account */
	LIST_ENTRY(handle) all;
	LIST_HEAD(, job) jobs;
	int job_count;
	LIST_HEAD(, fetch) fetches;
	struct channel *channel;
	uint32_t id;
	struct account *account;
	uint64_t viewed; /* mailbox id; 0: none */
	uint32_t spool;  /* of a large APPEND that is on its way; 0: none */
	int spool_fd;
	bool is_exclusive;
	bool is_viewing; /* the view is on its way; news of it wait until it is there */
};

struct mailbox_server {
	struct hash accounts; /* by name */
	TAILQ_HEAD(account_list, account) idle;
	struct hash by_id; /* handles */
	LIST_HEAD(, handle) handles;
	size_t open_count;
	uint32_t next_handle;
	char mail_path[1024];
};

extern struct mailbox_server mailbox_server;

void mailbox_server_init(void);

/* Opens the account, making it when it is new, and takes it in hand until account_release().
 * NULL: *why, and it may be tried again. */
struct account *account_open(struct slice name, struct error *why);
void account_hold(struct account *a); /* once more; its store is open */
void account_release(struct account *a);
void account_forget_unless_used(struct account *a);

/* Sees to it that the store of an account that is known is open, until this turn ends. */
bool account_resume(struct account *a, struct error *why);
void accounts_close_all(void);

/* handle.c: the handle keeps the account known. NULL: there are too many. */
struct handle *handle_new(struct channel *c, struct account *a, bool exclusive);
struct handle *handle_find(struct channel *c, uint32_t id);
void handle_free(struct handle *h);
void handles_forget(struct channel *c);

/* Tells every handle that views the mailbox that it has changed, or is gone. */
void feed_changed(struct account *a, uint64_t mailbox, bool removed);

/* Tells all that view a mailbox of the account that it is gone: what they know may not be so. */
void feed_lost(struct account *a);

/* Answers done when what was changed is durable, and failed (NULL: am_no) when it could not be made
 * so; nothing when the asker is gone by then. */
struct reply {
	const struct ipc_schema *schema;
	const void *message;
};
void reply_durable(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed);

/* The same, of a delivery, which may wait for others (batch.c). */
void reply_delivered(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed);

void reply_no(struct channel *c, uint32_t id, enum am_code code, const char *text);
void reply_ok(struct channel *c, uint32_t id, uint64_t modseq);
void reply_result(struct channel *c, uint32_t id, enum store_result r);
void replies_forget(struct channel *c);

/*
 * batch.c: queue keeps a message until it hears that it is durable here, so a delivery of so many
 * octets waits for others of its account a little while.
 */
void batch_init(void);
void batch_add(struct account *a, size_t octets);
void batch_forget(struct account *a);
void batches_finish(void); /* they wait no longer */

/* The verbs, and delivery. */
extern const struct ipc_handler verbs[];
extern const struct ipc_handler delivery[];
void deliveries_forget(struct channel *c);

#endif
