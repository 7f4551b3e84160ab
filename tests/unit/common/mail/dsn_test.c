#include "common/mail/dsn.h"

#include "common/base/limits.h"
#include "common/mail/header.h"

#include "tests/unit/unit.h"

#include <stdio.h>

UNIT_SUITE(dsn);

static const char original[] =
    "From: alice@example.test\r\nSubject: hello\r\nX-Folded: a\r\n b\r\n\r\nthe body\n.\r\n";

static struct dsn
usual(const struct dsn_recipient *recipients, size_t count)
{
	return (struct dsn){.kind = DSN_FAILED,
	    .reporting_mta = SLICE("mx.example.test"),
	    .to = SLICE("alice@example.test"),
	    .message_id = SLICE("0ABC123"),
	    .envid = SLICE("QQ314"),
	    .arrival = 1795215000,
	    .now = 1795215077,
	    .recipients = recipients,
	    .count = count,
	    .original = slice_of(original),
	    .is_whole = true,
	    .full = true};
}

static bool
has(const struct buf *b, const char *text)
{
	return slice_search(buf_slice(b), slice_of(text)) >= 0;
}

/* SLICE() where the compiler wants a constant. */
#define FIXED(literal) \
	{ \
		(literal), sizeof(literal) - 1 \
	}

static const struct dsn_recipient bob = {.original = FIXED("rfc822;Bob@example.org"),
    .final = FIXED("bob@example.org"),
    .status = FIXED("5.1.1"),
    .diagnostic = FIXED("550 5.1.1 no such user"),
    .remote_mta = FIXED("mx.example.org"),
    .last_attempt = 1795215070,
    .will_retry_until = 1795300000};

Test(dsn, a_failure)
{
	static const char *const wanted[] = {
	    "From: Mail Delivery System <MAILER-DAEMON@mx.example.test>\r\n",
	    "To: <alice@example.test>\r\n", "Subject: Your message could not be delivered\r\n",
	    "Date: Fri, 20 Nov 2026 22:51:17 +0000\r\n",
	    "Message-ID: <0ABC123@mx.example.test>\r\n", "Auto-Submitted: auto-replied\r\n",
	    "MIME-Version: 1.0\r\n",
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n",
	    "\r\nContent-Type: message/delivery-status\r\n",
	    "\r\nReporting-MTA: dns; mx.example.test\r\n", "Original-Envelope-Id: QQ314\r\n",
	    "Arrival-Date: Fri, 20 Nov 2026 22:50:00 +0000\r\n",
	    "\r\n\r\nOriginal-Recipient: rfc822; Bob@example.org\r\nFinal-Recipient: rfc822; "
	    "bob@example.org\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.org\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	    "Last-Attempt-Date: Fri, 20 Nov 2026 22:51:10 +0000\r\n\r\n--",
	    "mx.example.org said: 550 5.1.1 no such user", "\r\nContent-Type: message/rfc822\r\n",
	    "Subject: hello\r\nX-Folded: a\r\n b\r\n\r\nthe body\r\n.\r\n"};
	struct dsn d = usual(&bob, 1);
	struct buf out = {0};

	dsn_format(&out, &d);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		cr_assert(has(&out, wanted[i]), "no \"%s\" in\n%s", wanted[i], buf_text(&out));
	cr_assert_not(has(&out, "Will-Retry-Until"));
	cr_assert_not(dsn_is_8bit(buf_slice(&out)));
	buf_fini(&out);
}

/* Who wrote to an alias is told of the address that he wrote to. */
Test(dsn, an_alias_that_led_on)
{
	struct dsn_recipient r = {.given = SLICE("team@example.test"),
	    .final = SLICE("bob@far.test"),
	    .status = SLICE("4.4.2"),
	    .diagnostic = SLICE("the server closed the connection"),
	    .remote_mta = SLICE("mx.far.test")};
	struct dsn d = usual(&r, 1);
	struct buf out = {0};

	dsn_format(&out, &d);
	cr_assert(has(&out, "\r\n\r\nOriginal-Recipient: rfc822; team@example.test\r\n"
			    "Final-Recipient: rfc822; bob@far.test\r\n"));
	cr_assert(has(&out, "    <bob@far.test>\r\n        reached through "
			    "<team@example.test>\r\n        mx.far.test: the server closed"));
	buf_clear(&out);
	r.original = SLICE("rfc822;list@far.test");
	dsn_format(&out, &d);
	cr_assert(has(&out, "Original-Recipient: rfc822; list@far.test\r\nFinal"));
	buf_clear(&out);
	r.original = SLICE("");
	r.given = SLICE("Bob@far.test");
	dsn_format(&out, &d);
	cr_assert_not(has(&out, "Original-Recipient"));
	cr_assert_not(has(&out, "reached through"));
	buf_fini(&out);
}

