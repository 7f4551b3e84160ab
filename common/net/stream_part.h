/*
 * What the parts of a stream (stream.c, stream_end.c) know of each other.
 */
#ifndef COMMON_NET_STREAM_PART_H
#define COMMON_NET_STREAM_PART_H

#include "common/base/buf.h"
#include "common/net/line.h"
#include "common/net/loop.h"
#include "common/net/stream.h"

/*
 *   CONNECTING ──▶ CLEAR ──▶ TLS_DUE ──▶ HANDSHAKE ──▶ SECURE
 *                    └──────────────────────────────────┴──▶ LINGERING
 *
 * A stream that was taken from a listening socket begins in CLEAR. It may fail, or be closed, in
 * each.
 */
enum stream_phase {
	PHASE_CONNECTING,
	PHASE_CLEAR,
	PHASE_TLS_DUE, /* what was written in clear goes out first */
	PHASE_HANDSHAKE,
	PHASE_SECURE,
	PHASE_LINGERING, /* the last word is out: it waits for the peer's end */
};

struct stream {
	enum stream_phase phase;
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
	bool is_client;        /* we called; the answers to what we write may come first */
	bool wanted;           /* the session waits for input */
	bool write_blocked;    /* the kernel took no more */
	bool read_needs_write; /* TLS has something of its own to say first, */
	bool write_needs_read; /* or to hear */
	bool ended;            /* the peer says no more */
	bool failed;
	bool finishing; /* nobody owns it any more; it ends when its last octets are out */
	bool closed;    /* it is freed when the call that is busy with it ends */
	bool busy;
	size_t discarded; /* octets that came after the last word */
	char *failure;
};

/* Tells the loop what the stream waits for. */
void stream_watch(struct stream *s);

/* Sends what is queued. True when the session should hear of it: room again, or failed. */
bool stream_flush(struct stream *s);

static inline bool
stream_is_open(const struct stream *s)
{
	return s->phase == PHASE_CLEAR || s->phase == PHASE_SECURE;
}

/* What comes after the last word of a stream that finishes: it is thrown away. */
void stream_linger(struct stream *s);

/* The last thing a callback does: goes on with the end, if it has begun. The stream may be gone
 * then. */
void stream_end_if_finished(struct stream *s);

#endif
