/*
 * Passwords as crypt(3) hashes: yescrypt for new ones where the system has it, else SHA-512; any
 * format that crypt(3) knows for old ones. Both calls take as long as the hash wants: never on the
 * loop.
 */
#ifndef COMMON_BASE_PASSWORD_H
#define COMMON_BASE_PASSWORD_H

#include "common/base/buf.h"

/* Appends a new hash of the secret, which holds no NUL; false when crypt(3) cannot. */
bool password_hash(const char *secret, struct buf *hash);

/*
 * Whether the secret has that hash. hash NULL, or one that locks the account: does the work of
 * checking, and says no; so that an unknown user takes as long as a wrong password. like gives that
 * work its kind: another hash, or NULL.
 */
bool password_matches(const char *secret, const char *hash, const char *like);

#endif
