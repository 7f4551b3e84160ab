/*
 * The octets after DATA: takes the dots off, finds the end, and tells what is wrong with them.
 * Pure: octets in, octets out, in whatever pieces they come. Only CRLF "." CRLF ends a message
 * (RFC 5321 4.1.1.4); a CR or LF that stands alone is remembered and never ends a line, so
 * nothing can be smuggled behind it.
 */
#ifndef SMTPD_LISTENER_DATA_H
#define SMTPD_LISTENER_DATA_H

#include "common/base/buf.h"

enum smtp_data_state {
	DATA_LINE_START,
	DATA_IN_LINE,
	DATA_AFTER_CR,
	DATA_DOT,
	DATA_DOT_CR,
	DATA_END
};

struct smtp_data {
	enum smtp_data_state state;
	uint64_t size;      /* octets of the message so far, dots taken off */
	uint64_t most;      /* beyond this nothing is kept */
	size_t line;        /* octets of the line so far */
	bool has_bare;      /* a CR or LF alone */
	bool has_long_line; /* over LIMIT_TEXT_LINE */
	bool has_8bit;
	bool is_too_big;
};

void smtp_data_init(struct smtp_data *b, uint64_t most);

/*
 * Takes octets up to the end of the message, and appends what belongs to it to out. Returns how
 * many were taken: all of them, unless b->state became DATA_END.
 */
size_t smtp_data_feed(struct smtp_data *b, struct slice octets, struct buf *out);

#endif
