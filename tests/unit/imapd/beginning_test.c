#include "imapd/beginning.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "tests/unit/unit.h"

UNIT_SUITE(beginning);

static const struct {
	const char *line, *tag, *name; /* NULL: none */
	bool is_uid;
	const char *arguments; /* NULL: the beginning is wrong */
} beginnings[] = {
    {"a NOOP", "a", "NOOP", false, ""},
    {"a1.b FETCH 1 (FLAGS)", "a1.b", "FETCH", false, " 1 (FLAGS)"},
    {"a]b select {5}", "a]b", "select", false, " {5}"},
    {"a uid FETCH 1 FLAGS", "a", "FETCH", true, " 1 FLAGS"},
    {"a UID uid", "a", "uid", true, ""},
    {"a UIDS 1", "a", "UIDS", false, " 1"},
    {"a noop(", "a", "noop", false, "("},
    {"", NULL, NULL, false, NULL},
    {" NOOP", NULL, NULL, false, NULL},
    {"+ NOOP", NULL, NULL, false, NULL},
    {"* NOOP", NULL, NULL, false, NULL},
    {"a+b NOOP", "a", NULL, false, NULL},
    {"a", "a", NULL, false, NULL},
    {"a ", "a", NULL, false, NULL},
    {"a  NOOP", "a", NULL, false, NULL},
    {"a {4}", "a", NULL, false, NULL},
    {"a \"NOOP\"", "a", NULL, false, NULL},
    {"a UID", "a", NULL, true, NULL},
    {"a UID ", "a", NULL, true, NULL},
    {"a UID  FETCH", "a", NULL, true, NULL},
};

static void
check_word(struct slice word, const char *wanted, const char *line)
{
	cr_assert_eq(word.data == NULL, wanted == NULL, "%s", line);
	if (wanted != NULL)
		cr_slice_eq(word, wanted);
}

Test(beginning, tag_and_name)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		const char *line = beginnings[i].line, *arguments = beginnings[i].arguments;
		struct imap_beginning b;
		const char *wrong = imap_beginning_parse(slice_of(line), &b);

		check_word(b.tag, beginnings[i].tag, line);
		check_word(b.name, beginnings[i].name, line);
		cr_assert_eq(b.is_uid, beginnings[i].is_uid, "%s", line);
		cr_assert_eq(wrong == NULL, arguments != NULL, "%s", line);
		if (arguments != NULL)
			cr_assert_str_eq(line + b.octets, arguments);
	}
}

Test(beginning, a_tag_is_bounded)
{
	struct buf line = {0};
	struct imap_beginning b;

	for (int i = 0; i < LIMIT_IMAP_TAG; i++)
		buf_add_char(&line, 't');
	buf_add_text(&line, " NOOP");
	cr_assert_null(imap_beginning_parse(buf_slice(&line), &b));
	cr_assert_eq(b.tag.len, LIMIT_IMAP_TAG);
	buf_clear(&line);
	for (int i = 0; i <= LIMIT_IMAP_TAG; i++)
		buf_add_char(&line, 't');
	buf_add_text(&line, " NOOP");
	cr_assert_not_null(imap_beginning_parse(buf_slice(&line), &b));
	cr_assert_null(b.tag.data);
	buf_fini(&line);
}
