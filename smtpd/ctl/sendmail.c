#include "smtpd/ctl/sendmail.h"

#include "common/base/encode.h"
#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/base/moment.h"
#include "smtpd/ctl/compose.h"
#include "smtpd/ctl/submit.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { NAME = 256, BLOCK = 64 * 1024 };

enum mode { MODE_SEND, MODE_SMTP, MODE_QUEUE, MODE_FLUSH, MODE_ALIASES, MODE_UNKNOWN };

struct sendmail {
	enum mode mode;
	const char *sender;    /* -f; NULL: who calls */
	bool takes_recipients; /* -t */
	bool ignores_dots;     /* -i */
	char user[NAME];
	char full_name[NAME];
	struct smtp_mail mail; /* -R, -V */
	struct smtp_rcpt rcpt; /* -N */
	struct buf arguments;  /* recipients, one a line */
	struct buf input;      /* lines with CRLF */
};

int
sendmail_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("sendmail: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

static enum mode
mode_of(const char *word)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = {{'m', MODE_SEND}, {'s', MODE_SMTP}, {'p', MODE_QUEUE}, {'i', MODE_ALIASES}};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (word[0] == modes[i].letter && word[1] == '\0')
			return modes[i].mode;
	return MODE_UNKNOWN;
}

/* The user who calls, and the first part of what the system knows of the name. */
static void
find_caller(struct sendmail *s)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw == NULL) {
		snprintf(s->user, sizeof(s->user), "uid%u", (unsigned)getuid());
		return;
	}
	snprintf(s->user, sizeof(s->user), "%s", pw->pw_name);
	snprintf(s->full_name, sizeof(s->full_name), "%.*s", (int)strcspn(pw->pw_gecos, ","),
	    pw->pw_gecos);
}

/* -N, -R and -V are parameters of SMTP (RFC 3461 4). One that makes no sense is said and left out:
 * better an unwanted report than no mail. */
static void
take_dsn(struct sendmail *s, int letter, const char *word)
{
	struct buf line = {0};
	struct smtp_command c;
	struct slice value = slice_of(word);

	if (letter == 'N') {
		buf_printf(&line, "RCPT TO:<postmaster> NOTIFY=%s", word);
	} else if (letter == 'R') {
		buf_printf(&line, "MAIL FROM:<> RET=%s", word);
	} else {
		buf_add_text(&line, "MAIL FROM:<> ENVID=");
		xtext_encode(&line, value);
	}
	if ((letter != 'V' && slice_find(value, ' ') >= 0) ||
	    smtp_command_parse(buf_slice(&line), SMTP_OFFER_DSN, &c) != SMTP_SYNTAX_OK)
		sendmail_fail(EX_OK, "-%c \"%s\" makes no sense, and is left out", letter, word);
	else if (letter == 'N')
		s->rcpt.notify = c.rcpt.notify;
	else if (letter == 'R')
		s->mail.ret = c.mail.ret;
	else
		memcpy(s->mail.envid, c.mail.envid, sizeof(s->mail.envid));
	buf_fini(&line);
}

static void
take_option(struct sendmail *s, int letter, const char *word)
{
	if (letter == 'b')
		s->mode = mode_of(word);
	else if (letter == 'I')
		s->mode = MODE_ALIASES;
	else if (letter == 'q' && s->mode == MODE_SEND)
		s->mode = MODE_FLUSH;
	else if (letter == 'f' || letter == 'r')
		s->sender = word;
	else if (letter == 'F')
		snprintf(s->full_name, sizeof(s->full_name), "%s", word);
	else if (letter == 't')
		s->takes_recipients = true;
	else if (letter == 'i' || (letter == 'o' && strcmp(word, "i") == 0))
		s->ignores_dots = true;
	else if (letter == 'N' || letter == 'R' || letter == 'V')
		take_dsn(s, letter, word);
}

/* Options that say nothing here are taken and forgotten: what calls sendmail
 * gives many. */
