/* EHLO and HELO (RFC 5321 4.1.1.1): the client's name, and what it may use here. */
#include "smtpd/listener/command.h"

#include "smtpd/listener/extension.h"

#include <stdlib.h>

static void
say_extensions(struct smtp_session *s)
{
	struct buf lines = {0};
	struct slice rest, line;

	smtp_extensions(s, &lines);
	stream_printf(
	    s->base.stream, "250-%s Hello %s, pleased to meet you\r\n", smtp_hostname(s), s->helo);
	rest = buf_slice(&lines);
	while (slice_split(&rest, '\n', &line))
		stream_printf(
		    s->base.stream, "250%c%.*s\r\n", rest.len > 0 ? '-' : ' ', SLICE_FMT(line));
	buf_fini(&lines);
}

void
smtp_command_hello(struct smtp_session *s, const struct smtp_command *c)
{
	if (!smtp_is_patient(s))
		return;
	smtp_transaction_reset(s);
	free(s->helo);
	s->helo = slice_text(c->argument);
	s->has_ehlo = c->verb == SMTP_VERB_EHLO;
	if (s->has_ehlo)
		say_extensions(s);
	else
		smtp_reply(
		    s, 250, "", "%s Hello %s, pleased to meet you", smtp_hostname(s), s->helo);
}
