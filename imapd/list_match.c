/*
 * Of all the places where a wildcard could have ended, only the last * and the last % after it
 * need a second try: what an earlier one could still reach, these reach as well.
 */
#include "imapd/list_match.h"

struct mark {
	size_t pattern, name; /* where to go on: behind the wildcard, and at which octet */
	bool is_set;
};

/* Takes a run of wildcards off the pattern; true when a * was among them. */
static bool
skip_wildcards(struct slice pattern, size_t *at)
{
	bool star = false;

	while (*at < pattern.len && (pattern.data[*at] == '*' || pattern.data[*at] == '%'))
		star |= pattern.data[(*at)++] == '*';
	return star;
}

bool
imap_list_match(struct slice pattern, struct slice name)
{
	struct mark star = {0}, percent = {0};
	size_t p = 0, n = 0;

	for (;;) {
		if (p < pattern.len && (pattern.data[p] == '*' || pattern.data[p] == '%')) {
			bool is_star = skip_wildcards(pattern, &p);

			percent = (struct mark){p, n, true};
			if (is_star) {
				star = percent;
				percent.is_set = false;
			}
			continue;
		}
		if (p == pattern.len && n == name.len)
			return true;
		if (p < pattern.len && n < name.len && pattern.data[p] == name.data[n]) {
			p++;
			n++;
			continue;
		}
		if (percent.is_set && percent.name < name.len && name.data[percent.name] != '/') {
			n = ++percent.name;
			p = percent.pattern;
		} else if (star.is_set && star.name < name.len) {
			n = ++star.name;
			p = star.pattern;
			percent.is_set = false;
		} else {
			return false;
		}
	}
}
