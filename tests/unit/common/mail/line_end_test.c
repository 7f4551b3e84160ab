#include "tests/unit/unit.h"

#include "common/mail/line_end.h"

UNIT_SUITE(line_end);

static const struct {
	const char *in, *out; /* NULL: as it came */
} messages[] = {
    {"", NULL},
    {"a", NULL},
    {"a\r\n\r\nb\r\n", NULL},
    {"\r\n", NULL},
    {"a\r", NULL},
    {"\n", "\r\n"},
    {"\n\n", "\r\n\r\n"},
    {"a\nb\r\n\nc", "a\r\nb\r\n\r\nc"},
    {"\r\r\n\n", "\r\r\n\r\n"},
};

Test(line_end, every_lf_has_its_cr)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct buf out = {0};

		cr_assert_eq(
		    line_end_is_bare(slice_of(messages[i].in)), messages[i].out != NULL, "%zu", i);
		line_end_mend(&out, slice_of(messages[i].in));
		cr_slice_eq(
		    buf_slice(&out), messages[i].out == NULL ? messages[i].in : messages[i].out);
		buf_fini(&out);
	}
}
