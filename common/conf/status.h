/* What a process answers to "show status": counts, for a person or as JSON. */
#ifndef COMMON_CONF_STATUS_H
#define COMMON_CONF_STATUS_H

#include "common/conf/child.h"

struct status_count {
	const char *key;        /* in JSON */
	const char *one, *many; /* behind the number; many NULL: one fits any */
	uint64_t n;
};

/* Says the line "keyholder: 1 key, 2 handshakes signed". It does not end the order. */
void status_say(struct control *order, bool json, const struct status_count *counts, size_t n);

/* All that a process does that knows no order but "show status". */
void status_control(struct control *order, struct slice verb, bool json,
    const struct status_count *counts, size_t n);

#endif
