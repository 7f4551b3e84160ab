#include "common/mail/mime.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "tests/unit/unit.h"

UNIT_SUITE(mime);

static void
show_part(const struct mime *m, uint32_t part, struct buf *out)
{
	const struct mime_part *p = &m->parts[part];

	buf_add_slice(out, p->type);
	buf_add_char(out, '/');
	buf_add_slice(out, p->subtype);
	if (p->kind == MIME_LEAF) {
		buf_add_char(out, '[');
		buf_add_slice(out, mime_body(m, part));
		buf_printf(out, "]%zu", p->lines);
		return;
	}
	buf_add_char(out, '(');
	for (uint32_t i = p->child; i != MIME_NONE; i = m->parts[i].next) {
		cr_assert_eq(m->parts[i].parent, part);
		if (i != p->child)
			buf_add_char(out, ' ');
		show_part(m, i, out);
	}
	buf_add_char(out, ')');
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

struct tree {
	struct slice message;
	const char *want;
};

/* On the heap and of that size alone, so that reading past the end is seen. */
static void
check_trees(const struct tree *trees, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice message = trees[i].message;
		char *copy = malloc(message.len > 0 ? message.len : 1);
		struct buf out = {0};
		struct mime m;

		memcpy(copy, message.data, message.len);
		mime_init(&m, slice_make(copy, message.len));
		show_part(&m, 0, &out);
		cr_assert_str_eq(buf_text(&out), trees[i].want, "tree %zu: %s", i, buf_text(&out));
		mime_fini(&m);
		buf_fini(&out);
		free(copy);
	}
}

#define CHECK_TREES(trees) check_trees((trees), sizeof(trees) / sizeof((trees)[0]))

Test(mime, one_part)
{
	const struct tree trees[] = {
	    {SLICE(""), "text/plain[]0"},
	    {SLICE("Subject: x"), "text/plain[]0"},
	    {SLICE("Content-Type: text/html"), "text/html[]0"},
	    {SLICE("\r\n"), "text/plain[]0"},
	    {SLICE("a: b\r\n\r\none\r\ntwo\r\n"), "text/plain[one\r\ntwo\r\n]2"},
	    {SLICE("a: b\n\none\ntwo"), "text/plain[one\ntwo]1"},
	    {SLICE("\nbody"), "text/plain[body]0"},
	    {SLICE("Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx"),
		"text/html[x]0"},
	    {SLICE("Content-Type\t:\r\n image/png;\r\n x=y\r\n\r\nx"), "image/png[x]0"},
	    {SLICE("Content-Type: nonsense\r\n\r\nx"), "text/plain[x]0"},
	};

	CHECK_TREES(trees);
}

Test(mime, multiparts)
{
	const struct tree trees[] = {
	    {SLICE(MIXED "pre\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\npost"),
		"multipart/mixed(text/plain[one]0 text/plain[two]0)"},
	    /* Line ends, blanks after the boundary, an end that never comes. */
	    {SLICE(MIXED "--b \t\n\none\n\n--b\r\n\ntwo\r\nlines\r\n"),
		"multipart/mixed(text/plain[one\n]1 text/plain[two\r\nlines\r\n]2)"},
	    /* Parts without body, without header, without anything. */
	    {SLICE(MIXED "--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b\r\n\r\n\r\n--b--"),
		"multipart/mixed(text/plain[]0 text/plain[]0 text/plain[]0 text/plain[]0)"},
	};

	CHECK_TREES(trees);
}

Test(mime, broken_boundaries)
{
	const struct tree trees[] = {
	    /* No boundary where one is needed: the text is shown. */
	    {SLICE(MIXED "just text\r\n"), "text/plain[just text\r\n]1"},
	    {SLICE(MIXED "--b--\r\n"), "text/plain[--b--\r\n]1"},
	    {SLICE("Content-Type: multipart/mixed\r\n\r\n--b\r\n"), "text/plain[--b\r\n]1"},
	    {SLICE("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx"),
		"text/plain[--\r\n\r\nx]2"},
	    {SLICE("Content-Type: multipart/mixed; boundary=\"  \"\r\n\r\n--\r\n"),
		"text/plain[--\r\n]1"},
	    {SLICE("Content-Type: multipart/mixed; boundary=b\r\n"), "text/plain[]0"},
	    {SLICE("Content-Type: message/rfc822"), "text/plain[]0"},
	};

	CHECK_TREES(trees);
}

