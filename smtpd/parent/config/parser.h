/*
 * One run over smtpd.conf, as the grammar has it: the words, the draft that they become, and the
 * line in hand. What a line does is in the file of its noun.
 */
#ifndef SMTPD_PARENT_CONFIG_PARSER_H
#define SMTPD_PARENT_CONFIG_PARSER_H

#include "smtpd/parent/config/action.h"
#include "smtpd/parent/config/define.h"
#include "smtpd/parent/config/global.h"
#include "smtpd/parent/config/lexer.h"
#include "smtpd/parent/config/listen.h"
#include "smtpd/parent/config/match.h"
#include "smtpd/parent/config/value.h"

struct parser {
	struct lexer *lexer;
	struct lexer_token token, before; /* the one read last, and the one before */
	struct draft draft;
	struct global global;
	struct definitions defined;
	struct listen_line listen; /* of these three the one that is being read */
	struct action_line action;
	struct match_line match;
};

/* The grammar itself: 0 when the whole configuration was read. */
int yyparse(struct parser *p);

/* Goes on with another file. */
bool parser_include(struct parser *p, struct place at, const char *path);

/* Says what stands where none of the words expected does: the one that was meant, or all. */
void parser_unexpected(struct parser *p, const char *const expected[], size_t n);

#endif
