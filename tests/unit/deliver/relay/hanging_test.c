#include "tests/unit/unit.h"

#include "deliver/relay/hanging.h"

UNIT_SUITE(hanging);

static const struct moment now = {1000};

static struct netaddr
server(unsigned n, uint16_t port)
{
	return (struct netaddr){.family = AF_INET,
	    .port = port,
	    .octets = {127, 0, (unsigned char)(n >> 8), (unsigned char)n}};
}

Test(hanging, is_of_one_server_and_for_a_while)
{
	struct netaddr a = server(1, 25), b = server(2, 25), other_port = server(1, 587);
	struct moment last = {1000 + HANGING_MINUTES * 60000 - 1}, over = {last.ms + 1};

	cr_assert_not(relay_hanging_has(&a, now));
	relay_hanging_add(&a, now);
	cr_assert(relay_hanging_has(&a, now));
	cr_assert_not(relay_hanging_has(&b, now));
	cr_assert_not(relay_hanging_has(&other_port, now));
	cr_assert(relay_hanging_has(&a, last));
	cr_assert_not(relay_hanging_has(&a, over));
	relay_hanging_add(&a, over);
	cr_assert(relay_hanging_has(&a, over));
	relay_hanging_forget();
	cr_assert_not(relay_hanging_has(&a, over));
}

Test(hanging, the_oldest_goes_for_one_more)
{
	for (unsigned i = 0; i <= LIMIT_HANGING; i++) {
		struct netaddr a = server(i, 25);

		relay_hanging_add(&a, now);
		relay_hanging_add(&a, now);
	}
	for (unsigned i = 0; i <= LIMIT_HANGING; i++) {
		struct netaddr a = server(i, 25);

		cr_assert_eq(relay_hanging_has(&a, now), i > 0, "%u", i);
	}
}
