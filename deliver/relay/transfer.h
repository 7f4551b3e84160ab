/*
 * One transfer of queue's: a message, its recipients of one destination, and what became of
 * each. It has an outcome for every recipient exactly once, whatever happens to connections.
 */
#ifndef DELIVER_RELAY_TRANSFER_H
#define DELIVER_RELAY_TRANSFER_H

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/ipc/queue_relay.h"
#include "common/net/loop.h"
#include "deliver/relay/route.h"

#include <sys/queue.h>

struct relay_recipient {
	uint64_t envelope;
	char *address, *original, *orcpt;
	uint8_t notify;
	bool is_done; /* its outcome was sent */
};

/* What a message needs, and a server that is up may not offer. */
enum relay_lack { LACK_NOTHING, LACK_8BITMIME, LACK_SIZE };

struct relay_session;

struct relay_transfer {
	LIST_ENTRY(relay_transfer) link;
	struct channel *queue; /* NULL: queue is gone, nobody wants the outcome */
	uint32_t id;
	struct log_context log;
	uint64_t message, size;
	char *action, *domain, *sender, *envid;
	uint8_t flags, ret;
	struct relay_recipient *recipients;
	size_t count, announced;
	char *octets; /* the message, or NULL and fd */
	int fd;
	struct relay_route route;
	unsigned rules;        /* relay_pool_rules() when the route was made */
	char *user, *secret;   /* for AUTH */
	char *helo;            /* for this source address; NULL: the action's, or the host's */
	struct netaddr source; /* family 0: the system's choice */
	bool has_asked_source, has_asked_helo;
	bool is_crowded;      /* a server that is up wants no more connections of ours */
	enum relay_lack lack; /* of the last host that could not take it, */
	char weak_host[LIMIT_DOMAIN + 1]; /* and its name */
	bool passes_dsn;                  /* the server takes over RFC 3461's duties */
	uint32_t request;                 /* open with lookup or resolver */
	struct channel *asked;
	struct relay_session *session; /* that carries it; NULL: none yet */
	struct moment began, late;     /* late: from then on it must come to its end */
	bool is_hasty;                 /* short waits, until the server wants the message */
	enum qr_destination destination;
	struct error reason;
};

/* Begins with qr_transfer; recipients and the body follow. Gives. */
struct relay_transfer *relay_transfer_new(
    struct channel *queue, uint32_t id, const struct qr_transfer *m);

/* False when queue sends more than it announced. */
bool relay_transfer_add(struct relay_transfer *t, const struct qr_rcpt *m);

/* The body came: finds the way and goes. Takes fd. */
bool relay_transfer_start(struct relay_transfer *t, struct slice octets, int fd);

/* Whether its time is up: no reply is waited for but the one that is due, no other command said. */
bool relay_transfer_is_late(const struct relay_transfer *t);

/* The server wants the message: it has all the time that sending it takes. */
void relay_transfer_is_welcome(struct relay_transfer *t);

/* The outcome of one recipient, and of all that have none yet. */
void relay_transfer_outcome(struct relay_transfer *t, struct relay_recipient *r,
    enum outcome outcome, const char *status, const char *reply, const char *mta);
void relay_transfer_outcome_all(struct relay_transfer *t, enum outcome outcome, const char *status,
    const char *reply, const char *mta);

/* All is said: tells queue and frees. Recipients without an outcome are queue's to try again. */
void relay_transfer_end(struct relay_transfer *t);

/* The connection to the present candidate failed before anything was sent: the next, or give up. */
void relay_transfer_next_host(struct relay_transfer *t, const char *why);

/* The present candidate offers not what the message needs: the next may (RFC 5321 5.1). The message
 * comes back when all hosts were reached and none does. */
void relay_transfer_lacks(struct relay_transfer *t, enum relay_lack lack, const char *host);

/* The present candidate, one of the domain's MX hosts, is this server under another name. Nobody
 * after it is asked (RFC 5321 5.1): the message comes back, unless a host before it may be there
 * later. */
void relay_transfer_met_self(struct relay_transfer *t, struct slice name);

/* A kept connection was gone already: over a new one, as if there had been none. */
void relay_transfer_anew(struct relay_transfer *t);

/* Queue is gone: its transfers end without a word, before the next queue's bring the same messages
 * once more. Only what the server has whole waits for its reply. */
void relay_transfers_forget(struct channel *queue);

#endif
