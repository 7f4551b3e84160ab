#include "common/base/pack.h"

#include "common/base/assert.h"

void
pack_at(char *at, size_t width, uint64_t n)
{
	ASSERT(width >= 1 && width <= 8);
	for (size_t i = 0; i < width; i++)
		at[i] = (char)(n >> (8 * (width - 1 - i)));
}

uint64_t
unpack_at(const char *at, size_t width)
{
	uint64_t n = 0;

	ASSERT(width >= 1 && width <= 8);
	for (size_t i = 0; i < width; i++)
		n = n << 8 | (unsigned char)at[i];
	return n;
}

void
pack_number(struct buf *out, size_t width, uint64_t n)
{
	char octets[8];

	pack_at(octets, width, n);
	buf_add(out, octets, width);
}

void
pack_slice(struct buf *out, struct slice octets)
{
	pack_number(out, 4, octets.len);
	buf_add_slice(out, octets);
}

bool
unpack_number(struct slice *from, size_t width, uint64_t *n)
{
	if (from->len < width)
		return false;
	*n = unpack_at(from->data, width);
	*from = slice_from(*from, width);
	return true;
}

bool
unpack_u32(struct slice *from, uint32_t *n)
{
	uint64_t wide;

	if (!unpack_number(from, 4, &wide))
		return false;
	*n = (uint32_t)wide;
	return true;
}

bool
unpack_octets(struct slice *from, uint64_t len, struct slice *octets)
{
	if (len > from->len)
		return false;
	*octets = slice_sub(*from, 0, (size_t)len);
	*from = slice_from(*from, (size_t)len);
	return true;
}

bool
unpack_slice(struct slice *from, struct slice *octets)
{
	struct slice rest = *from;
	uint64_t len;

	if (!unpack_number(&rest, 4, &len) || !unpack_octets(&rest, len, octets))
		return false;
	*from = rest;
	return true;
}
