#include "tests/unit/unit.h"

#include "imapd/list_match.h"

#include <time.h>

UNIT_SUITE(list_match);

static const struct {
	const char *pattern, *name;
	bool matches;
} cases[] = {
    {"*", "", true},
    {"*", "a/b/c", true},
    {"%", "a", true},
    {"%", "a/b", false},
    {"%", "", true},
    {"a/%", "a/b", true},
    {"a/%", "a/b/c", false},
    {"a/%", "a", false},
    {"%/%", "a/b", true},
    {"%/%", "a", false},
    {"*b", "a/bb", true},
    {"*b", "a/bc", false},
    {"a*", "b", false},
    {"a%b*c", "axb/y/c", true},
    {"a%b*c", "a/b/y/c", false},
    {"%b%", "ab/c", false},
    {"*%", "a/b", true},
    {"%*", "a/b", true},
    {"*/%x", "a/b/cx", true},
    {"*/%x/y", "a/cx/b/cx/y", true},
    {"%a/b", "aa/b", true},
    {"INBOX", "INBOX", true},
    {"INBOX", "INBOXES", false},
    {"", "", true},
    {"", "a", false},
};

Test(list_match, follows_the_wildcards)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(imap_list_match(slice_of(cases[i].pattern), slice_of(cases[i].name)),
		    cases[i].matches, "%s on %s", cases[i].pattern, cases[i].name);
}

Test(list_match, takes_no_time_with_hostile_patterns)
{
	char pattern[2001], name[1001];
	clock_t start = clock();

	for (size_t i = 0; i + 1 < sizeof(pattern); i += 2)
		memcpy(pattern + i, i % 4 == 0 ? "*a" : "%a", 2);
	pattern[sizeof(pattern) - 1] = '\0';
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 100; i++) {
		cr_assert(imap_list_match(SLICE("*a*a*a*a*a*a*b*"), slice_of(name)) == false);
		cr_assert(imap_list_match(slice_of(pattern), slice_of(name)));
	}
	cr_assert_lt(clock() - start, 2 * CLOCKS_PER_SEC);
}
