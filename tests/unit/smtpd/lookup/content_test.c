#include "tests/unit/unit.h"

#include "smtpd/lookup/content.h"

#include <time.h>

UNIT_SUITE(content);

static struct content *
make(const char *const keys[], size_t count)
{
	struct content *c = content_new();

	for (size_t i = 0; i < count; i++)
		content_add(c, slice_of(keys[i]), slice_of(keys[i]));
	return c;
}

#define MAKE(...) \
	make((const char *const[]){__VA_ARGS__}, \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

struct lookup {
	const char *key;
	const char *found; /* NULL: nothing */
};

static void
check(const struct lookup *table, size_t count, const struct content *c,
    bool (*find)(const struct content *c, struct slice key, struct slice *value))
{
	for (size_t i = 0; i < count; i++) {
		struct slice value = SLICE("nothing");
		bool found = find(c, slice_of(table[i].key), &value);

		cr_assert_eq(found, table[i].found != NULL, "%s", table[i].key);
		if (found)
			cr_slice_eq(value, table[i].found);
	}
}

Test(content, finds_keys_without_case_and_the_last_one_wins)
{
	struct content *c = content_new();
	struct slice value;

	content_add(c, SLICE("Alice"), SLICE("first"));
	content_add(c, SLICE("ALICE"), SLICE("second"));
	cr_assert_eq(content_count(c), 1);
	cr_assert(content_find(c, SLICE("aLiCe"), &value));
	cr_slice_eq(value, "second");
	cr_assert_not(content_find(c, SLICE("alic"), &value));
	content_free(c);
}

Test(content, finds_domains)
{
	struct content *c =
	    MAKE("example.org", "*.example.net", "mx*.example.com", "*.deep.example.net");
	static const struct lookup cases[] = {
	    {"example.org", "example.org"},
	    {"EXAMPLE.org", "example.org"},
	    {"a.example.org", NULL},
	    {"a.example.net", "*.example.net"},
	    {"a.b.example.net", "*.example.net"},
	    {"a.deep.example.net", "*.deep.example.net"},
	    {"example.net", NULL},
	    {"xexample.net", NULL},
	    {"mx1.example.com", "mx*.example.com"},
	    {"m.example.com", NULL},
	    {"", NULL},
	    {".", NULL},
	};

	check(cases, sizeof(cases) / sizeof(cases[0]), c, content_find_domain);
	content_free(c);
	c = MAKE("*");
	check(&(const struct lookup){"any.where", "*"}, 1, c, content_find_domain);
	content_free(c);
}

static bool
find_address(const struct content *c, struct slice key, struct slice *value)
{
	return content_find_address(c, key, '+', value);
}

Test(content, finds_addresses)
{
	struct content *c = MAKE(
	    "alice@example.org", "@example.net", "bob", "carol@*.example.org", "@*.wild.org", "<>");
	static const struct lookup cases[] = {
	    {"alice@example.org", "alice@example.org"},
	    {"Alice@Example.ORG", "alice@example.org"},
	    {"alice+x@example.org", "alice@example.org"},
	    {"alice@example.com", NULL},
	    {"x@example.net", "@example.net"},
	    {"x@a.example.net", NULL},
	    {"bob@anywhere.org", "bob"},
	    {"bob+list@anywhere.org", "bob"},
	    {"carol@a.example.org", "carol@*.example.org"},
	    {"carol@example.org", NULL},
	    {"dave@a.wild.org", "@*.wild.org"},
	    {"dave@wild.org", NULL},
	    {"", "<>"},
	    {"+x@example.org", NULL},
	    {"@", NULL},
	};
	static const struct lookup everything[] = {
	    {"alice@example.org", "alice@example.org"}, {"bob@example.org", "@"}, {"", "@"}};

	check(cases, sizeof(cases) / sizeof(cases[0]), c, find_address);
	content_free(c);
	c = MAKE("@", "alice@example.org");
	check(everything, sizeof(everything) / sizeof(everything[0]), c, find_address);
	content_free(c);
}

Test(content, finds_networks)
{
	struct content *c = MAKE("192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "[2001:db9::1]",
	    "0.0.0.0/99", "words/8");
	static const struct lookup cases[] = {
	    {"192.0.2.200", "192.0.2.0/24"},
	    {"192.0.3.1", NULL},
	    {"198.51.100.7", "198.51.100.7"},
	    {"198.51.100.8", NULL},
	    {"2001:db8:1::5", "2001:db8::/32"},
	    {"2001:dba::1", NULL},
	    {"no address", NULL},
	    {"", NULL},
	};

	check(cases, sizeof(cases) / sizeof(cases[0]), c, content_find_network);
	content_free(c);
}

Test(content, finds_by_regular_expression)
{
	struct content *c = MAKE("^list-[0-9]+@", "\\Wspam\\W");
	static const struct lookup cases[] = {
	    {"list-12@example.org", "^list-[0-9]+@"},
	    {"LIST-1@example.org", "^list-[0-9]+@"},
	    {"list-@example.org", NULL},
	    {"a spam b", "\\Wspam\\W"},
	    {"aspamb", NULL},
	};
	struct error why = {""};

	cr_assert(content_compile(c, &why), "%s", why.text);
	check(cases, sizeof(cases) / sizeof(cases[0]), c, content_find_regex);
	content_free(c);
}

Test(content, refuses_expressions_that_could_cost_without_bound)
{
	static const char *const wrong[] = {"(a)\\1", "(", "[z-a]", "a{1"};
	struct error why = {""};
	char large[2000];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct content *c = MAKE(wrong[i]);

		cr_assert_not(content_compile(c, &why), "%s", wrong[i]);
		content_free(c);
	}
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	{
		struct content *c = MAKE(large);

		cr_assert_not(content_compile(c, &why));
		content_free(c);
	}
}

Test(content, an_expression_for_exponents_takes_no_time)
{
	struct content *c = MAKE("^(a+)+$");
	struct error why = {""};
	struct slice value;
	clock_t start;

	cr_assert(content_compile(c, &why));
	start = clock();
	cr_assert_not(
	    content_find_regex(c, SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), &value));
	cr_assert_lt(
	    clock() - start, 2 * CLOCKS_PER_SEC, "of our own time: others may have taken more");
	content_free(c);
}

Test(content, a_text_that_is_too_long_matches_no_expression)
{
	struct content *c = MAKE("a");
	struct error why = {""};
	struct slice value;
	char text[600];

	memset(text, 'a', sizeof(text));
	cr_assert(content_compile(c, &why));
	cr_assert(content_find_regex(c, slice_make(text, 512), &value));
	cr_assert_not(content_find_regex(c, slice_make(text, 513), &value));
	content_free(c);
}
