/*
 * One end of the line to another process: frames with a type, a request id, a bounded body and
 * at most one descriptor. Whoever asks gets an answer, a refusal by deadline, or the news that
 * the peer is gone. What a peer sends is checked against its schema before a handler sees it;
 * nonsense cuts the peer off (a violation) and never harms this process.
 */
#ifndef COMMON_IPC_CHANNEL_H
#define COMMON_IPC_CHANNEL_H

#include "common/base/moment.h"
#include "common/ipc/schema.h"

struct channel;

/* What a handler gets. The body is the message's struct; slices in it live until it returns. */
struct ipc_message {
	struct channel *channel;
	const struct ipc_schema *schema;
	uint32_t id; /* the request it belongs to; answers carry the same id */
	const void *body;
	int fd; /* taken by the handler: close it or keep it; -1: none */
};

/* One kind of message this side may receive. The table ends with a NULL schema. */
struct ipc_handler {
	const struct ipc_schema *schema;
	void (*handle)(void *owner, struct ipc_message *m);
};

struct channel_options {
	const char *peer;                   /* its name, for the log */
	const struct ipc_handler *handlers; /* what the peer may begin; NULL: nothing */
	/* What it may answer, NULL at the end; NULL: nothing. */
	const struct ipc_schema *const *answers;
	void (*down)(void *owner); /* the peer is gone: channel_close() it; may be NULL */
	/* An answer to a request that is over: gives back what came with it; NULL: there is nothing such. */
	void (*late)(void *owner, struct ipc_message *m);
	void *owner;
	const struct ipc_schema *quiet; /* a kind of message that verbose logs leave out; or NULL */
	size_t most_requests;           /* requests of ours without an answer; 0: LIMIT_REQUESTS */
	/* Its requests wait while CHANNEL_HIGH octets of answers do: for a peer that takes answers always. */
	bool is_answerer;
};

/* The descriptor on which a process that the parent starts finds its line to it. */
enum { CHANNEL_PARENT = 3 };

/* Takes a connected socket. */
struct channel *channel_new(int fd, const struct channel_options *o);

/* Flushes what it can, fails all open requests as CHANNEL_DOWN, and frees. NULL is fine. */
void channel_close(struct channel *c);

/*
 * Queues a message; frames of one turn leave together. Takes the descriptor (-1: none). False
 * when the channel is down, the peer has fallen too far behind, or a field is out of range. What
 * belongs to no request, its id 0, is taken when requests and answers are not any more.
 */
bool channel_send(
    struct channel *c, const struct ipc_schema *schema, uint32_t id, const void *message, int fd);

/* How a request ends when it gets no answer of the peer's. */
enum channel_end { CHANNEL_DOWN, CHANNEL_LATE };

/*
 * Opens a request: gives an id for the messages of this exchange, 0 when there is no credit or
 * the channel is down. Every message with that id goes to answer(owner, m) instead of a
 * handler; the answerer ends the request with channel_done(). If the peer goes away or the
 * deadline passes first, ended() is called, once, and the request is over. A span of 0 ms has no deadline.
 */
struct channel_request {
	void (*answer)(void *owner, struct ipc_message *m);
	void (*ended)(void *owner, enum channel_end why);
	void *owner;
	struct span deadline;
};
uint32_t channel_request(struct channel *c, const struct channel_request *r);

/* The same for a request of one message without a descriptor, and sends it; 0: nothing is open. */
uint32_t channel_ask(struct channel *c, const struct channel_request *r,
    const struct ipc_schema *schema, const void *message);

/* The request is answered, or nobody wants the answer any more; answers still to come are late. */
void channel_done(struct channel *c, uint32_t id);

/* Says that the message breaks the protocol: logs the field, cuts the peer off after the handler. */
void channel_violation(struct channel *c, const char *field);

/* From now on tells of each peer that was cut off so. */
void channel_on_violation(void (*told)(const struct channel *c));

bool channel_is_up(const struct channel *c);

/* Tells it from every other channel that this process ever had. */
uint64_t channel_serial(const struct channel *c);

/* Octets that wait for the peer; a bulk sender pauses above CHANNEL_HIGH and asks to be called. */
enum { CHANNEL_HIGH = 1024 * 1024 };
size_t channel_pending(const struct channel *c);
void channel_when_drained(struct channel *c, void (*drained)(void *owner), void *owner);

/* Sends now instead of at the end of the turn. */
void channel_flush(struct channel *c);

#endif
