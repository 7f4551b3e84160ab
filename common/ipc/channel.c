/*
 * Invariants:
 * 1. A descriptor has one owner at any time: the sender until channel_send(), the outbox until
 *    sendmsg(), the inbox until its frame, then the handler.
 * 2. After a violation nothing of the peer's is handled any more.
 * 3. A secret is in the buffers only while its frame waits or is handled: on a line that may bring
 *    one, `block` is wiped after each reading, and `in` and `out` before they are given back.
 */
#include "common/ipc/channel.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/frame.h"
#include "common/ipc/outbox.h"
#include "common/ipc/request.h"
#include "common/net/loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BLOCK = 256 * 1024,
	STRUCT_MOST = 1024,
	NAME = 32,
};

struct channel {
	int fd;
	struct io *io;
	char peer[NAME];
	struct channel_options o;
	struct buf in;
	struct frame_fds in_fds;
	struct outbox out;
	struct requests requests;
	uint64_t serial;
	struct task flush;
	struct task resume;
	struct task tell_down;
	void (*drained)(void *owner);
	void *drained_owner;
	bool up, busy, closed, blocked;
};

static char block[BLOCK];
static uint64_t made; /* channels, ever */

/* Answers enough wait to be taken: the peer's next requests wait too. */
static bool
is_choked(const struct channel *c)
{
	return c->o.is_answerer && c->out.octets.len >= CHANNEL_HIGH;
}

static void
watch(struct channel *c)
{
	int events = 0;

	if (c->up) {
		if (!is_choked(c))
			events |= IO_READ;
		if (c->blocked)
			events |= IO_WRITE;
	}
	io_want(c->io, events);
}

static void
go_down(struct channel *c)
{
	if (!c->up)
		return;
	c->up = false;
	watch(c);
	task_queue(&c->tell_down);
}

static void
on_tell_down(void *owner)
{
	struct channel *c = owner;

	c->busy = true;
	requests_fail(&c->requests);
	if (!c->closed && c->o.down != NULL)
		c->o.down(c->o.owner);
	c->busy = false;
	if (c->closed)
		channel_close(c);
}

static void (*on_violation)(const struct channel *c);

void
channel_on_violation(void (*told)(const struct channel *c))
{
	on_violation = told;
}

void
channel_violation(struct channel *c, const char *field)
{
	if (!c->up)
		return;
	log_event(NULL, EV_channel_violation, WORD("peer", c->peer), WORD("field", field));
	if (on_violation != NULL)
		on_violation(c);
	go_down(c);
}

void
channel_flush(struct channel *c)
{
	enum outbox_result result = c->up ? outbox_send(&c->out, c->fd) : OUTBOX_SENT;

	c->blocked = result == OUTBOX_BLOCKED;
	if (result == OUTBOX_BROKEN)
		go_down(c);
	if (!c->closed)
		watch(c);
}

static void
on_flush(void *owner)
{
	struct channel *c = owner;
	void (*drained)(void *);

	channel_flush(c);
	if (c->in.len > 0 && c->up && !is_choked(c))
		task_queue(&c->resume);
	drained = c->drained;
	if (drained != NULL && (c->out.octets.len < CHANNEL_HIGH / 2 || !c->up)) {
		c->drained = NULL;
		drained(c->drained_owner);
	}
}

static const struct ipc_handler *
find_handler(const struct channel *c, uint16_t type)
{
	for (const struct ipc_handler *h = c->o.handlers; h != NULL && h->schema != NULL; h++) {
		if (h->schema->type == type)
			return h;
	}
	return NULL;
}

static const struct ipc_schema *
find_answer(const struct channel *c, uint16_t type)
{
	for (const struct ipc_schema *const *s = c->o.answers; s != NULL && *s != NULL; s++) {
		if ((*s)->type == type)
			return *s;
	}
	return NULL;
}

