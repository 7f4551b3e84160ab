/*
 * STARTTLS (RFC 3207). Octets that came behind the command in clear are thrown away, and all
 * that the client said before is forgotten, so nothing can be injected into the TLS session.
 */
#include "smtpd/listener/command.h"

#include <stdlib.h>

/* RFC 3207 4.2. Who is at the other end of the Unix socket was not said, but asked of
 * the kernel. */
static void
forget(struct smtp_session *s)
{
	free(s->helo);
	s->helo = NULL;
	s->has_ehlo = false;
	if (!s->is_local) {
		free(s->user);
		s->user = NULL;
	}
}

void
smtp_command_starttls(struct smtp_session *s, const struct smtp_command *c)
{
	if (s->base.is_tls) {
		smtp_refuse(s, 503, "5.5.1", "TLS is already on");
		return;
	}
	if (s->base.service->tls == NULL) {
		smtp_refuse(s, 502, "5.5.1", "TLS is not offered here");
		return;
	}
	if (s->transaction != NULL) {
		smtp_refuse(s, 503, "5.5.1", "STARTTLS inside a transaction; RSET first");
		return;
	}
	smtp_reply(s, 220, "2.0.0", "go ahead");
	forget(s);
	smtp_move(s, SMTP_TLS);
	session_start_tls(&s->base);
}
