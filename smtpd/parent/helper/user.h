/*
 * The system's users, as helpers become them. Only to be asked in a helper: the name service may
 * block. Invariant: root does nothing here for root, nor for the users of the suite's own
 * processes, whatever name comes in an order.
 */
#ifndef SMTPD_PARENT_HELPER_USER_H
#define SMTPD_PARENT_HELPER_USER_H

#include <pwd.h>
#include <stdbool.h>

enum user_result { USER_FOUND, USER_NONE, USER_TEMPORARY };

/* *pw is the C library's, until the next question. */
enum user_result user_find(const char *name, const struct passwd **pw);

/* The same of a recipient: a name, or "name:uid:gid:home" as a userbase has him, who has no shell
 * and the groups of the gid alone. The name has no slash and begins with
 * no dot, the uid must be an ordinary user's, and the gid one of his. */
enum user_result user_find_recipient(const char *text, const struct passwd **pw);

/* Becomes that user for good; where the suite is not root's, it stays who it is. False with errno.
 */
bool user_become(const struct passwd *pw);

#endif
