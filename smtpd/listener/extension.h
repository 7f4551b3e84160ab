/* What EHLO offers (RFC 5321 4.1.1.1): what works here and now, and nothing else. */
#ifndef SMTPD_LISTENER_EXTENSION_H
#define SMTPD_LISTENER_EXTENSION_H

#include "smtpd/listener/session.h"

/* Appends the lines behind the first, each with a line feed. */
void smtp_extensions(const struct smtp_session *s, struct buf *out);

/* Those that bring parameters, as SMTP_OFFER_* bits: parameters of what is not offered
 * are unknown. */
unsigned smtp_offers(const struct smtp_session *s);

/* Whether AUTH may be used now; false also when it is not offered here at all. */
bool smtp_auth_is_offered(const struct smtp_session *s);

#endif
