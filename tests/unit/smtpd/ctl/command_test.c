#include "tests/unit/unit.h"

#include "common/ipc/ctl_parent.h"
#include "smtpd/ctl/command.h"

UNIT_SUITE(command);

/* Splits a line into words in place. */
static int
split(char *line, char **words, int most)
{
	int n = 0;

	for (char *w = strtok(line, " "); w != NULL && n < most; w = strtok(NULL, " "))
		words[n++] = w;
	return n;
}

Test(command, is_found_by_whole_and_shortened_words)
{
	static const struct {
		const char *line;
		const char *words; /* NULL: none or several */
		size_t matches;
	} cases[] = {
	    {"show queue", "show queue", 1},
	    {"sh q", "show queue", 1},
	    {"show queue 0123456789abc", "show queue", 1},
	    {"account add a@b", "account add", 1},
	    {"a a a@b", "account add", 1},
	    {"acc p a@b", "account passwd", 1},
	    {"rel", "reload", 1},
	    {"rem 1", "remove", 1},
	    {"pause mta", "pause mta", 1},
	    {"trace all", "trace", 1},
	    {"mon", "monitor", 1},
	    {"show stats", "show stats", 1},
	    {"show statu", "show status", 1},
	    {"show stat", NULL, 2},
	    {"u t aliases", "update table", 1},
	    {"s q", "show queue", 1},
	    {"s", NULL, 2},
	    {"pause m", NULL, 2},
	    {"re", NULL, 2},
	    {"show", NULL, 0},
	    {"show nothing", NULL, 0},
	    {"shows queue", NULL, 0},
	    {"nonsense", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64], *words[8];
		const struct command *c;
		size_t matches;
		int used = 0, n;

		strlcpy(line, cases[i].line, sizeof(line));
		n = split(line, words, 8);
		c = command_find(n, words, &used, &matches);
		cr_assert_eq(matches, cases[i].matches, "%s: %zu", cases[i].line, matches);
		cr_assert_eq(c != NULL, cases[i].words != NULL, "%s", cases[i].line);
		if (c != NULL)
			cr_assert_str_eq(c->words, cases[i].words);
	}
	cr_assert_null(command_find(1, (char *[]){(char[]){""}, NULL}, &(int){0}, &(size_t){0}));
}

/* The suite's list and ours are the same, but for what needs no suite. */
Test(command, table_names_every_order_of_the_suite)
{
	static const char *const verbs[] = {
#define V(verb, whose, arguments) verb,
	    CTL_VERBS(V)
#undef V
	};
	const size_t count = sizeof(verbs) / sizeof(verbs[0]);
	size_t i = 0;

	for (size_t j = 0; j < command_count; j++) {
		if (strcmp(commands[j].words, "encrypt") == 0)
			continue;
		cr_assert_lt(i, count);
		cr_assert_str_eq(commands[j].words, verbs[i++]);
	}
	cr_assert_eq(i, count);
}
