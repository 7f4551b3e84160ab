/* When a process that died begins again. Pure: no clock, no process. */
#ifndef SMTPD_PARENT_CHILD_RESTART_H
#define SMTPD_PARENT_CHILD_RESTART_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The milliseconds to wait after a death, given those of the time before (0: never died). What was
 * ready and lived for a while begins again almost at once; what dies again and again waits ever
 * longer: a second at most when it was ready, ten when it cannot even start.
 */
int64_t restart_delay(int64_t before_ms, bool was_ready, int64_t lived_ms);

#endif
