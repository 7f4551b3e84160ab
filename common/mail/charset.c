#include "common/mail/charset.h"

#include "common/base/ascii.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum {
	CONVERT_STEP = 1024, /* octets of room that iconv gets at a time */
	FOLD_WINDOW = 64,    /* characters that are put in canonical order together */
	FOLD_EXPANSION = 32, /* characters that one may decompose into: U+FDFA gives 18 */
};

enum family { FAMILY_UTF8, FAMILY_ASCII, FAMILY_WINDOWS_1252, FAMILY_ICONV, FAMILY_UNKNOWN };

/* The converters that every message needs are ours: no iconv_open(3), no file to load. */
static enum family
family_of(struct slice name)
{
	static const struct {
		const char *name;
		enum family family;
	} names[] = {
	    {"utf-8", FAMILY_UTF8},
	    {"utf8", FAMILY_UTF8},
	    {"us-ascii", FAMILY_ASCII},
	    {"ascii", FAMILY_ASCII},
	    {"iso-8859-1", FAMILY_WINDOWS_1252},
	    {"latin1", FAMILY_WINDOWS_1252},
	    {"windows-1252", FAMILY_WINDOWS_1252},
	    {"cp1252", FAMILY_WINDOWS_1252},
	    /* To iconv these mean the locale or the C library's own forms. */
	    {"char", FAMILY_UNKNOWN},
	    {"wchar_t", FAMILY_UNKNOWN},
	    {"internal", FAMILY_UNKNOWN},
	};

	if (name.len == 0 || name.len > CHARSET_NAME)
		return FAMILY_UNKNOWN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_equal_text_nocase(name, names[i].name))
			return names[i].family;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!ascii_is_alnum(c) && (i == 0 || memchr("-_.:+", c, 5) == NULL))
			return FAMILY_UNKNOWN;
	}
	return FAMILY_ICONV;
}

static bool
open_converter(struct slice name, iconv_t *converter)
{
	char text[CHARSET_NAME + 1];

	if (!slice_copy(name, text, sizeof(text)))
		return false;
	*converter = iconv_open("UTF-8", text);
	return *converter != (iconv_t)-1;
}

/* What is open stays loaded, and serves whatever name of it is asked for later. */
void
charset_prepare(void)
{
	/* clang-format off */
	static const char *const names[] = {
	    "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7",
	    "iso-8859-8", "iso-8859-9", "iso-8859-10", "iso-8859-11", "iso-8859-13",
	    "iso-8859-14", "iso-8859-15", "iso-8859-16", "windows-1250", "windows-1251",
	    "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
	    "windows-1258", "koi8-r", "koi8-u", "macintosh", "ibm437", "ibm850", "ibm852",
	    "ibm866", "tis-620", "cp874", "viscii", "big5", "big5-hkscs", "gb2312", "gbk",
	    "gb18030", "iso-2022-cn", "euc-tw", "euc-kr", "cp949", "iso-2022-kr",
	    "euc-jp", "shift_jis", "cp932", "iso-2022-jp", "iso-2022-jp-2", "utf-7", "utf-16",
	    "utf-32",
	};
	/* clang-format on */
	static iconv_t kept[sizeof(names) / sizeof(names[0])];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && kept[i] == NULL; i++)
		kept[i] = iconv_open("UTF-8", names[i]);
}

static void
add_code(struct buf *out, uint32_t code)
{
	char octets[UTF8_LONGEST];

	buf_add(out, octets, utf8_put(code, octets));
}

/* Copies what is UTF-8 and replaces what is not. */
static void
add_utf8(struct slice s, struct buf *out)
{
	if (utf8_is_valid(s)) {
		buf_add_slice(out, s);
		return;
	}
	while (s.len > 0) {
		size_t taken;
		bool wrong;
		uint32_t code = utf8_next(s, &taken, &wrong);

		add_code(out, code);
		s = slice_from(s, taken);
	}
}

static void
add_windows_1252(struct slice s, struct buf *out)
{
	/* clang-format off */
	static const uint16_t high[32] = {
	    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	    0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD,
	    0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178,
	};
	/* clang-format on */

	for (size_t at = 0; at < s.len;) {
		unsigned char c = (unsigned char)s.data[at];
		size_t run = at;

		while (run < s.len && (unsigned char)s.data[run] < 0x80)
			run++;
		buf_add(out, s.data + at, run - at);
		if (c >= 0x80) {
			add_code(out, c < 0xA0 ? high[c - 0x80] : c);
			run++;
		}
		at = run;
	}
}

