#include "common/base/slice.h"

#include "common/base/ascii.h"
#include "common/base/mem.h"

#include <string.h>

struct slice
slice_of(const char *text)
{
	return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

struct slice
slice_make(const char *data, size_t len)
{
	return (struct slice){data, len};
}

struct slice
slice_from(struct slice s, size_t at)
{
	if (at >= s.len)
		return (struct slice){s.data == NULL ? NULL : s.data + s.len, 0};
	return (struct slice){s.data + at, s.len - at};
}

struct slice
slice_sub(struct slice s, size_t at, size_t len)
{
	s = slice_from(s, at);
	if (s.len > len)
		s.len = len;
	return s;
}

bool
slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
slice_equal_text(struct slice a, const char *b)
{
	return slice_equal(a, slice_of(b));
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	}
	return true;
}

bool
slice_equal_text_nocase(struct slice a, const char *b)
{
	return slice_equal_nocase(a, slice_of(b));
}

bool
slice_has_prefix(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal(slice_sub(s, 0, prefix.len), prefix);
}

bool
slice_has_prefix_nocase(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal_nocase(slice_sub(s, 0, prefix.len), prefix);
}

bool
slice_has_suffix_nocase(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_equal_nocase(slice_from(s, s.len - suffix.len), suffix);
}

bool
slice_has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (ascii_is_control(s.data[i]))
			return true;
	}
	return false;
}

ptrdiff_t
slice_find(struct slice s, char c)
{
	const char *p = s.len == 0 ? NULL : memchr(s.data, c, s.len);

	return p == NULL ? -1 : p - s.data;
}

ptrdiff_t
slice_find_last(struct slice s, char c)
{
	for (size_t i = s.len; i > 0; i--) {
		if (s.data[i - 1] == c)
			return (ptrdiff_t)(i - 1);
	}
	return -1;
}

ptrdiff_t
slice_search(struct slice s, struct slice what)
{
	const char *p;

	if (what.len == 0)
		return 0;
	if (s.len < what.len)
		return -1;
	p = memmem(s.data, s.len, what.data, what.len);
	return p == NULL ? -1 : p - s.data;
}

struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

struct slice
slice_chomp(struct slice s)
{
	if (s.len > 0 && s.data[s.len - 1] == '\r')
		s.len--;
	return s;
}

bool
slice_split(struct slice *rest, char c, struct slice *part)
{
	ptrdiff_t at;

	if (rest->len == 0)
		return false;
	at = slice_find(*rest, c);
	if (at < 0) {
		*part = *rest;
		*rest = slice_from(*rest, rest->len);
	} else {
		*part = slice_sub(*rest, 0, (size_t)at);
		*rest = slice_from(*rest, (size_t)at + 1);
	}
	return true;
}

bool
slice_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && rest->data[n] != ' ' && rest->data[n] != '\t')
		n++;
	*word = slice_sub(*rest, 0, n);
	*rest = slice_trim(slice_from(*rest, n));
	return n > 0;
}

bool
slice_number(struct slice s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';

		if (digit > 9 || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*value = n;
	return true;
}

char *
slice_text_lower(struct slice s)
{
	char *text = slice_text(s);

	for (char *p = text; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return text;
}

char *
slice_text(struct slice s)
{
	return mem_text(s.data, s.len);
}

bool
slice_copy(struct slice s, char *out, size_t size)
{
	if (s.len >= size || slice_find(s, '\0') >= 0) {
		if (size > 0)
			out[0] = '\0';
		return false;
	}
	if (s.len > 0)
		memcpy(out, s.data, s.len);
	out[s.len] = '\0';
	return true;
}
