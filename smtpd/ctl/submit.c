#include "smtpd/ctl/submit.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/base/whole.h"
#include "smtpd/ctl/local.h"
#include "smtpd/ctl/sendmail.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { BLOCK = 16 * 1024 };

static int
connect_to(const char *run_path)
{
	struct buf path = {0};
	int fd;

	buf_printf(&path, "%s/submission.sock", run_path);
	fd = local_connect(buf_text(&path));
	if (fd < 0)
		sendmail_fail(EX_TEMPFAIL,
		    "the mail suite does not take mail now (%s: %s); the message is not sent",
		    buf_text(&path), strerror(errno));
	buf_fini(&path);
	return fd;
}

/* Takes a line off what has come, without its end. */
static bool
take_line(struct submit *s, struct buf *line)
{
	struct slice in = buf_slice(&s->in);
	ptrdiff_t end = slice_find(in, '\n');

	if (end < 0)
		return false;
	buf_clear(line);
	buf_add_slice(line, slice_chomp(slice_sub(in, 0, (size_t)end)));
	buf_consume(&s->in, (size_t)end + 1);
	return true;
}

/* EHLO's answer names an extension a line. */
static void
look_for_extension(struct submit *s, struct slice line)
{
	struct slice word = slice_from(line, 4);

	s->has_8bitmime |= slice_equal_text_nocase(word, "8BITMIME");
	s->has_dsn |= slice_equal_text_nocase(word, "DSN");
}

