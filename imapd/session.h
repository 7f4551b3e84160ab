/*
 * One IMAP session: a connection, the command in hand, who is logged in, and the mailbox that
 * is selected. At rest it owns no buffer.
 */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include "common/ipc/any_mailbox.h"
#include "common/session/session.h"
#include "imapd/input.h"
#include "imapd/output.h"
#include "imapd/server.h"
#include "imapd/session_states.h"
#include "imapd/view.h"

enum { IMAP_TAG_OCTETS = 256, IMAP_ASK_SECONDS = 120 };

enum imap_level { IMAP_NOT_AUTHENTICATED = 1, IMAP_AUTHENTICATED = 2, IMAP_SELECTED = 4 };

struct imap_command;
struct imap_append;

struct imap_session {
	struct session base;                   /* first: a session of this kind is one of these */
	LIST_ENTRY(imap_session) link;
	enum imap_level level;
	struct timer retry;                    /* when IDLE asks again for news that it did not get */
	struct imap_input input;
	struct imap_output output;
	char *tag;                             /* of the command in hand; NULL: none that is legal */
	const struct imap_command *command;
	bool is_uid;                           /* the command began with UID */
	char *ending;                          /* its tagged reply, while SYNC_ASK comes first */
	void *work;                            /* what its command_….c needs while it waits */
	void (*drop_work)(void *work);
	struct imap_append *append;            /* a message that comes in, and its spool */
	struct channel *mailbox;               /* has the account; NULL: gone, or not open yet */
	int instance;
	uint32_t handle;
	struct imap_view *view;                /* NULL: nothing is selected */
	unsigned errors;
	bool is_idle;                          /* SYNC_ASK leads back to IDLE */
};

/* A new session on a descriptor, which it takes; it ends itself. */
void imap_session_start(struct service *service, int fd, const struct netaddr *peer);

/* The process that has its account is gone: the command in hand fails, and the session ends. */
void imap_session_lost(struct imap_session *s);

/* Its selected mailbox has changed, or was removed. */
void imap_session_changed(struct imap_session *s, uint64_t modseq, bool removed);

/* Says BYE with that text and ends the session. */
void imap_session_shut(struct imap_session *s, const char *why);

/* The client shows that it is alive; before login that buys it no time (RFC 3501 5.4). */
void imap_heard(struct imap_session *s);

/* As session_move(). */
void imap_move(struct imap_session *s, enum imap_state next);

/* Queues output, behind what is queued already. */
void imap_write(struct imap_session *s, struct slice text);
void imap_printf(struct imap_session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Ends the command in hand: what has changed in the mailbox is told first where that is
 * allowed, then the tagged reply. The text begins with OK, NO or BAD.
 */
void imap_done(struct imap_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void imap_bad(struct imap_session *s, const char *why);
void imap_no(struct imap_session *s, const struct am_no *no);      /* in the words of RFC 5530 */
void imap_unavailable(struct imap_session *s);

/* Sends the tagged reply that waited for SYNC_ASK, or goes back to IDLE. */
void imap_synced(struct imap_session *s);

/* What the command in hand keeps until it is done; drop frees it. */
void imap_keep_work(struct imap_session *s, void *work, void (*drop)(void *work));

/* Leaves the selected mailbox. */
void imap_unselect(struct imap_session *s);

/*
 * Asks mailbox for the command in hand and waits for the answer in ASK. If nothing comes, the
 * command is answered with NO [UNAVAILABLE]; so it is when the request cannot be sent.
 */
void imap_ask_mailbox(struct imap_session *s, const struct ipc_schema *schema, const void *message,
    void (*answer)(void *owner, struct ipc_message *m));

/* Ends the command when m is am_no, or is not what was wanted (a violation). */
bool imap_is_answer(struct imap_session *s, struct ipc_message *m, const struct ipc_schema *wanted);

#endif
