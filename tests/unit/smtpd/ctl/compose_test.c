#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "smtpd/ctl/compose.h"

UNIT_SUITE(compose);

#define DATE "Date: Fri, 20 Nov 2026 22:51:17 +0000\r\n"
#define ID "Message-ID: <0000000000001@host.test>\r\n"
#define FROM "From: Ann Example <ann@host.test>\r\n"
#define REST FROM DATE ID

static const struct {
	const char *input;
	bool takes_recipients;
	const char *output;
	const char *recipients;
} cases[] = {
    {"Subject: x\n\nbody\n", false,
	"Subject: x\r\n" REST "To: undisclosed-recipients:;\r\n\r\nbody\r\n", ""},
    {"To: a@b.test\n\nbody\n", false, "To: a@b.test\r\n" REST "\r\nbody\r\n", ""},
    {"To: a@b.test, root\nCc: Bob <bob>\nBcc: c@d.test\n\nx\n", true,
	"To: a@b.test, root@host.test\r\nCc: Bob <bob@host.test>\r\n" REST "\r\nx\r\n",
	"a@b.test\nroot@host.test\nbob@host.test\nc@d.test\n"},
    {"Bcc: c@d.test\n\nx\n", true, REST "To: undisclosed-recipients:;\r\n\r\nx\r\n", "c@d.test\n"},
    {"to: a@b.test\nBCC: x@y.test\n\n", false, "to: a@b.test\r\n" REST "\r\n", ""},
    {"From: root (Cron Daemon)\nTo: root\n\nx\n", true,
	"From: Cron Daemon <root@host.test>\r\nTo: root@host.test\r\n" DATE ID "\r\nx\r\n",
	"root@host.test\n"},
    {"From: \"A, B\" <ab>\nTo: friends: ann, b@c.test;, d@e.test\n\n", true,
	"From: \"A, B\" <ab@host.test>\r\nTo: friends: ann@host.test, b@c.test;, d@e.test\r\n" DATE
	    ID "\r\n",
	"ann@host.test\nb@c.test\nd@e.test\n"},
    {"To: a@b.test\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-Id: <x@y>\nFrom: z@y.test\n\n",
	false,
	"To: a@b.test\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-Id: <x@y>\r\nFrom: "
	"z@y.test\r\n\r\n",
	""},
    {"From ann Fri Nov 20 22:51:17 2026\nTo: a@b.test\n\nx\n", false,
	"To: a@b.test\r\n" REST "\r\nx\r\n", ""},
    {"To: a@b.test\nthis is the body\nTo: c@d.test\n", true,
	"To: a@b.test\r\n" REST "\r\nthis is the body\r\nTo: c@d.test\r\n", "a@b.test\n"},
    {"no header at all\n", false, REST "To: undisclosed-recipients:;\r\n\r\nno header at all\r\n",
	""},
    {"", false, REST "To: undisclosed-recipients:;\r\n\r\n", ""},
    {"To: a@b.test,\n\tc@d.test\n\nx", true, "To: a@b.test,\r\n\tc@d.test\r\n" REST "\r\nx\r\n",
	"a@b.test\nc@d.test\n"},
    {"To : john.doe, \"j d\"@b.test\nSubject\t: x\n\nx\n", true,
	"To: john.doe@host.test, \"j d\"@b.test\r\nSubject\t: x\r\n" REST "\r\nx\r\n",
	"john.doe@host.test\n\"j d\"@b.test\n"},
    {"Return-Path: <x@y.test>\nTo: a@b.test\n\n", false, "To: a@b.test\r\n" REST "\r\n", ""},
};

Test(compose, makes_messages_whole)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct compose c = {.hostname = SLICE("host.test"),
		    .sender = SLICE("ann@host.test"),
		    .user = SLICE("ann"),
		    .full_name = SLICE("Ann Example"),
		    .now = 1795215077,
		    .id = 1,
		    .takes_recipients = cases[i].takes_recipients};
		struct buf lines = {0}, out = {0}, recipients = {0};

		compose_lines(&lines, slice_of(cases[i].input), true);
		compose(&c, buf_slice(&lines), &out, &recipients);
		cr_slice_eq(buf_slice(&out), cases[i].output);
		cr_slice_eq(buf_slice(&recipients), cases[i].recipients);
		buf_fini(&lines);
		buf_fini(&out);
		buf_fini(&recipients);
	}
}

