/* What comes before the first word of a session. */
#ifndef SMTPD_LISTENER_GREETING_H
#define SMTPD_LISTENER_GREETING_H

#include "smtpd/listener/session.h"

/* Begins to find out what the greeting waits for; ends it, done or not. */
void smtp_greeting_begin(struct smtp_session *s);
void smtp_greeting_end(struct smtp_session *s);

enum session_next smtp_when_proxy(struct smtp_session *s);
enum session_next smtp_when_greeting(struct smtp_session *s);

#endif
