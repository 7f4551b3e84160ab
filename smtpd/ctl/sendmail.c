#include "smtpd/ctl/sendmail.h"

#include "common/base/id.h"
#include "common/base/moment.h"
#include "common/mail/address_list.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/mail/reply.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { MESSAGE = 64 * 1024 * 1024, LINE = 2048 };

struct sendmail {
	const char *sender, *name;
	bool from_header, ignores_dots;
	struct buf recipients; /* one a line */
	struct buf message;    /* CRLF, as it came */
	struct buf out;        /* with the fields that were missing, without Bcc */
	FILE *server;
	struct reply reply;
};

static int
fail(int code, const char *what, const char *why)
{
	fprintf(stderr, "sendmail: %s%s%s\n", what, why[0] == '\0' ? "" : ": ", why);
	return code;
}

static bool
parse_arguments(struct sendmail *s, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "A:B:b:C:d:e:F:f:GhiL:mN:no:O:p:q:R:r:tUV:vX:")) != -1) {
		if (c == 'f' || c == 'r')
			s->sender = optarg;
		else if (c == 'F')
			s->name = optarg;
		else if (c == 't')
			s->from_header = true;
		else if (c == 'i' || (c == 'o' && strcmp(optarg, "i") == 0))
			s->ignores_dots = true;
		else if (c == '?')
			return false;
	}
	for (int i = optind; i < argc; i++)
		buf_printf(&s->recipients, "%s\n", argv[i]);
	return true;
}

/* Lines with CRLF whatever they end in; a dot alone ends the message unless -i. */
static void
read_message(struct sendmail *s)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	s->message.max = MESSAGE;
	while ((n = getline(&line, &size, stdin)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n == 1 && line[0] == '.' && !s->ignores_dots)
			break;
		for (ssize_t i = 0; i < n; i++)
			buf_add_char(&s->message, line[i] == '\r' ? ' ' : line[i]);
		buf_add_text(&s->message, "\r\n");
	}
	free(line);
}

static bool
is_any(struct slice name, const char *a, const char *b, const char *c)
{
	return slice_equal_text_nocase(name, a) || slice_equal_text_nocase(name, b) ||
	       slice_equal_text_nocase(name, c);
}

static void
add_recipients(struct sendmail *s, struct slice value)
{
	struct address_list list;
	struct address_item item;

	address_list_init(&list, value);
	while (address_list_next(&list, &item)) {
		if (item.kind != ADDRESS_ITEM_MAILBOX || item.local.len == 0)
			continue;
		buf_add_slice(&s->recipients, item.local);
		if (item.domain.len > 0)
			buf_printf(&s->recipients, "@%.*s", SLICE_FMT(item.domain));
		buf_add_char(&s->recipients, '\n');
	}
	address_list_fini(&list);
}

static void
add_missing(struct sendmail *s, const char *hostname, bool has_from, bool has_date, bool has_id)
{
	struct date now = {.seconds = civil_now()};
	char id[ID_TEXT];

	if (!has_from && s->name != NULL)
		buf_printf(&s->out, "From: \"%s\" <%s>\r\n", s->name, s->sender);
	else if (!has_from)
		buf_printf(&s->out, "From: %s\r\n", s->sender);
	if (!has_date) {
		buf_add_text(&s->out, "Date: ");
		date_format(&s->out, now);
		buf_add_text(&s->out, "\r\n");
	}
	if (!has_id)
		buf_printf(
		    &s->out, "Message-ID: <%s@%s>\r\n", id_format(id_random(), id), hostname);
}

/* Copies the header without Bcc, takes the recipients from it, and puts in what is missing. */
static void
rewrite(struct sendmail *s, const char *hostname)
{
	struct slice message = buf_slice(&s->message);
	struct header_walk walk = header_walk(message);
	struct header_field f;
	bool has_from = false, has_date = false, has_id = false;

	while (header_next(&walk, &f)) {
		if (s->from_header && is_any(f.name, "To", "Cc", "Bcc"))
			add_recipients(s, f.value);
		has_from |= slice_equal_text_nocase(f.name, "From");
		has_date |= slice_equal_text_nocase(f.name, "Date");
		has_id |= slice_equal_text_nocase(f.name, "Message-ID");
		if (!slice_equal_text_nocase(f.name, "Bcc"))
			buf_add_slice(&s->out, f.whole);
	}
	add_missing(s, hostname, has_from, has_date, has_id);
	buf_add_text(&s->out, "\r\n");
	buf_add_slice(&s->out, slice_from(message, header_body(message)));
}