static void
trace(const struct channel *c, const struct ipc_message *m)
{
	struct buf text = {0};

	if (!log_is_verbose() || m->schema == c->o.quiet)
		return;
	ipc_print(&text, m->schema, m->body);
	log_debug("%s #%u %s", c->peer, m->id, buf_text(&text));
	buf_fini(&text);
}

static void
deliver_answer(struct channel *c, struct ipc_message *m)
{
	if (requests_answer(&c->requests, m))
		return;
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	if (!requests_had(&c->requests, m->id))
		channel_violation(c, "request id");
	else if (c->o.late != NULL)
		c->o.late(c->o.owner, m);
}

static void
dispatch(struct channel *c, const struct frame *f, struct slice body)
{
	_Alignas(max_align_t) unsigned char room[STRUCT_MOST];
	const struct ipc_handler *h = find_handler(c, f->type);
	const struct ipc_schema *schema = h != NULL ? h->schema : find_answer(c, f->type);
	struct ipc_message m = {
	    .channel = c, .schema = schema, .id = f->id, .body = room, .fd = -1};
	const char *wrong = NULL;

	if (f->has_fd)
		m.fd = frame_fds_take(&c->in_fds);
	if (schema == NULL)
		wrong = "type";
	else if (!ipc_takes_descriptor(schema, m.fd))
		wrong = "descriptor";
	else if (schema->size > sizeof(room))
		PANIC("a message's struct is larger than STRUCT_MOST");
	else
		wrong = ipc_unpack(body, schema, room);
	if (wrong != NULL) {
		if (m.fd >= 0)
			close(m.fd);
		channel_violation(c, wrong);
		return;
	}
	trace(c, &m);
	if (h != NULL)
		h->handle(c->o.owner, &m);
	else
		deliver_answer(c, &m);
}

/* Handles the whole frames in octets; returns how many octets they were. */
static size_t
handle_frames(struct channel *c, struct slice octets)
{
	size_t at = 0;

	while (c->up && !c->closed && !is_choked(c)) {
		struct slice rest = slice_from(octets, at);
		struct frame f;
		enum frame_result result = frame_get(rest, &f);

		if (result == FRAME_BAD)
			channel_violation(c, "length");
		if (result != FRAME_WHOLE)
			break;
		at += f.length;
		dispatch(c, &f, slice_sub(rest, FRAME_HEADER, f.length - FRAME_HEADER));
	}
	return at;
}

