#include "common/mail/mailbox_name.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "tests/unit/unit.h"

UNIT_SUITE(mailbox_name);

Test(mailbox_name, inbox_is_one_name_and_one_first_level)
{
	static const struct {
		const char *name, *folded;
	} cases[] = {
	    {"inbox", "INBOX"},
	    {"INBOX", "INBOX"},
	    {"iNbOx/iNbOx", "INBOX/iNbOx"},
	    {"inbox/", "INBOX/"},
	    {"inboxes", "inboxes"},
	    {"inbo", "inbo"},
	    {"old/inbox", "old/inbox"},
	    {"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf name = {0};

		buf_add_text(&name, cases[i].name);
		mailbox_name_fold(name.data, name.len);
		cr_slice_eq(buf_slice(&name), cases[i].folded);
		buf_fini(&name);
	}
}

Test(mailbox_name, text_has_no_controls)
{
	cr_assert(mailbox_name_is_text(SLICE("a//b *")));
	cr_assert(mailbox_name_is_text(SLICE("Entw\xc3\xbcrfe")));
	cr_assert_not(mailbox_name_is_text(SLICE("")));
	cr_assert_not(mailbox_name_is_text(SLICE("a\nb")));
	cr_assert_not(mailbox_name_is_text(SLICE("a\0b")));
	cr_assert_not(mailbox_name_is_text(SLICE("a\x7f")));
}

Test(mailbox_name, a_new_one_is_valid)
{
	static const char *const good[] = {"a", "a/b c/\xc3\xbc", "...", ".a", "a/.b"};
	static const char *const bad[] = {
	    "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a*", "%", "a\nb", "a\x7f"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(mailbox_name_is_valid(slice_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(mailbox_name_is_valid(slice_of(bad[i])), "%s", bad[i]);
}

Test(mailbox_name, bounds_length_and_depth)
{
	struct buf name = {0};

	for (int i = 0; i <= LIMIT_MAILBOX_DEPTH; i++)
		buf_add_text(&name, i == 0 ? "d" : "/d");
	cr_assert_not(mailbox_name_is_valid(buf_slice(&name)));
	cr_assert(mailbox_name_is_valid(slice_sub(buf_slice(&name), 0, name.len - 2)));
	buf_clear(&name);
	for (int i = 0; i <= LIMIT_MAILBOX_NAME; i++)
		buf_add_char(&name, 'n');
	cr_assert_not(mailbox_name_is_valid(buf_slice(&name)));
	cr_assert(mailbox_name_is_valid(slice_sub(buf_slice(&name), 0, LIMIT_MAILBOX_NAME)));
	buf_fini(&name);
}
