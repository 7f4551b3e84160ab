/*
 * Sets of sequence numbers or UIDs (RFC 3501 9, sequence-set): "1,3:5,10:*". Pure. A set is
 * resolved against the greatest number there is, after which it is sorted and has no overlaps.
 */
#ifndef IMAPD_SEQUENCE_H
#define IMAPD_SEQUENCE_H

#include "common/base/slice.h"

enum { IMAP_STAR = 0 }; /* the asterisk, until it is resolved */

struct imap_range {
	uint32_t first, last;
};

struct imap_set {
	struct imap_range *ranges;
	size_t count;
};

/* Reads a whole set; false, and the set empty, for what is none: a zero, a gap, an overflow. */
bool imap_set_parse(struct imap_set *set, struct slice text);
void imap_set_fini(struct imap_set *set);

/* Whether a number without an asterisk beside it lies above most: no such message. */
bool imap_set_is_beyond(const struct imap_set *set, uint32_t most);

/*
 * Puts most in the place of the asterisk, orders each range and the set, and joins what
 * touches. With most 0, ranges with an asterisk go.
 */
void imap_set_resolve(struct imap_set *set, uint32_t most);

#endif
