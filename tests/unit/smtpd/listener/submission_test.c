#include "tests/unit/unit.h"

#include "smtpd/listener/submission.h"

UNIT_SUITE(submission);

#define DATE "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
#define ID "Message-ID: <17@mx.test>\r\n"

static const struct {
	const char *masquerade, *in, *out;
} cases[] = {
    {"", DATE ID "\r\nhi\r\n", DATE ID "\r\nhi\r\n"},
    {"", "Subject: a\r\n\r\nhi\r\n", DATE ID "Subject: a\r\n\r\nhi\r\n"},
    {"", "date: x\r\n\r\nDate: y\r\n", ID "date: x\r\n\r\nDate: y\r\n"},
    {"", "just text\r\n", DATE ID "\r\njust text\r\n"},
    {"", "\r\njust text\r\n", DATE ID "\r\njust text\r\n"},
    {"", "", DATE ID},
    {"a@b.test", DATE ID "From: c@d.test\r\nTo: x\r\n\r\nFrom: y\r\n",
	DATE ID "From: <a@b.test>\r\nTo: x\r\n\r\nFrom: y\r\n"},
    {"a@b.test", DATE ID "From: Anna B <c@d.test>\r\n\r\n",
	DATE ID "From: Anna B <a@b.test>\r\n\r\n"},
    {"a@b.test", DATE ID "From: \"B, Anna\"\r\n <c@d.test>, e@f.test\r\n\r\n",
	DATE ID "From: \"B, Anna\" <a@b.test>\r\n\r\n"},
    {"a@b.test", DATE ID "From: =?utf-8?q?=C3=A4?= <c@d.test>\r\n\r\n",
	DATE ID "From: =?utf-8?q?=C3=A4?= <a@b.test>\r\n\r\n"},
    {"a@b.test", DATE ID "From: x@y.test\r\nTo: z\r\nFrom: u@v.test\r\n\r\n",
	DATE ID "From: <a@b.test>\r\nTo: z\r\n\r\n"},
    {"a@b.test", DATE ID "From: group:;\r\n\r\n", DATE ID "From: <a@b.test>\r\n\r\n"},
    {"a@b.test", DATE ID "Bcc: x@y.test\r\nFrom: u@v.test\r\n\r\n",
	DATE ID "From: <a@b.test>\r\n\r\n"},
    {"a@b.test", DATE ID "\r\n\r\n", "From: <a@b.test>\r\n" DATE ID "\r\n\r\n"},
    {"", DATE ID "From: u@v.test\r\nBCC: x@y.test,\r\n z@y.test\r\nTo: z\r\n\r\nBcc: y\r\n",
	DATE ID "From: u@v.test\r\nTo: z\r\n\r\nBcc: y\r\n"},
    {"", DATE ID "Resent-Bcc: x@y.test\r\n\r\n", DATE ID "\r\n"},
};

Test(submission, completes_a_header)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct submission s = {.hostname = SLICE("mx.test"),
		    .id = SLICE("17"),
		    .sender = slice_of(cases[i].masquerade),
		    .masquerades = cases[i].masquerade[0] != '\0'};
		struct buf message = {0};

		buf_add_text(&message, "Received: before\r\n");
		buf_add_text(&message, cases[i].in);
		submission_complete(&message, 18, &s);
		cr_slice_eq(slice_sub(buf_slice(&message), 0, 18), "Received: before\r\n");
		cr_slice_eq(slice_from(buf_slice(&message), 18), cases[i].out);
		buf_fini(&message);
	}
}

Test(submission, who_sends_without_from_is_named)
{
	struct submission s = {
	    .hostname = SLICE("mx.test"), .id = SLICE("17"), .sender = SLICE("a@b.test")};
	struct buf message = {0};

	buf_add_text(&message, DATE ID "\r\nhi\r\n");
	submission_complete(&message, 0, &s);
	cr_slice_eq(buf_slice(&message), "From: <a@b.test>\r\n" DATE ID "\r\nhi\r\n");
	submission_complete(&message, 0, &s);
	cr_slice_eq(buf_slice(&message), "From: <a@b.test>\r\n" DATE ID "\r\nhi\r\n");
	buf_fini(&message);
}
