/*
 * Invariants:
 * 1. `view` is the input that was read and not yet taken. It lies in `in`, or, only while
 *    on_ready() is on the stack, in the scratch block that all streams share.
 * 2. Reading is on only while the session's last question was answered STREAM_AGAIN; input
 *    that arrives meanwhile stays with the kernel.
 * 3. Octets written before stream_start_tls_*() go out in clear, those after it under TLS.
 * 4. wake is never called from inside a call of the session's own.
 * 5. While input is withheld because too much waits to go out, nothing is read, and a flush that
 *    ends it wakes the session.
 * 6. What was taken off the input is left in `scratch` and `in` at most until stream_wipe(); what
 *    was not taken is nowhere but in the view, and wiped when it is given up.
 */
#include "common/net/stream_part.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCRATCH = 64 * 1024 };

static char scratch[SCRATCH];
static size_t scratch_used; /* octets of it that are not known to be wiped */
static const struct stream
    *scratch_lent; /* whose view is in it, or was in this call of on_ready() */

static void on_ready(void *owner, int events);

void
stream_watch(struct stream *s)
{
	int events = 0;

	if (s->closed || s->failed) {
		io_want(s->io, 0);
		return;
	}
	switch (s->phase) {
	case PHASE_CONNECTING:
		events = IO_WRITE;
		break;
	case PHASE_LINGERING:
		events = IO_READ;
		break;
	case PHASE_CLEAR:
	case PHASE_SECURE:
		if (s->wanted && !s->ended)
			events |= IO_READ;
		/* fall through */
	case PHASE_TLS_DUE:
	case PHASE_HANDSHAKE:
		if (s->write_needs_read)
			events |= IO_READ;
		if (s->write_blocked || s->read_needs_write)
			events |= IO_WRITE;
	}
	io_want(s->io, events);
}

static void
fail(struct stream *s, const char *why)
{
	if (s->failed)
		return;
	s->failed = true;
	free(s->failure);
	s->failure = mem_text(why, strlen(why));
	buf_fini(&s->out);
	stream_watch(s);
}

/* Wakes the session; afterwards the stream may be gone (returns false). */
static bool
wake(struct stream *s)
{
	if (!s->closed && s->wake != NULL)
		s->wake(s->owner);
	return !s->closed;
}

static enum tls_result
write_some(struct stream *s, size_t *n)
{
	ssize_t done;

	if (s->tls != NULL)
		return tls_write(s->tls, s->out.data, s->out.len, n);
	done = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);
	if (done >= 0) {
		*n = (size_t)done;
		return TLS_OK;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return TLS_WANT_WRITE;
	return TLS_FAILED;
}

static enum tls_result
read_some(struct stream *s, char *out, size_t size, size_t *n)
{
	ssize_t got;

	if (s->tls != NULL)
		return tls_read(s->tls, out, size, n);
	got = recv(s->fd, out, size, 0);
	if (got > 0) {
		*n = (size_t)got;
		return TLS_OK;
	}
	if (got == 0)
		return TLS_EOF;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return TLS_WANT_READ;
	return TLS_FAILED;
}

static void
continue_handshake(struct stream *s)
{
	s->write_needs_read = s->read_needs_write = false;
	switch (tls_handshake(s->tls)) {
	case TLS_OK:
		s->phase = PHASE_SECURE;
		task_queue(&s->flush);
		break;
	case TLS_WANT_READ:
		s->write_needs_read = true;
		break;
	case TLS_WANT_WRITE:
		s->read_needs_write = true;
		break;
	case TLS_WANT_KEY:
		break;
	case TLS_EOF:
		fail(s, "the peer closed the connection during the TLS handshake");
		break;
	case TLS_FAILED:
		fail(s, tls_failure(s->tls));
		break;
	}
	stream_watch(s);
}

/* Goes on with the handshake; the session hears how it ended. */
static void
shake(struct stream *s)
{
	continue_handshake(s);
	if (s->failed || s->phase == PHASE_SECURE)
		wake(s);
}

/* Keyholder has signed. */
static void
on_signed(void *owner)
{
	struct stream *s = owner;

	if (s->closed || s->failed)
		return;
	s->busy = true;
	shake(s);
	s->busy = false;
	stream_end_if_finished(s);
}

static void
begin_tls(struct stream *s)
{
	s->phase = PHASE_HANDSHAKE;
	if (s->server != NULL)
		s->tls = tls_accept(s->server, s->fd, on_signed, s);
	else
		s->tls = tls_connect(s->client, s->fd, s->name);
	tls_client_free(s->client);
	s->server = NULL;
	s->client = NULL;
	continue_handshake(s);
}

