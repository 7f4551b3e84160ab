#include "common/mail/reply.h"

#include "common/base/limits.h"

#include "tests/unit/unit.h"

UNIT_SUITE(reply);

/* Feeds lines (\n between) and gives the result of the last, or of the first that was bad. */
static enum reply_result
feed(struct reply *r, const char *lines)
{
	struct slice rest = slice_of(lines), line = SLICE("");
	enum reply_result result = REPLY_MORE;

	do {
		slice_split(&rest, '\n', &line);
		result = reply_feed(r, line);
	} while (result != REPLY_BAD && rest.len > 0);
	return result;
}

Test(reply, what_servers_say)
{
	static const struct {
		const char *lines;
		enum reply_result want;
		int code;
		const char *status, *text, *line;
	} cases[] = {
	    {"250 ok", REPLY_DONE, 250, "2.0.0", "ok", "250 ok"},
	    {"250", REPLY_DONE, 250, "2.0.0", "", "250"},
	    {"250 ", REPLY_DONE, 250, "2.0.0", "", "250"},
	    {"550 5.1.1 no such user", REPLY_DONE, 550, "5.1.1", "no such user",
		"550 5.1.1 no such user"},
	    {"550-5.1.1 no such\n550 5.1.1 user", REPLY_DONE, 550, "5.1.1", "no such\nuser",
		"550 5.1.1 no such user"},
	    {"421 4.7.0 busy", REPLY_DONE, 421, "4.7.0", "busy", "421 4.7.0 busy"},
	    {"450 busy", REPLY_DONE, 450, "4.0.0", "busy", "450 busy"},
	    {"554 4.7.1 other class", REPLY_DONE, 554, "5.0.0", "4.7.1 other class",
		"554 4.7.1 other class"},
	    {"250-mx.example\n250-SIZE 1000\n250 PIPELINING", REPLY_DONE, 250, "2.0.0",
		"mx.example\nSIZE 1000\nPIPELINING", "250 mx.example SIZE 1000 PIPELINING"},
	    {"250 2.1.5", REPLY_DONE, 250, "2.1.5", "", "250 2.1.5"},
	    {"550 5.1.1234 x", REPLY_DONE, 550, "5.0.0", "5.1.1234 x", "550 5.1.1234 x"},
	    {"550 5.1.1x", REPLY_DONE, 550, "5.0.0", "5.1.1x", "550 5.1.1x"},
	    {"550 a\x1b[2Jb\tc\rd", REPLY_DONE, 550, "5.0.0", "a?[2Jb c?d", "550 a?[2Jb c?d"},
	    {"250 d\xe9j\xc3\xa0 \x7f", REPLY_DONE, 250, "2.0.0", "d?j?? ?", "250 d?j?? ?"},
	    {"250-a", REPLY_MORE, 250, "2.0.0", "a", "250 a"},
	    {"", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"25", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"SSH-2.0-x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"650 x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"150 x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"260 x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"2500 x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {"250x", REPLY_BAD, 0, "4.0.0", "", "0"},
	    {" 250 x", REPLY_BAD, 0, "4.0.0", "", "0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		reply_init(&r);
		cr_assert_eq(feed(&r, cases[i].lines), cases[i].want, "%s", cases[i].lines);
		cr_assert_eq(r.code, cases[i].code);
		cr_slice_eq(reply_status(&r), cases[i].status);
		cr_slice_eq(reply_text(&r), cases[i].text);
		cr_assert_str_eq(reply_line(&r), cases[i].line);
		reply_fini(&r);
	}
}

Test(reply, a_code_that_changes_is_bad)
{
	struct reply r;

	reply_init(&r);
	cr_assert_eq(reply_feed(&r, SLICE("250-a")), REPLY_MORE);
	cr_assert_eq(reply_feed(&r, SLICE("251 b")), REPLY_BAD);
	reply_reset(&r);
	cr_assert_eq(reply_feed(&r, SLICE("354 go")), REPLY_DONE);
	cr_assert_eq(reply_feed(&r, SLICE("354 go")), REPLY_BAD);
	reply_reset(&r);
	cr_assert_eq(reply_feed(&r, SLICE("250 b")), REPLY_DONE);
	reply_fini(&r);
}

Test(reply, endless_replies_are_bad)
{
	struct reply r;
	char line[1000];
	size_t lines = 0;

	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	reply_init(&r);
	while (reply_feed(&r, slice_make(line, sizeof(line))) == REPLY_MORE)
		lines++;
	cr_assert_leq(lines, LIMIT_SMTP_REPLIES / 996);
	cr_assert_leq(strlen(reply_line(&r)), 1000);
	reply_reset(&r);
	for (lines = 0; reply_feed(&r, SLICE("250-")) == REPLY_MORE; lines++)
		cr_assert_lt(lines, 2000);
	reply_fini(&r);
}
