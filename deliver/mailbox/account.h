/*
 * Accounts by name. At most LIMIT_OPEN_ACCOUNTS of their stores are open, but for those that have
 * work in hand.
 */
#ifndef DELIVER_MAILBOX_ACCOUNT_H
#define DELIVER_MAILBOX_ACCOUNT_H

#include "common/base/moment.h"
#include "deliver/mailbox/store/store.h"

#include <sys/queue.h>

/* Lasts while somebody has a handle to it, something is in hand, or its store is open. */
struct account {
	TAILQ_ENTRY(account) idle; /* open, nothing in hand: the longest untouched first */
	LIST_HEAD(, handle) handles;
	LIST_HEAD(, snapshot) snapshots;
	char *name;
	struct store store;
	int work;                   /* things in hand, for which the store stays open */
	unsigned openings;          /* how often the store was opened */
	int spools;                 /* files of large APPENDs: spool.c's */
	TAILQ_ENTRY(account) batch; /* batch.h's */
	struct moment batch_began, touched;
	size_t batch_octets;
	TAILQ_ENTRY(account) signing; /* signer.h's */
	bool has_batch;
	bool is_unsigned; /* as far as it is known: signer.h */
	bool is_put_off;  /* its signatures could not be kept */
	bool is_browsed;  /* by imapd, which may search it */
	bool is_open;     /* the store */
	bool is_resting;  /* and has given back what it kept for speed */
};

/* Accounts lie below that folder. */
void accounts_init(const char *mail_path);
void accounts_fini(void);

/* Opens the account, making it when it is new, and takes it in hand until account_release().
 * NULL: *why, and it may be tried again. */
struct account *account_open(struct slice name, struct error *why);
void account_hold(struct account *a); /* once more; its store is open */
void account_release(struct account *a);
void account_forget_unless_used(struct account *a);

/* Sees to it that the store of an account that is known is open, until this turn ends. */
bool account_resume(struct account *a, struct error *why);
void accounts_close_all(void);

/* How often somebody wanted an account. */
uint64_t accounts_touched(void);

/* Open stores that nobody touched for so long give back what they keep for speed, and those whose
 * files are gone close. True: some are left that were touched since. It happens by itself now and
 * then. */
bool accounts_rest(struct span untouched);

/* How many stores are open, and how many accounts known. */
size_t accounts_open(void);
size_t accounts_known(void);

#endif
