/*
 * What becomes of an envelope after an attempt, or by its age alone: whether it goes, when it is
 * tried again, and what its sender hears of it. Pure; settle.c makes it true.
 */
#ifndef QUEUE_ATTEMPT_JUDGE_H
#define QUEUE_ATTEMPT_JUDGE_H

#include "common/mail/dsn.h"
#include "queue/attempt/attempt.h"
#include "queue/schedule/expire.h"

enum verdict {
	VERDICT_AGAIN,   /* nothing was learned: soon once more */
	VERDICT_DONE,    /* the next holder has it */
	VERDICT_LATER,   /* tried in vain, and tried again */
	VERDICT_FAILED,  /* it will not be tried again */
	VERDICT_REMOVED, /* a person wanted it away meanwhile */
	VERDICT_WARNED,  /* not tried; its sender is told that it waits */
	VERDICT_KEPT,    /* not tried; nothing is to be done */
};

struct judgement {
	enum verdict verdict;
	bool reports; /* a report of this kind goes to the sender */
	enum dsn_kind kind;
	unsigned warned;     /* warnings that were due so far */
	struct span wait;    /* AGAIN, LATER: until the next try */
	struct slice status; /* what rows, reports and the log say; may lie in the item */
};

/*
 * Judges one item of the attempt, of that age in seconds. An item without an outcome is one whose
 * attempt was broken off. The random bits are the same for all of an attempt, so that what
 * travelled together comes due together again.
 */
struct judgement queue_judge(const struct queue_attempt *a, const struct queue_item *item,
    const struct expire_rules *rules, int64_t age, uint32_t random);

/* Whether the envelope leaves the queue. */
bool queue_verdict_is_end(enum verdict v);

#endif