/* Who got the message the first time is not written to again, and nobody learns of Resent-Bcc. */
Test(compose, a_message_that_is_sent_on_goes_to_those_of_resent)
{
	static const struct {
		const char *input, *output, *recipients;
	} resent[] = {
	    {"Resent-To: c@d.test, bob\nResent-Bcc: e@f.test\nFrom: z@y.test\nTo: a@b.test\n"
	     "Date: x\nMessage-ID: <x@y>\n\nx\n",
		"Resent-To: c@d.test, bob@host.test\r\nFrom: z@y.test\r\nTo: a@b.test\r\n"
		"Date: x\r\nMessage-ID: <x@y>\r\n"
		"Resent-From: Ann Example <ann@host.test>\r\n"
		"Resent-" DATE "Resent-" ID "\r\nx\r\n",
		"c@d.test\nbob@host.test\ne@f.test\n"},
	    {"Resent-From: q@r.test\nResent-Date: x\nResent-Message-ID: <1@r>\nFrom: z@y.test\n"
	     "Resent-Cc: c@d.test\nCc: a@b.test\nDate: x\nMessage-ID: <x@y>\n\n",
		"Resent-From: q@r.test\r\nResent-Date: x\r\nResent-Message-ID: <1@r>\r\n"
		"From: z@y.test\r\nResent-Cc: c@d.test\r\nCc: a@b.test\r\nDate: x\r\n"
		"Message-ID: <x@y>\r\n\r\n",
		"c@d.test\n"},
	};

	for (size_t i = 0; i < sizeof(resent) / sizeof(resent[0]); i++) {
		struct compose c = {.hostname = SLICE("host.test"),
		    .sender = SLICE("ann@host.test"),
		    .full_name = SLICE("Ann Example"),
		    .now = 1795215077,
		    .id = 1,
		    .takes_recipients = true};
		struct buf lines = {0}, out = {0}, recipients = {0};

		compose_lines(&lines, slice_of(resent[i].input), true);
		compose(&c, buf_slice(&lines), &out, &recipients);
		cr_slice_eq(buf_slice(&out), resent[i].output);
		cr_slice_eq(buf_slice(&recipients), resent[i].recipients);
		buf_fini(&lines);
		buf_fini(&out);
		buf_fini(&recipients);
	}
}

Test(compose, addresses_are_read_as_people_write_them)
{
	static const struct {
		const char *text, *addresses;
	} texts[] = {
	    {"bob", "bob@host.test\n"},
	    {"john.doe", "john.doe@host.test\n"},
	    {"a@b.test", "a@b.test\n"},
	    {"<a@b.test>", "a@b.test\n"},
	    {"\"j d\"@b.test", "\"j d\"@b.test\n"},
	    {"a@[IPv6:::1]", "a@[IPv6:::1]\n"},
	    {"a@b.test, bob,c@d.test", "a@b.test\nbob@host.test\nc@d.test\n"},
	    {"Ann Example <a@b.test>", "a@b.test\n"},
	    {"a@b.test (Ann)", "a@b.test\n"},
	    {"a@", "a@\n"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf out = {0};

		compose_addresses(&out, slice_of(texts[i].text), SLICE("host.test"));
		cr_slice_eq(buf_slice(&out), texts[i].addresses);
		buf_fini(&out);
	}
}

Test(compose, lines_end_in_crlf_whatever_they_ended_in)
{
	static const struct {
		const char *input;
		bool dot_ends;
		const char *output;
	} lines[] = {
	    {"a\nb\r\nc\rd", true, "a\r\nb\r\nc\r\nd\r\n"},
	    {"a\n.\nb\n", true, "a\r\n"},
	    {"a\n.\nb\n", false, "a\r\n.\r\nb\r\n"},
	    {".", true, ""},
	    {"..\n", true, "..\r\n"},
	    {"\n\n", true, "\r\n\r\n"},
	    {"", true, ""},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct buf out = {0};

		compose_lines(&out, slice_of(lines[i].input), lines[i].dot_ends);
		cr_slice_eq(buf_slice(&out), lines[i].output);
		buf_fini(&out);
	}
}

Test(compose, nuls_go_and_endless_lines_are_broken)
{
	size_t len = LIMIT_COMPOSED_LINE + 10;
	char *line = malloc(len);
	struct buf out = {0};
	struct slice rest, first;

	memset(line, 'x', len);
	line[3] = '\0';
	compose_lines(&out, slice_make(line, len), true);
	rest = buf_slice(&out);
	cr_assert(slice_split(&rest, '\n', &first));
	cr_assert_eq(first.len, LIMIT_COMPOSED_LINE + 1);
	cr_slice_eq(rest, "xxxxxxxxx\r\n");
	cr_assert_eq(slice_find(buf_slice(&out), '\0'), -1);
	buf_fini(&out);
	free(line);
}

/* A name with a line end in it must not become a field of its own. */
Test(compose, a_name_cannot_add_a_field)
{
	struct compose c = {.hostname = SLICE("host.test"),
	    .user = SLICE("ann"),
	    .full_name = SLICE("x\r\nBcc: evil@host.test"),
	    .now = 0,
	    .id = 1};
	struct buf out = {0}, recipients = {0};

	compose(&c, SLICE("To: a@b.test\r\n\r\n"), &out, &recipients);
	cr_assert_lt(slice_search(buf_slice(&out), SLICE("\nBcc")), 0);
	buf_fini(&out);
	buf_fini(&recipients);
}
