/*
 * smtpd.conf to a typed configuration, or a sentence that says file, line, what was found and
 * what to write.
 */
#ifndef SMTPD_PARENT_CONFIG_CONFIG_H
#define SMTPD_PARENT_CONFIG_CONFIG_H

#include "common/conf/conf.h"

#include <stdio.h>

enum { CONFIG_DEFINITIONS = 64 };

struct config_options {
	const char *path;
	const char *definitions[CONFIG_DEFINITIONS]; /* -D name=value */
	size_t definition_count;
	void (*warn)(const char *text); /* a line that is understood and has no effect; or NULL */
	bool opens_keys; /* looks whether each fits its certificate: for "smtpd -n" */
};

/*
 * Gives a configuration whose names are all defined, whose certificates are read and fit to serve;
 * the caller frees it. NULL: *why. Without opens_keys a key is looked at, not read: that is
 * keyholder's.
 */
struct conf *config_read(const struct config_options *o, struct error *why);

/* Writes c in the one form that says all of it; read again, it gives the same. */
void config_print(const struct conf *c, FILE *out);

#endif
