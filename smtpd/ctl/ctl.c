#include "smtpd/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>

int
ctl_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("smtpctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}
