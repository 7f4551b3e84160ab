#include "common/mail/envelope.h"

#include "tests/unit/common/mail/imap_reader.h"

UNIT_SUITE(envelope);

enum { ROOM = 60000 };

static void
check(struct slice envelope)
{
	struct slice rest = envelope;

	read_envelope(&rest);
	cr_assert_eq(rest.len, 0, "something is left: %.*s", SLICE_FMT(rest));
}

/* Of octets that end where their memory does, so that reading past them is seen. */
static void
write_tight(struct buf *out, struct slice message, size_t max)
{
	char *copy = malloc(message.len > 0 ? message.len : 1);

	memcpy(copy, message.data, message.len);
	envelope_write(out, slice_make(copy, message.len), max);
	free(copy);
}

#define NILS(n) NILS_##n
#define NILS_3 " NIL NIL NIL"
#define NILS_6 NILS_3 NILS_3

Test(envelope, written)
{
	const struct {
		struct slice header;
		const char *want;
	} cases[] = {
	    {SLICE(""), "(NIL NIL" NILS(6) " NIL NIL)"},
	    {SLICE("\r\nSubject: in the body\r\n"), "(NIL NIL" NILS(6) " NIL NIL)"},
	    {SLICE("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: Fred Foobar "
		   "<foobar@Blurdybloop.example>\r\n"
		   "Subject: afternoon meeting\r\nTo: mooch@owatagu.example\r\nMessage-Id: "
		   "<B27397-0100000@b.example>\r\n"
		   "MIME-Version: 1.0\r\n\r\nhello"),
		"(\"Mon, 7 Feb 1994 21:52:25 -0800\" \"afternoon meeting\""
		" ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\"))"
		" ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\"))"
		" ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\"))"
		" ((NIL NIL \"mooch\" \"owatagu.example\")) NIL NIL NIL "
		"\"<B27397-0100000@b.example>\")"},
	    {SLICE("from: a@b\r\nSender: c@d\r\nReply-To: e@f, g@h\r\nCC: i@j\r\nBcc: "
		   "k@l\r\nIn-Reply-To: <m@n>\r\n\r\n"),
		"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"e\" "
		"\"f\")(NIL NIL \"g\" \"h\"))"
		" NIL ((NIL NIL \"i\" \"j\")) ((NIL NIL \"k\" \"l\")) \"<m@n>\" NIL)"},
	    {SLICE("Subject:\r\nFrom: \r\nSender: a@b\r\nTo: ()\r\nMessage-ID: \r\n\r\n"),
		"(NIL \"\" NIL ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL \"\")"},
	    {SLICE("From: a@b\r\nSender:\r\nReply-To: ,\r\n\r\n"),
		"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
		"NIL NIL NIL NIL NIL)"},
	    {SLICE("To: A Group: Ed <joe@where.test>, x@y;, z@w\r\nCc: Undisclosed "
		   "recipients:;\r\n\r\n"),
		"(NIL NIL" NILS(
		    3) " ((NIL NIL \"A Group\" NIL)(\"Ed\" NIL \"joe\" \"where.test\")(NIL NIL "
		       "\"x\" \"y\")"
		       "(NIL NIL NIL NIL)(NIL NIL \"z\" \"w\"))"
		       " ((NIL NIL \"Undisclosed recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL)"},
	    {SLICE("Subject: folded\r\n\there\n and  there \r\nMessage-ID: \r\n\t<a@b>\r\n\r\n"),
		"(NIL \"folded\there and  there\"" NILS(6) " NIL \"<a@b>\")"},
	    {SLICE("Subject: one\r\nsubject: two\r\n\r\n"), "(NIL \"one\"" NILS(6) " NIL NIL)"},
	    {SLICE("Subject: =?utf-8?Q?=C3=BC?= stays\r\n\r\n"),
		"(NIL \"=?utf-8?Q?=C3=BC?= stays\"" NILS(6) " NIL NIL)"},
	    {SLICE("Subject: \"a\\b\"\r\n\r\n"), "(NIL \"\\\"a\\\\b\\\"\"" NILS(6) " NIL NIL)"},
	    {SLICE("Subject: n\0ul \xC3\xBC\r\n\r\n"),
		"(NIL {6}\r\nnul \xC3\xBC" NILS(6) " NIL NIL)"},
	    {SLICE("To: \"Gr\xC3\xBC\xC3\x9F\" <a@b>\r\n\r\n"),
		"(NIL NIL" NILS(
		    3) " (({6}\r\nGr\xC3\xBC\xC3\x9F NIL \"a\" \"b\")) NIL NIL NIL NIL)"},
	    {SLICE("To: \"O\\\"Neill, X\" <\"a b\"@c>\r\n\r\n"),
		"(NIL NIL" NILS(3) " ((\"O\\\"Neill, X\" NIL \"a b\" \"c\")) NIL NIL NIL NIL)"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		write_tight(&out, cases[i].header, ROOM);
		cr_assert_str_eq(buf_text(&out), cases[i].want, "case %zu: %s", i, buf_text(&out));
		check(buf_slice(&out));
	}
	buf_fini(&out);
}

/* M10, M11, M14: whatever stands in the fields, and wherever the octets end. */
Test(envelope, is_always_well_formed)
{
	static const char *const fields[] = {"Date", "Subject", "From", "Sender", "Reply-To", "To",
	    "Cc", "Bcc", "In-Reply-To", "Message-ID"};
	const struct slice values[] = {
	    SLICE("g:h:;;"),
	    SLICE("<@x,@y:z@\""),
	    SLICE("<>"),
	    SLICE("x:"),
	    SLICE(":;"),
	    SLICE("a:b@c"),
	    SLICE("\"open"),
	    SLICE("(open"),
	    SLICE("<open"),
	    SLICE("@"),
	    SLICE("a@"),
	    SLICE("@b"),
	    SLICE("<a@b"),
	    SLICE("a b c"),
	    SLICE("a@b@c"),
	    SLICE("\\"),
	    SLICE("("),
	    SLICE("\""),
	    SLICE("="),
	    SLICE("&"),
	    SLICE("\r"),
	    SLICE("a\rb"),
	    SLICE(":"),
	    SLICE("\xC3"),
	    SLICE("\0"),
	    SLICE("a\0b@c"),
	    SLICE("x: a@b, y: c@d; e@f;;, g@h"),
	    SLICE("NIL"),
	    SLICE("{3}"),
	    SLICE("\"\\"),
	    SLICE(",,,"),
	    SLICE("\"a\r\n b\" <c@d>"),
	    SLICE("a\n b@c"),
	    SLICE("<a@[1.2.3.4]>"),
	    SLICE("Me <a@b> (x) <c@d>"),
	};
	struct buf message = {0}, out = {0};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
			for (int ended = 0; ended < 2; ended++) {
				buf_clear(&message);
				buf_clear(&out);
				buf_printf(&message, "%s: ", fields[f]);
				buf_add_slice(&message, values[i]);
				buf_add_text(&message, ended ? "\r\n\r\n" : "");
				write_tight(&out, buf_slice(&message), ROOM);
				check(buf_slice(&out));
			}
		}
	}
	buf_fini(&message);
	buf_fini(&out);
}

