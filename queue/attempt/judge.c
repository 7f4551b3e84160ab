#include "queue/attempt/judge.h"

#include "queue/attempt/bounce.h"
#include "queue/schedule/retry.h"

/* Nobody took it, and nobody refused it for good: its age decides. */
static void
judge_waiting(struct judgement *j, const struct queue_attempt *a, const struct queue_item *item,
    const struct expire_rules *rules, int64_t age, uint32_t random)
{
	const struct queue_envelope *e = item->envelope;
	const struct retry_plan *plan =
	    e->destination->transport == TRANSPORT_RELAY ? &retry_relay : &retry_local;
	bool is_due;

	j->warned = expire_warnings_due(rules, age);
	if (expire_is_over(rules, e->destination->ttl, age)) {
		j->verdict = VERDICT_FAILED;
		j->kind = DSN_FAILED;
		j->status = SLICE("5.4.7");
		j->reports = bounce_is_wanted(e->notify, DSN_FAILED);
		return;
	}
	is_due = j->warned > e->warned;
	j->verdict = a->is_flight ? VERDICT_LATER : is_due ? VERDICT_WARNED : VERDICT_KEPT;
	j->kind = DSN_DELAYED;
	j->wait = retry_delay(plan, e->tries + 1U, random);
	j->reports = is_due && bounce_is_wanted(e->notify, DSN_DELAYED);
}

struct judgement
queue_judge(const struct queue_attempt *a, const struct queue_item *item,
    const struct expire_rules *rules, int64_t age, uint32_t random)
{
	const struct queue_envelope *e = item->envelope;
	struct judgement j = {.warned = e->warned, .status = slice_of(item->status)};

	if (!item->has_outcome) {
		j.verdict = VERDICT_AGAIN;
		/* Where there is no room, the destination itself says when the next may go. */
		if (a->end != ATTEMPT_BUSY)
			j.wait = retry_delay(&retry_lost, e->lost + 1U, random);
	} else {
		switch ((enum outcome)item->outcome) {
		case OUTCOME_DELIVERED:
		case OUTCOME_RELAYED:
			j.verdict = VERDICT_DONE;
			j.kind = item->outcome == OUTCOME_DELIVERED ? DSN_DELIVERED : DSN_RELAYED;
			j.reports = !item->has_dsn && bounce_is_wanted(e->notify, j.kind);
			break;
		case OUTCOME_TEMPORARY:
			judge_waiting(&j, a, item, rules, age, random);
			break;
		case OUTCOME_PERMANENT:
			j.verdict = VERDICT_FAILED;
			j.kind = DSN_FAILED;
			j.reports = bounce_is_wanted(e->notify, DSN_FAILED);
			break;
		}
	}
	if (e->is_removed && j.verdict != VERDICT_DONE)
		return (struct judgement){.verdict = VERDICT_REMOVED, .status = j.status};
	return j;
}

bool
queue_verdict_is_end(enum verdict v)
{
	return v == VERDICT_DONE || v == VERDICT_FAILED || v == VERDICT_REMOVED;
}
