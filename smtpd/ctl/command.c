#include "smtpd/ctl/command.h"

#include "smtpd/ctl/order.h"

#include <stdio.h>
#include <string.h>

enum { ARGUMENTS = 16 };

#define WHICH "id ... | all | from address | to address | domain name"

/* An order to the suite as it stands. */
static int
plain(const struct ctl *ctl, const struct command *c, int argc, char **argv)
{
	struct slice arguments[ARGUMENTS];

	for (int i = 0; i < argc; i++)
		arguments[i] = slice_of(argv[i]);
	return order_give(ctl, c->words, arguments, (size_t)argc);
}

/* clang-format off */
const struct command commands[] = {
	{"account add",     "address",    1, 1,  command_password, "make an account; its password is asked for, or read from standard input"},
	{"account del",     "address",    1, 1,  plain,            "remove an account; its mail stays in the store"},
	{"account list",    "[domain]",   0, 1,  plain,            "all accounts, or those of a domain"},
	{"account passwd",  "address",    1, 1,  command_password, "give an account another password"},
	{"encrypt",         "[password]", 0, 1,  command_encrypt,  "print a password's hash, for a table"},
	{"log brief",       "",           0, 0,  plain,            "log what happens"},
	{"log verbose",     "",           0, 0,  plain,            "log every step as well"},
	{"monitor",         "",           0, 0,  plain,            "print every second what came to pass, until interrupted"},
	{"pause envelope",  WHICH,        1, -1, command_each,     "hold envelopes in the queue"},
	{"pause mda",       "",           0, 0,  plain,            "deliver nothing locally"},
	{"pause mta",       "",           0, 0,  plain,            "send nothing to other servers"},
	{"pause smtp",      "",           0, 0,  plain,            "take no mail"},
	{"reload",          "",           0, 0,  plain,            "read smtpd.conf again"},
	{"remove",          WHICH,        1, -1, command_each,     "throw envelopes away; nobody is told"},
	{"resume envelope", WHICH,        1, -1, command_each,     "let held envelopes go on"},
	{"resume mda",      "",           0, 0,  plain,            "deliver again"},
	{"resume mta",      "",           0, 0,  plain,            "send again"},
	{"resume smtp",     "",           0, 0,  plain,            "take mail again"},
	{"schedule",        WHICH,        1, -1, command_each,     "try envelopes now"},
	{"show envelope",   "id",         1, 1,  plain,            "all about an envelope"},
	{"show message",    "id",         1, 1,  plain,            "a message of the queue, as it is"},
	{"show queue",      "[which]",    0, 2,  plain,            "the envelopes in the queue"},
	{"show stats",      "",           0, 0,  plain,            "how often what came to pass since the start"},
	{"show status",     "",           0, 0,  plain,            "the processes and what they do"},
	{"stop",            "",           0, 0,  plain,            "finish what is in hand and end the suite"},
	{"trace",           "[process | id ...]", 0, ARGUMENTS, plain, "print what happens, every step, until interrupted"},
	{"update table",    "[name]",     0, 1,  plain,            "read the file of a table again, or of all"},
};
/* clang-format on */

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

/* How many words of argv the command takes; 0: it is not meant. */
static int
words_meant(const struct command *c, int argc, char **argv, bool *is_exact)
{
	struct slice rest = slice_of(c->words), word;
	int n = 0;

	*is_exact = true;
	while (slice_word(&rest, &word)) {
		if (n >= argc || argv[n][0] == '\0' || !slice_has_prefix(word, slice_of(argv[n])))
			return 0;
		*is_exact &= slice_equal_text(word, argv[n]);
		n++;
	}
	return n;
}