/* Where one field is long, the others leave it their room. */
Test(envelope, has_as_many_recipients_as_fit)
{
	struct buf message = {0}, out = {0}, to = {0};
	size_t kept = 0;

	buf_add_text(&message, "From: a@x.test\r\nSubject: to all\r\nTo: b@x.test");
	for (int i = 0; i < 4000; i++)
		buf_printf(&message, ",\r\n user%d@x.test", i);
	buf_add_text(&message, "\r\nCc: c@x.test\r\n\r\n");
	write_tight(&out, buf_slice(&message), 60000);
	cr_assert(out.len <= 60000 && out.len > 59000, "%zu", out.len);
	cr_assert(envelope_read(buf_slice(&out), ENVELOPE_TO, &to));
	for (size_t i = 0; i < to.len; i++)
		kept += to.data[i] == '@';
	cr_assert_gt(kept, 1500);
	buf_clear(&to);
	cr_assert(envelope_read(buf_slice(&out), ENVELOPE_SUBJECT, &to));
	cr_slice_eq(buf_slice(&to), "to all");
	buf_clear(&to);
	cr_assert(envelope_read(buf_slice(&out), ENVELOPE_CC, &to));
	cr_slice_eq(buf_slice(&to), "<c@x.test>");
	buf_fini(&message);
	buf_fini(&out);
	buf_fini(&to);
}

