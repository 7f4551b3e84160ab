/*
 * What a server's reply means for a recipient (RFC 5321 4.2.1, RFC 3463). Pure.
 */
#ifndef DELIVER_RELAY_OUTCOME_H
#define DELIVER_RELAY_OUTCOME_H

#include "common/base/slice.h"
#include "common/ipc/outcome.h"

enum { REPLY_STATUS = 16 };

/* 2yz is relayed, 5yz is permanent, and all else (nonsense too) waits. */
enum outcome outcome_of(int code);

/*
 * The enhanced code that goes with it: the server's own if it has one of the same class, else
 * one from the code. Writes to out and returns it.
 */
const char *outcome_status(int code, struct slice enhanced, char out[REPLY_STATUS]);

#endif
