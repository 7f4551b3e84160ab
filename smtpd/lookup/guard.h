/*
 * What slows guessing. The attempts of one address (an IPv6 /64) wait in line: LIMIT_LOGIN_CHECKS
 * of them are checked at once, and after a wrong password one at a time, each wrong one making the
 * next wait longer. So a flood from one place keeps nobody else waiting. Loopback is no exception.
 */
#ifndef SMTPD_LOOKUP_GUARD_H
#define SMTPD_LOOKUP_GUARD_H

#include "common/base/moment.h"
#include "common/base/slice.h"

#include <sys/queue.h>

struct guard;

/* An attempt; embed it. */
struct guard_ticket {
	TAILQ_ENTRY(guard_ticket) link;
	struct guard *guard;
	struct moment since;
	void (*go)(void *owner, bool in_time);
	void *owner;
};

enum guard_verdict { GUARD_RIGHT, GUARD_WRONG, GUARD_UNDECIDED };

/* Calls go(owner, true) when it is the attempt's turn, perhaps at once, or go(owner, false) when
 * that did not come within LIMIT_LOGIN_WAIT or the line is too long; only the first is to be left
 * again. */
void guard_enter(struct guard_ticket *t, struct slice client, void (*go)(void *owner, bool in_time),
    void *owner);

/* The attempt is checked. Gives how long bad news is to be held back; 0 ms for other news. */
struct span guard_leave(struct guard_ticket *t, enum guard_verdict verdict);

/* Forgets every address nobody waits for. */
void guard_forget(void);

#endif
