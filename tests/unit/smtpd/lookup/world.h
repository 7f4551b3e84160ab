/*
 * A configuration and a database of accounts for the tests of lookup, without processes around
 * them.
 */
#ifndef TESTS_UNIT_SMTPD_LOOKUP_WORLD_H
#define TESTS_UNIT_SMTPD_LOOKUP_WORLD_H

#include "common/conf/conf.h"
#include "tests/unit/unit.h"

/* An empty configuration of mail.example.org with the delimiter +, in force when world_begin() is
 * called. */
struct conf *world_conf(void);

/* Puts the configuration in force; accounts are kept in a new folder. */
void world_begin(struct conf *c, const char *const accounts[], size_t count);
void world_end(struct conf *c);

void world_add_table(struct conf *c, const char *name, enum conf_backend backend, const char *path);
void world_add_entry(struct conf *c, const char *key, const char *value);

/* "from any", "! for domain <t>", … joined by commas, and the action; "reject" is one. */
void world_add_match(struct conf *c, const char *conditions, const char *action);

/* Writes a file into the test's folder; gives its path, valid until the next call. */
const char *world_file(const char *name, const char *content);

/* What crypt(3) was asked for: how often, and last with what setting. */
struct world_hashes {
	unsigned count;
	char setting[128];
};
extern struct world_hashes world_hashes;

#endif
