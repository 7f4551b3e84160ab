/*
 * After the start: the schedule is rebuilt from the database in slices, while new mail flows
 * already; then bodies that no message names are swept.
 */
#ifndef QUEUE_RECOVER_H
#define QUEUE_RECOVER_H

#include <stdbool.h>

void queue_recover_start(void);

/* Whether envelopes of a former run may still be missing in memory. */
bool queue_recover_is_busy(void);

#endif
