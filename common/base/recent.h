/*
 * What was found out a moment ago: a bounded number of findings, each of which holds equally long.
 * A finding stands under a digest of everything it hung on, made with a secret of this process, so
 * that a finding is never taken for another's and the texts themselves are not kept.
 */
#ifndef COMMON_BASE_RECENT_H
#define COMMON_BASE_RECENT_H

#include "common/base/hash.h"
#include "common/base/moment.h"

#include <sys/queue.h>

/* Two independent halves, so that one in 2^128 guesses is taken for another. */
struct digest {
	uint64_t halves[2];
};

/* Of some texts, each with its length, so that none can pass for two. Leaves no copy of them. */
struct digest digest_of(const struct slice *texts, size_t count);

struct finding;

struct recent {
	TAILQ_HEAD(, finding) by_age;
	struct hash by_digest;
	size_t most;
	struct span life;
	void (*free_value)(void *value); /* NULL: there is nothing to free */
};

/* What a static one begins as. */
#define RECENT(r, most_, life_ms, free_) \
	{ \
		.by_age = TAILQ_HEAD_INITIALIZER((r).by_age), .most = (most_), \
		.life = {(life_ms)}, .free_value = (free_) \
	}

/* Takes the value, which may be NULL. The oldest finding goes when there are too many. */
void recent_add(struct recent *r, struct digest d, void *value, struct moment now);

/* Whether it is known; the value stays r's, until the next call. */
bool recent_find(struct recent *r, struct digest d, struct moment now, void **value);

/* Gives all memory back; it may be used again. */
void recent_forget_all(struct recent *r);

#endif
