/*
 * Sending a message: line by line with dots doubled (RFC 1939 3), whole or its top, a block at
 * a time as the client takes it.
 */
#ifndef POP3D_RETRIEVE_H
#define POP3D_RETRIEVE_H

#include "common/base/buf.h"

struct pop3_retrieve {
	char *octets;      /* a small message, or NULL */
	int fd;            /* a large one's file, or -1 */
	uint64_t at, size; /* how far it was read */
	uint64_t lines;    /* of the body that TOP still wants; UINT64_MAX: RETR */
	bool is_active, is_in_body, is_line_start, is_after_cr;
	bool is_damaged; /* what came was not the message */
	size_t line;     /* octets of the header line so far */
};

/* Begins with octets (copied) or, when fd >= 0, with that file, which it takes. */
void pop3_retrieve_start(
    struct pop3_retrieve *r, struct slice octets, int fd, uint64_t size, uint64_t lines);

/*
 * Appends the next block, dots doubled and lines ended by CR LF; with the last one also what ends the reply: a CRLF if
 * the message had none, and the dot. False when all is appended, or the file cannot be read (*failed).
 */
bool pop3_retrieve_next(struct pop3_retrieve *r, struct buf *out, bool *failed);

void pop3_retrieve_stop(struct pop3_retrieve *r);

#endif
