/*
 * The ends of a message's lines: CR LF (RFC 5322 2.1). Some programs hand over messages as they lie
 * on their disk, with LF alone.
 */
#ifndef COMMON_MAIL_LINE_END_H
#define COMMON_MAIL_LINE_END_H

#include "common/base/buf.h"

/* Whether an LF has no CR before it. */
bool line_end_is_bare(struct slice message);

/* Appends the message with a CR before each LF that has none. */
void line_end_mend(struct buf *out, struct slice message);

#endif
