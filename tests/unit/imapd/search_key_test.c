#include "tests/unit/unit.h"

#include "common/ipc/any_mailbox.h"
#include "common/mail/search.h"
#include "imapd/search_key.h"

UNIT_SUITE(search_key);

/* A view of three messages, UIDs 1, 5 and 9; the last is recent. */
static void
fill(struct imap_view *v)
{
	char records[3 * AM_RECORD] = {0};

	records[3] = 1;
	records[AM_RECORD + 3] = 5;
	records[2 * AM_RECORD + 3] = 9;
	records[2 * AM_RECORD + 16] = FLAG_RECENT;
	imap_view_records(v, slice_make(records, sizeof(records)));
}

static enum imap_search_result
parse(const char *text, struct buf *program)
{
	struct buf command = {0};
	struct imap_view view = {0};
	struct imap_parse p;
	enum imap_search_result result;

	fill(&view);
	buf_clear(program);
	buf_add_text(&command, text);
	p = imap_parse_of(&command);
	result = imap_search_parse(&p, &view, program);
	buf_fini(&command);
	imap_view_fini(&view);
	return result;
}

static const struct {
	const char *text;
	enum imap_search_result result;
} cases[] = {
    {"ALL", IMAP_SEARCH_OK},
    {"1:*", IMAP_SEARCH_OK},
    {"2,3 UNSEEN", IMAP_SEARCH_OK},
    {"UID 1:4294967295", IMAP_SEARCH_OK},
    {"NOT (FROM a OR SUBJECT \"b c\" TEXT {1}\r\nd)", IMAP_SEARCH_OK},
    {"SINCE 1-Feb-1994 SENTBEFORE \"20-Nov-2026\"", IMAP_SEARCH_OK},
    {"HEADER X-Y \"\" LARGER 10 SMALLER 4294967295", IMAP_SEARCH_OK},
    {"CHARSET utf-8 BODY \"\xc3\xbc\"", IMAP_SEARCH_OK},
    {"CHARSET us-ascii NEW OLD RECENT", IMAP_SEARCH_OK},
    {"KEYWORD $Work UNKEYWORD x", IMAP_SEARCH_OK},
    {"BODY \"\"", IMAP_SEARCH_OK},
    {"CHARSET X-EVIL ALL", IMAP_SEARCH_CHARSET},
    {"CHARSET ../../../tmp/x ALL", IMAP_SEARCH_CHARSET},
    {"CHARSET UTF-8", IMAP_SEARCH_BAD},
    {"", IMAP_SEARCH_BAD},
    {"OR ALL", IMAP_SEARCH_BAD},
    {"NOT", IMAP_SEARCH_BAD},
    {"()", IMAP_SEARCH_BAD},
    {"(ALL", IMAP_SEARCH_BAD},
    {"ALL ", IMAP_SEARCH_BAD},
    {"4", IMAP_SEARCH_BAD},
    {"0", IMAP_SEARCH_BAD},
    {"SINCE 32-Foo-99999", IMAP_SEARCH_BAD},
    {"LARGER 18446744073709551616", IMAP_SEARCH_BAD},
    {"SUBJECT \"\xff\xc3\"", IMAP_SEARCH_BAD},
    {"NOSUCH", IMAP_SEARCH_BAD},
};

Test(search_key, parses_keys_into_a_valid_program)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf program = {0};

		cr_assert_eq(parse(cases[i].text, &program), cases[i].result, "%s", cases[i].text);
		if (cases[i].result == IMAP_SEARCH_OK)
			cr_assert(search_is_valid(buf_slice(&program)), "%s", cases[i].text);
		buf_fini(&program);
	}
}

Test(search_key, turns_numbers_into_uids)
{
	struct buf program = {0};
	struct slice rest;
	struct search_node node;

	cr_assert_eq(parse("2:3", &program), IMAP_SEARCH_OK);
	rest = buf_slice(&program);
	cr_assert(search_unpack(&rest, &node) && node.op == SEARCH_AND && node.number == 1);
	cr_assert(search_unpack(&rest, &node) && node.op == SEARCH_UIDS);
	cr_assert_eq(node.text.len, 8);
	cr_assert_eq(memcmp(node.text.data, "\0\0\0\5\0\0\0\11", 8), 0);
	buf_fini(&program);
}

static const char *const deep[] = {"NOT ", "(", "OR ALL "};

Test(search_key, refuses_what_is_nested_too_deeply)
{
	for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
		struct buf text = {0}, program = {0};

		for (int n = 0; n < 20000; n++)
			buf_add_text(&text, deep[i]);
		buf_add_text(&text, "ALL");
		cr_assert_eq(parse(buf_text(&text), &program), IMAP_SEARCH_BAD);
		buf_fini(&text);
		buf_fini(&program);
	}
}

Test(search_key, bounds_the_number_of_keys)
{
	struct buf text = {0}, program = {0};

	for (int n = 0; n < 6000; n++)
		buf_add_text(&text, "SEEN ");
	buf_add_text(&text, "ALL");
	cr_assert_eq(parse(buf_text(&text), &program), IMAP_SEARCH_TOO_LONG);
	buf_fini(&text);
	buf_fini(&program);
}

Test(search_key, bounds_the_number_of_those_that_look_into_messages)
{
	struct buf text = {0}, program = {0};

	for (int n = 1; n < LIMIT_SEARCH_TEXTS; n++)
		buf_add_text(&text, n % 2 == 0 ? "HEADER X-A x " : "TEXT x ");
	buf_add_text(&text, "BODY x");
	cr_assert_eq(parse(buf_text(&text), &program), IMAP_SEARCH_OK);
	buf_clear(&program);
	buf_add_text(&text, " TEXT x");
	cr_assert_eq(parse(buf_text(&text), &program), IMAP_SEARCH_TOO_LONG);
	buf_fini(&text);
	buf_fini(&program);
}

/* No field is without a name; to mailbox, none would mean any. */
Test(search_key, a_field_without_a_name_is_in_no_message)
{
	struct buf program = {0};
	struct slice rest;
	struct search_node node;

	cr_assert_eq(parse("HEADER \"\" x", &program), IMAP_SEARCH_OK);
	rest = buf_slice(&program);
	cr_assert(search_unpack(&rest, &node) && node.op == SEARCH_AND && node.number == 1);
	cr_assert(search_unpack(&rest, &node) && node.op == SEARCH_NOT);
	cr_assert(search_unpack(&rest, &node) && node.op == SEARCH_AND && node.number == 0);
	cr_assert_eq(rest.len, 0);
	buf_fini(&program);
}
