#include "common/mail/bodystructure.h"

#include "tests/unit/common/mail/imap_reader.h"

#include <dirent.h>
#include <stdio.h>

UNIT_SUITE(bodystructure);

enum { ROOM = 60000 };

/* Writes both forms within max and reads them back; out is left with the full one. */
static size_t
check(struct buf *out, struct slice message, size_t max)
{
	char *copy = malloc(message.len > 0 ? message.len : 1);
	size_t parts = 0;
	struct mime m;

	if (message.len > 0)
		memcpy(copy, message.data, message.len);
	mime_init(&m, slice_make(copy, message.len));
	for (int full = 0; full < 2; full++) {
		struct slice rest;

		buf_clear(out);
		bodystructure_write(out, &m, full ? BODYSTRUCTURE_FULL : BODYSTRUCTURE_BODY, max);
		cr_assert(out->len <= max, "%zu of %zu", out->len, max);
		rest = buf_slice(out);
		parts = read_body(&rest, full, 0);
		cr_assert_eq(rest.len, 0);
		cr_assert(parts <= m.count);
	}
	mime_fini(&m);
	free(copy);
	return parts;
}

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define PLAIN "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

Test(bodystructure, written)
{
	const struct {
		struct slice message;
		const char *want;
	} cases[] = {
	    {SLICE(""), PLAIN "0 0 NIL NIL NIL NIL)"},
	    {SLICE("a: b\r\n\r\none\r\ntwo\r\n"), PLAIN "10 2 NIL NIL NIL NIL)"},
	    {SLICE("Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\nContent-Transfer-Encoding: "
		   "Quoted-Printable\r\n\r\nx"),
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"Quoted-Printable\" 1 0 "
		"NIL NIL NIL NIL)"},
	    {SLICE(
		 "Content-Type: text/x-myown; charset=us-ascii; foo=\"quoted\\\"string\"\r\n"
		 "Content-ID: <foo@bar>\r\nContent-Description:\r\n hello\r\n description\r\n"
		 "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-Disposition: inline; foo=bar\r\n"
		 "Content-Language: en, fi (Finnish),, se\r\nContent-Location: "
		 "http://localhost/x\r\n\r\nhello\r\n"),
		"(\"text\" \"x-myown\" (\"charset\" \"us-ascii\" \"foo\" \"quoted\\\"string\") "
		"\"<foo@bar>\""
		" \"hello description\" \"7bit\" 7 1 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"inline\" "
		"(\"foo\" \"bar\"))"
		" (\"en\" \"fi\" \"se\") \"http://localhost/x\")"},
	    {SLICE("Content-Type: image/png; name*0*=utf-8''%C3%BC; "
		   "name*1=\".png\"\r\nContent-Language: de\r\n"
		   "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n"),
		"(\"image\" \"png\" (\"name*\" \"utf-8''%C3%BC.png\") NIL NIL \"base64\" 0 NIL"
		" (\"attachment\" NIL) \"de\" NIL)"},
	    {SLICE(MIXED(
		 "b") "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n"),
		"(" PLAIN
		"3 0 NIL NIL NIL NIL)(\"text\" \"html\" NIL NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL)"
		" \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
	    {SLICE(MIXED("b") "nothing\r\n"), PLAIN "9 1 NIL NIL NIL NIL)"},
	    {SLICE(MIXED("b") "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: "
			      "a@b\r\n\r\nx\r\ny\r\n\r\n--b--"),
		"((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 32 (NIL \"in\" ((NIL NIL \"a\" "
		"\"b\"))"
		" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) " PLAIN
		"6 2 NIL NIL NIL NIL) 5 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL "
		"NIL)"},
	    {SLICE("Content-Type: \xC3/\"; x=\"\r\nContent-Disposition: "
		   ";filename=x\r\nContent-ID:\r\n\r\n"),
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") \"\" NIL \"7bit\" 0 0 NIL NIL NIL "
		"NIL)"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(&out, cases[i].message, ROOM);
		cr_assert_str_eq(buf_text(&out), cases[i].want, "case %zu: %s", i, buf_text(&out));
	}
	buf_fini(&out);
}

Test(bodystructure, body_has_no_extension_data)
{
	struct buf out = {0};
	struct mime m;

	mime_init(&m, SLICE(MIXED("b") "--b\r\nContent-Disposition: inline\r\n\r\none\r\n--b--"));
	bodystructure_write(&out, &m, BODYSTRUCTURE_BODY, ROOM);
	cr_assert_str_eq(buf_text(&out), "(" PLAIN "3 0) \"mixed\")");
	mime_fini(&m);
	buf_fini(&out);
}

/* M1 to M6, M13 and M14: well-formed, bounded, in time. */
Test(bodystructure, hostile_messages, .timeout = 20)
{
	struct buf text = {0}, out = {0};

	for (int i = 0; i < 5000; i++)
		buf_printf(
		    &text, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	cr_assert_eq(check(&out, buf_slice(&text), ROOM), LIMIT_MIME_DEPTH + 1);

	buf_clear(&text);
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "Subject: \xFF\r\nContent-Type: message/rfc822\r\n\r\n");
	cr_assert_eq(check(&out, buf_slice(&text), ROOM), LIMIT_MIME_DEPTH + 1);

	buf_clear(&text);
	buf_add_text(&text, MIXED("b"));
	for (int i = 0; i < 20000; i++)
		buf_add_text(&text, "--b\r\n");
	cr_assert(check(&out, buf_slice(&text), ROOM) > 100);
	cr_assert_eq(check(&out, buf_slice(&text), 4000000), LIMIT_MIME_PARTS);

	buf_clear(&text);
	for (int i = 0; i < 500; i++)
		buf_add_text(&text, MIXED("b") "--b\r\n");
	check(&out, buf_slice(&text), ROOM);

	buf_clear(&text);
	buf_add_text(&text, "Content-Type: text/plain");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, ";a*%d=\"\\\\%d\"", i, i);
	buf_add_text(&text, "\r\nContent-Disposition: x");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, ";a%d*=x'y'%%ZZ", i);
	buf_add_text(&text, "\r\nContent-Language: ");
	for (int i = 0; i < 20000; i++)
		buf_add_text(&text, "en,");
	buf_add_text(&text, "\r\nContent-Description: ");
	for (int i = 0; i < 100000; i++)
		buf_add_text(&text, "\"\r\n ");
	buf_add_text(&text, "\r\n\r\nx");
	check(&out, buf_slice(&text), ROOM);
	check(&out, buf_slice(&text), BODYSTRUCTURE_LEAST);
	buf_fini(&text);
	buf_fini(&out);
}

