#include "tests/unit/unit.h"

#include "imapd/input.h"

UNIT_SUITE(input);

static const struct imap_input_limits limits = {
    .lines = 100, .literal = 20, .literals = 30, .skipped = 50};

static const struct {
	const char *line;
	enum imap_input_next next;
	bool has_flaw;
} cases[] = {
    {"a NOOP", IMAP_INPUT_DONE, false},
    {"", IMAP_INPUT_DONE, false},
    {"a LOGIN {5}", IMAP_INPUT_ASK, false},
    {"a LOGIN {5+}", IMAP_INPUT_OCTETS, false},
    {"a LOGIN {20}", IMAP_INPUT_ASK, false},
    {"a LOGIN {21}", IMAP_INPUT_REFUSE, true},
    {"a LOGIN {21+}", IMAP_INPUT_OCTETS, true},
    {"a LOGIN {51+}", IMAP_INPUT_BYE, true},
    {"a LOGIN {4294967295}", IMAP_INPUT_REFUSE, true},
    {"a LOGIN {4294967296}", IMAP_INPUT_REFUSE, true},
    {"a LOGIN {18446744073709551616}", IMAP_INPUT_REFUSE, true},
    {"a LOGIN {18446744073709551616+}", IMAP_INPUT_BYE, true},
    {"a LOGIN {-1}", IMAP_INPUT_DONE, false},
    {"a LOGIN {}", IMAP_INPUT_DONE, false},
    {"a LOGIN {0x10}", IMAP_INPUT_DONE, false},
    {"a LOGIN {10", IMAP_INPUT_DONE, false},
    {"a LOGIN 2}x", IMAP_INPUT_DONE, false},
    {"a LOGIN \"x\r y\"", IMAP_INPUT_DONE, true},
    {"a LOGIN \"x\" {5}", IMAP_INPUT_ASK, false},
    {"a LOGIN \"x\\\" {5}", IMAP_INPUT_DONE, true},
    {"a LOGIN \"x {5}", IMAP_INPUT_DONE, true},
    {"a LOGIN \"x {5+}", IMAP_INPUT_BYE, true},
};

Test(input, judges_a_line)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_input in = {0};

		cr_assert_eq(imap_input_line(&in, slice_of(cases[i].line), &limits), cases[i].next,
		    "%s", cases[i].line);
		cr_assert_eq(in.flaw != NULL, cases[i].has_flaw, "%s", cases[i].line);
		imap_input_reset(&in);
	}
}

Test(input, keeps_literals_in_their_places)
{
	struct imap_input in = {0};

	cr_assert_eq(imap_input_line(&in, SLICE("a LOGIN {3}"), &limits), IMAP_INPUT_ASK);
	cr_assert_eq(imap_input_octets(&in, SLICE("x")), 1);
	cr_assert_eq(imap_input_octets(&in, SLICE("\r\ny")), 2);
	cr_assert_eq(in.wanted, 0);
	cr_assert_eq(imap_input_line(&in, SLICE(" {2+}"), &limits), IMAP_INPUT_OCTETS);
	cr_assert_eq(imap_input_octets(&in, SLICE("pw")), 2);
	cr_assert_eq(imap_input_line(&in, SLICE(""), &limits), IMAP_INPUT_DONE);
	cr_slice_eq(buf_slice(&in.command), "a LOGIN {3}\r\nx\r\n {2+}\r\npw");
	cr_assert_null(in.flaw);
	imap_input_reset(&in);
}

Test(input, throws_away_what_it_refuses)
{
	struct imap_input in = {0};

	imap_input_spoil(&in, "", "no such command");
	cr_assert_eq(imap_input_line(&in, SLICE("a NOSUCH {9+}"), &limits), IMAP_INPUT_OCTETS);
	cr_assert_eq(imap_input_octets(&in, SLICE("a9 NOOP\r\nb NOOP")), 9);
	cr_assert_eq(imap_input_line(&in, SLICE(" {3}"), &limits), IMAP_INPUT_REFUSE);
	cr_assert_eq(in.command.len, 0);
	imap_input_reset(&in);
}

Test(input, bounds_lines_and_literals_together)
{
	struct imap_input in = {0};
	enum imap_input_next next = IMAP_INPUT_OCTETS;
	int n = 0;

	for (; next == IMAP_INPUT_OCTETS; n++) {
		next = imap_input_line(&in, SLICE("{9+}"), &limits);
		while (in.wanted > 0)
			imap_input_octets(&in, SLICE("123456789"));
	}
	cr_assert_eq(next, IMAP_INPUT_BYE);
	cr_assert_lt(n, 12);
	cr_assert_leq(in.command.len, 100 + 30);
	imap_input_reset(&in);
}

/* With the ends of the lines, so that empty ones are not free. */
Test(input, bounds_lines_without_literals)
{
	static char octets[98];
	struct imap_input in = {0};
	struct slice line = slice_make(octets, sizeof(octets));

	memset(octets, 'x', sizeof(octets));
	cr_assert_eq(imap_input_line(&in, line, &limits), IMAP_INPUT_DONE);
	cr_assert_eq(imap_input_line(&in, SLICE(""), &limits), IMAP_INPUT_BYE);
	imap_input_reset(&in);
	cr_assert_eq(imap_input_line(&in, line, &limits), IMAP_INPUT_DONE, "each command's own");
	imap_input_reset(&in);
}

Test(input, refuses_a_nul_in_a_literal)
{
	struct imap_input in = {0};

	imap_input_line(&in, SLICE("a LOGIN {3}"), &limits);
	imap_input_octets(&in, SLICE("x\0y"));
	cr_assert_not_null(in.flaw);
	imap_input_reset(&in);
}
