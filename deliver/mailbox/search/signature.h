/*
 * Which trigrams (three octets in a row) a text holds, as some bits: an index for SEARCH that keeps
 * IMAP's meaning of a substring. It may say yes to a text that it does not hold, never no to one
 * that it does. Two and a half bits for each different trigram, 8 KiB at most. Pure.
 */
#ifndef DELIVER_MAILBOX_SEARCH_SIGNATURE_H
#define DELIVER_MAILBOX_SEARCH_SIGNATURE_H

#include "common/base/buf.h"

enum {
	SIGNATURE_KINDS = 65536, /* of trigrams that are told apart while one is made */
	SIGNATURE_FORM = 5 /* one more whenever search_signature() signs otherwise than before */
};

/* Zeroed, it has seen nothing. */
struct signature {
	uint64_t seen[SIGNATURE_KINDS / 64];
};

/* Takes a text in the form in which it is searched. No trigram reaches from one text to
 * the next. */
void signature_add(struct signature *s, struct slice text);

/* Appends the bits, as they are kept. */
void signature_write(const struct signature *s, struct buf *out);

/* Whether one of the texts behind the bits may hold it. */
bool signature_may_hold(struct slice bits, struct slice needle);

#endif
