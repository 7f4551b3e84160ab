#include "common/ipc/outbox.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/ipc/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct outbox_fd {
	STAILQ_ENTRY(outbox_fd) link;
	uint64_t at; /* its frame's position in the octets ever added */
	int fd;
};

void
outbox_init(struct outbox *o)
{
	*o = (struct outbox){0};
	STAILQ_INIT(&o->fds);
}

static void
drop_first_fd(struct outbox *o)
{
	struct outbox_fd *first = STAILQ_FIRST(&o->fds);

	STAILQ_REMOVE_HEAD(&o->fds, link);
	close(first->fd);
	free(first);
}

void
outbox_fini(struct outbox *o)
{
	while (!STAILQ_EMPTY(&o->fds))
		drop_first_fd(o);
	buf_fini(&o->octets);
}

static void
add_fd(struct outbox *o, size_t start, int fd)
{
	struct outbox_fd *last = mem_zero(sizeof(*last));

	last->fd = fd;
	last->at = o->sent + start;
	STAILQ_INSERT_TAIL(&o->fds, last, link);
}

const char *
outbox_add(
    struct outbox *o, const struct ipc_schema *schema, uint32_t id, const void *message, int fd)
{
	size_t start = o->octets.len, len;
	const char *wrong;

	o->octets.is_secret |= ipc_is_secret(schema);
	buf_room(&o->octets, FRAME_HEADER);
	buf_grew(&o->octets, FRAME_HEADER);
	wrong = ipc_pack(&o->octets, schema, message);
	len = o->octets.len - start;
	if (wrong == NULL && len > LIMIT_FRAME)
		wrong = "length";
	if (wrong != NULL) {
		buf_truncate(&o->octets, start);
		if (fd >= 0)
			close(fd);
		return wrong;
	}
	frame_put(o->octets.data + start,
	    &(struct frame){
		.length = (uint32_t)len, .type = schema->type, .has_fd = fd >= 0, .id = id});
	if (fd >= 0)
		add_fd(o, start, fd);
	return NULL;
}

/* How many octets the next sendmsg may carry, and the descriptor that goes with them. */
static size_t
next_piece(const struct outbox *o, int *fd)
{
	const struct outbox_fd *first = STAILQ_FIRST(&o->fds);

	*fd = -1;
	if (first == NULL)
		return o->octets.len;
	if (first->at > o->sent)
		return (size_t)(first->at - o->sent);
	*fd = first->fd;
	first = STAILQ_NEXT(first, link);
	return first == NULL ? o->octets.len : (size_t)(first->at - o->sent);
}

enum outbox_result
outbox_send(struct outbox *o, int sock)
{
	enum outbox_result result = OUTBOX_SENT;
	size_t done = 0;

	while (done < o->octets.len) {
		int fd;
		size_t len = next_piece(o, &fd);
		ssize_t n;

		len = len > o->octets.len - done ? o->octets.len - done : len;
		n = frame_send(sock, slice_make(o->octets.data + done, len), fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			result = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS
				     ? OUTBOX_BLOCKED
				     : OUTBOX_BROKEN;
			break;
		}
		if (fd >= 0)
			drop_first_fd(o);
		done += (size_t)n;
		o->sent += (uint64_t)n;
	}
	buf_consume(&o->octets, done);
	if (o->octets.len == 0) {
		buf_fini(&o->octets);
		o->octets.is_secret = false;
	}
	return result;
}
