/* Where something stands in smtpd.conf, or in a file that it includes. */
#ifndef SMTPD_PARENT_CONFIG_PLACE_H
#define SMTPD_PARENT_CONFIG_PLACE_H

#include "common/base/buf.h"

#include <string.h>

struct place {
	const char *file; /* the lexer's */
	unsigned line;    /* 0: nowhere */
};

/* Where each of several things stands, in their order: for what is found wrong with one later. */
struct places {
	struct buf list;
};

static inline void
places_add(struct places *p, struct place at)
{
	buf_add(&p->list, &at, sizeof(at));
}

static inline void
places_set(struct places *p, size_t i, struct place at)
{
	memcpy(p->list.data + i * sizeof(at), &at, sizeof(at));
}

static inline struct place
places_of(const struct places *p, size_t i)
{
	struct place at;

	memcpy(&at, p->list.data + i * sizeof(at), sizeof(at));
	return at;
}

static inline void
places_fini(struct places *p)
{
	buf_fini(&p->list);
}

#endif
