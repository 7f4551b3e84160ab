/*
 * Orders of smtpctl's about the queue. What walks over many envelopes does so in slices and at the
 * pace of whoever reads.
 *
 *	show queue [WHICH…]          show message ID      show envelope ID      show status
 *	pause|resume mta|mda|smtp|WHICH…           schedule|remove WHICH…
 *
 * WHICH is all, the id of a message or of an envelope, or from, to or domain with what it has to
 * be; of several, what any of them has.
 */
#ifndef QUEUE_CONTROL_CONTROL_H
#define QUEUE_CONTROL_CONTROL_H

#include "common/conf/child.h"

void queue_control(struct control *order, struct slice verb, struct slice arguments, bool json);

/* Reads what is paused from the store: a restart does not end a pause. */
void queue_control_init(void);

/* Ends what still walks. */
void queue_control_fini(void);

#endif
