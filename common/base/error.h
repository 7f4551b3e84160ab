/*
 * What went wrong, for a person: what happened, where, and what to do about it.
 */
#ifndef COMMON_BASE_ERROR_H
#define COMMON_BASE_ERROR_H

#include <stdbool.h>

enum { ERROR_TEXT = 512 };

struct error {
	char text[ERROR_TEXT];
};

/* Writes the sentence, as UTF-8 whatever it quotes; always returns false, so a failing function can
 * end with it. */
bool error_set(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and the text of errno behind it. */
bool error_errno(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
