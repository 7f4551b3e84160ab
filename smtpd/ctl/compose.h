/*
 * Making a message whole, as sendmail(8) has always done: lines end in CRLF,
 * names without a domain get this host's, fields that a message must have are
 * added, Bcc goes. Pure.
 */
#ifndef SMTPD_CTL_COMPOSE_H
#define SMTPD_CTL_COMPOSE_H

#include "common/base/buf.h"

struct compose {
	struct slice hostname;  /* completes names, and Message-ID */
	struct slice sender;    /* reverse-path; From if there is none; empty: the null path */
	struct slice user;      /* From's local part when sender is empty */
	struct slice full_name; /* before From's address; may be empty */
	int64_t now;            /* seconds since 1970 */
	uint64_t id;            /* of Message-ID */
	bool takes_recipients;  /* from To, Cc and Bcc, or those of Resent- (-t) */
};

/* Appends input with CRLF at each line's end, without NULs; a line of a single
 * dot ends it if dot_ends. Lines over LIMIT_COMPOSED_LINE are broken. */
void compose_lines(struct buf *out, struct slice input, bool dot_ends);

/* Appends the whole message to out; recipients that it names to recipients, one
 * a line. */
void compose(
    const struct compose *c, struct slice message, struct buf *out, struct buf *recipients);

/* Appends the addresses that a text names as a field does, "Ann <a@b.test>, bob", one a line; a text
 * that names none as it stands, for whoever looks at it next to refuse. */
void compose_addresses(struct buf *out, struct slice text, struct slice hostname);

/* Appends the address with the host's name behind it if it has no domain. */
void compose_address(struct buf *out, struct slice address, struct slice hostname);

#endif
