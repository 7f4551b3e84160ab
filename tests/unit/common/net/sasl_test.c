#include "tests/unit/unit.h"

#include "common/base/encode.h"
#include "common/base/limits.h"
#include "common/net/sasl.h"

#include <string.h>

UNIT_SUITE(sasl);

#define OCTETS(text) slice_make(text, sizeof(text) - 1)

/* Feeds octets as a client sends them. */
static enum sasl_result
feed(struct sasl *s, struct slice octets)
{
	struct buf line = {0};
	enum sasl_result result;

	base64_encode(&line, octets);
	result = sasl_feed(s, buf_slice(&line));
	buf_fini(&line);
	return result;
}

static enum sasl_result
plain(struct slice octets)
{
	struct sasl *s = sasl_new(SLICE("plain"));
	enum sasl_result result;

	cr_assert_eq(sasl_start(s, NULL), SASL_CHALLENGE);
	cr_slice_eq(slice_of(sasl_challenge(s)), "");
	result = feed(s, octets);
	sasl_free(s);
	return result;
}

Test(sasl, every_mechanism_that_is_named)
{
	struct slice names = SLICE(SASL_MECHANISMS), name;
	int count = 0;

	for (; slice_word(&names, &name); count++) {
		struct sasl *s = sasl_new(name);

		cr_assert_not_null(s);
		cr_assert_eq(sasl_feed(s, SLICE("*")), SASL_CANCELLED);
		cr_assert_eq(sasl_feed(s, SLICE("!!!!")), SASL_MALFORMED);
		cr_assert_gt(strlen(sasl_form(s)), 10);
		sasl_free(s);
	}
	cr_assert_eq(count, 2);
	cr_assert_null(sasl_new(SLICE("PLAINX")));
	cr_assert_null(sasl_new(SLICE("")));
	sasl_free(NULL);
}

Test(sasl, plain_with_an_initial_response)
{
	struct sasl *s = sasl_new(SLICE("PLAIN"));
	struct slice initial = SLICE("AGFsaWNlAHNlY3JldA==");

	cr_assert_eq(sasl_start(s, &initial), SASL_CREDENTIALS);
	cr_slice_eq(sasl_user(s), "alice");
	cr_slice_eq(sasl_secret(s), "secret");
	initial = SLICE("=");
	cr_assert_eq(sasl_start(s, &initial), SASL_MALFORMED, "PLAIN says something");
	sasl_free(s);
}

Test(sasl, what_plain_may_be)
{
	static const struct {
		struct slice octets;
		enum sasl_result result;
	} cases[] = {
	    {{"\0alice\0x", 8}, SASL_CREDENTIALS},
	    {{"alice\0alice\0x", 13}, SASL_CREDENTIALS},
	    {{"\0alice\0", 7}, SASL_CREDENTIALS},
	    {{"bob\0alice\0x", 11}, SASL_WRONG},
	    {{"\0alice\0x\0", 9}, SASL_WRONG},
	    {{"\0\0x", 3}, SASL_WRONG},
	    {{"\0alice", 6}, SASL_MALFORMED},
	    {{"alice", 5}, SASL_MALFORMED},
	    {{"", 0}, SASL_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(plain(cases[i].octets), cases[i].result, "case %zu", i);
}

Test(sasl, login_asks_twice)
{
	struct sasl *s = sasl_new(SLICE("LOGIN"));

	cr_assert_eq(sasl_start(s, NULL), SASL_CHALLENGE);
	cr_slice_eq(slice_of(sasl_challenge(s)), "VXNlcm5hbWU6");
	cr_assert_eq(feed(s, SLICE("alice")), SASL_CHALLENGE);
	cr_slice_eq(slice_of(sasl_challenge(s)), "UGFzc3dvcmQ6");
	cr_assert_eq(feed(s, SLICE("secret")), SASL_CREDENTIALS);
	cr_slice_eq(sasl_user(s), "alice");
	cr_slice_eq(sasl_secret(s), "secret");
	sasl_free(s);
}

Test(sasl, login_takes_the_user_at_once_and_no_nul)
{
	struct slice initial = SLICE("YWxpY2U=");
	struct sasl *s = sasl_new(SLICE("login"));

	cr_assert_eq(sasl_start(s, &initial), SASL_CHALLENGE);
	cr_slice_eq(slice_of(sasl_challenge(s)), "UGFzc3dvcmQ6");
	cr_assert_eq(feed(s, OCTETS("a\0b")), SASL_WRONG);
	sasl_free(s);
	s = sasl_new(SLICE("LOGIN"));
	cr_assert_eq(feed(s, OCTETS("a\0b")), SASL_WRONG);
	sasl_free(s);
}

Test(sasl, limits)
{
	static char octets[LIMIT_RESPONSE + 4], line[LIMIT_RESPONSE + 4];
	struct sasl *s = sasl_new(SLICE("PLAIN"));

	memset(octets, 'a', sizeof(octets));
	memset(line, 'A', sizeof(line));
	octets[0] = octets[1 + LIMIT_USER] = '\0';
	cr_assert_eq(plain(slice_make(octets, 2 + LIMIT_USER + LIMIT_SECRET)), SASL_CREDENTIALS);
	cr_assert_eq(plain(slice_make(octets, 3 + LIMIT_USER + LIMIT_SECRET)), SASL_WRONG);
	octets[1 + LIMIT_USER] = 'a';
	octets[2 + LIMIT_USER] = '\0';
	cr_assert_eq(plain(slice_make(octets, 4 + LIMIT_USER)), SASL_WRONG);
	cr_assert_eq(
	    sasl_feed(s, slice_make(line, LIMIT_RESPONSE)), SASL_WRONG, "NULs, and much of them");
	cr_assert_eq(sasl_feed(s, slice_make(line, LIMIT_RESPONSE + 4)), SASL_MALFORMED);
	sasl_free(s);
}
