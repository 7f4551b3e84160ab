#include "smtpd/parent/config/draft.h"

#include <stdio.h>

void
draft_init(struct draft *d, struct error *why, void (*warn)(const char *text))
{
	*d = (struct draft){.conf = conf_new(), .why = why, .warn = warn};
}

void
draft_fini(struct draft *d)
{
	places_fini(&d->listens);
	places_fini(&d->certs);
	places_fini(&d->keys);
	places_fini(&d->cas);
	places_fini(&d->tables);
	places_fini(&d->actions);
	places_fini(&d->matches);
}

bool
draft_fail(struct draft *d, struct place at, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(d->why, "%s:%u: %s", at.file, at.line, text);
}

void
draft_warn(struct draft *d, struct place at, const char *fmt, ...)
{
	char text[400];
	struct error e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(&e, "%s:%u: %s", at.file, at.line, text);
	if (d->warn != NULL)
		d->warn(e.text);
}

bool
draft_fits(struct draft *d, struct place at, const struct ipc_schema *s, const void *section)
{
	struct buf packed = {0};
	const char *wrong = ipc_pack(&packed, s, section);

	buf_fini(&packed);
	return wrong == NULL ||
	       draft_fail(d, at,
		   "%s is too long, out of its range, or has octets that are not text", wrong);
}
