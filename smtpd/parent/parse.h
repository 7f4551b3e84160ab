/*
 * smtpd.conf to a typed configuration, or a sentence that says file, line, what was found and
 * what to write.
 */
#ifndef SMTPD_PARENT_PARSE_H
#define SMTPD_PARENT_PARSE_H

#include "common/conf/conf.h"

enum { PARSE_DEFINITIONS = 64 };

struct parse_options {
	const char *path;
	const char *definitions[PARSE_DEFINITIONS]; /* -D name=value */
	size_t definition_count;
};

/* Gives a configuration whose names are all defined; NULL and *why. Certificates are not read yet.
 */
struct conf *parse_conf(const struct parse_options *o, struct error *why);

/* Reads the certificates and keys it names, and checks that they fit. */
bool parse_load_files(struct conf *c, struct error *why);

#endif
