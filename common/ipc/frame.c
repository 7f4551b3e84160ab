#include "common/ipc/frame.h"

#include "common/base/limits.h"
#include "common/base/pack.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLAG_FD = 1, CONTROL_FDS = 8 };

void
frame_put(char *out, const struct frame *f)
{
	pack_at(out, 4, f->length);
	pack_at(out + 4, 4, (uint32_t)f->type << 16 | (f->has_fd ? FLAG_FD : 0));
	pack_at(out + 8, 4, f->id);
}

enum frame_result
frame_get(struct slice octets, struct frame *f)
{
	uint32_t kind;

	if (octets.len < FRAME_HEADER)
		return FRAME_MORE;
	kind = (uint32_t)unpack_at(octets.data + 4, 4);
	*f = (struct frame){.length = (uint32_t)unpack_at(octets.data, 4),
	    .type = (uint16_t)(kind >> 16),
	    .has_fd = (kind & FLAG_FD) != 0,
	    .id = (uint32_t)unpack_at(octets.data + 8, 4)};
	if (f->length < FRAME_HEADER || f->length > LIMIT_FRAME)
		return FRAME_BAD;
	return octets.len < f->length ? FRAME_MORE : FRAME_WHOLE;
}

ssize_t
frame_send(int sock, struct slice octets, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)octets.data, .iov_len = octets.len};
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.octets;
		msg.msg_controllen = sizeof(control.octets);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static bool
collect(struct frame_fds *fds, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fits = true;

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
		if (fds->count < FRAME_FDS) {
			fds->fds[fds->count++] = fd;
		} else {
			close(fd);
			fits = false;
		}
	}
	return fits;
}

ssize_t
frame_receive(int sock, char *out, size_t size, struct frame_fds *fds, bool *fits)
{
	struct iovec iov = {.iov_base = out, .iov_len = size};
	union {
		char octets[CMSG_SPACE(sizeof(int) * CONTROL_FDS)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.octets,
	    .msg_controllen = sizeof(control.octets)};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	*fits = true;
	if (n <= 0)
		return n;
	*fits = (msg.msg_flags & MSG_CTRUNC) == 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			*fits = collect(fds, c) && *fits;
	}
	return n;
}

int
frame_fds_take(struct frame_fds *fds)
{
	int fd;

	if (fds->count == 0)
		return -1;
	fd = fds->fds[0];
	fds->count--;
	memmove(fds->fds, fds->fds + 1, fds->count * sizeof(int));
	return fd;
}

void
frame_fds_close(struct frame_fds *fds)
{
	int fd;

	while ((fd = frame_fds_take(fds)) >= 0)
		close(fd);
}
