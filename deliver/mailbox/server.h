/*
 * What the process holds: lines to its askers, grants, open accounts, and the handles by which
 * imapd and pop3d know them.
 */
#ifndef DELIVER_MAILBOX_SERVER_H
#define DELIVER_MAILBOX_SERVER_H

#include "common/conf/child.h"
#include "deliver/mailbox/store.h"

#include <sys/queue.h>

struct account {
	LIST_ENTRY(account) link;
	char *name;
	struct store store;
	int uses;        /* handles, and work in hand */
	int64_t touched; /* ms; the longest untouched closes first */
	bool is_broken;
};

/* An opened account of one asker, and the mailbox it views. */
struct handle {
	LIST_ENTRY(handle) link;
	struct channel *channel;
	uint32_t id;
	struct account *account;
	uint64_t viewed; /* mailbox id; 0: none */
	bool is_exclusive;
};

struct mailbox_server {
	LIST_HEAD(, account) accounts;
	LIST_HEAD(, handle) handles;
	size_t account_count, handle_count;
	uint32_t next_handle;
	char mail_path[1024];
};

extern struct mailbox_server mailbox_server;

/* Opens the account, making it when it is new; counts a use. NULL: *why, and it may be tried again.
 */
struct account *account_open(struct slice name, struct error *why);
void account_release(struct account *a);
void accounts_close_all(void);

struct handle *handle_find(struct channel *c, uint32_t id);
struct handle *handle_new(struct channel *c, struct account *a, bool exclusive);
void handle_free(struct handle *h);
void handles_forget(struct channel *c);

/* Tells every handle that views the mailbox that it has changed, or is gone. */
void feed_changed(struct account *a, uint64_t mailbox, bool removed);

/* Answers when what was changed is durable; nothing when the asker is gone by then. */
void reply_durable(struct account *a, struct channel *c, uint32_t id,
    const struct ipc_schema *schema, const void *message);
void reply_no(struct channel *c, uint32_t id, enum am_code code, const char *text);
void reply_result(struct channel *c, uint32_t id, enum store_result r);
void replies_forget(struct channel *c);

/* The verbs, and delivery. */
extern const struct ipc_handler verbs[];
extern const struct ipc_handler delivery[];
void deliveries_forget(struct channel *c);
void spools_forget(struct channel *c);
int spool_take(
    struct channel *c, uint32_t id); /* the file of am_spool, which is the caller's then; -1 */

/* search.c: the uids in ranges that a program finds, appended as u32 each. */
void search_run(
    struct store *s, uint64_t mailbox, struct slice ranges, struct slice program, struct buf *uids);

/* Ranges as they come: sorted pairs of u32. False at the end. */
bool range_next(struct slice *ranges, uint32_t *first, uint32_t *last);
void range_add(struct buf *out, uint32_t n);

#endif