/* One command and its reply; the code's class, or 0 when the line broke. */
static int
say(struct sendmail *s, const char *before, const char *argument, const char *after)
{
	char line[LINE];

	if (before != NULL && (fprintf(s->server, "%s%s%s\r\n", before, argument, after) < 0 ||
				  fflush(s->server) != 0))
		return 0;
	reply_reset(&s->reply);
	while (fgets(line, sizeof(line), s->server) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		switch (reply_feed(&s->reply, slice_of(line))) {
		case REPLY_DONE:
			return s->reply.code / 100;
		case REPLY_BAD:
			return 0;
		case REPLY_MORE:
			break;
		}
	}
	return 0;
}

static bool
connect_server(struct sendmail *s, const char *run_path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%.80s/submission.sock", run_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return false;
	s->server = fdopen(fd, "r+");
	return s->server != NULL;
}

static bool
send_body(struct sendmail *s)
{
	struct slice rest = buf_slice(&s->out);

	while (rest.len > 0) {
		ptrdiff_t lf = slice_find(rest, '\n');
		size_t n = lf < 0 ? rest.len : (size_t)lf + 1;

		if (rest.data[0] == '.')
			fputc('.', s->server);
		fwrite(rest.data, 1, n, s->server);
		rest = slice_from(rest, n);
	}
	return ferror(s->server) == 0;
}

static int
refused(struct sendmail *s, const char *what)
{
	int class = s->reply.code / 100;

	return fail(class == 5 ? EX_UNAVAILABLE : EX_TEMPFAIL, what,
	    s->reply.code == 0 ? "the suite does not answer" : reply_line(&s->reply));
}

static int
transact(struct sendmail *s)
{
	struct slice rest = buf_slice(&s->recipients), one;
	size_t accepted = 0;
	int worst = EX_OK;

	if (say(s, NULL, "", "") != 2 || say(s, "EHLO localhost", "", "") != 2)
		return refused(s, "the suite refuses");
	if (say(s, "MAIL FROM:<", s->sender, ">") != 2)
		return refused(s, "the sender is refused");
	while (slice_split(&rest, '\n', &one)) {
		char address[LINE / 2];

		if (!slice_copy(slice_trim(one), address, sizeof(address)) || address[0] == '\0')
			continue;
		if (say(s, "RCPT TO:<", address, ">") == 2)
			accepted++;
		else
			worst = s->reply.code / 100 == 5
				    ? fail(EX_NOUSER, address, reply_line(&s->reply))
				    : refused(s, address);
	}
	if (accepted == 0)
		return worst == EX_OK ? fail(EX_USAGE, "there is no recipient", "") : worst;
	if (say(s, "DATA", "", "") != 3)
		return refused(s, "the message is refused");
	if (!send_body(s) || say(s, ".", "", "") != 2)
		return refused(s, "the message is refused");
	say(s, "QUIT", "", "");
	return worst;
}

/* An address without a domain is one of this host's. */
static void
complete(struct buf *list, const char *hostname)
{
	struct buf whole = {0};
	struct slice rest = buf_slice(list), one;

	while (slice_split(&rest, '\n', &one)) {
		buf_add_slice(&whole, one);
		if (one.len > 0 && slice_find(one, '@') < 0)
			buf_printf(&whole, "@%s", hostname);
		buf_add_char(&whole, '\n');
	}
	buf_fini(list);
	*list = whole;
}

int
sendmail(const char *run_path, int argc, char **argv)
{
	struct sendmail s = {.sender = NULL};
	struct passwd *pw = getpwuid(getuid());
	char hostname[256] = "localhost", own[600];
	int code;

	if (!parse_arguments(&s, argc, argv))
		return EX_USAGE;
	gethostname(hostname, sizeof(hostname) - 1);
	snprintf(own, sizeof(own), "%.250s@%.255s", pw == NULL ? "nobody" : pw->pw_name, hostname);
	if (s.sender == NULL)
		s.sender = own;
	read_message(&s);
	if (buf_overflowed(&s.message))
		return fail(EX_DATAERR, "the message is too large", "");
	rewrite(&s, hostname);
	complete(&s.recipients, hostname);
	reply_init(&s.reply);
	if (!connect_server(&s, run_path))
		code = fail(EX_TEMPFAIL,
		    "the suite does not run, so nothing was sent; try again later",
		    strerror(errno));
	else
		code = transact(&s);
	if (s.server != NULL)
		fclose(s.server);
	reply_fini(&s.reply);
	buf_fini(&s.recipients);
	buf_fini(&s.message);
	buf_fini(&s.out);
	return code;
}
