#include "common/base/encode.h"

#include "common/base/utf8.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char upper_digits[] = "0123456789ABCDEF";

/* Ends every decoder: a refusal takes back what was appended. */
static bool
decoded(struct buf *out, size_t before, bool ok)
{
	if (buf_overflowed(out))
		ok = false;
	if (!ok)
		buf_truncate(out, before);
	return ok;
}

int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void
base64_encode(struct buf *out, struct slice octets)
{
	const unsigned char *p = (const unsigned char *)octets.data;

	for (size_t i = 0; i < octets.len; i += 3) {
		size_t left = octets.len - i;
		uint32_t bits = (uint32_t)p[i] << 16;
		char group[4];

		if (left > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			bits |= p[i + 2];
		group[0] = base64_digits[bits >> 18];
		group[1] = base64_digits[bits >> 12 & 63];
		group[2] = left > 1 ? base64_digits[bits >> 6 & 63] : '=';
		group[3] = left > 2 ? base64_digits[bits & 63] : '=';
		buf_add(out, group, sizeof(group));
	}
}

/* Four characters, of which the last group of a text may have one or two for padding. */
static bool
base64_group(struct buf *out, const char *group, bool is_last)
{
	size_t digits = 4;
	uint32_t bits = 0;
	char octets[3];

	if (is_last && group[3] == '=')
		digits = group[2] == '=' ? 2 : 3;
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(group[i]);

		if (digit < 0)
			return false;
		bits |= (uint32_t)digit << (18 - 6 * i);
	}
	if ((digits == 2 && (bits & 0xffff) != 0) || (digits == 3 && (bits & 0xff) != 0))
		return false;
	octets[0] = (char)(bits >> 16);
	octets[1] = (char)(bits >> 8);
	octets[2] = (char)bits;
	buf_add(out, octets, digits - 1);
	return true;
}

bool
base64_decode(struct buf *out, struct slice text)
{
	size_t before = out->len;
	bool ok = text.len % 4 == 0;

	for (size_t i = 0; ok && i < text.len; i += 4)
		ok = base64_group(out, text.data + i, i + 4 == text.len);
	return decoded(out, before, ok);
}

static void
add_escape(struct buf *out, char octet)
{
	char escape[3] = {
	    '+', upper_digits[(unsigned char)octet >> 4], upper_digits[(unsigned char)octet & 15]};

	buf_add(out, escape, sizeof(escape));
}

/* The octet that the two digits behind an escape's mark stand for; -1: they are none. */
static int
escaped(struct slice text, size_t mark)
{
	int high, low;

	if (text.len - mark < 3)
		return -1;
	high = hex_digit(text.data[mark + 1]);
	low = hex_digit(text.data[mark + 2]);
	if (high < 0 || low < 0)
		return -1;
	if (text.data[mark + 1] >= 'a' || text.data[mark + 2] >= 'a')
		return -1;
	return high << 4 | low;
}

void
xtext_encode(struct buf *out, struct slice octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		char c = octets.data[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=')
			buf_add_char(out, c);
		else
			add_escape(out, c);
	}
}

bool
xtext_decode(struct buf *out, struct slice text)
{
	size_t before = out->len;
	bool ok = true;

	for (size_t i = 0; ok && i < text.len; i++) {
		int c = (unsigned char)text.data[i];

		ok = c > ' ' && c < 127 && c != '=';
		if (c == '+') {
			c = escaped(text, i);
			ok = c >= ' ' && c != 127;
			i += 2;
		}
		if (ok)
			buf_add_char(out, (char)c);
	}
	return decoded(out, before, ok);
}

void
unitext_encode(struct buf *out, struct slice text)
{
	while (text.len > 0) {
		size_t taken;
		bool wrong;
		uint32_t c = utf8_next(text, &taken, &wrong);

		if (c > ' ' && c < 127 && c != '+' && c != '=' && c != '\\')
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "\\x{%02X}", c);
		text = slice_from(text, taken);
	}
}

/* The character that \x{HEX} at the start of text stands for; 0: that is not what stands there. */
static uint32_t
unicode_escape(struct slice text, size_t *taken)
{
	uint32_t code = 0;
	size_t n = 3;

	if (!slice_has_prefix(text, SLICE("\\x{")))
		return 0;
	while (n < text.len && n < 9 && hex_digit(text.data[n]) >= 0)
		code = code << 4 | (uint32_t)hex_digit(text.data[n++]);
	*taken = n + 1;
	return n > 3 && n < text.len && text.data[n] == '}' ? code : 0;
}

/* Controls of ASCII and of Latin-1. */
static bool
is_control(uint32_t code)
{
	return code < ' ' || (code >= 127 && code < 0xA0);
}

bool
unitext_decode(struct buf *out, struct slice text)
{
	size_t before = out->len;
	bool ok = true;

	while (ok && text.len > 0) {
		size_t taken;
		bool wrong;
		uint32_t code = utf8_next(text, &taken, &wrong);
		char octets[UTF8_LONGEST];

		if (code == '\\')
			code = unicode_escape(text, &taken);
		else if (code == '+' || code == '=' || code == ' ')
			wrong = true;
		ok = !wrong && !is_control(code);
		buf_add(out, octets, utf8_put(code, octets));
		text = slice_from(text, taken);
	}
	return decoded(out, before, ok);
}
