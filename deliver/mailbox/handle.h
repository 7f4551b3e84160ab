/*
 * The handles by which imapd and pop3d know accounts. A handle does not keep its account's database
 * open: idle sessions cost no descriptors.
 */
#ifndef DELIVER_MAILBOX_HANDLE_H
#define DELIVER_MAILBOX_HANDLE_H

#include "common/ipc/channel.h"
#include "deliver/mailbox/account.h"

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
	uint64_t since;  /* modseq: what happened up to it, the view knows */
	uint32_t spool;  /* of a large APPEND that is on its way; 0: none */
	int spool_fd;
	bool is_exclusive;
	bool is_viewing;  /* the view is on its way; news of it wait until it is there */
	bool is_readonly; /* the view takes no \Recent, nor do the changes in it */
};

void handles_init(void);
void handles_fini(void);

/* The handle keeps the account known. NULL: there are too many. */
struct handle *handle_new(struct channel *c, struct account *a, bool exclusive);
struct handle *handle_find(struct channel *c, uint32_t id);
void handle_free(struct handle *h);

/* Those of one asker, or all (NULL). */
void handles_forget(const struct channel *c);
size_t handles_count(void);

#endif
