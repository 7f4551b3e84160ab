/*
 * The end of the suite, in stages: who takes mail in ends first, then the queue, which waits for
 * the deliveries that are under way, and only then those who carry them out. Each stage has its
 * time, and what is not through by then is killed; all of it together is what smtpd(8) promises.
 */
#ifndef SMTPD_PARENT_STOP_H
#define SMTPD_PARENT_STOP_H

/* Ends one after the other, and calls loop_stop() when the last process is gone. */
void stop_begin(void);

/* While it stops: a process is gone, so perhaps the next may end. */
void stop_go_on(void);

#endif
