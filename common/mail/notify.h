/*
 * What a sender wants to hear of a message (RFC 3461 4.1, 4.3): the parameters NOTIFY of RCPT and
 * RET of MAIL. The numbers cross channels, and are kept in the queue's database.
 */
#ifndef COMMON_MAIL_NOTIFY_H
#define COMMON_MAIL_NOTIFY_H

/* Bits; 0: unsaid. */
enum {
	NOTIFY_SUCCESS = 1,
	NOTIFY_FAILURE = 2,
	NOTIFY_DELAY = 4,
	NOTIFY_NEVER = 8,
};

enum smtp_ret { RET_UNSAID, RET_FULL, RET_HDRS };

#endif
