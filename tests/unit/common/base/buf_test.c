#include "tests/unit/unit.h"

#include "common/base/buf.h"

UNIT_SUITE(buf);

Test(buf, grows_and_is_consumed)
{
	struct buf b = {0};

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	buf_consume(&b, 4);
	cr_assert(slice_has_prefix(buf_slice(&b), SLICE("2,3,")));
	buf_truncate(&b, 3);
	cr_assert_str_eq(buf_text(&b), "2,3");
	buf_fini(&b);
}

Test(buf, remembers_that_it_was_full)
{
	struct buf b;

	buf_init(&b, 8);
	buf_add_text(&b, "12345678");
	cr_assert_not(buf_overflowed(&b));
	buf_add_char(&b, '9');
	cr_assert(buf_overflowed(&b));
	cr_slice_eq(buf_slice(&b), "12345678");
	buf_clear(&b);
	cr_assert_not(buf_overflowed(&b));
	buf_fini(&b);
}

Test(buf, take_gives_text_even_when_empty)
{
	struct buf b = {0};
	size_t len = 1;
	char *text = buf_take(&b, &len);

	cr_assert_str_eq(text, "");
	cr_assert_eq(len, 0);
	free(text);
	buf_add_number(&b, UINT64_MAX);
	text = buf_take(&b, &len);
	cr_assert_str_eq(text, "18446744073709551615");
	free(text);
	buf_fini(&b);
}

Test(buf, a_secret_leaves_nothing_behind_its_end)
{
	struct buf b = {.is_secret = true};

	buf_add_text(&b, "password");
	buf_consume(&b, 6);
	cr_slice_eq(buf_slice(&b), "rd");
	cr_assert_arr_eq(b.data + 2, "\0\0\0\0\0\0", 6);
	buf_add_text(&b, "x");
	buf_truncate(&b, 1);
	cr_assert_arr_eq(b.data, "r\0\0", 3);
	for (int i = 0; i < 1000; i++)
		buf_add_text(&b, "0123456789");
	cr_assert_eq(b.len, 10001);
	cr_slice_eq(slice_sub(buf_slice(&b), 0, 11), "r0123456789");
	buf_clear(&b);
	cr_assert_eq(b.data[0], 0);
	cr_assert_eq(b.data[10000], 0);
	buf_fini(&b);
	cr_assert(b.is_secret);
}
