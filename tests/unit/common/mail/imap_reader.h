/*
 * Reads ENVELOPE and BODYSTRUCTURE by the grammar of RFC 9051 9, strictly, and knows nothing of
 * how they are written. Every function takes its item off the cursor, or fails the test: by
 * Criterion, or by what READ_CHECK(condition, ...) was made before.
 */
#ifndef TESTS_UNIT_COMMON_MAIL_IMAP_READER_H
#define TESTS_UNIT_COMMON_MAIL_IMAP_READER_H

#include "common/base/limits.h"
#ifndef READ_CHECK
#include "tests/unit/unit.h"
#define READ_CHECK(...) cr_assert(__VA_ARGS__)
#endif

static inline bool
read_if(struct slice *s, const char *text)
{
	if (!slice_has_prefix(*s, slice_of(text)))
		return false;
	*s = slice_from(*s, strlen(text));
	return true;
}

static inline void
read_this(struct slice *s, const char *text)
{
	READ_CHECK(read_if(s, text), "wanted %s at: %.*s", text, SLICE_FMT(slice_sub(*s, 0, 60)));
}

static inline uint64_t
read_number(struct slice *s)
{
	size_t len = 0;
	uint64_t n;

	while (len < s->len && s->data[len] >= '0' && s->data[len] <= '9')
		len++;
	READ_CHECK(slice_number(slice_sub(*s, 0, len), UINT32_MAX, &n), "no number at: %.*s",
	    SLICE_FMT(slice_sub(*s, 0, 60)));
	*s = slice_from(*s, len);
	return n;
}

/* Gives the octets, escapes and all. */
static inline struct slice
read_string(struct slice *s)
{
	struct slice text;
	size_t len = 0;

	if (read_if(s, "{")) {
		len = (size_t)read_number(s);
		read_this(s, "}\r\n");
		READ_CHECK(len <= s->len, "a literal ends after the end");
		text = slice_sub(*s, 0, len);
		READ_CHECK(slice_find(text, '\0') < 0);
		*s = slice_from(*s, len);
		return text;
	}
	read_this(s, "\"");
	while (len < s->len && s->data[len] != '"') {
		unsigned char c = (unsigned char)s->data[len];

		READ_CHECK(c != 0 && c != '\r' && c != '\n' && c < 0x80, "octet %u is quoted", c);
		if (c == '\\') {
			len++;
			READ_CHECK(len < s->len && (s->data[len] == '"' || s->data[len] == '\\'));
		}
		len++;
	}
	text = slice_sub(*s, 0, len);
	*s = slice_from(*s, len);
	read_this(s, "\"");
	return text;
}

static inline bool
read_nstring(struct slice *s)
{
	if (read_if(s, "NIL"))
		return false;
	read_string(s);
	return true;
}

static inline void
read_addresses(struct slice *s)
{
	bool in_group = false;

	if (read_if(s, "NIL"))
		return;
	read_this(s, "(");
	do {
		bool name, local, domain;

		read_this(s, "(");
		name = read_nstring(s);
		read_this(s, " ");
		read_nstring(s);
		read_this(s, " ");
		local = read_nstring(s);
		read_this(s, " ");
		domain = read_nstring(s);
		read_this(s, ")");
		if (!domain) {
			READ_CHECK(!name);
			READ_CHECK(local != in_group, "groups do not end as they begin");
			in_group = local;
		} else {
			READ_CHECK(local);
		}
	} while (!read_if(s, ")"));
	READ_CHECK(!in_group);
}

static inline void
read_envelope(struct slice *s)
{
	read_this(s, "(");
	read_nstring(s);
	read_this(s, " ");
	read_nstring(s);
	for (int i = 0; i < 6; i++) {
		read_this(s, " ");
		read_addresses(s);
	}
	read_this(s, " ");
	read_nstring(s);
	read_this(s, " ");
	read_nstring(s);
	read_this(s, ")");
}

static inline void
read_params(struct slice *s)
{
	if (read_if(s, "NIL"))
		return;
	read_this(s, "(");
	do {
		read_string(s);
		read_this(s, " ");
		read_string(s);
	} while (read_if(s, " "));
	read_this(s, ")");
}

static inline void
read_extension(struct slice *s)
{
	read_this(s, " ");
	if (!read_if(s, "NIL")) {
		read_this(s, "(");
		read_string(s);
		read_this(s, " ");
		read_params(s);
		read_this(s, ")");
	}
	read_this(s, " ");
	if (read_if(s, "(")) {
		do {
			read_string(s);
		} while (read_if(s, " "));
		read_this(s, ")");
	} else {
		read_nstring(s);
	}
	read_this(s, " ");
	read_nstring(s);
}

/* Gives the number of parts. */
static inline size_t
read_body(struct slice *s, bool full, unsigned depth)
{
	size_t parts = 1;
	struct slice type, subtype;

	READ_CHECK(depth <= LIMIT_MIME_DEPTH);
	read_this(s, "(");
	if (s->len > 0 && s->data[0] == '(') {
		while (s->len > 0 && s->data[0] == '(')
			parts += read_body(s, full, depth + 1);
		read_this(s, " ");
		read_string(s);
		if (full) {
			read_this(s, " ");
			read_params(s);
			read_extension(s);
		}
		read_this(s, ")");
		return parts;
	}
	type = read_string(s);
	read_this(s, " ");
	subtype = read_string(s);
	read_this(s, " ");
	read_params(s);
	read_this(s, " ");
	read_nstring(s);
	read_this(s, " ");
	read_nstring(s);
	read_this(s, " ");
	read_string(s);
	read_this(s, " ");
	read_number(s);
	READ_CHECK(!slice_equal_text_nocase(type, "multipart"));
	if (slice_equal_text_nocase(type, "message") &&
	    slice_equal_text_nocase(subtype, "rfc822")) {
		read_this(s, " ");
		read_envelope(s);
		read_this(s, " ");
		parts += read_body(s, full, depth + 1);
		read_this(s, " ");
		read_number(s);
	} else if (slice_equal_text_nocase(type, "text")) {
		read_this(s, " ");
		read_number(s);
	}
	if (full) {
		read_this(s, " ");
		read_nstring(s);
		read_extension(s);
	}
	read_this(s, ")");
	return parts;
}

#endif
