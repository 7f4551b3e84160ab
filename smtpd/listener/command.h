/*
 * The verbs: a list of what may be said, and who answers it.
 */
#ifndef SMTPD_LISTENER_COMMAND_H
#define SMTPD_LISTENER_COMMAND_H

#include "common/mail/smtp_syntax.h"
#include "smtpd/listener/session.h"

/* The states that read: each takes what input there is and says how to go on. */
enum session_next smtp_when_command(struct smtp_session *s);
enum session_next smtp_when_data(struct smtp_session *s);

/* clang-format off */
/* The verbs that are served, and who answers each; what else smtp_syntax.h knows gets 502. */
#define SMTP_COMMANDS(C) \
	C(EHLO,     hello) \
	C(HELO,     hello) \
	C(MAIL,     mail) \
	C(RCPT,     rcpt) \
	C(DATA,     data) \
	C(RSET,     rset) \
	C(NOOP,     noop) \
	C(VRFY,     vrfy) \
	C(HELP,     help) \
	C(QUIT,     quit) \
	C(STARTTLS, starttls) \
	C(AUTH,     auth)

/* smtp_command_hello() and so on; the command's slices are valid during the call. */
#define C(verb, name) void smtp_command_##name(struct smtp_session *s, const struct smtp_command *c);
SMTP_COMMANDS(C)
#undef C
/* clang-format on */

/* Appends an address as it goes on; one without a domain is of this host. */
void smtp_add_address(const struct smtp_session *s, const struct address *a, struct buf *out);

/* Counts a command that brings no message forward: free, but not without end. False: that was the
 * end. A message that is stored begins the count anew; only that, or MAIL and RSET could go on for
 * ever. */
bool smtp_is_patient(struct smtp_session *s);

/* How somebody logs in. */
extern const struct login_kind smtp_login;

#endif
