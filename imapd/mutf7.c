#include "imapd/mutf7.h"

#include "common/base/utf8.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_printable(uint32_t code)
{
	return code >= 0x20 && code <= 0x7e;
}

/* Takes one UTF-16 unit; *high holds the first half of a pair. False for what may not be. */
static bool
take_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	char octets[UTF8_LONGEST];

	if (*high != 0) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
		*high = 0;
	} else if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	} else if ((unit >= 0xdc00 && unit <= 0xdfff) || is_printable(unit)) {
		return false;
	}
	buf_add(out, octets, utf8_put(unit, octets));
	return true;
}

/* Between & and -. */
static bool
decode_shifted(struct buf *out, struct slice text)
{
	uint32_t bits = 0, high = 0;
	unsigned count = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *digit = memchr(digits, text.data[i], sizeof(digits) - 1);

		if (digit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		if (!take_unit(out, bits >> count & 0xffff, &high))
			return false;
		bits &= (1U << count) - 1;
	}
	return high == 0 && bits == 0 && count < 6;
}

bool
mutf7_decode(struct buf *out, struct slice name)
{
	size_t before = out->len;
	bool was_shifted = false;

	for (size_t i = 0; i < name.len; i++) {
		struct slice shifted;
		ptrdiff_t end;

		if (!is_printable((unsigned char)name.data[i]))
			goto wrong;
		if (name.data[i] != '&') {
			buf_add_char(out, name.data[i]);
			was_shifted = false;
			continue;
		}
		shifted = slice_from(name, i + 1);
		end = slice_find(shifted, '-');
		if (end < 0)
			goto wrong;
		i += (size_t)end + 1;
		if (end == 0) {
			buf_add_char(out, '&');
			was_shifted = false;
			continue;
		}
		/* Two runs that touch could have been one. */
		if (was_shifted || !decode_shifted(out, slice_sub(shifted, 0, (size_t)end)))
			goto wrong;
		was_shifted = true;
	}
	return true;
wrong:
	buf_truncate(out, before);
	return false;
}

struct shift {
	struct buf *out;
	uint32_t bits;
	unsigned count;
	bool is_on;
};

static void
put_unit(struct shift *s, uint32_t unit)
{
	if (!s->is_on)
		buf_add_char(s->out, '&');
	s->is_on = true;
	s->bits = s->bits << 16 | unit;
	s->count += 16;
	while (s->count >= 6) {
		s->count -= 6;
		buf_add_char(s->out, digits[s->bits >> s->count & 63]);
	}
	s->bits &= (1U << s->count) - 1;
}

static void
shift_end(struct shift *s)
{
	if (!s->is_on)
		return;
	if (s->count > 0)
		buf_add_char(s->out, digits[s->bits << (6 - s->count) & 63]);
	buf_add_char(s->out, '-');
	*s = (struct shift){.out = s->out};
}

void
mutf7_encode(struct buf *out, struct slice name)
{
	struct shift s = {.out = out};

	while (name.len > 0) {
		size_t taken;
		bool wrong = false;
		uint32_t code = utf8_next(name, &taken, &wrong);

		name = slice_from(name, taken);
		if (is_printable(code)) {
			shift_end(&s);
			buf_add_char(out, (char)code);
			if (code == '&')
				buf_add_char(out, '-');
		} else if (code >= 0x10000) {
			put_unit(&s, 0xd800 + ((code - 0x10000) >> 10));
			put_unit(&s, 0xdc00 + ((code - 0x10000) & 0x3ff));
		} else {
			put_unit(&s, code);
		}
	}
	shift_end(&s);
}
