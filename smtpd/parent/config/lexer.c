#include "smtpd/parent/config/lexer.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 1024 * 1024, WORD_MOST = 8095, DEPTH = 10, MACROS = 1000, USES = 10000 };

struct source {
	SLIST_ENTRY(source) link;
	char *path, *text;
	size_t len, at;
	size_t expanded; /* what stands before here came from a macro */
	unsigned line;
};

struct macro {
	SLIST_ENTRY(macro) link;
	char *name, *value;
	bool is_fixed;
};

struct kept {
	SLIST_ENTRY(kept) link;
	char *text;
};

struct lexer {
	SLIST_HEAD(, source) open;
	SLIST_HEAD(, macro) macros;
	SLIST_HEAD(, kept) kept;
	int depth, macro_count, uses;
	struct place end;
};

static char *
keep(struct lexer *l, char *text)
{
	struct kept *k = mem_zero(sizeof(*k));

	k->text = text;
	SLIST_INSERT_HEAD(&l->kept, k, link);
	return text;
}

static char *
read_file(const char *path, size_t *len, struct error *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;

	*len = 0;
	if (fd < 0) {
		error_errno(why, "cannot open %s", path);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		error_set(why, "%s is not a plain file", path);
	else if (st.st_size > FILE_MOST)
		error_set(why, "%s is larger than %d octets", path, FILE_MOST);
	else
		text = mem_zero((size_t)st.st_size + 1);
	while (text != NULL && *len < (size_t)st.st_size &&
	       (n = read(fd, text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	close(fd);
	return text;
}

bool
lexer_include(struct lexer *l, const char *path, struct error *why)
{
	struct source *s;
	size_t len;
	char *text;

	if (l->depth >= DEPTH)
		return error_set(why,
		    "include \"%s\": files include each other more than %d deep; remove "
		    "the include that leads back",
		    path, DEPTH);
	text = read_file(path, &len, why);
	if (text == NULL)
		return false;
	s = mem_zero(sizeof(*s));
	s->path = keep(l, mem_text(path, strlen(path)));
	s->text = text;
	s->len = len;
	s->line = 1;
	l->depth++;
	SLIST_INSERT_HEAD(&l->open, s, link);
	return true;
}

struct lexer *
lexer_open(const char *path, struct error *why)
{
	struct lexer *l = mem_zero(sizeof(*l));

	if (lexer_include(l, path, why))
		return l;
	lexer_free(l);
	return NULL;
}

static void
leave(struct lexer *l)
{
	struct source *s = SLIST_FIRST(&l->open);

	SLIST_REMOVE_HEAD(&l->open, link);
	l->depth--;
	free(s->text);
	free(s);
}

void
lexer_free(struct lexer *l)
{
	struct macro *m;
	struct kept *k;

	while (!SLIST_EMPTY(&l->open))
		leave(l);
	while ((m = SLIST_FIRST(&l->macros)) != NULL) {
		SLIST_REMOVE_HEAD(&l->macros, link);
		free(m->name);
		free(m->value);
		free(m);
	}
	while ((k = SLIST_FIRST(&l->kept)) != NULL) {
		SLIST_REMOVE_HEAD(&l->kept, link);
		free(k->text);
		free(k);
	}
	free(l);
}

static struct macro *
find_macro(struct lexer *l, const char *name)
{
	struct macro *m;

	SLIST_FOREACH (m, &l->macros, link) {
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static bool
set_macro(struct lexer *l, const char *name, const char *value, bool is_fixed)
{
	struct macro *m = find_macro(l, name);

	if (m != NULL && m->is_fixed && !is_fixed)
		return true;
	if (m == NULL) {
		if (l->macro_count++ >= MACROS)
			return false;
		m = mem_zero(sizeof(*m));
		m->name = mem_text(name, strlen(name));
		SLIST_INSERT_HEAD(&l->macros, m, link);
	}
	free(m->value);
	m->value = mem_text(value, strlen(value));
	m->is_fixed = is_fixed;
	return true;
}

bool
lexer_set(struct lexer *l, const char *name, const char *value)
{
	return set_macro(l, name, value, false);
}

bool
lexer_define(struct lexer *l, const char *definition)
{
	const char *equals = strchr(definition, '=');
	char *name;
	bool ok;

	if (equals == NULL || equals == definition)
		return false;
	name = mem_text(definition, (size_t)(equals - definition));
	ok = set_macro(l, name, equals + 1, true);
	free(name);
	return ok;
}

static int
peek(const struct source *s, size_t ahead)
{
	return s->at + ahead < s->len ? (unsigned char)s->text[s->at + ahead] : -1;
}

/* Blanks, comments and continued lines; a comment goes to the end of the logical line. */
static void
skip(struct source *s)
{
	bool in_comment = false;

	for (;;) {
		int c = peek(s, 0);

		if (c == '\\' && peek(s, 1) == '\n') {
			s->at += 2;
			s->line++;
		} else if (c == '#' || (in_comment && c != '\n' && c >= 0)) {
			in_comment = true;
			s->at++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			s->at++;
		} else {
			return;
		}
	}
}

static bool
is_word(const struct source *s)
{
	int c = peek(s, 0);

	return c > ' ' && c < 127 && strchr("(){}<>!=#,", c) == NULL &&
	       !(c == '\\' && peek(s, 1) == '\n');
}

static struct lexer_token
wrong(const struct source *s, struct error *why, const char *what)
{
	error_set(why, "%s:%u: %s", s->path, s->line, what);
	return (struct lexer_token){.kind = LEXER_WRONG, .at = {s->path, s->line}};
}

static struct lexer_token
not_closed(const struct source *s, struct buf *text, struct error *why)
{
	char what[120];

	snprintf(what, sizeof(what),
	    "the quote that opens before \"%.40s\" is not closed; write \" behind the value",
	    buf_text(text));
	buf_fini(text);
	return wrong(s, why, what);
}

/* A character that is no word's: a letter beyond ASCII, a quote of word processors, a sign. */
static struct lexer_token
out_of_place(const struct source *s, struct error *why)
{
	static const char *const quotes[] = {"“", "”", "„", "‘", "’", "«", "»"};
	struct slice rest = slice_make(s->text + s->at, s->len - s->at);
	char what[120];
	size_t taken;
	bool is_wrong;
	uint32_t code = utf8_next(rest, &taken, &is_wrong);

	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		if (!slice_has_prefix(rest, slice_of(quotes[i])))
			continue;
		snprintf(what, sizeof(what), "%s is no quote here; write \"", quotes[i]);
		return wrong(s, why, what);
	}
	if (is_wrong || code < ' ' || code == 127)
		return wrong(s, why,
		    "an octet that stands in quotes only, or "
		    "nowhere: the file must be text, in UTF-8");
	snprintf(what, sizeof(what), "%.*s stands in quotes only; write \"…\" around the value",
	    (int)taken, rest.data);
	return wrong(s, why, what);
}

static struct lexer_token
quoted(struct lexer *l, struct source *s, struct error *why)
{
	int quote = (unsigned char)s->text[s->at++];
	struct buf text = {0};
	struct lexer_token t = {.kind = LEXER_STRING, .at = {s->path, s->line}};

	for (;;) {
		int c = peek(s, 0);

		if (c < 0 || c == '\n' || text.len >= WORD_MOST) {
			if (c < 0 || c == '\n')
				return not_closed(s, &text, why);
			buf_fini(&text);
			return wrong(s, why, "a word is too long");
		}
		if (c == 0) {
			buf_fini(&text);
			return wrong(s, why, "the file holds a NUL");
		}
		s->at++;
		if (c == quote)
			break;
		if (c == '\\' && peek(s, 0) == '\n') {
			s->at++;
			s->line++;
			continue;
		}
		if (c == '\\' && (peek(s, 0) == quote || peek(s, 0) == ' ' || peek(s, 0) == '\t'))
			c = (unsigned char)s->text[s->at++];
		buf_add_char(&text, (char)c);
	}
	if (!utf8_is_valid(buf_slice(&text))) {
		buf_fini(&text);
		return wrong(s, why, "the value is not UTF-8; save the file in that encoding");
	}
	t.text = keep(l, buf_take(&text, NULL));
	return t;
}

static char *
take_word(struct lexer *l, struct source *s)
{
	size_t start = s->at;

	while (is_word(s) && s->at - start < WORD_MOST)
		s->at++;
	return keep(l, mem_text(s->text + start, s->at - start));
}

/* Puts text before what comes next. It is not looked through for macros again. */
static void
push(struct source *s, const char *text, size_t len)
{
	if (len > s->at) { /* what has been read leaves no room for it */
		char *more = mem_zero(s->len + len + 1);

		memcpy(more + len, s->text, s->len);
		free(s->text);
		s->text = more;
		s->len += len;
		s->at += len;
	}
	s->expanded = s->at;
	s->at -= len;
	memcpy(s->text + s->at, text, len);
}

static bool
expand(struct lexer *l, struct source *s, struct error *why)
{
	size_t start = ++s->at;
	struct macro *m;
	char *name, text[200];
	int c;

	while ((c = peek(s, 0)) == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z'))
		s->at++;
	name = keep(l, mem_text(s->text + start, s->at - start));
	m = find_macro(l, name);
	if (m == NULL) {
		snprintf(text, sizeof(text),
		    "the macro \"$%.60s\" is not defined; write above: %.60s = \"…\"", name, name);
		return wrong(s, why, text), false;
	}
	if (++l->uses > USES)
		return wrong(s, why, "more macros are used than a configuration may"), false;
	push(s, m->value, strlen(m->value));
	return true;
}

/* The end of a file ends its last line; and then the file that included it goes on. */
static struct lexer_token
file_ends(struct lexer *l)
{
	struct source *s = SLIST_FIRST(&l->open);
	struct lexer_token t = {.kind = LEXER_NEWLINE, .at = {s->path, s->line}};

	l->end = t.at;
	leave(l);
	return t;
}

struct lexer_token
lexer_next(struct lexer *l, struct error *why)
{
	struct source *s = SLIST_FIRST(&l->open);
	struct lexer_token t = {.kind = LEXER_END, .at = l->end};
	int c;

	if (s == NULL)
		return t;
	for (skip(s); (c = peek(s, 0)) == '$' && s->at >= s->expanded; skip(s)) {
		if (!expand(l, s, why))
			return (struct lexer_token){.kind = LEXER_WRONG, .at = {s->path, s->line}};
	}
	t.at = (struct place){s->path, s->line};
	if (c < 0)
		return file_ends(l);
	if (c == '"' || c == '\'')
		return quoted(l, s, why);
	if (c == '\n') {
		s->at++;
		s->line++;
		t.kind = LEXER_NEWLINE;
	} else if (is_word(s)) {
		t.kind = LEXER_WORD;
		t.text = take_word(l, s);
	} else if (c != 0 && strchr("{},!=<>", c) != NULL) {
		s->at++;
		t.kind = LEXER_SIGN;
		t.text = keep(l, mem_text((char[]){(char)c}, 1));
	} else {
		return out_of_place(s, why);
	}
	return t;
}
