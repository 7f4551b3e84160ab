/*
 * From the listeners: hands out ids, takes messages over, and says that they are stored only when
 * they are on stable storage. A listener that breaks the dialogue of listener_queue.h is cut off.
 */
#ifndef QUEUE_RECEIVE_RECEIVE_H
#define QUEUE_RECEIVE_RECEIVE_H

#include "queue/queue.h"

/* For the table of neighbours: what a listener may begin, and its line's coming and going. */
extern const struct ipc_handler queue_receive_handlers[];
void queue_receive_up(struct channel **place);
void queue_receive_down(struct channel **place, struct channel *gone);

/* Tells the listeners whether mail is taken now, and why not. */
void queue_receive_tell(void);

/* Whether a message is on its way to the disk. */
bool queue_receive_is_busy(void);

/* Messages stored since the start. */
uint64_t queue_receive_count(void);

#endif
