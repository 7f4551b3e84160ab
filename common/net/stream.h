/*
 * A connection as a session sees it: lines and octets in, octets out, in clear or under TLS.
 * Input is pulled: a session asks for a line or looks at what is there, and is woken when
 * asking again may help. While nobody asks, nothing is read, so a slow session makes its
 * client wait. A client that asks and does not read waits as well: on a connection that was
 * accepted, all input is STREAM_AGAIN while STREAM_HIGH octets wait to go out. A stream at rest
 * owns no buffer.
 */
#ifndef COMMON_NET_STREAM_H
#define COMMON_NET_STREAM_H

#include "common/base/slice.h"
#include "common/net/netaddr.h"
#include "common/net/tls.h"

struct stream;

enum stream_result {
	STREAM_OK,       /* here it is */
	STREAM_AGAIN,    /* not yet: wake will be called */
	STREAM_BARE,     /* a line that ended in LF without CR; it was taken off the input */
	STREAM_TOO_LONG, /* a line over the limit; it was thrown away whole */
	STREAM_FLOOD,    /* a line beyond any patience: close */
	STREAM_CLOSED,   /* end of input, or the connection failed: close */
};

/*
 * Takes a connected, non-blocking descriptor. wake(owner) is called when input, an end of
 * handshake, room for output, or the end of the connection may let the session go on; never
 * from inside another stream_ function.
 */
struct stream *stream_new(int fd, void (*wake)(void *owner), void *owner);

/* A connection to be made; connecting shows as STREAM_AGAIN. NULL when it fails at once (errno). */
struct stream *stream_connect(
    const struct netaddr *to, const struct netaddr *from, void (*wake)(void *owner), void *owner);

/* Flushes what it can without waiting, closes and frees; NULL is fine. No wake follows. */
void stream_close(struct stream *s);

/*
 * Takes the stream: what is queued still goes out, however slowly, for LIMIT_FINISH_SECONDS at
 * most; then it closes by itself. No wake follows. For a session that has said its last word.
 */
void stream_finish(struct stream *s);

/*
 * The next line without its CRLF, at most max octets of it. The slice is valid until the next
 * call on this stream. A CR inside the line is left for the parser to refuse.
 */
enum stream_result stream_line(struct stream *s, size_t max, struct slice *line);

/* All input that is there now (at least one octet on STREAM_OK); take it with stream_consume(). */
enum stream_result stream_peek(struct stream *s, struct slice *octets);
void stream_consume(struct stream *s, size_t n);

/* True when input is waiting that was read already: a client that pipelines or talks early. */
bool stream_has_input(const struct stream *s);

/* Throws away input that was read but not yet taken (RFC 3207 4.2). */
void stream_discard_input(struct stream *s);

/* Wipes from memory what was taken of the input: for after a line in which there was a secret. */
void stream_wipe(struct stream *s);

/* Queues octets; they go out together at the end of the turn. A secret is then wiped. */
void stream_write(struct stream *s, struct slice octets);
void stream_write_secret(struct stream *s, struct slice octets);
void stream_printf(struct stream *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Octets queued and not yet taken by the kernel. A bulk writer pauses at STREAM_HIGH and is
 * woken when all has gone out.
 */
enum { STREAM_HIGH = 256 * 1024 };
size_t stream_pending(const struct stream *s);

/*
 * Goes over to TLS after what is queued has gone out in clear. Until the handshake is done all
 * input is STREAM_AGAIN; if it fails, STREAM_CLOSED, and stream_failure() says why.
 * A server needs contexts (tls_server), a client a tls_client with the name to check.
 */
void stream_start_tls_server(struct stream *s, struct tls_server *server);
void stream_start_tls_client(struct stream *s, struct tls_client *client, const char *name);

/* The finished TLS connection, or NULL in clear. */
const struct tls *stream_tls(const struct stream *s);
bool stream_is_handshaking(const struct stream *s);
bool stream_is_connecting(const struct stream *s);

/* Why the connection is gone, in words; "" while it is not. */
const char *stream_failure(const struct stream *s);

#endif
