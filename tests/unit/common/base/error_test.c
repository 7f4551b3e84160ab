#include "common/base/error.h"

#include "common/base/utf8.h"

#include "tests/unit/unit.h"

#include <errno.h>

UNIT_SUITE(error);

/* A sentence travels between processes as text, and one that does not is an answer that
 * is missing. */
Test(error, a_sentence_is_text_whatever_it_quotes)
{
	char word[600];
	struct error why;

	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	error_set(&why, "\"%s\" is wrong", "\xff\xc3 \xc3\xa9");
	cr_assert_str_eq(why.text, "\"?? \xc3\xa9\" is wrong");
	error_set(&why, "%.510s\xc3\xa9", word);
	cr_assert(utf8_is_valid(slice_of(why.text)));
	cr_assert_eq(strlen(why.text), ERROR_TEXT - 1);
	error_set(&why, "\"%.*s\" is none", 2, "\xe2\x82\xac");
	cr_assert_str_eq(why.text, "\"??\" is none");
	errno = ENOENT;
	error_errno(&why, "cannot open %s", "\xff");
	cr_assert_str_eq(why.text, "cannot open ?: No such file or directory");
}
