/*
 * Whole sessions of a client, without a socket: stream.h over memory, linked in the place of
 * common/net/stream.c, and a service of one listen line in the place of common/conf/service.c.
 * There are no neighbours: whatever a session asks of one has the answer "not now".
 */
#ifndef TESTS_FUZZ_MEMORY_STREAM_H
#define TESTS_FUZZ_MEMORY_STREAM_H

#include "common/base/buf.h"
#include "common/conf/service.h"

/*
 * start() begins a session on descriptor -1, which then gets the input in pieces of so many octets,
 * and its end; what it says is appended to said. The session must end, and in turns that the
 * input's size bounds.
 */
void memory_stream_run(void (*start)(void), struct slice input, size_t piece, struct buf *said);

/* The listen line that sessions came in by; made when first asked for. */
struct service *memory_service(enum conf_service service);

/* A client on this machine, who may send a password in clear. */
extern const struct netaddr memory_peer;

#endif
