/* What every command of smtpctl's knows: whom to speak to, and how to answer. */
#ifndef SMTPD_CTL_CTL_H
#define SMTPD_CTL_CTL_H

#include <stdbool.h>

/* Exit codes; scripts rely on them. Those of sendmail are sysexits(3)'s as
 * well. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 69, /* EX_UNAVAILABLE */
	CTL_FORBIDDEN = 77,   /* EX_NOPERM */
};

struct ctl {
	const char *socket; /* path of the control socket */
	bool json;
};

/* "smtpctl: " and the sentence on standard error; returns code. */
int ctl_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
