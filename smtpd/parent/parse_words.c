#include "smtpd/parent/parser.h"

#include <stdio.h>
#include <string.h>


bool
parse_fail(struct parser *p, const char *fmt, ...)
{
	char text[400];
	const struct lexer_token *t = &p->line.words[p->line.at < p->line.count ? p->line.at
						     : p->line.count > 0        ? p->line.count - 1
										: 0];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(p->why, "%s:%u: %s", t->file, t->line, text);
}

bool
parse_more(const struct parser *p)
{
	return p->line.at < p->line.count;
}

const char *
parse_word(const struct parser *p)
{
	return parse_more(p) ? p->line.words[p->line.at].text : "the end of the line";
}

/* Takes the next word when it is this one. */
bool
parse_take(struct parser *p, const char *text)
{
	if (!parse_more(p) || p->line.words[p->line.at].kind == LEXER_STRING ||
	    strcmp(parse_word(p), text) != 0)
		return false;
	p->line.at++;
	return true;
}

bool
parse_take_any(struct parser *p, struct slice *out, const char *what)
{
	if (!parse_more(p) || p->line.words[p->line.at].kind == LEXER_SIGN)
		return parse_fail(p, "found %s where %s should stand", parse_word(p), what);
	*out = slice_of(p->line.words[p->line.at++].text);
	return true;
}

/* "4d", "1h30"... one number with one of s m h d. */
bool
parse_take_span(struct parser *p, uint32_t *seconds)
{
	struct slice s;
	uint64_t n;
	uint32_t unit = 1;

	if (!parse_take_any(p, &s, "a time such as 4d, 2h or 90s"))
		return false;
	if (s.len > 1) {
		char c = s.data[s.len - 1];

		unit = c == 'd' ? 86400 : c == 'h' ? 3600 : c == 'm' ? 60 : 1;
		if (c < '0' || c > '9')
			s.len--;
		if (unit == 1 && (c < '0' || c > '9') && c != 's')
			s.len = 0;
	}
	if (!slice_number(s, 31536000 / unit, &n) || n == 0)
		return p->line.at--,
		       parse_fail(p, "\"%s\" is no time; write 4d, 2h, 30m or 90s", parse_word(p));
	*seconds = (uint32_t)n * unit;
	return true;
}

bool
parse_take_size(struct parser *p, uint64_t most, uint64_t *size)
{
	struct slice s;
	uint64_t unit = 1;

	if (!parse_take_any(p, &s, "a size such as 35M"))
		return false;
	if (s.len > 1) {
		char c = s.data[s.len - 1];

		unit = c == 'K' || c == 'k'   ? 1024
		       : c == 'M' || c == 'm' ? 1048576
		       : c == 'G'             ? 1073741824
					      : 1;
		if (unit > 1)
			s.len--;
	}
	if (!slice_number(s, most / unit, size) || *size == 0)
		return p->line.at--, parse_fail(p, "\"%s\" is no size; write 35M", parse_word(p));
	*size *= unit;
	return true;
}

bool
parse_take_number(struct parser *p, uint64_t least, uint64_t most, uint64_t *n)
{
	struct slice s;

	if (!parse_take_any(p, &s, "a number"))
		return false;
	if (!slice_number(s, most, n) || *n < least)
		return p->line.at--, parse_fail(p, "\"%s\" is no number from %llu to %llu", parse_word(p),
					 (unsigned long long)least, (unsigned long long)most);
	return true;
}

bool
parse_take_sign(struct parser *p, char sign)
{
	if (!parse_more(p) || p->line.words[p->line.at].kind != LEXER_SIGN || parse_word(p)[0] != sign)
		return false;
	p->line.at++;
	return true;
}

/* "{ a, b = c }" into the table that was added last. */
bool
parse_take_entries(struct parser *p)
{
	while (!parse_take_sign(p, '}')) {
		struct conf_entry e = {0};

		if (!parse_more(p))
			return parse_fail(p, "a { is not closed");
		if (parse_take_sign(p, ','))
			continue;
		if (!parse_take_any(p, &e.key, "an entry"))
			return false;
		if (parse_take_sign(p, '=')) {
			parse_take_sign(p, '>');
			e.has_value = 1;
			if (!parse_take_any(p, &e.value, "a value"))
				return false;
		}
		conf_add_entry(p->conf, &e);
	}
	return true;
}

/* "<name>", "{ … }" or one word: the name of a table that is there. */
bool
parse_take_table(struct parser *p, struct slice *name)
{
	struct conf_table t = {.backend = BACKEND_STATIC};
	struct conf_entry e = {0};
	char text[32];

	if (parse_take_sign(p, '<')) {
		if (!parse_take_any(p, name, "a table's name") || !parse_take_sign(p, '>'))
			return parse_fail(p, "a table stands as <name>");
		if (conf_find_table(p->conf, *name) == NULL)
			return p->line.at--,
			       parse_fail(p, "table <%.*s> is not defined; write above: table %.*s { … }",
				   SLICE_FMT(*name), SLICE_FMT(*name));
		return true;
	}
	snprintf(text, sizeof(text), "dynamic:%u", ++p->anonymous);
	t.name = slice_of(text);
	if (parse_take_sign(p, '{')) {
		conf_add_table(p->conf, &t);
		if (!parse_take_entries(p))
			return false;
	} else {
		if (!parse_take_any(p, &e.key, "a table or a value"))
			return false;
		conf_add_table(p->conf, &t);
		conf_add_entry(p->conf, &e);
	}
	*name = p->conf->tables[p->conf->table_count - 1].table.name;
	return true;
}
