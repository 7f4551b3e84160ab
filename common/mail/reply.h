/*
 * SMTP replies (RFC 5321 4.2, 2034): those of other servers, read line by line. What is
 * read is bounded by LIMIT_SMTP_REPLIES octets, and comes out printable.
 */
#ifndef COMMON_MAIL_REPLY_H
#define COMMON_MAIL_REPLY_H

#include "common/base/buf.h"

enum reply_result {
	REPLY_MORE, /* the reply goes on */
	REPLY_DONE,
	REPLY_BAD, /* no reply, another code in its midst, or too long: close the connection */
};

struct reply {
	int code;        /* 200 to 599; 0 before the first line */
	char status[12]; /* RFC 3463, of the first line that has one; "" when none has */
	struct buf text; /* lines joined by \n, codes removed */
	struct buf line; /* reply_line()'s */
	unsigned lines;  /* taken so far */
	bool is_done;    /* no line more before reply_reset() */
};

void reply_init(struct reply *r);
void reply_fini(struct reply *r);
void reply_reset(struct reply *r); /* for the next reply */

/* One line without its line end. An enhanced code of the reply's class is taken off the text. */
enum reply_result reply_feed(struct reply *r, struct slice line);

/* The text, lines joined by \n; valid until the reply changes. */
struct slice reply_text(const struct reply *r);

/* All on one line, "550 5.1.1 no such user", printable; valid until the reply changes. */
const char *reply_line(struct reply *r);

/* The enhanced code, or the one that the code stands for when there was none: "5.0.0". */
struct slice reply_status(const struct reply *r);

/* What a line begins with: "5.1.1" and a blank or the end; empty when nothing such. */
struct slice reply_find_status(struct slice text);

#endif