static void
add_converted(iconv_t converter, struct slice s, struct buf *out)
{
	/* iconv(3) takes a pointer to char, but does not write through it. */
	char *in = (char *)(uintptr_t)s.data;
	size_t left = s.len;
	bool ending = false;

	while (left > 0 || !ending) {
		char *room = buf_room(out, CONVERT_STEP), *at = room;
		size_t space = CONVERT_STEP, n;
		int why;

		if (room == NULL)
			return;
		/* The last call, without input, takes what a stateful charset still holds. */
		ending = left == 0;
		n = iconv(converter, ending ? NULL : &in, ending ? NULL : &left, &at, &space);
		why = n == (size_t)-1 ? errno : 0;
		buf_grew(out, CONVERT_STEP - space);
		if (why == 0 || (why == E2BIG && at != room))
			continue;
		add_code(out, UTF8_REPLACEMENT);
		if (why == EINVAL || left == 0) {
			left = 0;
			continue;
		}
		in++;
		left--;
	}
}

bool
charset_is_known(struct slice name)
{
	enum family family = family_of(name);
	iconv_t converter;

	if (family != FAMILY_ICONV)
		return family != FAMILY_UNKNOWN;
	if (!open_converter(name, &converter))
		return false;
	iconv_close(converter);
	return true;
}

void
charset_guess_to_utf8(struct slice octets, struct buf *out)
{
	if (utf8_is_valid(octets))
		buf_add_slice(out, octets);
	else
		add_windows_1252(octets, out);
}

void
charset_to_utf8(struct slice name, struct slice octets, struct buf *out)
{
	iconv_t converter;

	switch (family_of(name)) {
	case FAMILY_UTF8:
		add_utf8(octets, out);
		return;
	case FAMILY_WINDOWS_1252:
		add_windows_1252(octets, out);
		return;
	case FAMILY_ICONV:
		if (open_converter(name, &converter)) {
			size_t start = out->len;

			add_converted(converter, octets, out);
			iconv_close(converter);
			/* Some converters pass on what is no character; such text is remade. */
			if (!utf8_is_valid(slice_from(buf_slice(out), start))) {
				buf_truncate(out, start);
				charset_guess_to_utf8(octets, out);
			}
			return;
		}
		break;
	case FAMILY_ASCII:
	case FAMILY_UNKNOWN:
		break;
	}
	charset_guess_to_utf8(octets, out);
}

static int
combining_class(utf8proc_int32_t code)
{
	return utf8proc_get_property(code)->combining_class;
}

/* Puts runs of combining marks in canonical order, and writes all. */
static void
fold_flush(utf8proc_int32_t *codes, size_t n, struct buf *out)
{
	for (size_t i = 1; i < n; i++) {
		utf8proc_int32_t code = codes[i];
		int class = combining_class(code);
		size_t at = i;

		while (class > 0 && at > 0 && combining_class(codes[at - 1]) > class) {
			codes[at] = codes[at - 1];
			at--;
		}
		codes[at] = code;
	}
	for (size_t i = 0; i < n; i++)
		add_code(out, (uint32_t)codes[i]);
}

/* Appends the ASCII at the start of text in lower case; gives how much that was. */
static size_t
fold_ascii(struct slice text, struct buf *out)
{
	size_t run = 0;
	char *room;

	while (run < text.len && (unsigned char)text.data[run] < 0x80)
		run++;
	room = run > 0 ? buf_room(out, run) : NULL;
	if (room == NULL)
		return run;
	for (size_t i = 0; i < run; i++)
		room[i] = ascii_lower(text.data[i]);
	buf_grew(out, run);
	return run;
}

uint32_t
charset_edition(void)
{
	unsigned major = 0, minor = 0, update = 0;

	sscanf(utf8proc_unicode_version(), "%u.%u.%u", &major, &minor, &update);
	return major << 16 | minor << 8 | update;
}

/* Adds one code of what was decomposed; marks wait for the rest of their run. */
static size_t
fold_code(utf8proc_int32_t *codes, size_t n, utf8proc_int32_t code, struct buf *out)
{
	if (n == FOLD_WINDOW || combining_class(code) == 0) {
		fold_flush(codes, n, out);
		n = 0;
	}
	codes[n] = code;
	return n + 1;
}

void
charset_casemap(struct slice text, struct buf *out)
{
	utf8proc_int32_t codes[FOLD_WINDOW], parts[FOLD_EXPANSION];
	size_t n = 0;
	int last_class = 0;

	text = slice_from(text, fold_ascii(text, out));
	while (text.len > 0) {
		size_t taken;
		bool wrong;
		utf8proc_int32_t code = (utf8proc_int32_t)utf8_next(text, &taken, &wrong);
		utf8proc_ssize_t count = utf8proc_decompose_char(code, parts, FOLD_EXPANSION,
		    UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &last_class);

		for (utf8proc_ssize_t i = 0; i < count && count <= FOLD_EXPANSION; i++)
			n = fold_code(codes, n, parts[i], out);
		text = slice_from(text, taken);
		if (text.len > 0 && (unsigned char)text.data[0] < 0x80) {
			fold_flush(codes, n, out);
			n = 0;
			text = slice_from(text, fold_ascii(text, out));
		}
	}
	fold_flush(codes, n, out);
}
