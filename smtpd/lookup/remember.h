/*
 * Logins that were right a while ago, so that a client which comes every minute costs no hash. What
 * is kept is a keyed digest of everything the check hung on, the stored hash too: a new password
 * makes the old one forgotten.
 */
#ifndef SMTPD_LOOKUP_REMEMBER_H
#define SMTPD_LOOKUP_REMEMBER_H

#include "common/base/moment.h"
#include "common/base/slice.h"

/* Two independent halves, so that one in 2^128 guesses is taken for another. */
struct remember_digest {
	uint64_t halves[2];
};

/* Of some texts, each with its length, so that none can pass for two. */
struct remember_digest remember_digest(const struct slice *texts, size_t count);

/* Bounded by LIMIT_REMEMBERED and LIMIT_REMEMBER_SECONDS; the oldest goes first. */
void remember_add(struct remember_digest d, struct moment now);
bool remember_has(struct remember_digest d, struct moment now);

void remember_forget_all(void);

#endif
