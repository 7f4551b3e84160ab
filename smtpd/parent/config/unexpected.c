#include "smtpd/parent/config/parser.h"

#include <string.h>

/* How many letters make one word of the other, counted up to 3; a swap of two is one. */
static int
distance(const char *a, const char *b)
{
	size_t start = 0, n = strlen(a), m = strlen(b);

	while (a[start] != '\0' && a[start] == b[start])
		start++;
	while (n > start && m > start && a[n - 1] == b[m - 1])
		n--, m--;
	n -= start;
	m -= start;
	if (n == 2 && m == 2 && a[start] == b[start + 1] && a[start + 1] == b[start])
		return 1;
	return n > 3 || m > 3 ? 3 : (int)(n > m ? n : m);
}

static const char *
nearest(const char *word, const char *const names[], size_t n)
{
	int least = strlen(word) > 3 ? 3 : 2;
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		int d = distance(word, names[i]);

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

/* A line whose first word is not known can only be a macro for the grammar. */
static bool
begins_nothing(struct parser *p, const char *const expected[], size_t n)
{
	static const char *const lines[] = {"accounts", "action", "admd", "bounce", "ca",
	    "hostname", "include", "listen", "mail", "match", "mda", "mta", "pki", "processes",
	    "queue", "resolver", "run", "smtp", "srs", "table"};
	const char *word = p->before.text, *near;

	if (n != 1 || strcmp(expected[0], "'='") != 0 || p->before.kind != LEXER_WORD)
		return false;
	near = nearest(word, lines, sizeof(lines) / sizeof(lines[0]));
	if (strcmp(word, "accept") == 0)
		draft_fail(&p->draft, p->before.at,
		    "\"accept\" is the grammar of OpenSMTPD before 6.4; write action and match");
	else if (near != NULL)
		draft_fail(
		    &p->draft, p->before.at, "found \"%.100s\"; did you mean \"%s\"?", word, near);
	else
		draft_fail(&p->draft, p->before.at,
		    "no line begins with \"%.100s\"; see smtpd.conf(5)", word);
	return true;
}

static bool
is_filter(struct parser *p)
{
	const struct lexer_token *t = &p->token;

	if (t->kind != LEXER_WORD ||
	    (strcmp(t->text, "filter") != 0 && strcmp(t->text, "proc") != 0))
		return false;
	draft_fail(
	    &p->draft, t->at, "there are no filters in this version; remove \"%s\"", t->text);
	return true;
}

/* The words that a match could go on with are many; what it lacks is one of two. */
static bool
is_match_without_end(struct parser *p, const char *const expected[], size_t n)
{
	for (size_t i = 0; i < n && p->token.kind == LEXER_NEWLINE; i++) {
		if (strcmp(expected[i], "reject") != 0)
			continue;
		draft_fail(&p->draft, p->token.at,
		    "the line does not say what is done with the mail; "
		    "write action \"…\" or reject at its end");
		return true;
	}
	return false;
}

void
parser_unexpected(struct parser *p, const char *const expected[], size_t n)
{
	const struct lexer_token *t = &p->token;
	const char *near = NULL, *text = t->text;
	struct buf list = {0};

	if (is_filter(p) || begins_nothing(p, expected, n) || is_match_without_end(p, expected, n))
		return;
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", expected[i]);
	buf_add_char(&list, '\0');
	if (t->kind == LEXER_WORD)
		near = nearest(text, expected, n);
	if (t->kind == LEXER_NEWLINE || t->kind == LEXER_END)
		draft_fail(&p->draft, t->at, "the line ends too early; write %s", list.data);
	else if (near != NULL)
		draft_fail(&p->draft, t->at, "found \"%s\"; did you mean \"%s\"?", text, near);
	else
		draft_fail(&p->draft, t->at, "found \"%.100s\"; write %s", text, list.data);
	buf_fini(&list);
}
