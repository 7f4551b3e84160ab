/*
 * The commands of IMAP4rev1 (RFC 3501 6) and its extensions: a table of name, level and function.
 */
#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H

#include "imapd/ask.h"
#include "imapd/parse.h"
#include "imapd/response.h"
#include "imapd/session.h"

/* The states that read from the client. */
enum session_next imap_when_command(struct imap_session *s);
enum session_next imap_when_literal(struct imap_session *s);
enum session_next imap_when_idle(struct imap_session *s);
enum session_next imap_when_message(struct imap_session *s);
enum session_next imap_when_message_end(struct imap_session *s);

/* What they do when there is no line to take: wait, or end the session. */
enum session_next imap_without_line(struct imap_session *s, enum stream_result result);

/* Those in which the client takes what there is to tell. */
enum session_next imap_when_sending(struct imap_session *s);
enum session_next imap_when_sync_tell(struct imap_session *s);

/* A command's first line: from now on it is in hand, spoiled where it cannot run. */
void imap_command_begin(struct imap_session *s, struct slice line);

/* What stands behind its name, as far as it is here; and whether a message may be there. */
struct imap_parse imap_command_arguments(struct imap_session *s);
bool imap_command_takes_message(const struct imap_session *s);

/* It is whole: runs it, or says why not. It is over: frees what it had. */
void imap_command_run(struct imap_session *s);
void imap_command_end(struct imap_session *s);

/* What it keeps while it waits; drop frees it with the command, unless it is taken. */
void imap_keep_work(struct imap_session *s, void *work, void (*drop)(void *work));
void *imap_take_work(struct imap_session *s);

/* Whether the command in hand may be followed by EXPUNGE (RFC 3501 7.4.1). */
bool imap_command_may_expunge(const struct imap_session *s);

/*
 * APPEND's message is announced. True when it goes to a file or a buffer of its own; false
 * when the literal is a part of the command like any other, or the command was spoiled.
 */
bool imap_append_begin(struct imap_session *s, bool is_sync);
void imap_append_free(struct imap_append *a);

/* Takes a line of the command in hand. */
void imap_command_line(struct imap_session *s, struct slice line);

/* Ends the response that a FETCH is in the middle of, if one is: something else is to be told. */
void imap_fetch_cut(struct imap_session *s);

/* How somebody logs in. */
extern const struct login_kind imap_login;

/* What the server can do for this client now, without "CAPABILITY ". */
void imap_capabilities(const struct imap_session *s, struct buf *out);

/* A space and a set of numbers or, for a UID command, of UIDs, as indexes of the view;
 * ends the command when it is none. */
bool imap_parse_set(struct imap_session *s, struct imap_parse *p, struct imap_set *set);

/* A space and a mailbox's name; ends the command when it is none. */
bool imap_parse_mailbox(struct imap_session *s, struct imap_parse *p, struct buf *name);

/* One command each; what stands behind its name is read from p. */
#define IMAP_COMMAND(name) void imap_command_##name(struct imap_session *s, struct imap_parse *p)
IMAP_COMMAND(append);
IMAP_COMMAND(authenticate);
IMAP_COMMAND(capability);
IMAP_COMMAND(check);
IMAP_COMMAND(close);
IMAP_COMMAND(copy);
IMAP_COMMAND(create);
IMAP_COMMAND(delete);
IMAP_COMMAND(enable);
IMAP_COMMAND(examine);
IMAP_COMMAND(expunge);
IMAP_COMMAND(fetch);
IMAP_COMMAND(id);
IMAP_COMMAND(idle);
IMAP_COMMAND(list);
IMAP_COMMAND(login);
IMAP_COMMAND(logout);
IMAP_COMMAND(lsub);
IMAP_COMMAND(move);
IMAP_COMMAND(namespace);
IMAP_COMMAND(noop);
IMAP_COMMAND(rename);
IMAP_COMMAND(search);
IMAP_COMMAND(select);
IMAP_COMMAND(starttls);
IMAP_COMMAND(status);
IMAP_COMMAND(store);
IMAP_COMMAND(subscribe);
IMAP_COMMAND(unselect);
IMAP_COMMAND(unsubscribe);

#endif
