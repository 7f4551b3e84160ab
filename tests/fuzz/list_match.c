/* Patterns of LIST, beside a slow matcher that tries everything. */
#include "tests/fuzz/fuzz.h"

#include "imapd/list_match.h"

enum { SMALL = 64 };

/* Whether pattern from p on can match each rest of the name, from the shortest on. */
static bool
matches(struct slice pattern, struct slice name)
{
	bool can[SMALL + 1] = {0}, next[SMALL + 1];

	can[name.len] = true;
	for (size_t p = pattern.len; p-- > 0;) {
		char c = pattern.data[p];

		for (size_t n = name.len + 1; n-- > 0;) {
			bool here = n < name.len;

			if (c == '*')
				next[n] = can[n] || (here && next[n + 1]);
			else if (c == '%')
				next[n] = can[n] || (here && name.data[n] != '/' && next[n + 1]);
			else
				next[n] = here && name.data[n] == c && can[n + 1];
		}
		memcpy(can, next, sizeof(can));
	}
	return can[0];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice name = fuzz_slice(data, size), pattern;
	bool found;

	if (!slice_split(&name, '\n', &pattern))
		return 0;
	found = imap_list_match(pattern, name);
	if (pattern.len <= SMALL && name.len <= SMALL)
		PROPERTY(found == matches(pattern, name));
	PROPERTY(imap_list_match(SLICE("*"), name));
	PROPERTY(imap_list_match(SLICE("%"), name) == (slice_find(name, '/') < 0));
	return 0;
}
