/*
 * Small messages that came before the client asked for them, for it reads one after the other:
 * mailbox is then asked for several at a time. They are copies of what does not change; all of them
 * together stay below LIMIT_POP3_AHEAD. Pure.
 */
#ifndef POP3D_AHEAD_H
#define POP3D_AHEAD_H

#include "common/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum { POP3_AHEAD_MESSAGES = 16, POP3_AHEAD_OCTETS = 64 * 1024 }; /* of a session */

struct pop3_ahead; /* NULL: none */

/* How many octets may be kept now, for a session that keeps none. */
size_t pop3_ahead_room(void);

/* Keeps a message's octets, which follow those that were added before; or does not. */
void pop3_ahead_add(struct pop3_ahead **a, uint32_t uid, struct slice octets);

/* The octets of that message, until the next call; what came before it goes. False: it is not
 * there, and all goes. */
bool pop3_ahead_find(struct pop3_ahead **a, uint32_t uid, struct slice *octets);

void pop3_ahead_drop(struct pop3_ahead **a);

#endif
