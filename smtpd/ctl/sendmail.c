#include "smtpd/ctl/sendmail.h"

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

enum mode { MODE_SEND, MODE_SMTP, MODE_QUEUE, MODE_ALIASES, MODE_FLUSH, MODE_UNKNOWN };

struct sendmail {
	enum mode mode;
	const char *sender;    /* -f; NULL: who calls */
	bool takes_recipients; /* -t */
	bool ignores_dots;     /* -i */
	char user[NAME];
	char full_name[NAME];
	struct buf arguments; /* recipients, one a line */
	struct buf input;     /* lines with CRLF */
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

/* Options that say nothing here are taken and forgotten: what calls sendmail
 * gives many. */
static bool
parse_options(struct sendmail *s, int argc, char **argv)
{
	int letter;

	while (
	    (letter = getopt(argc, argv, "A:B:b:C:d:e:F:f:GhiL:mN:no:O:p:q::R:r:tUV:vX:")) != -1) {
		if (letter == 'b')
			s->mode = mode_of(optarg);
		else if (letter == 'q' && optarg == NULL)
			s->mode = MODE_FLUSH;
		else if (letter == 'f' || letter == 'r')
			s->sender = optarg;
		else if (letter == 'F')
			snprintf(s->full_name, sizeof(s->full_name), "%s", optarg);
		else if (letter == 't')
			s->takes_recipients = true;
		else if (letter == 'i' || (letter == 'o' && strcmp(optarg, "i") == 0))
			s->ignores_dots = true;
		else if (letter == '?')
			return false;
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
	struct slice given = slice_of(s->sender);

	if (s->sender == NULL) {
		compose_address(sender, slice_of(s->user), hostname);
		return;
	}
	if (given.len >= 2 && given.data[0] == '<' && given.data[given.len - 1] == '>')
		given = slice_sub(given, 1, given.len - 2);
	compose_address(sender, given, hostname);
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
	while (slice_split(&rest, '\n', &one)) {
		compose_address(&recipients, one, hostname);
		buf_add_char(&recipients, '\n');
	}
	compose(&c, buf_slice(&s->input), &message, &recipients);
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
		code = sendmail_fail(EX_USAGE, "usage: sendmail [-iqt] [-b mode] [-F name] "
					       "[-f address] [recipient ...]");
	else if (s.mode == MODE_SEND)
		code = send_input(&s, run_path);
	else if (s.mode == MODE_SMTP)
		code = submit_relay(run_path);
	else if (s.mode == MODE_QUEUE)
		code = ctl_mailq();
	else if (s.mode == MODE_ALIASES)
		code = ctl_newaliases();
	else if (s.mode == MODE_FLUSH)
		code = ctl_flush();
	else
		code = sendmail_fail(EX_USAGE, "of the modes -b, there are m (send), s "
					       "(SMTP), p (queue) and i (aliases)");
	buf_fini(&s.arguments);
	buf_fini(&s.input);
	return code;
}
