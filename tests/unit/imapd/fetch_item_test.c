#include "tests/unit/unit.h"

#include "common/ipc/any_mailbox.h"
#include "imapd/fetch_item.h"

UNIT_SUITE(fetch_item);

static const char message[] =
    "From: a@example.test\r\nTo: b@example.test\r\nSubject: one\r\n two\r\n"
    "Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
    "--x\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
    "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n"
    "--x--\r\n";

static const struct {
	const char *item;
	const char *name;
	const char *cut; /* NULL: NIL */
} cuts[] = {
    {"BODY[]<0.4>", "BODY[]<0>", "From"},
    {"BODY[]<9999.4>", "BODY[]<9999>", ""},
    {"BODY[]<4294967295.4294967295>", "BODY[]<4294967295>", ""},
    {"BODY[HEADER.FIELDS (subject)]", "BODY[HEADER.FIELDS (subject)]",
	"Subject: one\r\n two\r\n\r\n"},
    {"BODY.PEEK[HEADER.FIELDS.NOT (From Content-Type Subject)]",
	"BODY[HEADER.FIELDS.NOT (From Content-Type Subject)]", "To: b@example.test\r\n\r\n"},
    {"BODY[HEADER.FIELDS (X-None)]", "BODY[HEADER.FIELDS (X-None)]", "\r\n"},
    {"BODY[1]", "BODY[1]", "first"},
    {"BODY[1.MIME]", "BODY[1.MIME]", "Content-Type: text/plain\r\n\r\n"},
    {"BODY[2]", "BODY[2]", "Subject: inner\r\n\r\ninner body"},
    {"BODY[2.HEADER]", "BODY[2.HEADER]", "Subject: inner\r\n\r\n"},
    {"BODY[2.TEXT]", "BODY[2.TEXT]", "inner body"},
    {"BODY[2.1]", "BODY[2.1]", "inner body"},
    {"BODY[2.HEADER.FIELDS (SUBJECT)]", "BODY[2.HEADER.FIELDS (SUBJECT)]",
	"Subject: inner\r\n\r\n"},
    {"BODY[1.HEADER]", "BODY[1.HEADER]", NULL},
    {"BODY[3]", "BODY[3]", NULL},
    {"BODY[2.1.1.1]", "BODY[2.1.1.1]", NULL},
    {"BODY[1]<1.2>", "BODY[1]<1>", "ir"},
    {"RFC822.TEXT", "RFC822.TEXT",
	"preamble\r\n--x\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--x\r\nContent-Type: "
	"message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n--x--\r\n"},
};

static bool
parse(const char *text, struct buf *command, struct imap_fetch_items *items)
{
	struct imap_parse p;

	*items = (struct imap_fetch_items){0};
	buf_add_text(command, text);
	p = imap_parse_of(command);
	return imap_fetch_items_parse(&p, items);
}

Test(fetch_item, cuts_sections)
{
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct buf command = {0}, made = {0}, name = {0};
		struct imap_fetch_items items;
		struct mime tree = {0};
		struct slice cut;
		bool found;

		cr_assert(parse(cuts[i].item, &command, &items), "%s", cuts[i].item);
		cr_assert_eq(items.count, 1);
		imap_section_name(&items.items[0].section, &name);
		cr_slice_eq(buf_slice(&name), cuts[i].name);
		found = imap_section_cut(
		    &items.items[0].section, slice_of(message), &tree, &made, &cut);
		cr_assert_eq(found, cuts[i].cut != NULL, "%s", cuts[i].item);
		if (found)
			cr_slice_eq(cut, cuts[i].cut);
		mime_fini(&tree);
		imap_fetch_items_fini(&items);
		buf_fini(&command);
		buf_fini(&made);
		buf_fini(&name);
	}
}

Test(fetch_item, finds_one_of_many_names)
{
	struct buf text = {0}, command = {0}, made = {0}, header = {0}, wanted = {0};
	struct imap_fetch_items items;
	struct mime tree = {0};
	struct slice cut;

	buf_add_text(&text, "BODY[HEADER.FIELDS (");
	for (int i = 5000; i > 0; i--)
		buf_printf(&text, "x-%d%s", 2 * i, i == 1 ? ")]" : " ");
	for (int i = 1; i < 9000; i++) {
		buf_printf(&header, "X-%d: v\r\n", i);
		if (i % 2 == 0)
			buf_printf(&wanted, "X-%d: v\r\n", i);
	}
	cr_assert(parse(buf_text(&text), &command, &items));
	cr_assert(
	    imap_section_cut(&items.items[0].section, buf_slice(&header), &tree, &made, &cut));
	cr_assert(slice_equal(cut, buf_slice(&wanted)));
	imap_fetch_items_fini(&items);
	buf_fini(&text);
	buf_fini(&command);
	buf_fini(&made);
	buf_fini(&header);
	buf_fini(&wanted);
}

