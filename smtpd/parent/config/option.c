#include "smtpd/parent/config/option.h"

#include <string.h>

bool
option_once(struct options *had, struct place at, const char *option)
{
	for (size_t i = 0; i < had->count; i++) {
		if (strcmp(had->names[i], option) == 0)
			return draft_fail(
			    had->draft, at, "\"%s\" stands twice on the line", option);
	}
	if (had->count < OPTIONS)
		had->names[had->count++] = option;
	return true;
}

bool
option_text(
    struct options *had, struct place at, const char *option, struct slice *to, const char *text)
{
	*to = slice_of(text);
	return option_once(had, at, option);
}

bool
option_flag(struct options *had, struct place at, const char *option, uint8_t *to, uint8_t value)
{
	*to = value;
	return option_once(had, at, option);
}
