#include "common/base/encode.h"

#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789ABCDEF";

void
base64_encode(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		uint32_t word = 0;
		char four[4] = {'=', '=', '=', '='};

		for (size_t k = 0; k < 3; k++)
			word = word << 8 | (k < n ? (unsigned char)s.data[i + k] : 0);
		for (size_t k = 0; k <= n; k++)
			four[k] = base64_digits[word >> (18 - 6 * k) & 63];
		buf_add(out, four, sizeof(four));
	}
}

static int
base64_value(char c)
{
	const char *at = c == '\0' ? NULL : strchr(base64_digits, c);

	return at == NULL ? -1 : (int)(at - base64_digits);
}

/* The rest bits of a last group must be zero, so every octet string has one text only. */
static bool
decode_group(struct buf *out, const char *four, bool is_last)
{
	size_t n = is_last && four[2] == '=' && four[3] == '=' ? 2 : is_last && four[3] == '=' ? 3 : 4;
	uint32_t word = 0;

	for (size_t k = 0; k < 4; k++) {
		int v = k < n ? base64_value(four[k]) : 0;

		if (v < 0)
			return false;
		word = word << 6 | (uint32_t)v;
	}
	if ((n == 2 && (word & 0xffff) != 0) || (n == 3 && (word & 0xff) != 0))
		return false;
	for (size_t k = 0; k + 1 < n; k++)
		buf_add_char(out, (char)(word >> (16 - 8 * k)));
	return true;
}

bool
base64_decode(struct buf *out, struct slice text)
{
	if (text.len % 4 != 0)
		return false;
	for (size_t i = 0; i < text.len; i += 4) {
		if (!decode_group(out, text.data + i, i + 4 == text.len))
			return false;
	}
	return !buf_overflowed(out);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
hex_encode(struct buf *out, struct slice octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		buf_add_char(out, hex_digits[(unsigned char)octets.data[i] >> 4]);
		buf_add_char(out, hex_digits[(unsigned char)octets.data[i] & 15]);
	}
}

bool
hex_decode(struct buf *out, struct slice text)
{
	if (text.len % 2 != 0)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);

		if (high < 0 || low < 0)
			return false;
		buf_add_char(out, (char)(high << 4 | low));
	}
	return true;
}

void
xtext_encode(struct buf *out, struct slice octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		char c = octets.data[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			buf_add_char(out, c);
		} else {
			buf_add_char(out, '+');
			hex_encode(out, slice_sub(octets, i, 1));
		}
	}
}

bool
xtext_decode(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '+') {
			int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c <= ' ' || c >= 127 || c == '=') {
			return false;
		}
		if ((unsigned char)c < ' ' || c == 127)
			return false;
		buf_add_char(out, c);
	}
	return true;
}