/* RFC 3501 6.4.5: the blank line is part of every header, but for a message that has none. */
Test(fetch_item, adds_no_blank_line_that_is_not_there)
{
	struct buf command = {0}, made = {0};
	struct imap_fetch_items items;
	struct mime tree = {0};
	struct slice cut;

	cr_assert(parse("BODY[HEADER.FIELDS.NOT (x)]", &command, &items));
	cr_assert(imap_section_cut(
	    &items.items[0].section, SLICE("a: b\r\nx: y\r\n"), &tree, &made, &cut));
	cr_slice_eq(cut, "a: b\r\n");
	cr_assert(imap_section_cut(
	    &items.items[0].section, SLICE("a: b\r\nx: y\r\n\r\n"), &tree, &made, &cut));
	cr_slice_eq(cut, "a: b\r\n\r\n");
	mime_fini(&tree);
	imap_fetch_items_fini(&items);
	buf_fini(&command);
	buf_fini(&made);
}

static const char *const wrong[] = {"", "(", "()", "NOSUCH", "BODY[", "BODY[0]", "BODY[1.]",
    "BODY[.1]", "BODY[01x]", "BODY[4294967297]", "BODY[MIME]", "BODY[1.NOSUCH]", "BODY[]<0.0>",
    "BODY[]<-5.10>", "BODY[]<0>", "BODY[]<0.18446744073709551615>", "BODY[HEADER.FIELDS]",
    "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (\"a b\")]",
    "BODY[HEADER.FIELDS ({4}\r\na\r\nb)]", "(FLAGS", "(FLAGS  UID)", "((FLAGS))", "FLAGS UID",
    "(ALL)", "RFC822.PEEK", "BODYX[]"};

Test(fetch_item, refuses_what_is_no_item)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf command = {0};
		struct imap_fetch_items items;

		cr_assert_not(parse(wrong[i], &command, &items), "%s", wrong[i]);
		imap_fetch_items_fini(&items);
		buf_fini(&command);
	}
}

static const struct {
	const char *text;
	size_t count;
	unsigned wants;
	bool sets_seen;
} lists[] = {
    {"ALL", 4, WANT_DATE | WANT_SIZE | WANT_ENVELOPE, false},
    {"full", 5, WANT_DATE | WANT_SIZE | WANT_ENVELOPE | WANT_BODY, false},
    {"(UID FLAGS)", 2, 0, false},
    {"(UID BODY.PEEK[HEADER])", 2, WANT_HEADER, false},
    {"BODY[HEADER]", 1, WANT_HEADER, true},
    {"BODY.PEEK[1.HEADER]", 1, WANT_OCTETS, false},
    {"RFC822.HEADER", 1, WANT_HEADER, false},
    {"RFC822", 1, WANT_OCTETS, true},
    {"BODYSTRUCTURE", 1, WANT_STRUCTURE, false},
};

Test(fetch_item, knows_what_to_ask_the_store_for)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct buf command = {0};
		struct imap_fetch_items items;

		cr_assert(parse(lists[i].text, &command, &items), "%s", lists[i].text);
		cr_assert_eq(items.count, lists[i].count, "%s", lists[i].text);
		cr_assert_eq(items.wants, lists[i].wants, "%s", lists[i].text);
		cr_assert_eq(items.sets_seen, lists[i].sets_seen, "%s", lists[i].text);
		imap_fetch_items_fini(&items);
		buf_fini(&command);
	}
}

Test(fetch_item, bounds_depth_and_number)
{
	struct buf command = {0}, text = {0};
	struct imap_fetch_items items;

	buf_add_text(&text, "BODY[1");
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, ".1");
	buf_add_text(&text, "]");
	cr_assert_not(parse(buf_text(&text), &command, &items));
	imap_fetch_items_fini(&items);
	buf_clear(&text);
	buf_clear(&command);
	buf_add_text(&text, "(UID");
	for (int i = 0; i < LIMIT_FETCH_ITEMS; i++)
		buf_add_text(&text, " UID");
	buf_add_text(&text, ")");
	cr_assert_not(parse(buf_text(&text), &command, &items));
	imap_fetch_items_fini(&items);
	buf_fini(&text);
	buf_fini(&command);
}
