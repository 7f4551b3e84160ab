#include "common/base/utf8.h"

#include <string.h>

/* How many octets at the start of s are ASCII. */
static size_t
ascii_run(struct slice s)
{
	size_t at = 0;

	while (s.len - at >= sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, s.data + at, sizeof(eight));
		if ((eight & 0x8080808080808080ULL) != 0)
			break;
		at += sizeof(eight);
	}
	while (at < s.len && (unsigned char)s.data[at] < 0x80)
		at++;
	return at;
}

/* How many octets follow a first octet; -1: it begins no character. */
static int
followers(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xC2 && first <= 0xDF)
		return 1;
	if (first >= 0xE0 && first <= 0xEF)
		return 2;
	if (first >= 0xF0 && first <= 0xF4)
		return 3;
	return -1;
}

uint32_t
utf8_next(struct slice s, size_t *taken, bool *wrong)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.data[0];
	int n = followers(first);
	uint32_t code;

	*taken = 1;
	*wrong = true;
	if (n < 0 || (size_t)n >= s.len)
		return UTF8_REPLACEMENT;
	code = n == 0 ? first : first & (0x3FU >> n);
	for (int i = 1; i <= n; i++) {
		unsigned char next = (unsigned char)s.data[i];

		if ((next & 0xC0) != 0x80)
			return UTF8_REPLACEMENT;
		code = code << 6 | (next & 0x3F);
	}
	if (code < least[n] || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
		return UTF8_REPLACEMENT;
	*taken = (size_t)n + 1;
	*wrong = false;
	return code;
}

size_t
utf8_put(uint32_t code, char out[UTF8_LONGEST])
{
	if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
		code = UTF8_REPLACEMENT;
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

bool
utf8_is_valid(struct slice s)
{
	for (;;) {
		size_t taken;
		bool wrong;

		s = slice_from(s, ascii_run(s));
		if (s.len == 0)
			return true;
		utf8_next(s, &taken, &wrong);
		if (wrong)
			return false;
		s = slice_from(s, taken);
	}
}

bool
utf8_is_printable(struct slice s)
{
	return !slice_has_control(s) && utf8_is_valid(s);
}

bool
utf8_is_ascii(struct slice s)
{
	return ascii_run(s) == s.len;
}
