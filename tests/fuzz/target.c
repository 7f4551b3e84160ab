/* What aliases, .forward and included lists name: lists on one line, and files of them. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "smtpd/lookup/target.h"

static void
check(const struct target *t, size_t *octets)
{
	struct slice text = buf_slice(&t->text);

	*octets += text.len;
	if (t->kind == TARGET_WRONG)
		return;
	PROPERTY(text.len > 0 && text.len <= LIMIT_TARGET);
	PROPERTY(fuzz_is_printable(text) && utf8_is_valid(text));
	PROPERTY(t->kind != TARGET_COMMAND || text.data[0] == '|');
	PROPERTY(t->kind != TARGET_FILE || text.data[0] == '/');
	PROPERTY(t->kind != TARGET_ADDRESS || slice_find(text, '@') > 0);
	PROPERTY(t->kind != TARGET_ERROR || text.data[0] == '4' || text.data[0] == '5');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_slice(data, size), line = {NULL, 0};
	struct target t;
	size_t octets = 0;

	target_init(&t);
	while (target_next(&rest, &t))
		check(&t, &octets);
	PROPERTY(rest.len == 0);
	rest = fuzz_slice(data, size);
	while (target_next_line(&rest, &line, &t))
		check(&t, &octets);
	PROPERTY(octets <= 4 * size + 1024);
	target_fini(&t);
	return 0;
}
