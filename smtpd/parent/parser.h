/*
 * What the parts of the parser share: a logical line of words, and taking words off it. Each take
 * that fails has said why, with file and line, and what to write.
 */
#ifndef SMTPD_PARENT_PARSER_H
#define SMTPD_PARENT_PARSER_H

#include "smtpd/parent/lexer.h"
#include "smtpd/parent/parse.h"

enum { WORDS = 400 };

/* One logical line. */
struct line {
	struct lexer_token words[WORDS];
	size_t count, at;
};

struct parser {
	struct lexer *lexer;
	struct conf *conf;
	struct error *why;
	struct line line;
	struct conf_global global;
	unsigned anonymous, listens;
	unsigned bounce;
	struct buf warn;
};

/* Writes "file:line: …" about the present word; always false. */
bool parse_fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether there are words left, and the present one for a sentence. */
bool parse_more(const struct parser *p);
const char *parse_word(const struct parser *p);

/* Takes the next word when it is this one; no sentence when it is not. */
bool parse_take(struct parser *p, const char *text);
bool parse_take_sign(struct parser *p, char sign);

bool parse_take_any(struct parser *p, struct slice *out, const char *what);
bool parse_take_span(struct parser *p, uint32_t *seconds);
bool parse_take_size(struct parser *p, uint64_t most, uint64_t *size);
bool parse_take_number(struct parser *p, uint64_t least, uint64_t most, uint64_t *n);

/* "<name>", "{ … }" or one word: the name of a table that is there. */
bool parse_take_table(struct parser *p, struct slice *name);

/* "{ a, b = c }" behind its brace, into the table that was added last. */
bool parse_take_entries(struct parser *p);

/* One kind of line each, behind its first word. */
bool parse_table(struct parser *p);
bool parse_pki(struct parser *p);
bool parse_ca(struct parser *p);
bool parse_listen(struct parser *p);
bool parse_action(struct parser *p);
bool parse_match(struct parser *p);

#endif