/* The next reply; its code, or 0 when the line broke. */
static int
hear(struct submit *s)
{
	struct buf line = {0};
	enum reply_result result = REPLY_MORE;

	reply_reset(&s->reply);
	while (result == REPLY_MORE) {
		ssize_t n;

		if (take_line(s, &line)) {
			look_for_extension(s, buf_slice(&line));
			result = reply_feed(&s->reply, buf_slice(&line));
			continue;
		}
		n = s->in.len > LIMIT_SMTP_REPLIES ? 0
						   : recv(s->fd, buf_room(&s->in, BLOCK), BLOCK, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			result = REPLY_BAD;
		else
			buf_grew(&s->in, (size_t)n);
	}
	buf_fini(&line);
	return result == REPLY_DONE ? s->reply.code : 0;
}

/* A command and its reply. */
static int
say(struct submit *s, struct slice command)
{
	return whole_send(s->fd, command) ? hear(s) : 0;
}

/* The exit code of a reply that is no success; permanent is the one of a 5yz.
 * Says why. */
static int
complain(struct submit *s, int code, int permanent, const char *about)
{
	if (code == 0)
		return sendmail_fail(
		    EX_TEMPFAIL, "the mail suite hung up; the message is not sent");
	return sendmail_fail(code / 100 == 4 ? EX_TEMPFAIL : permanent, "%s%s%s", about,
	    about[0] == '\0' ? "" : ": ", reply_line(&s->reply));
}

int
submit_open(struct submit *s, const char *run_path)
{
	struct slice greeting, word;
	int code;

	*s = (struct submit){.fd = connect_to(run_path)};
	reply_init(&s->reply);
	if (s->fd < 0)
		return EX_TEMPFAIL;
	code = hear(s);
	if (code != 220)
		return complain(s, code, EX_TEMPFAIL, "");
	greeting = reply_text(&s->reply);
	if (!slice_word(&greeting, &word) || !slice_copy(word, s->hostname, sizeof(s->hostname)))
		return sendmail_fail(EX_TEMPFAIL, "the mail suite does not greet with its name");
	code = say(s, SLICE("EHLO localhost\r\n"));
	return code == 250 ? 0 : complain(s, code, EX_UNAVAILABLE, "");
}

void
submit_close(struct submit *s)
{
	if (s->fd >= 0)
		close(s->fd);
	reply_fini(&s->reply);
	buf_fini(&s->in);
}

static int
say_mail(struct submit *s, struct slice sender, struct slice message)
{
	struct smtp_mail parameters = s->has_dsn ? s->mail : (struct smtp_mail){0};
	struct buf command = {0};
	int code;

	if (s->has_8bitmime && !utf8_is_ascii(message))
		parameters.body = SMTP_BODY_8BITMIME;
	if (!smtp_mail_format(&command, sender, &parameters)) {
		buf_fini(&command);
		return sendmail_fail(
		    EX_USAGE, "\"%.*s\" is no address to send from", SLICE_FMT(sender));
	}
	code = say(s, buf_slice(&command));
	buf_fini(&command);
	return code == 250 ? 0 : complain(s, code, code == 552 ? EX_UNAVAILABLE : EX_NOPERM, "");
}

static int
say_rcpt(struct submit *s, struct slice recipient)
{
	struct smtp_rcpt parameters = s->has_dsn ? s->rcpt : (struct smtp_rcpt){0};
	struct buf command = {0};
	char about[LIMIT_PATH + 1];
	int code;

	if (!smtp_rcpt_format(&command, recipient, &parameters) ||
	    !slice_copy(recipient, about, sizeof(about))) {
		buf_fini(&command);
		return sendmail_fail(EX_NOUSER, "\"%.*s\" is no address", SLICE_FMT(recipient));
	}
	code = say(s, buf_slice(&command));
	buf_fini(&command);
	if (code == 250 || code == 251)
		return 0;
	return complain(s, code,
	    slice_has_prefix(reply_status(&s->reply), SLICE("5.1.")) ? EX_NOUSER : EX_UNAVAILABLE,
	    about);
}

/* Dots at the beginning of a line are doubled (RFC 5321 4.5.2). */
static int
say_data(struct submit *s, struct slice message)
{
	struct buf out = {0};
	struct slice line;
	int code = say(s, SLICE("DATA\r\n"));

	if (code != 354)
		return complain(s, code, EX_UNAVAILABLE, "");
	while (slice_split(&message, '\n', &line)) {
		if (message.len == 0 && line.len == 0)
			break;
		if (line.len > 0 && line.data[0] == '.')
			buf_add_char(&out, '.');
		buf_add_slice(&out, line);
		buf_add_char(&out, '\n');
	}
	buf_add_text(&out, ".\r\n");
	code = say(s, buf_slice(&out));
	buf_fini(&out);
	return code == 250 ? 0 : complain(s, code, EX_UNAVAILABLE, "");
}

int
submit_message(struct submit *s, struct slice sender, struct slice recipients, struct slice message)
{
	int worst = say_mail(s, sender, message), code;
	struct hash named = {.slots = NULL};
	struct slice recipient;
	size_t accepted = 0;

	if (worst != 0)
		return worst;
	while (slice_split(&recipients, '\n', &recipient)) {
		if (recipient.len == 0 || hash_add(&named, recipient, s) != NULL)
			continue;
		code = say_rcpt(s, recipient);
		if (code == 0)
			accepted++;
		else if (worst == 0)
			worst = code;
	}
	hash_fini(&named);
	if (accepted == 0)
		return worst != 0 ? worst : sendmail_fail(EX_USAGE, "there is no recipient");
	code = say_data(s, message);
	if (code == 0)
		whole_send(s->fd, SLICE("QUIT\r\n"));
	return code != 0 ? code : worst;
}

/* Copies what is there; false at the end. */
static bool
copy(int from, int to)
{
	char block[BLOCK];
	ssize_t n = read(from, block, sizeof(block));

	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && whole_write(to, slice_make(block, (size_t)n));
}

int
submit_relay(const char *run_path)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	int fd = connect_to(run_path);

	if (fd < 0)
		return EX_TEMPFAIL;
	fds[1].fd = fd;
	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		if ((fds[1].revents & (POLLIN | POLLHUP)) != 0 && !copy(fd, STDOUT_FILENO))
			break;
		if ((fds[0].revents & (POLLIN | POLLHUP)) != 0 && !copy(STDIN_FILENO, fd)) {
			shutdown(fd, SHUT_WR);
			fds[0].fd = -1;
		}
	}
	close(fd);
	return EX_OK;
}