bool
stream_flush(struct stream *s)
{
	bool tell = s->write_blocked || s->out.len >= STREAM_HIGH;

	if (s->phase == PHASE_CONNECTING || s->failed || s->closed)
		return false;
	s->write_blocked = false;
	if (s->phase == PHASE_HANDSHAKE)
		return false;
	while (s->out.len > 0) {
		size_t n = 0;
		enum tls_result result = write_some(s, &n);

		if (result == TLS_OK) {
			buf_consume(&s->out, n);
			continue;
		}
		if (result == TLS_WANT_WRITE || result == TLS_WANT_READ) {
			s->write_blocked = true;
			s->write_needs_read = result == TLS_WANT_READ;
			stream_watch(s);
			return false;
		}
		fail(s, s->tls != NULL ? tls_failure(s->tls) : strerror(errno));
		return true;
	}
	buf_fini(&s->out);
	s->out.is_secret = false;
	if (s->phase == PHASE_TLS_DUE) {
		begin_tls(s);
		tell |= s->phase == PHASE_SECURE; /* a quick peer: all in one go */
	}
	stream_watch(s);
	return tell || s->failed;
}

static void
on_flush(void *owner)
{
	struct stream *s = owner;

	s->busy = true;
	if (stream_flush(s))
		wake(s);
	s->busy = false;
	stream_end_if_finished(s);
}

/* Moves the untaken input out of the shared scratch block, or lets the buffer go. */
static void
settle(struct stream *s)
{
	if (s->view.len == 0) {
		buf_fini(&s->in);
		s->view = (struct slice){NULL, 0};
	} else if (s->in.data == NULL || s->view.data < s->in.data ||
		   s->view.data > s->in.data + s->in.len) {
		struct slice rest = s->view;

		buf_fini(&s->in);
		buf_add_slice(&s->in, rest);
		s->view = buf_slice(&s->in);
		explicit_bzero(scratch + (rest.data - scratch), rest.len);
	}
}

/* Makes the octets that were read into scratch part of the view. */
static void
take(struct stream *s, size_t n)
{
	scratch_used = n > scratch_used ? n : scratch_used;
	if (s->view.len == 0) {
		buf_fini(&s->in);
		s->view = slice_make(scratch, n);
		scratch_lent = s;
		return;
	}
	buf_consume(&s->in, (size_t)(s->view.data - s->in.data));
	buf_add(&s->in, scratch, n);
	s->view = buf_slice(&s->in);
	explicit_bzero(scratch, n);
}

/* Reads once; false when there is nothing new to tell. */
static bool
fill(struct stream *s)
{
	size_t n = 0;

	s->read_needs_write = false;
	switch (read_some(s, scratch, sizeof(scratch), &n)) {
	case TLS_OK:
		take(s, n);
		return true;
	case TLS_WANT_READ:
	case TLS_WANT_KEY:
		return false;
	case TLS_WANT_WRITE:
		s->read_needs_write = true;
		stream_watch(s);
		return false;
	case TLS_EOF:
		s->ended = true;
		return true;
	case TLS_FAILED:
		fail(s, s->tls != NULL ? tls_failure(s->tls) : strerror(errno));
		return true;
	}
	return false;
}

static void
finish_connect(struct stream *s)
{
	int code = 0;
	socklen_t len = sizeof(code);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &len);
	s->phase = PHASE_CLEAR;
	if (code != 0)
		fail(s, strerror(code));
	task_queue(&s->flush);
	wake(s);
}

static void
read_and_wake(struct stream *s)
{
	if (!s->wanted) {
		stream_watch(s);
		return;
	}
	if (!fill(s))
		return;
	s->wanted = false;
	if (wake(s)) {
		settle(s);
		stream_watch(s);
	}
}

static void
on_ready(void *owner, int events)
{
	struct stream *s = owner;

	s->busy = true;
	switch (s->phase) {
	case PHASE_CONNECTING:
		finish_connect(s);
		break;
	case PHASE_HANDSHAKE:
		shake(s);
		break;
	case PHASE_LINGERING:
		stream_linger(s);
		break;
	case PHASE_CLEAR:
	case PHASE_TLS_DUE:
	case PHASE_SECURE:
		if (s->write_blocked && stream_flush(s))
			wake(s);
		if (!s->closed && !s->failed && stream_is_open(s))
			read_and_wake(s);
	}
	if (s->view.data != NULL && !s->closed)
		settle(s);
	scratch_lent = NULL;
	s->busy = false;
	stream_end_if_finished(s);
}

struct stream *
stream_new(int fd, void (*wake_owner)(void *owner), void *owner)
{
	struct stream *s = mem_zero(sizeof(*s));
	int one = 1;

	s->phase = PHASE_CLEAR;
	s->fd = fd;
	s->wake = wake_owner;
	s->owner = owner;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->in.is_secret = true;
	s->io = io_new(fd, on_ready, s);
	task_init(&s->flush, on_flush, s);
	return s;
}