Test(dsn, kinds)
{
	static const struct {
		enum dsn_kind kind;
		const char *action, *status;
	} cases[] = {{DSN_FAILED, "Action: failed\r\n", "Status: 5.0.0\r\n"},
	    {DSN_DELAYED, "Action: delayed\r\n", "Status: 4.0.0\r\n"},
	    {DSN_DELIVERED, "Action: delivered\r\n", "Status: 2.0.0\r\n"},
	    {DSN_RELAYED, "Action: relayed\r\n", "Status: 2.0.0\r\n"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dsn_recipient r = bob;
		struct dsn d = usual(&r, 1);
		struct buf out = {0};

		r.status = SLICE("nonsense");
		d.kind = cases[i].kind;
		dsn_format(&out, &d);
		cr_assert(has(&out, cases[i].action));
		cr_assert(has(&out, cases[i].status));
		cr_assert_eq(has(&out, "Will-Retry-Until: "), d.kind == DSN_DELAYED);
		cr_assert_eq(has(&out, "the body"), d.kind == DSN_FAILED);
		cr_assert_eq(has(&out, "text/rfc822-headers"), d.kind != DSN_FAILED);
		buf_fini(&out);
	}
}

Test(dsn, what_is_returned)
{
	struct dsn d = usual(&bob, 1);
	struct buf out = {0}, large = {0};

	d.full = false;
	dsn_format(&out, &d);
	cr_assert_not(has(&out, "the body"));
	cr_assert(has(&out, "Content-Type: text/rfc822-headers\r\n"));
	buf_clear(&out);
	d.full = true;
	d.is_whole = false;
	dsn_format(&out, &d);
	cr_assert_not(has(&out, "the body"));
	buf_clear(&out);
	d.is_whole = true;
	buf_add_text(&large, original);
	while (large.len <= LIMIT_RETURNED)
		buf_add_text(&large, "more of the body\r\n");
	d.original = buf_slice(&large);
	dsn_format(&out, &d);
	cr_assert_not(has(&out, "the body\r\n"));
	cr_assert(has(&out, "Subject: hello"));
	buf_clear(&out);
	buf_clear(&large);
	while (large.len <= 3 * LIMIT_RETURNED)
		buf_add_text(&large, "X-Much: of it\r\n");
	d.original = buf_slice(&large);
	dsn_format(&out, &d);
	cr_assert_lt(out.len, LIMIT_RETURNED + 4096);
	buf_clear(&out);
	d.original = SLICE("");
	dsn_format(&out, &d);
	cr_assert_not(has(&out, "rfc822-headers"));
	buf_fini(&out);
	buf_fini(&large);
}

Test(dsn, octets_above_ascii)
{
	struct dsn_recipient r = bob;
	struct dsn d = usual(&r, 1);
	struct buf out = {0};

	d.original = SLICE("Subject: x\r\n\r\nh\xc3\xa9llo\r\n");
	dsn_format(&out, &d);
	cr_assert(has(&out, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
	cr_assert(dsn_is_8bit(buf_slice(&out)));
	buf_clear(&out);
	d.original = SLICE("Subject: h\xc3\xa9llo\r\n\r\nx\r\n");
	dsn_format(&out, &d);
	cr_assert(has(&out, "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n"));
	buf_clear(&out);
	d.full = false;
	dsn_format(&out, &d);
	cr_assert(has(
	    &out, "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n"));
	buf_clear(&out);
	r.final = SLICE("\xc3\xbc@example.org");
	r.original = SLICE("utf-8;\xc3\xbc@example.org");
	r.diagnostic = SLICE("550 n\xc3\xb6");
	dsn_format(&out, &d);
	cr_assert(has(&out, "Final-Recipient: utf-8; \\x{FC}@example.org\r\n"));
	cr_assert(has(&out, "Original-Recipient: utf-8; \\x{FC}@example.org\r\n"));
	cr_assert(has(&out, "Diagnostic-Code: smtp; 550 n??\r\n"));
	buf_fini(&out);
}

/* However evil the words are, each line is CRLF-ended, and the fields are the ones we wrote. */
Test(dsn, nothing_breaks_out)
{
	static char long_text[5000];
	struct slice evil[] = {SLICE("x\r\nX-Injected: y\r\n\r\nbody"),
	    SLICE("x\n\n--=_0_0ABC123\nX-Injected: y"), SLICE("\0\x1b[2J\r\x85\xff\xfe"),
	    SLICE("rfc822\r\nX-Injected:;x\rX-Injected: y"), SLICE(";;;"),
	    {long_text, sizeof(long_text)}};

	memset(long_text, ' ', sizeof(long_text));
	for (size_t i = 1; i < sizeof(long_text); i += 2)
		long_text[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct slice e = evil[i], rest, line;
		struct dsn_recipient r = {
		    .original = e, .final = e, .status = e, .diagnostic = e, .remote_mta = e};
		struct dsn d = {.kind = DSN_DELAYED,
		    .reporting_mta = e,
		    .to = e,
		    .message_id = e,
		    .envid = e,
		    .recipients = &r,
		    .count = 1,
		    .original = SLICE("A: b\r\n\r\nc")};
		struct buf out = {0};

		dsn_format(&out, &d);
		for (rest = buf_slice(&out); slice_split(&rest, '\n', &line);) {
			cr_assert_eq(line.data[line.len - 1], '\r');
			cr_assert_eq(slice_find(line, '\r'), (ptrdiff_t)line.len - 1);
			cr_assert_lt(line.len, 1000);
			cr_assert_not(slice_has_prefix(line, SLICE("X-Injected")));
			cr_assert(slice_find(line, '\0') < 0);
		}
		cr_assert_eq(header_count(buf_slice(&out), SLICE("From")), 1);
		cr_assert_eq(header_count(buf_slice(&out), SLICE("MIME-Version")), 1);
		buf_fini(&out);
	}
}

Test(dsn, the_boundary_is_in_no_part)
{
	struct dsn d = usual(&bob, 1);
	struct buf out = {0};

	d.original = SLICE("A: b\r\n\r\n--=_0_0ABC123\r\n--=_1_0ABC123--\r\n");
	dsn_format(&out, &d);
	cr_assert(has(&out, "boundary=\"=_2_0ABC123\""));
	cr_assert(has(&out, "\r\n--=_2_0ABC123--\r\n"));
	buf_fini(&out);
}
