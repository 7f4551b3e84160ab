/*
 * The values of Content-Type and Content-Disposition (RFC 2045 5.1, 2183, 2231): a type, a
 * subtype and parameters. Reading never fails and takes linear time; broken pieces are passed
 * over up to the next semicolon, the first of two equal names wins, and what follows the first
 * LIMIT_PARAMETERS pieces or LIMIT_FIELD_PARSED octets is not read.
 */
#ifndef COMMON_MAIL_PARAM_H
#define COMMON_MAIL_PARAM_H

#include "common/base/buf.h"
#include "common/base/limits.h"

struct param {
	struct slice name;  /* without the marks of RFC 2231 */
	struct slice value; /* unquoted, unfolded, pieces joined; no CR, LF or NUL */
	bool extended;      /* value is charset'language'percent-encoded (RFC 2231 4) */
};

struct param_field {
	struct slice type, subtype; /* empty where the field has none */
	struct param params[LIMIT_PARAMETERS];
	size_t count;
	struct buf memory; /* values that stand nowhere as they are */
};

/* Before the first param_parse(), and after the last; a field is read into again and again. */
void param_init(struct param_field *f);
void param_fini(struct param_field *f);

/* Reads a field's value, folded or not, "type/subtype" or "type" first. What f holds borrows
 * from value and from f itself, until the next call. */
void param_parse(struct param_field *f, struct slice value);

/* The parameter of that name, the extended form before the simple one; NULL: there is none. */
const struct param *param_find(const struct param_field *f, const char *name);

/* Appends a parameter's value as UTF-8 on one line, whatever it was encoded with. */
void param_text(const struct param *p, struct buf *out);

/* The first word of a value: comments, blanks and quotes around it are not part of it. */
struct slice param_word(struct slice value);

#endif