Test(mime, boundaries_that_are_alike)
{
	const struct tree trees[] = {
	    /* An inner boundary that begins with the outer one, and the reverse. */
	    {SLICE(MIXED "--b\r\nContent-Type: multipart/x; "
			 "boundary=bb\r\n\r\n--bb\r\n\r\n1\r\n--bb--\r\n--b\r\n\r\n2\r\n--b--"),
		"multipart/mixed(multipart/x(text/plain[1]0) text/plain[2]0)"},
	    {SLICE("Content-Type: multipart/x; boundary=bb\r\n\r\n--bb\r\n" MIXED
		   "--b\r\n\r\n1\r\n--bb\r\n\r\n2\r\n--bb--"),
		"multipart/x(multipart/mixed(text/plain[1]0) text/plain[2]0)"},
	    {SLICE("Content-Type: multipart/x; boundary=\"b--\"\r\n\r\n--b--\r\n\r\n1\r\n--b----"),
		"multipart/x(text/plain[1]0)"},
	    /* An outer boundary ends the inner ones. */
	    {SLICE(MIXED "--b\r\nContent-Type: multipart/x; "
			 "boundary=i\r\n\r\n--i\r\n\r\n1\r\n--b\r\n\r\n--i\r\n2\r\n--b--"),
		"multipart/mixed(multipart/x(text/plain[1]0) text/plain[--i\r\n2]1)"},
	    /* After its end a boundary means nothing. */
	    {SLICE(MIXED "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n"),
		"multipart/mixed(text/plain[1]0)"},
	    {SLICE(MIXED " --b\r\n--b\r\n\r\n1 --b\r\n-b\r\n--bx\r\n--B\r\n"),
		"multipart/mixed(text/plain[1 --b\r\n-b\r\n--bx\r\n--B\r\n]4)"},
	    /* RFC 2231 boundary in pieces. */
	    {SLICE("Content-Type: multipart/x; boundary*1=c; "
		   "boundary*0=b\r\n\r\n--bc\r\n\r\n1\r\n--bc--"),
		"multipart/x(text/plain[1]0)"},
	    {SLICE(
		 "Content-Type: multipart/x; boundary*=us-ascii'en'b\r\n\r\n--b\r\n\r\n1\r\n--b--"),
		"multipart/x(text/plain[1]0)"},
	};

	CHECK_TREES(trees);
}

Test(mime, messages_in_messages)
{
	const struct tree trees[] = {
	    {SLICE("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"),
		"message/rfc822(text/plain[body]0)"},
	    {SLICE("Content-Type: message/rfc822\r\n\r\n"), "message/rfc822(text/plain[]0)"},
	    {SLICE(MIXED
		 "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/x; "
		 "boundary=i\r\n\r\n"
		 "--i\r\n\r\n1\r\n--i--\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n--b--"),
		"multipart/mixed(message/rfc822(multipart/x(text/plain[1]0)) "
		"message/rfc822(text/plain[]0))"},
	    {SLICE("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: "
		   "x\r\n\r\none\r\n--b\r\n"
		   "Content-Type: text/plain\r\n\r\ntwo\r\n--b--"),
		"multipart/digest(message/rfc822(text/plain[one]0) text/plain[two]0)"},
	};

	CHECK_TREES(trees);
}

