/*
 * Handing a message to the suite: SMTP over the submission socket, one command
 * after the other, as a program that runs for a moment may. The server knows
 * from the kernel who calls.
 */
#ifndef SMTPD_CTL_SUBMIT_H
#define SMTPD_CTL_SUBMIT_H

#include "common/base/buf.h"
#include "common/mail/reply.h"
#include "common/mail/smtp_syntax.h"

struct submit {
	int fd;
	char hostname[256]; /* the server's, from its greeting */
	bool has_8bitmime, has_dsn;
	struct smtp_mail
	    mail; /* what is said with MAIL and with each RCPT, if the server offers it */
	struct smtp_rcpt rcpt;
	struct reply reply; /* the last one */
	struct buf in;
};

/* Connects, and hears the greeting and EHLO's answer. Returns 0, or an exit
 * code of sysexits(3) with the reason said on standard error. submit_close() in
 * any case. */
int submit_open(struct submit *s, const char *run_path);
void submit_close(struct submit *s);

/* Sends the message (lines with CRLF) to the recipients, one a line, each once. The same
 * return value; when some recipients were refused, the others have it. */
int submit_message(
    struct submit *s, struct slice sender, struct slice recipients, struct slice message);

/* Copies between the socket and standard input and output (sendmail -bs) until
 * one of them ends. */
int submit_relay(const char *run_path);

#endif
