#include "tests/unit/unit.h"

#include "common/mail/envelope.h"
#include "deliver/mailbox/search/signature.h"
#include "deliver/mailbox/search/text.h"

UNIT_SUITE(search_text);

static const char message[] =
    "From: \"Ann, B\" <ann@x.test>\r\nTo: c@y.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an "
    "alle\r\n"
    "Subject: a second one\r\nX-Own: something\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
    "quoted-printable\r\n\r\n"
    "Caf=E9 ist zu\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "PGI+aGlkZGVuPC9iPg==\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n\r\n"
    "BINARY\r\n--b--\r\n";

static struct slice
folded(const char *text)
{
	static struct buf needle;

	buf_clear(&needle);
	search_fold(slice_of(text), &needle);
	return buf_slice(&needle);
}

Test(search_text, looks_at_text_in_its_charset)
{
	static const struct {
		const char *text;
		bool found;
	} cases[] = {{"café", true}, {"CAFÉ IST", true}, {"hidden", true}, {"binary", false},
	    {"zu\r\n", false}, {"", true}, {"subject", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(search_body_holds(slice_of(message), folded(cases[i].text)),
		    cases[i].found, "%s", cases[i].text);
}

static const char forwarded[] =
    "Subject: see below\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\n"
    "Subject: =?utf-8?q?Caf=C3=A9?= at noon\r\nFrom: ann@x.test\r\n\r\nbring cake\r\n"
    "--b\r\nContent-Type: application/pdf; name=bill.pdf\r\n\r\nBINARY\r\n--b--\r\n";

Test(search_text, looks_at_the_whole_of_a_message)
{
	static const struct {
		const char *text;
		bool found;
	} cases[] = {{"see below", true}, {"CAFÉ AT", true}, {"ann@x", true}, {"cake", true},
	    {"forwarded", true}, {"bill.pdf", true}, {"binary", false}, {"", true},
	    {"noon\r\n", false}, {"subject:", true}, {"Content-Description", true},
	    {"from: ann", true}, {"content-type: application/pdf", true}, {"references", false}};
	struct buf bits = {0};

	search_signature(slice_of(forwarded), SLICE(""), &bits);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice needle = folded(cases[i].text);

		cr_assert_eq(search_message_holds(slice_of(forwarded), needle), cases[i].found,
		    "%s", cases[i].text);
		cr_assert(!cases[i].found || signature_may_hold(buf_slice(&bits), needle), "%s",
		    cases[i].text);
	}
	cr_assert_not(search_body_holds(slice_of(forwarded), folded("noon")));
	buf_fini(&bits);
}

/* RFC 3464: the only place where a bounce must name the recipient is message/delivery-status. */
Test(search_text, finds_what_a_bounce_says)
{
	static const char bounce[] =
	    "Content-Type: multipart/report; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; "
	    "mx.test\r\n\r\n"
	    "Final-Recipient: rfc822; gone@y.test\r\nStatus: 5.1.1\r\n--b--\r\n";
	struct buf bits = {0};

	search_signature(slice_of(bounce), SLICE(""), &bits);
	cr_assert(search_body_holds(slice_of(bounce), folded("gone@y.test")));
	cr_assert(search_message_holds(slice_of(bounce), folded("final-recipient: rfc822; gone")));
	cr_assert(signature_may_hold(buf_slice(&bits), folded("gone@y.test")));
	buf_fini(&bits);
}

/* Outlook folds with a tab; who searches types a blank. */
Test(search_text, takes_a_tab_for_a_blank)
{
	static const char letter[] = "Subject: a long\r\n\tsubject\r\nX-Empty:\r\n\r\none\ttwo\r\n";
	struct buf bits = {0}, envelope = {0};
	bool known;

	envelope_write(&envelope, slice_of(letter), 60000);
	search_signature(slice_of(letter), buf_slice(&envelope), &bits);
	cr_assert(search_header_holds(slice_of(letter), SLICE("subject"), folded("long subject")));
	cr_assert(search_envelope_holds(buf_slice(&envelope), SLICE("Subject"),
	    SLICE("long subject"), folded("long subject"), &known));
	cr_assert(search_message_holds(slice_of(letter), folded("one two")));
	cr_assert(search_message_holds(slice_of(letter), folded("long\tsubject")));
	cr_assert(search_message_holds(slice_of(letter), folded("x-empty:")));
	cr_assert(signature_may_hold(buf_slice(&bits), folded("long subject")));
	buf_fini(&envelope);
	buf_fini(&bits);
}

Test(search_text, tells_fields_by_header_and_by_envelope_alike)
{
	static const struct {
		const char *name, *text;
		bool found, known;
	} cases[] = {
	    {"Subject", "GRÜSSE AN", true, true},
	    {"SUBJECT", "utf-8", false, true},
	    {"from", "ann@x", true, true},
	    {"From", "bob", false, true},
	    {"From", "\"Ann", true, false},
	    {"To", "C@Y.TEST", true, true},
	    {"Cc", "none", false, true},
	    {"Cc", "", false, false},
	    {"Subject", "", true, false},
	    {"X-Own", "some", true, false},
	    {"X-None", "", false, false},
	};
	struct buf envelope = {0};

	envelope_write(&envelope, slice_of(message), 60000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice name = slice_of(cases[i].name), needle = folded(cases[i].text);
		bool known, found = search_envelope_holds(buf_slice(&envelope), name,
				slice_of(cases[i].text), needle, &known);

		cr_assert_eq(known, cases[i].known, "%s %s", cases[i].name, cases[i].text);
		cr_assert_eq(search_header_holds(slice_of(message), name, needle), cases[i].found,
		    "%s %s", cases[i].name, cases[i].text);
		if (known)
			cr_assert_eq(found, cases[i].found, "%s %s", cases[i].name, cases[i].text);
	}
	buf_fini(&envelope);
}

Test(search_text, finds_the_last_of_many_recipients)
{
	struct buf letter = {0}, envelope = {0};
	struct slice name = SLICE("To"), text = SLICE("user2999@");
	bool known;

	buf_add_text(&letter, "Subject: to all\r\nTo: user@x.test");
	for (int i = 0; i < 3000; i++)
		buf_printf(&letter, ",\r\n user%d@x.test", i);
	buf_add_text(&letter, "\r\n\r\n");
	envelope_write(&envelope, buf_slice(&letter), 60000);
	cr_assert(search_header_holds(buf_slice(&letter), name, text));
	cr_assert(search_envelope_holds(buf_slice(&envelope), name, text, text, &known) || !known);
	cr_assert(search_envelope_holds(
		      buf_slice(&envelope), name, SLICE("user9@"), SLICE("user9@"), &known) &&
		  known);
	buf_fini(&envelope);
	buf_fini(&letter);
}

Test(search_text, finds_its_needles_by_place)
{
	struct buf program = {0};
	struct search_node subject = {
	    .op = SEARCH_HEADER, .text = SLICE("Subject"), .value = SLICE("ÄÖ")};
	struct search_node body = {.op = SEARCH_BODY, .text = SLICE("Xyz")}, node;
	struct search_needles needles;
	struct slice rest;

	search_pack(&program, &(struct search_node){.op = SEARCH_AND, .number = 2});
	search_pack(&program, &subject);
	search_pack(&program, &body);
	search_needles_init(&needles, buf_slice(&program));
	rest = buf_slice(&program);
	search_unpack(&rest, &node);
	search_unpack(&rest, &node);
	cr_assert(search_text_holds(SLICE("äö"), search_needle(&needles, node.value)));
	search_unpack(&rest, &node);
	cr_slice_eq(search_needle(&needles, node.text), "xyz");
	search_needles_fini(&needles);
	buf_fini(&program);
}
