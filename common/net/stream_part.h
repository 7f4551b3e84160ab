/*
 * What the parts of a stream (stream.c, stream_end.c) know of each other.
 */
#ifndef COMMON_NET_STREAM_PART_H
#define COMMON_NET_STREAM_PART_H

#include "common/base/buf.h"
#include "common/net/line.h"
#include "common/net/loop.h"
#include "common/net/stream.h"

struct stream {
	int fd;
	struct io *io;
	void (*wake)(void *owner);
	void *owner;
	struct slice view;
	struct buf in;
	struct buf out;
	struct tls *tls;
	struct tls_server *server; /* to start with, once the clear output is gone */
	struct tls_client *client;
	char *name;
	struct line_skip skip;
	struct task flush;
	struct timer patience; /* of a stream that finishes by itself */
	bool wanted, connecting, handshaking;
	bool is_client;   /* we called; the answers to what we write may come first */
	size_t discarded; /* octets that came after the last word */
	bool busy, closed, finishing, lingering, ended, failed, write_blocked;
	bool read_needs_write, write_needs_read;
	char *failure;
};

/* Tells the loop what the stream waits for. */
void stream_watch(struct stream *s);

/* Sends what is queued. True when the session should hear of it: room again, or failed. */
bool stream_flush(struct stream *s);

/* What comes after the last word of a stream that finishes: it is thrown away. */
void stream_linger(struct stream *s);

/* The last thing a callback does: goes on with the end, if it has begun. The stream may be gone
 * then. */
void stream_end_if_finished(struct stream *s);

#endif