static bool
parse_options(struct sendmail *s, int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv,
		    "A:B:b:C:cD:d:e:F:f:Gh:IiL:M:mN:nO:o:p:Q:q::R:r:sTtUV:vX:x")) != -1) {
		if (letter == '?')
			return false;
		take_option(s, letter, optarg);
	}
	for (int i = optind; i < argc; i++)
		buf_printf(&s->arguments, "%s\n", argv[i]);
	return true;
}

static int
read_input(struct sendmail *s)
{
	struct buf raw = {0};
	int code = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, buf_room(&raw, BLOCK), BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			code =
			    sendmail_fail(EX_IOERR, "cannot read the message: %s", strerror(errno));
		if (n <= 0)
			break;
		buf_grew(&raw, (size_t)n);
		if (raw.len > LIMIT_COMPOSED) {
			code = sendmail_fail(
			    EX_DATAERR, "the message is larger than %d octets", LIMIT_COMPOSED);
			break;
		}
	}
	if (code == 0)
		compose_lines(&s->input, buf_slice(&raw), !s->ignores_dots);
	buf_fini(&raw);
	return code;
}

/* -f's address, completed; "" and "<>" are the null path. */
static void
complete_sender(const struct sendmail *s, struct slice hostname, struct buf *sender)
{
	struct slice given = slice_of(s->sender), rest, one;
	struct buf all = {0};

	if (s->sender == NULL) {
		compose_address(sender, slice_of(s->user), hostname);
		return;
	}
	if (!slice_equal_text(given, "<>"))
		compose_addresses(&all, given, hostname);
	rest = buf_slice(&all);
	if (slice_split(&rest, '\n', &one))
		buf_add_slice(sender, one);
	buf_fini(&all);
}

static int
send_message(struct sendmail *s, struct submit *to)
{
	struct slice hostname = slice_of(to->hostname), rest = buf_slice(&s->arguments), one;
	struct buf sender = {0}, recipients = {0}, message = {0};
	struct compose c = {.hostname = hostname,
	    .user = slice_of(s->user),
	    .full_name = slice_of(s->full_name),
	    .now = civil_now(),
	    .id = id_random(),
	    .takes_recipients = s->takes_recipients};
	int code;

	complete_sender(s, hostname, &sender);
	c.sender = buf_slice(&sender);
	while (slice_split(&rest, '\n', &one))
		compose_addresses(&recipients, one, hostname);
	compose(&c, buf_slice(&s->input), &message, &recipients);
	to->mail = s->mail;
	to->rcpt = s->rcpt;
	code = submit_message(to, buf_slice(&sender), buf_slice(&recipients), buf_slice(&message));
	buf_fini(&sender);
	buf_fini(&recipients);
	buf_fini(&message);
	return code;
}

static int
send_input(struct sendmail *s, const char *run_path)
{
	struct submit to;
	int code;

	if (s->arguments.len == 0 && !s->takes_recipients)
		return sendmail_fail(
		    EX_USAGE, "name a recipient, or give -t to take them from the message");
	code = read_input(s);
	if (code != 0)
		return code;
	code = submit_open(&to, run_path);
	if (code == 0)
		code = send_message(s, &to);
	submit_close(&to);
	return code;
}

int
sendmail_run(const char *run_path, int argc, char **argv)
{
	struct sendmail s = {.mode = MODE_SEND};
	int code = EX_USAGE;

	find_caller(&s);
	if (!parse_options(&s, argc, argv))
		code = sendmail_fail(EX_USAGE, "usage: sendmail [-it] [-b mode] [-F name] "
					       "[-f address] [-N notify] [-R return] "
					       "[-V envelope-id] [recipient ...]; sendmail -q");
	else if (s.mode == MODE_SEND)
		code = send_input(&s, run_path);
	else if (s.mode == MODE_SMTP)
		code = submit_relay(run_path);
	else if (s.mode == MODE_QUEUE)
		code = ctl_mailq();
	else if (s.mode == MODE_FLUSH)
		code = ctl_flush();
	else if (s.mode == MODE_ALIASES)
		code = ctl_newaliases();
	else
		code = sendmail_fail(EX_USAGE, "of the modes -b, there are m (send), s "
					       "(SMTP), p (queue) and i (aliases)");
	buf_fini(&s.arguments);
	buf_fini(&s.input);
	return code;
}
