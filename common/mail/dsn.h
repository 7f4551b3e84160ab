/*
 * Delivery status notifications (RFC 3461, 3464, 6522, 6533): a whole message, made from typed
 * facts. Remote servers' words and addresses are untrusted; none of them can begin a line.
 */
#ifndef COMMON_MAIL_DSN_H
#define COMMON_MAIL_DSN_H

#include "common/base/buf.h"

enum dsn_kind { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_recipient {
	struct slice original;    /* ORCPT, type;address; empty: not given */
	struct slice given;       /* what RCPT TO said; final, or an alias that led to it */
	struct slice final;       /* the address that was tried */
	struct slice status;      /* 5.1.1; what is no status is written as the kind's */
	struct slice diagnostic;  /* what the other server said; empty: nothing */
	struct slice remote_mta;  /* who said it; empty: nobody */
	int64_t last_attempt;     /* seconds since 1970; 0: leave out, as in all dates here */
	int64_t will_retry_until; /* delays only */
};

struct dsn {
	enum dsn_kind kind;
	struct slice reporting_mta; /* our host name; the report is from MAILER-DAEMON there */
	struct slice to;            /* the reverse-path of the message, never empty */
	struct slice message_id;    /* left of the @: unique, letters and digits */
	struct slice envid;         /* empty: not given */
	int64_t arrival, now;
	const struct dsn_recipient *recipients;
	size_t count;
	struct slice original; /* the message, or its beginning */
	bool is_whole;         /* original is all of it */
	bool full;             /* RET=FULL or unsaid; only failures return a body (RFC 3461 4.3) */
};

/* Appends the report, CRLF throughout. Over LIMIT_RETURNED octets only the header goes back. */
void dsn_format(struct buf *out, const struct dsn *d);

/* Whether a formatted report has octets above ASCII, and so needs 8BITMIME. */
bool dsn_is_8bit(struct slice report);

#endif
