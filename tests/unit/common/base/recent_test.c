#include "tests/unit/unit.h"

#include "common/base/recent.h"

#include <stdio.h>

UNIT_SUITE(recent);

enum { MOST = 100, LIFE_MS = 5000 };

static int freed;

static void
count_freed(void *value)
{
	freed += value != NULL;
}

static struct recent findings = RECENT(findings, MOST, LIFE_MS, count_freed);

static struct digest
digest(const char *user, const char *secret)
{
	const struct slice texts[] = {slice_of(user), slice_of(secret)};

	return digest_of(texts, 2);
}

static bool
knows(const char *user, const char *secret, struct moment now)
{
	void *value;

	return recent_find(&findings, digest(user, secret), now, &value);
}

Test(recent, holds_for_a_while)
{
	struct moment now = {1000000};

	recent_add(&findings, digest("alice", "secret"), NULL, now);
	cr_assert(knows("alice", "secret", now));
	cr_assert_not(knows("alices", "ecret", now));
	cr_assert_not(knows("alice", "other", now));
	now.ms += LIFE_MS - 1;
	cr_assert(knows("alice", "secret", now));
	now.ms++;
	cr_assert_not(knows("alice", "secret", now));
	recent_forget_all(&findings);
}

Test(recent, holds_so_many)
{
	struct moment now = {1000000};
	char name[32];

	for (int i = 0; i <= MOST; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		recent_add(&findings, digest(name, ""), NULL, now);
	}
	cr_assert_not(knows("u0", "", now));
	cr_assert(knows("u1", "", now));
	cr_assert(knows(name, "", now));
	recent_forget_all(&findings);
	cr_assert_not(knows(name, "", now));
}

Test(recent, frees_each_value_once)
{
	struct moment now = {1000000};
	int one, two;
	void *found = NULL;

	recent_add(&findings, digest("a", ""), &one, now);
	recent_add(&findings, digest("a", ""), &two, now);
	cr_assert_eq(freed, 1);
	cr_assert(recent_find(&findings, digest("a", ""), now, &found));
	cr_assert_eq(found, &two);
	now.ms += LIFE_MS;
	cr_assert_not(knows("a", "", now));
	cr_assert_eq(freed, 2);
	recent_add(&findings, digest("a", ""), &one, now);
	recent_forget_all(&findings);
	cr_assert_eq(freed, 3);
}