Test(mime, first_field_wins_and_is_kept)
{
	struct mime m;
	struct slice message = SLICE(
	    "content-ID: <1>\r\nContent-Transfer-Encoding: (c) BASE64\r\n"
	    "Content-Transfer-Encoding: 8bit\r\nContent-Description: one\r\n two\r\n"
	    "Content-Descriptions: no\r\nX-Content-ID: no\r\n folded\r\nContent-MD5:\r\n\r\nx");

	mime_init(&m, message);
	cr_assert_eq(m.parts[0].encoding, ENCODING_BASE64);
	cr_slice_eq(m.parts[0].fields[MIME_ID], " <1>");
	cr_slice_eq(m.parts[0].fields[MIME_DESCRIPTION], " one\r\n two");
	cr_slice_eq(m.parts[0].fields[MIME_MD5], "");
	cr_assert_not_null(m.parts[0].fields[MIME_MD5].data);
	cr_assert_null(m.parts[0].fields[MIME_LANGUAGE].data);
	cr_assert_eq(mime_header(&m, 0).len, message.len - 1);
	mime_fini(&m);
}

/* The tree that RFC 9051 6.4.5.1 numbers. */
static const char example[] =
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\n\r\none\r\n"
    "--a\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: three\r\nContent-Type: multipart/mixed; "
    "boundary=c\r\n\r\n"
    "--c\r\n\r\nthree.one\r\n--c\r\nX: y\r\n\r\nthree.two\r\n--c--\r\n"
    "--a\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
    "--d\r\nContent-Type: image/gif\r\n\r\nfour.one\r\n"
    "--d\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n"
    "--e\r\n\r\nfour.two.one\r\n"
    "--e\r\nContent-Type: multipart/alternative; boundary=f\r\n\r\n"
    "--f\r\n\r\nfour.two.two.one\r\n--f\r\nContent-Type: "
    "text/richtext\r\n\r\nfour.two.two.two\r\n--f--\r\n"
    "--e--\r\n--d--\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: five\r\n\r\nfive.one\r\n--a--\r\n";

Test(mime, sections)
{
	const struct {
		const char *section, *body;
	} cases[] = {
	    {"1", "one"},
	    {"2", "two"},
	    {"3.1", "three.one"},
	    {"3.2", "three.two"},
	    {"4.1", "four.one"},
	    {"4.2.1", "four.two.one"},
	    {"4.2.2.1", "four.two.two.one"},
	    {"4.2.2.2", "four.two.two.two"},
	    {"5.1", "five.one"},
	    {"5", "Subject: five\r\n\r\nfive.one"},
	    {"6", NULL},
	    {"0", NULL},
	    {"1.1", NULL},
	    {"3.3", NULL},
	    {"5.1.1", NULL},
	    {"5.2", NULL},
	    {"4.2.3", NULL},
	    {"1.", NULL},
	    {".1", NULL},
	    {"1..1", NULL},
	    {"-1", NULL},
	    {"x", NULL},
	    {"4294967297", NULL},
	    {"99999999999999999999999", NULL},
	};
	struct mime m;
	uint32_t three;

	mime_init(&m, slice_of(example));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t part = mime_find(&m, slice_of(cases[i].section));

		cr_assert_eq(part == MIME_NONE, cases[i].body == NULL, "%s", cases[i].section);
		if (part != MIME_NONE)
			cr_slice_eq(mime_body(&m, part), cases[i].body);
	}
	cr_assert_eq(mime_find(&m, SLICE("")), 0);
	three = mime_find(&m, SLICE("3"));
	cr_assert_eq(m.parts[three].kind, MIME_MESSAGE);
	cr_slice_eq(mime_header(&m, three), "Content-Type: message/rfc822\r\n\r\n");
	cr_assert(
	    slice_has_prefix(mime_header(&m, m.parts[three].child), SLICE("Subject: three\r\n")));
	cr_slice_eq(mime_header(&m, mime_find(&m, SLICE("3.2"))), "X: y\r\n\r\n");
	mime_fini(&m);
}

