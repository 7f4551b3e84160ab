/*
 * smtpd.conf as words: quotes, comments, continued lines, macros and includes are dealt with
 * here. Bounded: files, their size, words, includes, macros and their uses.
 */
#ifndef SMTPD_PARENT_CONFIG_LEXER_H
#define SMTPD_PARENT_CONFIG_LEXER_H

#include "common/base/error.h"
#include "smtpd/parent/config/place.h"

enum lexer_kind { LEXER_WORD, LEXER_STRING, LEXER_NEWLINE, LEXER_SIGN, LEXER_END, LEXER_WRONG };

struct lexer_token {
	enum lexer_kind kind;
	char *text; /* the lexer's, until it is freed; a sign is one character */
	struct place at;
};

struct lexer;

/* Opens a file. NULL: *why says what is wrong with it. */
struct lexer *lexer_open(const char *path, struct error *why);
void lexer_free(struct lexer *l);

/* A macro from the command line, "name=value"; it wins over the file's. False: not of that form. */
bool lexer_define(struct lexer *l, const char *definition);

/* A macro of the file. False: too many. */
bool lexer_set(struct lexer *l, const char *name, const char *value);

/* The next token; LEXER_WRONG has set *why. Each line ends in LEXER_NEWLINE, the last one too. */
struct lexer_token lexer_next(struct lexer *l, struct error *why);

/* Goes on with another file, and comes back to this one at its end. */
bool lexer_include(struct lexer *l, const char *path, struct error *why);

#endif
