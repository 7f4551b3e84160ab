/*
 * Letters, digits and blanks as the protocols know them: of ASCII, whatever the locale.
 */
#ifndef COMMON_BASE_ASCII_H
#define COMMON_BASE_ASCII_H

#include <stdbool.h>

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* What parts words in a header: folds are blanks too, and so is NUL, which means nothing there. */
static inline bool
ascii_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static inline bool
ascii_is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

/* What of a text cannot be printed becomes '?': for a line that quotes others. */
static inline void
ascii_make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 127)
			*text = '?';
	}
}

static inline char
ascii_lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return c;
}

#endif
