/*
 * Frames on a Unix socket: a fixed header (length, type, flags, request id), a body, and at most
 * one descriptor, which travels with the frame's first octet.
 */
#ifndef COMMON_IPC_FRAME_H
#define COMMON_IPC_FRAME_H

#include "common/base/slice.h"

#include <sys/types.h>

enum { FRAME_HEADER = 12, FRAME_FDS = 64 };

struct frame {
	uint32_t length; /* header and body */
	uint16_t type;
	bool has_fd;
	uint32_t id;
};

/* Descriptors that came, in order, and were not taken yet. */
struct frame_fds {
	int fds[FRAME_FDS];
	size_t count;
};

enum frame_result { FRAME_WHOLE, FRAME_MORE, FRAME_BAD };

/* Writes the header into FRAME_HEADER octets. */
void frame_put(char *out, const struct frame *f);

/* Reads the header at the start of octets; WHOLE when its body is there too, BAD for a length out of range. */
enum frame_result frame_get(struct slice octets, struct frame *f);

/* sendmsg(2) with that descriptor, or without (-1). */
ssize_t frame_send(int sock, struct slice octets, int fd);

/* recvmsg(2); what descriptors come are appended to fds. *fits is false when there were too many. */
ssize_t frame_receive(int sock, char *out, size_t size, struct frame_fds *fds, bool *fits);

/* The oldest descriptor, which is the caller's then; -1: none. */
int frame_fds_take(struct frame_fds *fds);
void frame_fds_close(struct frame_fds *fds);

#endif
