#include "tests/unit/unit.h"

#include "common/base/limits.h"

#include "deliver/relay/route.h"

UNIT_SUITE(route);

Test(route, urls)
{
	static const struct {
		const char *url, *host, *label;
		bool ok, verified;
		enum relay_security security;
		uint16_t port;
	} cases[] = {
	    {"mail.test", "mail.test", "", true, false, SECURITY_OPPORTUNISTIC, 25},
	    {"smtp://mail.test:2525", "mail.test", "", true, false, SECURITY_OPPORTUNISTIC, 2525},
	    {"smtp+tls://me@mail.test:587", "mail.test", "me", true, true, SECURITY_STARTTLS, 587},
	    {"smtps://me@[2001:db8::1]", "2001:db8::1", "me", true, true, SECURITY_SMTPS, 465},
	    {"smtp+notls://[2001:db8::1]:26", "2001:db8::1", "", true, false, SECURITY_CLEAR, 26},
	    {"smtp://mail.test.", "mail.test", "", true, false, SECURITY_OPPORTUNISTIC, 25},
	    {"smtps://me@mail.test.:26", "mail.test", "me", true, true, SECURITY_SMTPS, 26},
	    {"smtp://.", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"smtp://", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"smtp://me@mail.test", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"me@mail.test", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"lmtp://me@mail.test", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"smtp://@mail.test", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"mail.test:0", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"mail.test:65536", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	    {"mail.test:x", "", "", false, false, SECURITY_OPPORTUNISTIC, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct relay_route r;

		cr_assert_eq(
		    relay_route_parse(&r, slice_of(cases[i].url)), cases[i].ok, "%s", cases[i].url);
		if (!cases[i].ok)
			continue;
		cr_assert_str_eq(r.host, cases[i].host);
		cr_assert_str_eq(r.label, cases[i].label);
		cr_assert_eq(r.security, cases[i].security);
		cr_assert_eq(r.is_verified, cases[i].verified);
		cr_assert_eq(r.port, cases[i].port);
	}
}

static void
add(struct relay_route *r, const char *name, uint16_t preference)
{
	relay_route_add(r, slice_make("\177\0\0\1", 4), slice_of(name), preference);
}

Test(route, never_goes_to_itself_or_to_who_is_no_better)
{
	struct relay_route r = {.port = 25};

	add(&r, "best.test", 5);
	add(&r, "me.test", 10);
	add(&r, "equal.test", 10);
	add(&r, "worse.test", 20);
	cr_assert_eq(relay_route_without_self(&r, SLICE("ME.test")), WAY_ON);
	cr_assert_eq(r.count, 1);
	cr_assert_str_eq(r.candidates[0].name, "best.test");

	r = (struct relay_route){.port = 25};
	add(&r, "me.test", 0);
	add(&r, "other.test", 0);
	cr_assert_eq(relay_route_without_self(&r, SLICE("me.test")), WAY_BACK);
}

static void
add_unknown(struct relay_route *r, const char *name, uint16_t preference)
{
	relay_route_add(r, SLICE(""), slice_of(name), preference);
}

Test(route, keeps_what_is_for_a_host_whose_address_is_not_known_now)
{
	struct relay_route r = {.port = 25};

	add_unknown(&r, "best.test", 5);
	add(&r, "me.test", 10);
	cr_assert_eq(relay_route_without_self(&r, SLICE("me.test")), WAY_UNKNOWN);

	r = (struct relay_route){.port = 25};
	add_unknown(&r, "best.test", 5);
	add(&r, "good.test", 7);
	add_unknown(&r, "me.test", 10);
	add(&r, "worse.test", 20);
	cr_assert_eq(relay_route_without_self(&r, SLICE("me.test")), WAY_ON);
	cr_assert_eq(r.count, 1);
	cr_assert_str_eq(r.candidates[0].name, "good.test");

	r = (struct relay_route){.port = 25};
	add(&r, "me.test", 10);
	add_unknown(&r, "worse.test", 20);
	cr_assert_eq(relay_route_without_self(&r, SLICE("me.test")), WAY_BACK);
}

Test(route, is_weak_when_every_host_was_reached_and_is)
{
	struct relay_route r = {.port = 25};

	cr_assert_not(relay_route_is_weak(&r));
	add(&r, "one.test", 5);
	add(&r, "one.test", 5);
	add(&r, "two.test", 10);
	r.candidates[1].is_weak = true;
	cr_assert_not(relay_route_is_weak(&r));
	r.candidates[2].is_weak = true;
	cr_assert(relay_route_is_weak(&r));

	add_unknown(&r, "three.test", 20);
	cr_assert_eq(relay_route_without_self(&r, SLICE("me.test")), WAY_ON);
	cr_assert_not(relay_route_is_weak(&r));
}

/* Whether a connection for one URL and domain may serve another. */
static bool
serves(const char *url, const char *domain, const char *other_url, const char *other_domain)
{
	struct relay_route a = {.port = 25}, b = {.port = 25};
	char *one, *other;
	bool same;

	cr_assert(url[0] == '\0' || relay_route_parse(&a, slice_of(url)));
	cr_assert(other_url[0] == '\0' || relay_route_parse(&b, slice_of(other_url)));
	one = relay_route_place(&a, slice_of(domain));
	other = relay_route_place(&b, slice_of(other_domain));
	same = strcmp(one, other) == 0;
	free(one);
	free(other);
	return same;
}

Test(route, a_connection_serves_its_own_place_again)
{
	cr_assert(serves("", "a.test", "", "a.test"));
	cr_assert_not(serves("", "a.test", "", "b.test"));
	cr_assert_not(serves("", "a.test", "smtp://a.test", "a.test"));
	cr_assert(serves("smtp://h.test", "a.test", "smtp://h.test:25", "b.test"));
	cr_assert_not(serves("smtp://h.test", "", "smtp://h.test:26", ""));
	cr_assert_not(serves("smtp://h.test", "", "lmtp://h.test:25", ""));
	cr_assert_not(serves("smtp+tls://h.test", "", "smtp+notls://h.test", ""));
	cr_assert_not(serves("smtps://a@h.test", "", "smtps://b@h.test", ""));
}

Test(route, keeps_a_bounded_number_of_addresses)
{
	struct relay_route r = {.port = 25};

	for (int i = 0; i < LIMIT_ROUTE + 5; i++)
		add(&r, "many.test", 1);
	cr_assert_eq(r.count, LIMIT_ROUTE);
}
