/*
 * Numbers and octets packed one behind the other, in network order: what crosses a channel, or is
 * kept where SQL does not look. Who takes something is told when it is not all there; nothing is
 * read beyond the slice, whatever it says of itself.
 */
#ifndef COMMON_BASE_PACK_H
#define COMMON_BASE_PACK_H

#include "common/base/buf.h"

/* A number of so many octets, 1 to 8, in place; the caller knows that they are there. */
void pack_at(char *at, size_t width, uint64_t n);
uint64_t unpack_at(const char *at, size_t width);

void pack_number(struct buf *out, size_t width, uint64_t n);
void pack_slice(struct buf *out, struct slice octets); /* its length in four octets, and it */

/* Take the first off *from; false, and *from as it was, when it is cut. Octets are borrowed. */
bool unpack_number(struct slice *from, size_t width, uint64_t *n);
bool unpack_u32(struct slice *from, uint32_t *n);
bool unpack_octets(struct slice *from, uint64_t len, struct slice *octets);
bool unpack_slice(struct slice *from, struct slice *octets);

#endif
