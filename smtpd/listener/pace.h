/*
 * How long a client may go on sending a message: octets that come buy time, at LIMIT_DATA_RATE, so
 * that a large message on a slow line takes as long as it takes; and nobody may be silent for
 * longer than LIMIT_COMMAND_SECONDS, nor keep a session with an octet now and then. Pure.
 */
#ifndef SMTPD_LISTENER_PACE_H
#define SMTPD_LISTENER_PACE_H

#include "common/base/moment.h"

#include <stddef.h>

struct smtp_pace {
	struct moment until;
};

/* It begins, or begins anew after a pause that was not the client's; gives the wait that
 * is left. */
struct span smtp_pace_begin(struct smtp_pace *p, struct moment now);

/* So many octets came; gives the wait that is left, which is 0 when they came too slowly. */
struct span smtp_pace_feed(struct smtp_pace *p, size_t octets, struct moment now);

#endif
