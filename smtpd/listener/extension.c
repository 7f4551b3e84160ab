#include "smtpd/listener/extension.h"

#include "common/mail/smtp_syntax.h"
#include "common/net/sasl.h"

bool
smtp_auth_is_offered(const struct smtp_session *s)
{
	return s->base.service->listen->auth != AUTH_NONE && s->user == NULL &&
	       session_is_private(&s->base);
}

/* Whose names without a domain are those of this host (RFC 6409 5.1): who writes from here, and
 * whom we know. */
static bool
is_ours(const struct smtp_session *s)
{
	return s->is_local || s->user != NULL || netaddr_is_loopback(&s->base.peer);
}

unsigned
smtp_offers(const struct smtp_session *s)
{
	const struct conf_listen *l = s->base.service->listen;

	return (l->auth != AUTH_NONE ? SMTP_OFFER_AUTH : 0U) | (l->no_dsn ? 0U : SMTP_OFFER_DSN) |
	       (is_ours(s) ? SMTP_OFFER_BARE : 0U);
}

void
smtp_extensions(const struct smtp_session *s, struct buf *out)
{
	const struct conf_listen *l = s->base.service->listen;

	buf_add_text(out, "PIPELINING\n8BITMIME\nENHANCEDSTATUSCODES\n");
	if (!l->no_dsn)
		buf_add_text(out, "DSN\n");
	buf_printf(
	    out, "SIZE %llu\n", (unsigned long long)s->base.service->conf->global.max_message);
	if (!s->base.is_tls && s->base.service->tls != NULL && l->tls != TLS_IMPLICIT)
		buf_add_text(out, "STARTTLS\n");
	if (smtp_auth_is_offered(s))
		buf_add_text(out, "AUTH " SASL_MECHANISMS "\n");
	buf_add_text(out, "HELP\n");
}
