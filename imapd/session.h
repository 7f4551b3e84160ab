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

enum imap_level { IMAP_NOT_AUTHENTICATED = 1, IMAP_AUTHENTICATED = 2, IMAP_SELECTED = 4 };

struct imap_verb;
struct imap_append;
struct imap_answers;
struct imap_flight;

/* The command in hand, from its first line to its tagged response. */
struct imap_command {
	char *tag;                    /* NULL: none that is legal */
	const struct imap_verb *verb; /* NULL: no command has this name */
	bool is_uid;                  /* it began with UID */
	size_t arguments;             /* where they begin in the input's octets */
	void *work;                   /* what its command_….c needs while it waits */
	void (*drop_work)(void *work);
	char *ending; /* its tagged response, while SYNC_ASK comes first */
};

struct imap_session {
	struct session base; /* first: a session of this kind is one of these */
	LIST_ENTRY(imap_session) link;
	enum imap_level level;
	struct timer retry; /* when IDLE asks again for news that it did not get */
	struct imap_input input;
	struct imap_output output;
	struct imap_command command;
	struct imap_append *append;        /* a message that comes in, and its spool */
	TAILQ_HEAD(, imap_flight) flights; /* APPENDs that are not answered yet */
	unsigned flight_count;
	struct channel *mailbox; /* has the account; NULL: gone, or not open yet */
	int instance;
	uint32_t handle;
	const struct imap_answers *answers; /* to the request that is open with it */
	struct imap_view *view;             /* NULL: nothing is selected */
	unsigned errors;
	bool is_idle; /* SYNC_ASK leads back to IDLE */
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

/* Leaves the selected mailbox. */
void imap_unselect(struct imap_session *s);

#endif
