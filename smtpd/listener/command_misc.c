/* RSET, NOOP, VRFY, QUIT: what changes little. */
#include "smtpd/listener/command.h"

bool
smtp_is_patient(struct smtp_session *s)
{
	if (++s->idle_commands <= LIMIT_IDLE_COMMANDS)
		return true;
	smtp_session_shut(s, "4.7.0", "too many commands without mail");
	return false;
}

void
smtp_command_rset(struct smtp_session *s, const struct smtp_command *c)
{
	if (!smtp_is_patient(s))
		return;
	smtp_transaction_reset(s);
	smtp_reply(s, 250, "2.0.0", "ok");
}

void
smtp_command_noop(struct smtp_session *s, const struct smtp_command *c)
{
	if (smtp_is_patient(s))
		smtp_reply(s, 250, "2.0.0", "ok");
}

/* The same answer for everybody (RFC 5321 7.3), so nobody can ask for names. */
void
smtp_command_vrfy(struct smtp_session *s, const struct smtp_command *c)
{
	if (smtp_is_patient(s))
		smtp_reply(s, 252, "2.5.2", "send some mail, and it will be seen");
}

void
smtp_command_quit(struct smtp_session *s, const struct smtp_command *c)
{
	smtp_reply(s, 221, "2.0.0", "%s bye", smtp_hostname(s));
	smtp_move(s, SMTP_CLOSING);
}
