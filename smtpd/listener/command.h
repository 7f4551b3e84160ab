/*
 * The verbs: a table of what may be said, when, and who answers it.
 */
#ifndef SMTPD_LISTENER_COMMAND_H
#define SMTPD_LISTENER_COMMAND_H

#include "common/mail/smtp_syntax.h"
#include "smtpd/listener/session.h"

/* The states that read: each takes what input there is and says how to go on. */
enum session_next smtp_when_command(struct smtp_session *s);
enum session_next smtp_when_data(struct smtp_session *s);

/* One verb each; the command's slices are valid during the call. */
void smtp_command_hello(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_mail(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_rcpt(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_data(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_rset(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_noop(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_vrfy(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_help(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_quit(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_starttls(struct smtp_session *s, const struct smtp_command *c);
void smtp_command_auth(struct smtp_session *s, const struct smtp_command *c);

/* Counts a command that brings no message forward: free, but not without end. False: that was the
 * end. A message that is stored begins the count anew; only that, or MAIL and RSET could go on for
 * ever. */
bool smtp_is_patient(struct smtp_session *s);

/* How somebody logs in. */
extern const struct login_kind smtp_login;

#endif