static ssize_t
receive(struct channel *c)
{
	bool fits;
	ssize_t n = frame_receive(c->fd, block, sizeof(block), &c->in_fds, &fits);

	if (!fits) {
		channel_violation(c, "descriptors");
		return -1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return -1;
	if (n <= 0)
		go_down(c);
	return n;
}

static void
read_frames(struct channel *c)
{
	ssize_t n = receive(c);
	size_t used;

	if (n <= 0)
		return;
	if (c->in.len == 0) {
		used = handle_frames(c, slice_make(block, (size_t)n));
		buf_fini(&c->in);
		buf_add(&c->in, block + used, (size_t)n - used);
	} else {
		buf_add(&c->in, block, (size_t)n);
		used = handle_frames(c, buf_slice(&c->in));
		buf_consume(&c->in, used);
	}
	if (c->in.is_secret)
		explicit_bzero(block, (size_t)n);
}

static void
on_ready(void *owner, int events)
{
	struct channel *c = owner;

	c->busy = true;
	if (events & IO_WRITE)
		on_flush(c);
	if (is_choked(c))
		watch(c);
	else if ((events & IO_READ) && c->up)
		read_frames(c);
	else
		buf_consume(&c->in, handle_frames(c, buf_slice(&c->in)));
	c->busy = false;
	if (c->closed)
		channel_close(c);
}

/* Goes on with what was read before answers were too many. */
static void
on_resume(void *owner)
{
	on_ready(owner, 0);
}

/* Whether the peer may send a secret: then nothing it sent stays in memory that is given back. */
static bool
hears_secrets(const struct channel *c)
{
	for (const struct ipc_handler *h = c->o.handlers; h != NULL && h->schema != NULL; h++) {
		if (ipc_is_secret(h->schema))
			return true;
	}
	for (const struct ipc_schema *const *s = c->o.answers; s != NULL && *s != NULL; s++) {
		if (ipc_is_secret(*s))
			return true;
	}
	return false;
}

struct channel *
channel_new(int fd, const struct channel_options *o)
{
	struct channel *c = mem_zero(sizeof(*c));

	c->fd = fd;
	c->o = *o;
	snprintf(c->peer, sizeof(c->peer), "%s", o->peer);
	c->o.peer = c->peer;
	c->in.is_secret = hears_secrets(c);
	c->up = true;
	c->serial = ++made;
	outbox_init(&c->out);
	requests_init(&c->requests, o->most_requests == 0 ? LIMIT_REQUESTS : o->most_requests);
	task_init(&c->flush, on_flush, c);
	task_init(&c->resume, on_resume, c);
	task_init(&c->tell_down, on_tell_down, c);
	c->io = io_new(fd, on_ready, c);
	watch(c);
	return c;
}

void
channel_close(struct channel *c)
{
	if (c == NULL)
		return;
	if (!c->closed) {
		c->closed = true;
		if (c->up)
			channel_flush(c);
		c->up = false;
		c->drained = NULL;
		task_cancel(&c->flush);
		task_cancel(&c->resume);
		task_cancel(&c->tell_down);
		io_want(c->io, 0);
	}
	if (c->busy)
		return;
	c->busy = true;
	requests_fail(&c->requests);
	io_close(c->io);
	close(c->fd);
	outbox_fini(&c->out);
	frame_fds_close(&c->in_fds);
	requests_fini(&c->requests);
	buf_fini(&c->in);
	free(c);
}

/* Whether the peer is there and has not fallen too far behind. What belongs to no request gives
 * back what requests took, or is said once: it has room behind all of them. */
static bool
can_take(const struct channel *c, bool is_of_request)
{
	size_t most = is_of_request ? LIMIT_CHANNEL_OUT : LIMIT_CHANNEL_OUT + LIMIT_CHANNEL_NOTICES;

	return c != NULL && c->up && c->out.octets.len <= most;
}

bool
channel_send(
    struct channel *c, const struct ipc_schema *schema, uint32_t id, const void *message, int fd)
{
	const char *wrong;

	if (!can_take(c, id != 0)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	wrong = outbox_add(&c->out, schema, id, message, fd);
	if (wrong != NULL) {
		log_warning(
		    "cannot send %s to %s: %s is out of range", schema->name, c->peer, wrong);
		return false;
	}
	if (!c->blocked)
		task_queue(&c->flush);
	return true;
}

uint32_t
channel_request(struct channel *c, const struct channel_request *r)
{
	return can_take(c, true) ? requests_open(&c->requests, r) : 0;
}

uint32_t
channel_ask(struct channel *c, const struct channel_request *r, const struct ipc_schema *schema,
    const void *message)
{
	uint32_t id = channel_request(c, r);

	if (id == 0 || channel_send(c, schema, id, message, -1))
		return id;
	channel_done(c, id);
	return 0;
}

void
channel_done(struct channel *c, uint32_t id)
{
	if (c != NULL)
		requests_done(&c->requests, id);
}

bool
channel_is_up(const struct channel *c)
{
	return c != NULL && c->up;
}

uint64_t
channel_serial(const struct channel *c)
{
	return c->serial;
}

size_t
channel_pending(const struct channel *c)
{
	return c->out.octets.len;
}

void
channel_when_drained(struct channel *c, void (*drained)(void *owner), void *owner)
{
	c->drained = drained;
	c->drained_owner = owner;
	if (!c->blocked)
		task_queue(&c->flush);
}
