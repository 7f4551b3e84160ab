/*
 * Lines in octets that come in pieces: a line that is too long is thrown away whole, however it
 * comes, and the next one is in step. Pure; the results are those of stream_line().
 */
#ifndef COMMON_NET_LINE_H
#define COMMON_NET_LINE_H

#include "common/net/stream.h"

/* What is to be remembered between two calls; begins as zeros. */
struct line_skip {
	size_t octets;    /* thrown away of a line that is too long */
	bool is_skipping; /* its end has not come */
};

/*
 * Takes the next line off the octets, and gives it as stream_line() does; it lies in octets.
 * STREAM_AGAIN when more of them are needed.
 */
enum stream_result line_take(
    struct line_skip *skip, struct slice *octets, size_t max, struct slice *line);

#endif