struct stream *
stream_connect(const struct netaddr *to, const struct netaddr *from,
    void (*wake_owner)(void *owner), void *owner)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(to, &ss);
	int fd = socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stream *s;

	if (fd < 0)
		return NULL;
	if (from != NULL) {
		struct sockaddr_storage src;
		socklen_t src_len = netaddr_to_sockaddr(from, &src);

		if (bind(fd, (struct sockaddr *)&src, src_len) < 0) {
			close(fd);
			return NULL;
		}
	}
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	s = stream_new(fd, wake_owner, owner);
	s->phase = PHASE_CONNECTING;
	s->is_client = true;
	stream_watch(s);
	return s;
}

/* Answers enough wait to be read: the client's next line waits too. */
static bool
is_choked(const struct stream *s)
{
	return !s->is_client && s->out.len >= STREAM_HIGH;
}

/* What to say when there is no input to give out: closed, or come back. */
static enum stream_result
lacking(struct stream *s)
{
	bool is_withheld = is_choked(s);

	if (s->failed || (s->ended && !is_withheld))
		return STREAM_CLOSED;
	if (s->view.len == 0) {
		buf_fini(&s->in);
		s->view = (struct slice){NULL, 0};
	}
	s->wanted = !is_withheld;
	stream_watch(s);
	return STREAM_AGAIN;
}

static bool
is_unready(const struct stream *s)
{
	return s->failed || !stream_is_open(s) || is_choked(s);
}

enum stream_result
stream_line(struct stream *s, size_t max, struct slice *line)
{
	enum stream_result result = STREAM_AGAIN;

	if (!is_unready(s))
		result = line_take(&s->skip, &s->view, max, line);
	return result == STREAM_AGAIN ? lacking(s) : result;
}

enum stream_result
stream_peek(struct stream *s, struct slice *octets)
{
	if (is_unready(s) || s->view.len == 0)
		return lacking(s);
	*octets = s->view;
	return STREAM_OK;
}

void
stream_consume(struct stream *s, size_t n)
{
	ASSERT(n <= s->view.len);
	s->view = slice_from(s->view, n);
}

void
stream_wipe(struct stream *s)
{
	bool is_view_there = scratch_lent == s && s->view.len > 0;
	size_t before = is_view_there ? (size_t)(s->view.data - scratch) : scratch_used;
	size_t behind = is_view_there ? before + s->view.len : scratch_used;

	if (s->in.data != NULL && scratch_lent != s)
		explicit_bzero(s->in.data, (size_t)(s->view.data - s->in.data));
	if (scratch_lent != NULL && scratch_lent != s)
		return;
	explicit_bzero(scratch, before);
	explicit_bzero(scratch + behind, scratch_used - behind);
	scratch_used = is_view_there ? behind : 0;
}

bool
stream_has_input(const struct stream *s)
{
	return s->view.len > 0;
}

void
stream_discard_input(struct stream *s)
{
	s->view = (struct slice){NULL, 0};
	s->skip = (struct line_skip){0};
	buf_fini(&s->in);
	stream_wipe(s);
}

void
stream_write_secret(struct stream *s, struct slice octets)
{
	s->out.is_secret = true;
	stream_write(s, octets);
}

void
stream_write(struct stream *s, struct slice octets)
{
	if (s->failed || s->closed)
		return;
	buf_add_slice(&s->out, octets);
	task_queue(&s->flush);
}

void
stream_printf(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failed || s->closed)
		return;
	va_start(ap, fmt);
	buf_vprintf(&s->out, fmt, ap);
	va_end(ap);
	task_queue(&s->flush);
}

size_t
stream_pending(const struct stream *s)
{
	return s->out.len;
}

void
stream_start_tls_server(struct stream *s, struct tls_server *server)
{
	ASSERT(s->phase == PHASE_CLEAR);
	stream_discard_input(s);
	s->server = server;
	s->phase = PHASE_TLS_DUE;
	task_queue(&s->flush);
}

void
stream_start_tls_client(struct stream *s, struct tls_client *client, const char *name)
{
	ASSERT(s->phase == PHASE_CLEAR);
	stream_discard_input(s);
	s->client = tls_client_share(client);
	s->name = mem_text(name, strlen(name));
	s->phase = PHASE_TLS_DUE;
	task_queue(&s->flush);
}

const struct tls *
stream_tls(const struct stream *s)
{
	return s->phase == PHASE_SECURE ? s->tls : NULL;
}

bool
stream_is_handshaking(const struct stream *s)
{
	return s->phase == PHASE_TLS_DUE || s->phase == PHASE_HANDSHAKE;
}

bool
stream_is_connecting(const struct stream *s)
{
	return s->phase == PHASE_CONNECTING;
}

const char *
stream_failure(const struct stream *s)
{
	return s->failure == NULL ? "" : s->failure;
}
