/* A table's content, and what is looked up in it: keys and questions from outside. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "smtpd/lookup/content.h"

enum { KEYS = 100 }; /* a table's keys are its administrator's; what is asked is not */

typedef bool find(const struct content *c, struct slice key, struct slice *value);

static bool
find_address(const struct content *c, struct slice key, struct slice *value)
{
	return content_find_address(c, key, '+', value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static find *const finds[] = {
	    content_find, content_find_domain, find_address, content_find_network};
	struct slice rest = fuzz_slice(data, size), line;
	struct content *c = content_new();
	struct slice question = {NULL, 0}, key, value;

	slice_split(&rest, '\n', &question);
	for (size_t i = 0; i < KEYS && slice_split(&rest, '\n', &line); i++) {
		/* No file or list has a NUL. */
		if (slice_find(line, '\0') >= 0 || !slice_split(&line, '=', &key))
			continue;
		content_add(c, key, line);
		PROPERTY(content_find(c, key, &value) && slice_equal(value, line));
	}
	PROPERTY(content_count(c) <= KEYS);
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++)
		finds[i](c, slice_sub(question, 0, LIMIT_PATH), &value);
	content_find_domain(c, question, &value);
	content_free(c);
	return 0;
}