/* 50,000 addresses, a megabyte of parentheses: in time, and never longer than asked. */
Test(envelope, stays_within_max, .timeout = 10)
{
	struct buf message = {0}, out = {0};

	buf_add_text(&message, "Subject: ");
	for (int i = 0; i < 30000; i++)
		buf_add_text(&message, "\"\\");
	buf_add_text(&message, "\r\nFrom: a@b\r\nTo: team:");
	for (int i = 0; i < 50000; i++)
		buf_printf(&message, "member %d <m%d@example.test>,\r\n ", i, i);
	buf_add_text(&message, "\r\nCc: ");
	for (int i = 0; i < 40000; i++)
		buf_add_text(&message, "(");
	buf_add_text(&message, "\r\nBcc: ");
	for (int i = 0; i < 1000000; i++)
		buf_add_text(&message, "b");
	buf_add_text(&message, "@c\r\n\r\n");
	for (size_t max = ENVELOPE_LEAST; max < 200000; max *= 2) {
		buf_clear(&out);
		buf_add_text(&out, "* ");
		write_tight(&out, buf_slice(&message), max);
		cr_assert(out.len <= max + 2, "%zu of %zu", out.len, max);
		check(slice_from(buf_slice(&out), 2));
	}
	cr_assert(slice_search(buf_slice(&out), SLICE("(NIL NIL \"team\" NIL)(\"member 0\"")) > 0);
	buf_fini(&message);
	buf_fini(&out);
}

Test(envelope, read_back)
{
	const struct slice header =
	    SLICE("Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nSubject: a \"quoted\" \\ one\r\n"
		  "From: \"Ann, B\" <ann@x.test>\r\nTo: b@y.test, Team: c@z.test, d@z.test;, "
		  "\xc3\xa4 <e@z.test>\r\n"
		  "Message-ID: <1@x>\r\n\r\n");
	static const struct {
		enum envelope_field field;
		const char *want;
	} cases[] = {
	    {ENVELOPE_DATE, "Fri, 20 Nov 2026 10:00:00 +0000"},
	    {ENVELOPE_SUBJECT, "a \"quoted\" \\ one"},
	    {ENVELOPE_FROM, "Ann, B <ann@x.test>"},
	    {ENVELOPE_SENDER, "Ann, B <ann@x.test>"},
	    {ENVELOPE_TO, "<b@y.test>, Team, <c@z.test>, <d@z.test>, , \xc3\xa4 <e@z.test>"},
	    {ENVELOPE_CC, NULL},
	    {ENVELOPE_IN_REPLY_TO, NULL},
	    {ENVELOPE_MESSAGE_ID, "<1@x>"},
	};
	struct buf envelope = {0};

	envelope_write(&envelope, header, ROOM);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text = {0};
		bool found = envelope_read(buf_slice(&envelope), cases[i].field, &text);

		cr_assert_eq(found, cases[i].want != NULL, "field %d", cases[i].field);
		if (found)
			cr_slice_eq(buf_slice(&text), cases[i].want);
		buf_fini(&text);
	}
	/* Whatever it is cut to, reading ends. */
	for (size_t n = 0; n <= envelope.len; n++) {
		for (int f = ENVELOPE_DATE; f <= ENVELOPE_MESSAGE_ID; f++) {
			struct buf text = {0};

			envelope_read(
			    slice_sub(buf_slice(&envelope), 0, n), (enum envelope_field)f, &text);
			buf_fini(&text);
		}
	}
	buf_fini(&envelope);
}
