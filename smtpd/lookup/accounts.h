/*
 * The accounts: who has a mailbox here, and the hash of each one's password. The database is
 * lookup's alone. A name is canonical: local part and domain in lower case, local@domain.
 */
#ifndef SMTPD_LOOKUP_ACCOUNTS_H
#define SMTPD_LOOKUP_ACCOUNTS_H

#include "smtpd/lookup/table.h"

enum accounts_result { ACCOUNTS_OK, ACCOUNTS_EXISTS, ACCOUNTS_MISSING, ACCOUNTS_FAILED };

/* broken() is called when a change could not be made durable: the process must begin anew. */
bool accounts_open(const char *path, void (*broken)(void), struct error *why);
void accounts_close(void);

/* Appends the canonical form of a name to look up; false for what can be no account's name. */
bool account_fold(struct slice text, struct buf *name);

/* The same for a new account, stricter: no detail, nothing that could be a path; *why says what. */
bool account_name(struct slice text, char delimiter, struct buf *name, struct error *why);

/* Canonical names. Appends the hash, if hash is not NULL. */
enum table_result accounts_find(struct slice name, struct buf *hash);

/* Whether the domain, in any case, has an account. */
enum table_result accounts_have_domain(struct slice domain);

/* Appends the name of the oldest account, of the domain or (empty) of all. */
enum table_result accounts_first(struct slice domain, struct buf *name);

/* Appends some account's hash. */
bool accounts_sample(struct buf *hash);

/* Changes; they are durable when accounts_wait() says so. */
enum accounts_result accounts_add(struct slice name, struct slice hash);
enum accounts_result accounts_change(struct slice name, struct slice hash);
enum accounts_result accounts_remove(struct slice name);
void accounts_wait(void (*done)(void *owner, bool ok), void *owner);

/* The accounts of the domain (empty: of all), by name: at most so many behind the first so many.
 * created is in seconds since 1970. */
bool accounts_list(struct slice domain, uint64_t after, uint64_t most,
    void (*each)(void *owner, struct slice name, int64_t created), void *owner);
size_t accounts_count(void);

#endif