Test(mime, a_message_that_is_no_multipart_is_its_part_1)
{
	struct mime m;

	mime_init(&m, SLICE("A: b\r\n\r\nx"));
	cr_assert_eq(mime_find(&m, SLICE("1")), 0);
	cr_assert_eq(mime_find(&m, SLICE("1.1")), MIME_NONE);
	cr_assert_eq(mime_find(&m, SLICE("2")), MIME_NONE);
	mime_fini(&m);

	/* A message that is nothing but another. */
	mime_init(&m, SLICE("Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx"));
	cr_assert_eq(mime_find(&m, SLICE("1")), 0);
	cr_assert_eq(mime_find(&m, SLICE("1.1")), 1);
	cr_assert_eq(mime_find(&m, SLICE("1.1.1")), MIME_NONE);
	mime_fini(&m);
}

static void
check_bounds(const struct mime *m)
{
	cr_assert(m->count <= LIMIT_MIME_PARTS);
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		cr_assert(p->depth <= LIMIT_MIME_DEPTH);
		cr_assert(p->body + p->body_len <= m->octets.len);
		cr_assert(p->header + p->header_len <= m->octets.len);
		cr_assert_eq(p->kind != MIME_LEAF, p->child != MIME_NONE);
		if (p->parent != MIME_NONE) {
			const struct mime_part *up = &m->parts[p->parent];

			cr_assert(p->parent < i);
			cr_assert(p->header >= up->body);
			cr_assert(p->body + p->body_len <= up->body + up->body_len);
		}
	}
}

/* M1, M2, M3 and M4 of the hostile messages: the limits hold, and what is past them is opaque. */
Test(mime, limits, .timeout = 20)
{
	struct buf text = {0};
	struct mime m;

	for (int i = 0; i < 5000; i++)
		buf_printf(
		    &text, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	mime_init(&m, buf_slice(&text));
	check_bounds(&m);
	cr_assert_eq(m.count, LIMIT_MIME_DEPTH + 1);
	cr_slice_eq(m.parts[LIMIT_MIME_DEPTH].subtype, "octet-stream");
	cr_assert_eq(m.parts[LIMIT_MIME_DEPTH].body + m.parts[LIMIT_MIME_DEPTH].body_len, text.len);
	mime_fini(&m);

	buf_clear(&text);
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "Content-Type: message/rfc822\r\n\r\n");
	mime_init(&m, buf_slice(&text));
	check_bounds(&m);
	cr_assert_eq(m.count, LIMIT_MIME_DEPTH + 1);
	mime_fini(&m);

	buf_clear(&text);
	buf_add_text(&text, MIXED);
	for (int i = 0; i < 20000; i++)
		buf_add_text(
		    &text, i % 7 == 0 ? "--b\r\nContent-Type: message/rfc822\r\n\r\n" : "--b\r\n");
	mime_init(&m, buf_slice(&text));
	check_bounds(&m);
	cr_assert_eq(m.count, LIMIT_MIME_PARTS);
	cr_slice_eq(m.parts[m.count - 1].type, "application");
	cr_assert_eq(m.parts[m.count - 1].body + m.parts[m.count - 1].body_len, text.len);
	mime_fini(&m);

	buf_clear(&text);
	for (int i = 0; i < 500; i++)
		buf_add_text(&text, MIXED "--b\r\n");
	for (int i = 0; i < 300000; i++)
		buf_add_text(&text, "--b \n--x\n--c--\n");
	mime_init(&m, buf_slice(&text));
	check_bounds(&m);
	mime_fini(&m);

	buf_clear(&text);
	buf_add_text(&text, "Content-Type: multipart/mixed; boundary=");
	for (int i = 0; i < 5000; i++)
		buf_add_char(&text, 'b');
	buf_add_text(&text, "\r\n\r\n--b\r\n");
	mime_init(&m, buf_slice(&text));
	cr_assert_eq(m.count, 1);
	mime_fini(&m);
	buf_fini(&text);
}

/* Every prefix of a message is a message. */
Test(mime, cut_anywhere)
{
	for (size_t len = 0; len < sizeof(example); len++) {
		char *copy = malloc(len > 0 ? len : 1);
		struct mime m;

		memcpy(copy, example, len);
		mime_init(&m, slice_make(copy, len));
		check_bounds(&m);
		mime_fini(&m);
		free(copy);
	}
}