/* Whoever takes the most words is meant: "s q" is no "stop" with an argument. */
const struct command *
command_find(int argc, char **argv, int *used, size_t *matches)
{
	const struct command *found = NULL;

	*matches = 0;
	*used = 0;
	for (size_t i = 0; i < command_count; i++) {
		bool is_exact;
		int n = words_meant(&commands[i], argc, argv, &is_exact);

		if (n == 0 || n < *used)
			continue;
		*matches = n > *used || is_exact ? 1 : *matches + 1;
		*used = n;
		found = &commands[i];
		if (is_exact)
			break;
	}
	return *matches == 1 ? found : NULL;
}

void
command_help(void)
{
	printf("usage: smtpctl [-s socket] [--json] command [argument ...]\n\n");
	for (size_t i = 0; i < command_count; i++) {
		bool is_which = strcmp(commands[i].arguments, WHICH) == 0;

		printf("  %-16s %-12s %s\n", commands[i].words,
		    is_which ? "which" : commands[i].arguments, commands[i].help);
	}
	printf("\nwhich: %s. Words may be cut short. See smtpctl(8).\n", WHICH);
}

/* Whether a word of the command begins so: "status" is what "show status" lacks the first of. */
static bool
has_word(const struct command *c, const char *begins)
{
	struct slice rest = slice_of(c->words), word;

	while (slice_word(&rest, &word)) {
		if (begins[0] != '\0' && slice_has_prefix(word, slice_of(begins)))
			return true;
	}
	return false;
}

/* What other mail systems, or habit, make people write. */
static const char *
known_elsewhere(const char *word)
{
	static const struct {
		const char *word, *here;
	} words[] = {
	    {"start", "it is smtpd(8), or your system's service command, that starts the suite"},
	    {"restart",
		"stop it with \"smtpctl stop\" and start smtpd(8) again, or \"smtpctl reload\""},
	    {"flush", "write \"smtpctl schedule all\""},
	    {"delete", "write \"smtpctl remove\" or \"smtpctl account del\""},
	    {"untrace", "a trace ends when its smtpctl does"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, word) == 0)
			return words[i].here;
	}
	return NULL;
}

/* The commands that may be meant, with signs between them; whether there is one. */
static bool
print_meant(int argc, char **argv, bool is_ambiguous)
{
	const char *sign = "";
	bool is_exact;

	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];

		if (is_ambiguous ? words_meant(c, argc, argv, &is_exact) == 0
				 : !has_word(c, argv[0]))
			continue;
		fprintf(stderr, "%s%s", sign, c->words);
		sign = ", ";
	}
	return sign[0] != '\0';
}

/* Says what the words could have meant. */
static int
not_found(int argc, char **argv, size_t matches)
{
	const char *elsewhere = known_elsewhere(argv[0]);

	if (argc > 1 && argv[1][0] == '-')
		return ctl_fail(
		    CTL_USAGE, "options stand before the command: smtpctl %s %s", argv[1], argv[0]);
	if (elsewhere != NULL)
		return ctl_fail(CTL_USAGE, "\"%s\" is no command; %s", argv[0], elsewhere);
	fprintf(
	    stderr, "smtpctl: \"%s%s%s\" ", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	fprintf(stderr, matches > 1 ? "could be " : "is no command; there is ");
	if (!print_meant(argc, argv, matches > 1))
		fprintf(stderr, "a list of them in \"smtpctl help\"");
	fprintf(stderr, "\n");
	return CTL_USAGE;
}

int
command_run(const struct ctl *ctl, int argc, char **argv)
{
	const struct command *c;
	size_t matches;
	int used = 0;

	if (argc == 0 || strcmp(argv[0], "help") == 0) {
		command_help();
		return argc == 0 ? CTL_USAGE : CTL_OK;
	}
	c = command_find(argc, argv, &used, &matches);
	if (c == NULL)
		return not_found(argc, argv, matches);
	argc -= used;
	argv += used;
	if (argc < c->least || (c->most >= 0 && argc > c->most))
		return ctl_fail(CTL_USAGE, "usage: smtpctl %s%s%s", c->words,
		    c->arguments[0] == '\0' ? "" : " ", c->arguments);
	return c->run(ctl, c, argc, argv);
}
