#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "common/net/loop.h"
#include "smtpd/listener/verdict.h"

#include <stdio.h>

static struct moment now = {1000000};

struct moment __wrap_loop_now(void);

struct moment
__wrap_loop_now(void)
{
	return now;
}

static void
forget(void)
{
	smtp_verdict_forget_all();
}

UNIT_SUITE(verdict);

static const struct al_route question = {.sender = {"sender@example.org", 18},
    .recipient = {"alice@example.test", 18},
    .client = {"192.0.2.1", 9},
    .rdns = {"host.example.org", 16},
    .helo = {"host", 4},
    .user = {"bob", 3},
    .tag = {"tag", 3}};

static void
add(const struct al_route *q)
{
	smtp_verdict_add(smtp_verdict_of(q), &(struct al_recipient){.transport = TRANSPORT_AGENT,
						 .mailbox = 7,
						 .action = SLICE("local"),
						 .address = SLICE("alice@example.test"),
						 .user = SLICE("alice"),
						 .target = SLICE("| command")});
}

static bool
knows(const struct al_route *q)
{
	struct al_recipient is;

	return smtp_verdict_find(smtp_verdict_of(q), &is);
}

Test(verdict, brings_back_all_that_was_said, .fini = forget)
{
	struct al_recipient is = {0};

	cr_assert_not(knows(&question));
	add(&question);
	cr_assert(smtp_verdict_find(smtp_verdict_of(&question), &is));
	cr_assert_eq(is.transport, TRANSPORT_AGENT);
	cr_assert_eq(is.mailbox, 7);
	cr_slice_eq(is.action, "local");
	cr_slice_eq(is.address, "alice@example.test");
	cr_slice_eq(is.user, "alice");
	cr_slice_eq(is.target, "| command");
}

Test(verdict, another_question_is_asked, .fini = forget)
{
	struct al_route others[9];
	struct slice *const texts[] = {&others[0].sender, &others[1].recipient, &others[2].client,
	    &others[3].rdns, &others[4].helo, &others[5].user, &others[6].tag};

	add(&question);
	for (size_t i = 0; i < 9; i++)
		others[i] = question;
	for (size_t i = 0; i < 7; i++)
		texts[i]->len--;
	others[7].tls = 1;
	others[8].local = 1;
	for (size_t i = 0; i < 9; i++)
		cr_assert_not(knows(&others[i]), "fact %zu", i);
	cr_assert(knows(&question));
}

Test(verdict, lasts_a_moment, .fini = forget)
{
	add(&question);
	now.ms += LIMIT_VERDICT_MS - 1;
	cr_assert(knows(&question));
	now.ms++;
	cr_assert_not(knows(&question));
	add(&question);
	smtp_verdict_forget_all();
	cr_assert_not(knows(&question));
}

Test(verdict, so_many_are_kept, .fini = forget)
{
	struct al_route q = question;
	char name[32];

	add(&question);
	for (int i = 0; i < LIMIT_VERDICTS; i++) {
		snprintf(name, sizeof(name), "u%d@example.test", i);
		q.recipient = slice_of(name);
		add(&q);
	}
	cr_assert_not(knows(&question));
	cr_assert(knows(&q));
}
