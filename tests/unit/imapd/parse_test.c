#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "common/ipc/any_mailbox.h"
#include "imapd/parse.h"

UNIT_SUITE(parse);

static const struct {
	const char *in, *out; /* out NULL: no string */
} strings[] = {
    {"\"\"", ""},
    {"\"a b\"", "a b"},
    {"\"a\\\"b\\\\\"", "a\"b\\"},
    {"{3}\r\na\r\n", "a\r\n"},
    {"{3+}\r\nabc", "abc"},
    {"{0}\r\n", ""},
    {"\"a", NULL},
    {"\"a\\", NULL},
    {"\"a\\n\"", NULL},
    {"\"a\rb\"", NULL},
    {"{4}\r\nabc", NULL},
    {"{99999999999}\r\nabc", NULL},
    {"{3}abc", NULL},
    {"{", NULL},
    {"{}\r\n", NULL},
    {"abc", NULL},
    {"", NULL},
};

Test(parse, reads_quoted_strings_and_literals)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct buf command = {0};
		struct slice text;
		struct imap_parse p;
		bool is_string;

		buf_add_text(&command, strings[i].in);
		p = imap_parse_of(&command);
		is_string = imap_parse_string(&p, &text);
		cr_assert_eq(is_string, strings[i].out != NULL, "%s", strings[i].in);
		if (is_string) {
			cr_slice_eq(text, strings[i].out);
			cr_assert(imap_parse_is_end(&p));
		}
		buf_fini(&command);
	}
}

static const struct {
	const char *in;
	enum imap_word kind;
	const char *out;
} words[] = {
    {"abc def", IMAP_ATOM, "abc"},
    {"a]b", IMAP_ATOM, "a"},
    {"a]b", IMAP_ASTRING, "a]b"},
    {"a+b", IMAP_TAG, "a"},
    {"+", IMAP_TAG, NULL},
    {"*", IMAP_TAG, NULL},
    {"*%", IMAP_PATTERN, "*%"},
    {"a*", IMAP_ASTRING, "a"},
    {"1:*,3)", IMAP_NUMBERS, "1:*,3"},
    {"\xc3\xbc", IMAP_ATOM, NULL},
    {"(a", IMAP_ATOM, NULL},
};

Test(parse, reads_words_of_each_kind)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct buf command = {0};
		struct slice text = SLICE("");
		struct imap_parse p;

		buf_add_text(&command, words[i].in);
		p = imap_parse_of(&command);
		cr_assert_eq(imap_parse_word(&p, words[i].kind, &text), words[i].out != NULL, "%s",
		    words[i].in);
		if (words[i].out != NULL)
			cr_slice_eq(text, words[i].out);
		buf_fini(&command);
	}
}

static const struct {
	const char *in;
	enum imap_flags_result result;
	uint8_t system;
	size_t keywords;
} flags[] = {
    {"()", IMAP_FLAGS_OK, 0, 0},
    {"(\\Seen $Work)", IMAP_FLAGS_OK, FLAG_SEEN, 1},
    {"\\deleted \\DRAFT", IMAP_FLAGS_OK, FLAG_DELETED | FLAG_DRAFT, 0},
    {"($Work $work a \\Seen A $WORK)", IMAP_FLAGS_OK, FLAG_SEEN, 2},
    {"(\\Recent)", IMAP_FLAGS_BAD, 0, 0},
    {"(\\Nosuch)", IMAP_FLAGS_BAD, 0, 0},
    {"(a]b)", IMAP_FLAGS_BAD, 0, 1},
    {"(a", IMAP_FLAGS_BAD, 0, 1},
    {"(a  b)", IMAP_FLAGS_BAD, 0, 1},
    {"", IMAP_FLAGS_BAD, 0, 0},
};

Test(parse, reads_flags)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct buf command = {0};
		struct imap_flags f = {0};
		struct imap_parse p;

		buf_add_text(&command, flags[i].in);
		p = imap_parse_of(&command);
		cr_assert_eq(imap_parse_flags(&p, true, &f), flags[i].result, "%s", flags[i].in);
		cr_assert_eq(f.system, flags[i].system, "%s", flags[i].in);
		cr_assert_eq(f.count, flags[i].keywords, "%s", flags[i].in);
		buf_fini(&f.keywords);
		buf_fini(&command);
	}
}

Test(parse, bounds_keywords_in_length_and_number)
{
	struct buf command = {0};
	struct imap_flags f = {0};
	struct imap_parse p;

	for (int i = 0; i <= LIMIT_KEYWORD; i++)
		buf_add_char(&command, 'k');
	p = imap_parse_of(&command);
	cr_assert_eq(imap_parse_flags(&p, true, &f), IMAP_FLAGS_LIMIT);
	buf_clear(&command);
	for (int i = 0; i <= LIMIT_KEYWORDS; i++)
		buf_printf(&command, i == 0 ? "k%d" : " k%d", i);
	p = imap_parse_of(&command);
	cr_assert_eq(imap_parse_flags(&p, true, &f), IMAP_FLAGS_LIMIT);
	buf_fini(&f.keywords);
	buf_fini(&command);
}

static const struct {
	const char *wire, *name;
} mailboxes[] = {
    {"inbox", "INBOX"},
    {"Inbox/Sub", "INBOX/Sub"},
    {"inboxes", "inboxes"},
    {"Entw&APw-rfe", "Entwürfe"},
    {"", NULL},
    {"a\r\nb", NULL},
    {"a\x01", NULL},
    {"&AAo-", NULL},
    {"\xff", NULL},
};

Test(parse, reads_names_of_mailboxes)
{
	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		struct buf name = {0};

		cr_assert_eq(imap_mailbox_name(slice_of(mailboxes[i].wire), &name),
		    mailboxes[i].name != NULL, "%s", mailboxes[i].wire);
		if (mailboxes[i].name != NULL)
			cr_slice_eq(buf_slice(&name), mailboxes[i].name);
		buf_fini(&name);
	}
}

Test(parse, bounds_names_of_mailboxes)
{
	struct buf wire = {0}, name = {0};

	for (int i = 0; i < LIMIT_MAILBOX_NAME; i++)
		buf_add_char(&wire, 'n');
	cr_assert(imap_mailbox_name(buf_slice(&wire), &name));
	buf_add_char(&wire, 'n');
	cr_assert_not(imap_mailbox_name(buf_slice(&wire), &name));
	buf_fini(&wire);
	buf_fini(&name);
}
