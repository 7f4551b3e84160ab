#include "smtpd/listener/command.h"

#include "common/net/sasl.h"

bool
smtp_auth_is_offered(const struct smtp_session *s)
{
	return s->service->listen->auth != AUTH_NONE && s->user == NULL &&
	       (s->is_tls || netaddr_is_loopback(&s->peer));
}

unsigned
smtp_offers(const struct smtp_session *s)
{
	const struct conf_listen *l = s->service->listen;

	return (l->auth != AUTH_NONE ? SMTP_OFFER_AUTH : 0U) | (l->no_dsn ? 0U : SMTP_OFFER_DSN);
}

void
smtp_extensions(const struct smtp_session *s, struct buf *out)
{
	const struct conf_listen *l = s->service->listen;

	buf_add_text(out, "PIPELINING\n8BITMIME\nENHANCEDSTATUSCODES\n");
	if (!l->no_dsn)
		buf_add_text(out, "DSN\n");
	buf_printf(out, "SIZE %llu\n", (unsigned long long)s->service->conf->global.max_message);
	if (!s->is_tls && s->service->tls != NULL && l->tls != TLS_IMPLICIT)
		buf_add_text(out, "STARTTLS\n");
	if (smtp_auth_is_offered(s))
		buf_add_text(out, "AUTH " SASL_MECHANISMS "\n");
	buf_add_text(out, "HELP\n");
}
