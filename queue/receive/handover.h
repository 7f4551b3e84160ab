/*
 * A message while a listener hands it over: what came so far, copied, until it is in the database.
 */
#ifndef QUEUE_RECEIVE_HANDOVER_H
#define QUEUE_RECEIVE_HANDOVER_H

#include "common/base/buf.h"
#include "common/ipc/listener_queue.h"
#include "queue/envelope.h"
#include "queue/store/store.h"

struct receive_line;

/* Octets in the texts of a hand-over, which may move while they grow. */
struct kept {
	uint32_t at, len;
};

struct handover_recipient {
	struct kept action, address, user, target, original, orcpt;
	uint8_t transport, mailbox, notify;
};

struct handover {
	LIST_ENTRY(handover) link;
	struct receive_line *line; /* NULL: the listener is gone */
	uint32_t request;
	uint64_t message;
	uint8_t flags, ret;
	struct kept sender, envid, user, client, helo;
	struct handover_recipient *recipients;
	size_t count, capacity;
	struct buf texts, body;
	bool has_body;
	bool is_stale;  /* its id is of another time: to be refused */
	uint32_t spool; /* number of its file; 0: the body is here */
	uint64_t size;
	bool is_kept;                 /* the file is a body now */
	struct queue_message *stored; /* in the database, perhaps not on stable storage yet */
};

struct handover *queue_handover_new(
    struct receive_line *line, uint32_t request, const struct lq_begin *m);

/* False when it is one too many. */
bool queue_handover_add(struct handover *h, const struct lq_rcpt *m);
void queue_handover_set_body(struct handover *h, struct slice octets);
void queue_handover_free(struct handover *h);

/* Writes message and envelopes in the transaction that is open; they are NEW in memory. */
enum db_result queue_handover_store(struct handover *h);

/* They are not stored after all: out of memory again. */
void queue_handover_forget(struct handover *h);

/* They are: on their way. */
void queue_handover_begin(struct handover *h);

#endif
