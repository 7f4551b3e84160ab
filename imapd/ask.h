/*
 * Asking mailbox for the command in hand. Who asks says with the request what may come in answer,
 * kind by kind; the request is ended, and the session goes on, in one place. The states that wait
 * read nothing from the client.
 */
#ifndef IMAPD_ASK_H
#define IMAPD_ASK_H

#include "imapd/session.h"

/* What is done with one kind of message. The function owns the descriptor that comes with it. */
struct imap_answer {
	const struct ipc_schema *schema;
	void (*take)(struct imap_session *s, const struct ipc_message *m);
};

/* How long mailbox has. */
enum { IMAP_ASK_SECONDS = 120 };

/* What may come in answer to a request. Anything else is a violation. */
struct imap_answers {
	struct imap_answer parts[3]; /* each any number of times, the request stays open */
	struct imap_answer last;     /* ends it */
	void (*refused)(struct imap_session *s, const struct am_no *no); /* NULL: imap_no() */
	void (*missing)(struct imap_session *s); /* nothing came; NULL: imap_unavailable() */
	bool is_paced;                           /* by the client: there is no deadline */
};

/*
 * Asks, and waits for the answer in the state that the session is in if that one waits for mailbox,
 * else in ASK. A request that cannot be sent is missing its answer at once.
 */
void imap_ask_mailbox(struct imap_session *s, const struct ipc_schema *schema, const void *message,
    const struct imap_answers *answers);

#endif
