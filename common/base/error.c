#include "common/base/error.h"

#include "common/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What was quoted may be anything, and what was cut ends in half a character. */
static void
make_text(char *text)
{
	struct slice rest = slice_of(text);

	while (rest.len > 0) {
		size_t taken;
		bool wrong;

		utf8_next(rest, &taken, &wrong);
		for (size_t i = 0; wrong && i < taken; i++)
			text[i] = '?';
		text += taken;
		rest = slice_from(rest, taken);
	}
}

bool
error_set(struct error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	make_text(e->text);
	return false;
}

bool
error_errno(struct error *e, const char *fmt, ...)
{
	int code = errno;
	va_list ap;
	size_t used;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(code));
	make_text(e->text);
	return false;
}
