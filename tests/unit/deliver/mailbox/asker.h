/*
 * One who asks the verbs, over a real channel, and keeps what was answered.
 */
#ifndef TESTS_UNIT_DELIVER_MAILBOX_ASKER_H
#define TESTS_UNIT_DELIVER_MAILBOX_ASKER_H

#include "tests/unit/deliver/mailbox/mailbox_test.h"

#include "common/ipc/queue_mailbox.h"

struct asker {
	struct channel *mine, *theirs;
	uint32_t request;
	const struct ipc_schema *end; /* the message that ended the last request; NULL: none yet */
	uint8_t code;                 /* of am_no */
	uint32_t handle, uid, uidvalidity, messages, unseen;
	uint64_t modseq;
	struct buf found;   /* "1 2 5": of am_found */
	struct buf records; /* "uid:flags ": of am_messages */
	struct buf gone;    /* "1 2 ": of am_gone */
	struct buf octets;  /* of the last am_message */
	int message_count, changed, removed;
	uint32_t set; /* of the last am_keywords */
	int set_count;
	uint32_t spool;          /* of am_spooled */
	int spool_fd;            /* the test closes it */
	int delivered, deferred; /* of qm_outcome */
};

/* Speaks to the verbs, or to delivery as queue does. */
void asker_open(struct asker *a, const struct ipc_handler *handlers);
void asker_close(struct asker *a);

/* Asks and waits for the end of the answer. */
void asker_ask(struct asker *a, const struct ipc_schema *schema, const void *message);

/* Asks only; a->end is NULL until the end has come. */
void asker_send(struct asker *a, const struct ipc_schema *schema, const void *message);
void asker_wait(struct asker *a);

/* Opens that account with a grant. */
void asker_login(struct asker *a, const char *account);

/* Views the mailbox. */
void asker_view(struct asker *a, const char *name);

void asker_append(struct asker *a, const char *name, const char *message, uint8_t flags);

/* As queue: delivers a small message for accounts, parted by blanks, with envelopes from
 * first on. */
void asker_deliver(struct asker *a, const char *accounts, uint64_t first, const char *message);

#endif
