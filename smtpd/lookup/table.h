/*
 * Tables: what smtpd.conf calls <name>. Static and file tables are held in memory; passwd is a
 * file of user:hash lines; accounts is the accounts' database; system is the user database.
 */
#ifndef SMTPD_LOOKUP_TABLE_H
#define SMTPD_LOOKUP_TABLE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"

enum table_result { TABLE_FOUND, TABLE_NOT_FOUND, TABLE_TEMPORARY };

/* Takes the tables of a configuration in place of those before. Files that cannot be read keep their old content. */
void tables_apply(const struct conf *c);

/* Reads a file table anew. False: there is none of that name, or it cannot be read (*why). */
bool tables_update(struct slice name, struct error *why);

/* The value under a key, compared without case, appended to value (NULL: only whether it is there). */
enum table_result table_find(struct slice table, struct slice key, struct buf *value);

/* Whether the table holds that domain: as it is, or by *.suffix. */
enum table_result table_has_domain(struct slice table, struct slice domain);

/* Whether it holds that address: user@domain, @domain, user@*.domain, or user alone. */
enum table_result table_has_address(struct slice table, struct slice address);

/* Whether an entry is the address or a prefix that it lies in. */
enum table_result table_has_netaddr(struct slice table, struct slice address);

/* Whether an entry, as a POSIX extended regular expression, matches all or part of text. */
enum table_result table_matches(struct slice table, struct slice text);

/* The n-th entry's key, round and round; for lists of hosts. */
enum table_result table_next(struct slice table, struct buf *value);

#endif
