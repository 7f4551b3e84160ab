/*
 * Invariants:
 * 1. A request ends exactly once: by channel_done(), by its deadline, or by the channel going down.
 * 2. A descriptor has one owner at any time: the sender until channel_send(), the queue until
 *    sendmsg(), the inbox until its frame, then the handler.
 * 3. After a violation nothing of the peer's is handled any more.
 * 4. A secret is in the buffers only while its frame waits or is handled: on a line that may bring
 *    one, `block` is wiped after each reading, and `in` and `out` before they are given back.
 */
#include "common/ipc/channel.h"

#include "common/base/assert.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/frame.h"
#include "common/net/loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BLOCK = 256 * 1024,
	STRUCT_MOST = 1024,
	NAME = 32,
};

struct outgoing_fd {
	STAILQ_ENTRY(outgoing_fd) link;
	uint64_t at;      /* position in the octets ever queued */
	int fd;
};

struct request {
	struct channel *channel;
	uint32_t id;
	struct channel_request r;
	struct timer timer;
};

struct channel {
	int fd;
	struct io *io;
	char peer[NAME];
	struct channel_options o;
	struct buf in;
	struct buf out;
	uint64_t sent;         /* octets ever taken by the kernel; out begins there */
	STAILQ_HEAD(, outgoing_fd) out_fds;
	struct frame_fds in_fds;
	struct hash requests;
	uint32_t next_id;
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
	return c->o.is_answerer && c->out.len >= CHANNEL_HIGH;
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
end_request(struct request *r)
{
	hash_remove(&r->channel->requests, HASH_NUMBER(r->id));
	timer_stop(&r->timer);
	free(r);
}

static void
fail_requests(struct channel *c)
{
	while (c->requests.count > 0) {
		struct hash_walk walk = {0};
		struct slice key;
		void *value;
		struct channel_request ended;

		hash_next(&c->requests, &walk, &key, &value);
		ended = ((struct request *)value)->r;
		end_request(value);
		ended.ended(ended.owner, CHANNEL_DOWN);
	}
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
	fail_requests(c);
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

static void
on_deadline(void *owner)
{
	struct request *r = owner;
	struct channel_request ended = r->r;

	end_request(r);
	ended.ended(ended.owner, CHANNEL_LATE);
}

/* How many octets the next sendmsg may carry, and the descriptor that goes with them. */
static size_t
next_piece(struct channel *c, int *fd)
{
	struct outgoing_fd *o = STAILQ_FIRST(&c->out_fds);

	*fd = -1;
	if (o == NULL)
		return c->out.len;
	if (o->at > c->sent)
		return (size_t)(o->at - c->sent);
	*fd = o->fd;
	o = STAILQ_NEXT(o, link);
	return o == NULL ? c->out.len : (size_t)(o->at - c->sent);
}

static void
drop_sent_fd(struct channel *c)
{
	struct outgoing_fd *o = STAILQ_FIRST(&c->out_fds);

	STAILQ_REMOVE_HEAD(&c->out_fds, link);
	close(o->fd);
	free(o);
}

void
channel_flush(struct channel *c)
{
	size_t done = 0;

	c->blocked = false;
	while (c->up && done < c->out.len) {
		int fd;
		size_t len = next_piece(c, &fd);
		ssize_t n;

		len = len > c->out.len - done ? c->out.len - done : len;
		n = frame_send(c->fd, slice_make(c->out.data + done, len), fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
			c->blocked = true;
			break;
		}
		if (n < 0) {
			go_down(c);
			break;
		}
		if (fd >= 0)
			drop_sent_fd(c);
		done += (size_t)n;
		c->sent += (uint64_t)n;
	}
	buf_consume(&c->out, done);
	if (c->out.len == 0) {
		buf_fini(&c->out);
		c->out.is_secret = false;
	}
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
	if (drained != NULL && (c->out.len < CHANNEL_HIGH / 2 || !c->up)) {
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
	struct request *r = hash_find(&c->requests, HASH_NUMBER(m->id));

	if (r != NULL) {
		r->r.answer(r->r.owner, m);
		return;
	}
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	if (m->id == 0 || m->id >= c->next_id)
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
	struct ipc_message m = {.channel = c, .schema = schema, .id = f->id, .body = room, .fd = -1};
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
	if (c->o.most_requests == 0)
		c->o.most_requests = LIMIT_REQUESTS;
	snprintf(c->peer, sizeof(c->peer), "%s", o->peer);
	c->o.peer = c->peer;
	c->in.is_secret = hears_secrets(c);
	c->up = true;
	c->next_id = 1;
	c->serial = ++made;
	STAILQ_INIT(&c->out_fds);
	hash_init(&c->requests);
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
	fail_requests(c);
	io_close(c->io);
	close(c->fd);
	while (!STAILQ_EMPTY(&c->out_fds))
		drop_sent_fd(c);
	frame_fds_close(&c->in_fds);
	hash_fini(&c->requests);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

static bool
refuse(const struct channel *c, const struct ipc_schema *schema, int fd, const char *field)
{
	log_warning("cannot send %s to %s: %s is out of range", schema->name, c->peer, field);
	if (fd >= 0)
		close(fd);
	return false;
}

bool
channel_send(struct channel *c, const struct ipc_schema *schema, uint32_t id, const void *message,
    int fd)
{
	size_t start;
	const char *wrong;

	if (c == NULL || !c->up || c->out.len > LIMIT_CHANNEL_OUT) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	start = c->out.len;
	c->out.is_secret |= ipc_is_secret(schema);
	buf_room(&c->out, FRAME_HEADER);
	buf_grew(&c->out, FRAME_HEADER);
	wrong = ipc_pack(&c->out, schema, message);
	if (wrong == NULL && c->out.len - start > LIMIT_FRAME)
		wrong = "length";
	if (wrong != NULL) {
		buf_truncate(&c->out, start);
		return refuse(c, schema, fd, wrong);
	}
	frame_put(c->out.data + start, &(struct frame){.length = (uint32_t)(c->out.len - start),
	    .type = schema->type, .has_fd = fd >= 0, .id = id});
	if (fd >= 0) {
		struct outgoing_fd *o = mem_zero(sizeof(*o));

		o->fd = fd;
		o->at = c->sent + start;
		STAILQ_INSERT_TAIL(&c->out_fds, o, link);
	}
	if (!c->blocked)
		task_queue(&c->flush);
	return true;
}

uint32_t
channel_request(struct channel *c, const struct channel_request *r)
{
	struct request *request;

	if (c == NULL || !c->up || c->requests.count >= c->o.most_requests ||
	    c->out.len > LIMIT_CHANNEL_OUT)
		return 0;
	request = mem_zero(sizeof(*request));
	request->channel = c;
	request->id = c->next_id++;
	request->r = *r;
	if (c->next_id == 0)      /* four thousand million requests on: begin anew */
		c->next_id = 1;
	timer_init(&request->timer, on_deadline, request);
	hash_add(&c->requests, HASH_NUMBER(request->id), request);
	if (r->deadline.ms > 0)
		timer_start(&request->timer, r->deadline);
	return request->id;
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
	struct request *r = c == NULL ? NULL : hash_find(&c->requests, HASH_NUMBER(id));

	if (r != NULL)
		end_request(r);
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
	return c->out.len;
}

void
channel_when_drained(struct channel *c, void (*drained)(void *owner), void *owner)
{
	c->drained = drained;
	c->drained_owner = owner;
	if (!c->blocked)
		task_queue(&c->flush);
}
