/*
 * The commands of POP3 (RFC 1939, 2449, 2595, 5034): a table of name, state and function.
 */
#ifndef POP3D_COMMAND_H
#define POP3D_COMMAND_H

#include "pop3d/session.h"

/* The state that reads a line. */
enum session_next pop3_when_command(struct pop3_session *s);

/* The message of that number; NULL and an answer when there is none. */
struct pop3_message *pop3_find(struct pop3_session *s, struct slice number);

/* One command each; the argument is what stands behind its name. */
void pop3_command_capa(struct pop3_session *s, struct slice argument);
void pop3_command_stls(struct pop3_session *s, struct slice argument);
void pop3_command_user(struct pop3_session *s, struct slice argument);
void pop3_command_pass(struct pop3_session *s, struct slice argument);
void pop3_command_auth(struct pop3_session *s, struct slice argument);
void pop3_command_stat(struct pop3_session *s, struct slice argument);
void pop3_command_list(struct pop3_session *s, struct slice argument);
void pop3_command_uidl(struct pop3_session *s, struct slice argument);
void pop3_command_retr(struct pop3_session *s, struct slice argument);
void pop3_command_top(struct pop3_session *s, struct slice argument);
void pop3_command_dele(struct pop3_session *s, struct slice argument);
void pop3_command_noop(struct pop3_session *s, struct slice argument);
void pop3_command_rset(struct pop3_session *s, struct slice argument);
void pop3_command_quit(struct pop3_session *s, struct slice argument);

/* Opens the maildrop of the account that lookup granted; ends in TRANSACTION or AUTHORIZATION. */
void pop3_open(struct pop3_session *s, struct slice token, unsigned mailbox);

/* How somebody logs in. */
extern const struct login_kind pop3_login;

#endif
