#include "deliver/mailbox/search/signature.h"

enum { MOST_OCTETS = SIGNATURE_KINDS / 8 };

/* Which kind of trigram begins there: a multiplicative hash, of which the upper bits are good. */
static uint32_t
kind_at(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return (((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]) * 0x9e3779b1U) >> 16;
}

/* The place of a kind among so many bits. */
static uint32_t
place_of(uint32_t kind, size_t bits)
{
	return (uint32_t)(((uint64_t)kind * bits) / SIGNATURE_KINDS);
}

void
signature_add(struct signature *s, struct slice text)
{
	for (size_t i = 0; i + 3 <= text.len; i++) {
		uint32_t kind = kind_at(text.data + i);

		s->seen[kind / 64] |= (uint64_t)1 << kind % 64;
	}
}

void
signature_write(const struct signature *s, struct buf *out)
{
	size_t count = 0, octets;
	char *room;

	for (size_t i = 0; i < SIGNATURE_KINDS / 64; i++)
		count += (size_t)__builtin_popcountll(s->seen[i]);
	octets = count * 5 / 16 + (count > 0);
	if (octets > MOST_OCTETS)
		octets = MOST_OCTETS;
	room = buf_room(out, octets);
	if (room == NULL)
		return;
	for (size_t i = 0; i < octets; i++)
		room[i] = 0;
	for (uint32_t i = 0; i < SIGNATURE_KINDS / 64; i++) {
		for (uint64_t left = s->seen[i]; left != 0; left &= left - 1) {
			uint32_t kind = i * 64 + (uint32_t)__builtin_ctzll(left);
			uint32_t place = place_of(kind, octets * 8);

			room[place / 8] |= (char)(1U << place % 8);
		}
	}
	buf_grew(out, octets);
}

bool
signature_may_hold(struct slice bits, struct slice needle)
{
	for (size_t i = 0; i + 3 <= needle.len; i++) {
		uint32_t place = place_of(kind_at(needle.data + i), bits.len * 8);

		if (bits.len == 0 || !((unsigned char)bits.data[place / 8] >> place % 8 & 1))
			return false;
	}
	return true;
}