/* In every container, one part that is too much for the room that is left. */
Test(bodystructure, stays_within_max, .timeout = 20)
{
	struct buf text = {0}, out = {0};

	for (int i = 0; i < 60; i++) {
		buf_printf(&text,
		    "Subject: %d\r\nContent-Type: multipart/mix\\ed; boundary=b%d\r\n\r\n--b%d\r\n",
		    i, i, i);
		buf_printf(&text, "Content-Type: text/plain; name=\"%0500d\"\r\n\r\n", i);
		buf_printf(&text, "--b%d\r\nContent-Type: message/rfc822\r\n\r\n", i);
	}
	for (size_t max = BODYSTRUCTURE_LEAST; max < 200000; max += max / 3)
		check(&out, buf_slice(&text), max);
	cr_assert_eq(check(&out, buf_slice(&text), 200000), LIMIT_MIME_DEPTH * 3 / 2 + 1);
	buf_fini(&text);
	buf_fini(&out);
}

static char *
read_file(const char *folder, const char *name, size_t *len)
{
	char path[4096], *text;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	cr_assert_not_null(f, "%s", path);
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	text = malloc(*len + 1);
	cr_assert_eq(fread(text, 1, *len, f), *len);
	fclose(f);
	return text;
}

/* Every message of the folder, as it is, with CRLF, and cut at many places. */
Test(bodystructure, messages_of_the_folder, .timeout = 60)
{
	DIR *folder = opendir(MAIL_TEST_DATA);
	struct buf out = {0}, text = {0};
	struct dirent *entry;
	size_t seen = 0;

	cr_assert_not_null(folder, "%s", MAIL_TEST_DATA);
	while ((entry = readdir(folder)) != NULL) {
		struct slice name = slice_of(entry->d_name), rest, line;
		size_t len;
		char *data;

		if (!slice_has_suffix_nocase(name, SLICE(".eml")))
			continue;
		data = read_file(MAIL_TEST_DATA, entry->d_name, &len);
		check(&out, slice_make(data, len), ROOM);
		buf_clear(&text);
		rest = slice_make(data, len);
		while (slice_split(&rest, '\n', &line)) {
			if (line.len > 0 && line.data[line.len - 1] == '\r')
				line.len--;
			buf_add_slice(&text, line);
			buf_add_text(&text, "\r\n");
		}
		check(&out, buf_slice(&text), ROOM);
		for (size_t cut = 0; cut < len; cut += 1 + len / 100)
			check(&out, slice_make(data, cut), ROOM);
		free(data);
		seen++;
	}
	closedir(folder);
	buf_fini(&out);
	buf_fini(&text);
	cr_assert(seen >= 8, "%zu messages", seen);
}
