#include "tests/unit/unit.h"

#include "common/ipc/listener_queue.h"
#include "queue/attempt/judge.h"
#include "queue/schedule/retry.h"

UNIT_SUITE(judge);

enum { WARN_AGE = 14400, TTL = 345600, RANDOM = 12345 };

static const struct expire_rules rules = {.ttl = TTL, .warnings = {WARN_AGE}, .warning_count = 1};

/* What an item and its envelope are, and what is to come of it. */
struct sample {
	const char *name;
	bool has_outcome, is_flight, has_dsn, is_removed;
	enum outcome outcome;
	unsigned notify, warned;
	int64_t age;
	enum verdict verdict;
	bool reports;
	enum dsn_kind kind;
	const char *status;
};

static struct judgement
judge(const struct sample *c, struct queue_item *item)
{
	static struct queue_destination d = {.transport = TRANSPORT_RELAY};
	static struct queue_envelope e;
	struct queue_attempt a = {.is_flight = c->is_flight};

	e = (struct queue_envelope){.destination = &d,
	    .notify = c->notify & 15,
	    .warned = c->warned & 7,
	    .is_removed = c->is_removed,
	    .tries = 2,
	    .lost = 1};
	*item = (struct queue_item){.envelope = &e,
	    .has_outcome = c->has_outcome,
	    .outcome = (uint8_t)c->outcome,
	    .has_dsn = c->has_dsn,
	    .status = "4.1.2"};
	return queue_judge(&a, item, &rules, c->age, RANDOM);
}

#define SAID(o) .has_outcome = true, .is_flight = true, .outcome = OUTCOME_##o
#define AGED .has_outcome = true, .outcome = OUTCOME_TEMPORARY

Test(judge, every_end_has_its_verdict_and_report)
{
	static const struct sample samples[] = {
	    {"delivered", SAID(DELIVERED), .verdict = VERDICT_DONE, .kind = DSN_DELIVERED},
	    {"delivered, asked for", SAID(DELIVERED), .notify = NOTIFY_SUCCESS,
		.verdict = VERDICT_DONE, .reports = true, .kind = DSN_DELIVERED},
	    {"relayed, asked for", SAID(RELAYED), .notify = NOTIFY_SUCCESS, .verdict = VERDICT_DONE,
		.reports = true, .kind = DSN_RELAYED},
	    {"relayed, the next one reports", SAID(RELAYED), .notify = NOTIFY_SUCCESS,
		.has_dsn = true, .verdict = VERDICT_DONE, .kind = DSN_RELAYED},
	    {"delivered though removed", SAID(DELIVERED), .is_removed = true,
		.verdict = VERDICT_DONE, .kind = DSN_DELIVERED},
	    {"refused", SAID(PERMANENT), .verdict = VERDICT_FAILED, .reports = true,
		.kind = DSN_FAILED},
	    {"refused, no word wanted", SAID(PERMANENT), .notify = NOTIFY_NEVER,
		.verdict = VERDICT_FAILED, .kind = DSN_FAILED},
	    {"refused and removed", SAID(PERMANENT), .is_removed = true,
		.verdict = VERDICT_REMOVED},
	    {"put off", SAID(TEMPORARY), .verdict = VERDICT_LATER, .kind = DSN_DELAYED},
	    {"put off and removed", SAID(TEMPORARY), .is_removed = true,
		.verdict = VERDICT_REMOVED},
	    {"put off, a warning is due", SAID(TEMPORARY), .age = WARN_AGE,
		.verdict = VERDICT_LATER, .reports = true, .kind = DSN_DELAYED},
	    {"put off, warned before", SAID(TEMPORARY), .age = WARN_AGE, .warned = 1,
		.verdict = VERDICT_LATER, .kind = DSN_DELAYED},
	    {"put off, failures only", SAID(TEMPORARY), .age = WARN_AGE, .notify = NOTIFY_FAILURE,
		.verdict = VERDICT_LATER, .kind = DSN_DELAYED},
	    {"put off for the last time", SAID(TEMPORARY), .age = TTL, .warned = 1,
		.verdict = VERDICT_FAILED, .reports = true, .kind = DSN_FAILED, .status = "5.4.7"},
	    {"put off for the last time, no word wanted", SAID(TEMPORARY), .age = TTL, .warned = 1,
		.notify = NOTIFY_NEVER, .verdict = VERDICT_FAILED, .kind = DSN_FAILED,
		.status = "5.4.7"},
	    {"not tried, young", AGED, .verdict = VERDICT_KEPT, .kind = DSN_DELAYED},
	    {"not tried, a warning is due", AGED, .age = WARN_AGE, .verdict = VERDICT_WARNED,
		.reports = true, .kind = DSN_DELAYED},
	    {"not tried, too old", AGED, .age = TTL, .verdict = VERDICT_FAILED, .reports = true,
		.kind = DSN_FAILED, .status = "5.4.7"},
	    {"broken off", .is_flight = true, .age = TTL, .verdict = VERDICT_AGAIN},
	    {"broken off and removed", .is_flight = true, .is_removed = true,
		.verdict = VERDICT_REMOVED},
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *c = &samples[i];
		struct queue_item item;
		struct judgement j = judge(c, &item);

		cr_assert_eq(j.verdict, c->verdict, "%s: %d", c->name, j.verdict);
		cr_assert_eq(j.reports, c->reports, "%s", c->name);
		cr_assert_eq(j.kind, c->kind, "%s", c->name);
		cr_slice_eq(j.status, c->status != NULL ? c->status : "4.1.2");
		cr_assert_str_eq(item.status, "4.1.2");
	}
}

Test(judge, what_is_tried_again_waits_as_its_plan_says)
{
	static const struct sample later = {"put off", SAID(TEMPORARY), .age = WARN_AGE},
				   lost = {"broken off", .is_flight = true, .warned = 1};
	struct queue_item item;
	struct judgement j = judge(&later, &item);

	cr_assert_eq(j.wait.ms, retry_delay(&retry_relay, 3, RANDOM).ms);
	cr_assert_eq(j.warned, 1);
	item.envelope->destination->transport = TRANSPORT_MAILBOX;
	j = judge(&later, &item);
	cr_assert_eq(j.wait.ms, retry_delay(&retry_local, 3, RANDOM).ms);
	j = judge(&lost, &item);
	cr_assert_eq(j.wait.ms, retry_delay(&retry_lost, 2, RANDOM).ms);
	cr_assert_eq(j.warned, 1, "what was warned of stays");
}

Test(judge, an_action_may_have_its_own_time_to_live)
{
	static const struct sample young = {"put off", SAID(TEMPORARY), .age = 100, .warned = 1};
	struct queue_item item;

	cr_assert_eq(judge(&young, &item).verdict, VERDICT_LATER);
	item.envelope->destination->ttl = 100;
	cr_assert_eq(judge(&young, &item).verdict, VERDICT_FAILED);
}
