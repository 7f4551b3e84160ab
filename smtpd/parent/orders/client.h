/* One smtpctl at the control socket, for the files that carry its orders out. */
#ifndef SMTPD_PARENT_ORDERS_CLIENT_H
#define SMTPD_PARENT_ORDERS_CLIENT_H

#include "common/base/buf.h"
#include "common/ipc/channel.h"
#include "smtpd/parent/child/process.h"

#include <sys/queue.h>

/* At most one order at a time, which may be asked of many processes in turn. */
struct client {
	LIST_ENTRY(client) link;
	struct channel *channel;
	uint32_t order; /* its id of the order in hand; 0: none */
	bool json;
	struct process *asked;
	uint32_t request; /* the order as it was passed on; 0: not */
	struct {
		struct buf verb, arguments; /* to ask for the next part of a long answer */
		struct span deadline;       /* of each part */
		uint64_t after;
	} passed;

	/* show status */
	bool is_status;
	size_t next;       /* the process to ask next */
	struct buf answer; /* what the one that was asked said */

	/* reload: until all processes have taken it */
	bool is_waiting;
	LIST_ENTRY(client) waits;
	struct timer patience;

	/* monitor and trace: until the client hangs up */
	struct monitor *monitor;
	struct trace *trace;
};

void client_text(struct client *c, struct slice text);
void client_line(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The order ends: the code is what smtpctl exits with, the error "" or a sentence. */
void client_done(struct client *c, int code, const char *error);

/* Passes the order on; its answers go to smtpctl. False: it is not there, or busy. */
bool client_ask(struct client *c, struct process *p, struct slice verb, struct slice arguments,
    struct span deadline);

/* Forgets the order that was passed on; a password may be in it. */
void client_forget(struct client *c);

#endif
