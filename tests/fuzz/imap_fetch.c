/* The items of FETCH, and the sections that they cut from a message with parts in parts. */
#include "tests/fuzz/fuzz.h"

#include "imapd/fetch_item.h"

static const char message[] =
    "From: a@example.test\r\nTo: b@example.test\r\nSubject: one\r\n two\r\n"
    "Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
    "--x\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
    "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n"
    "--x--\r\n";

static void
check_section(const struct imap_section *s, struct slice command, struct mime *tree)
{
	struct slice octets = SLICE(message), cut = SLICE("");
	struct buf made = {0}, name = {0};

	PROPERTY(fuzz_lies_in(s->part, command));
	imap_section_name(s, &name);
	PROPERTY(name.len <= 2 * command.len + 64);
	if (imap_section_cut(s, octets, tree, &made, &cut)) {
		PROPERTY(fuzz_lies_in(cut, octets) || fuzz_lies_in(cut, buf_slice(&made)));
		PROPERTY(cut.len <= octets.len + 2);
		PROPERTY(!s->is_partial || cut.len <= s->octets);
	}
	buf_fini(&made);
	buf_fini(&name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_fetch_items items = {0};
	struct buf command = {0};
	struct mime tree = {0};
	struct imap_parse p;

	buf_add(&command, data, size);
	p = imap_parse_of(&command);
	if (imap_fetch_items_parse(&p, &items)) {
		PROPERTY(imap_parse_is_end(&p) && items.count > 0);
		PROPERTY(items.count <= LIMIT_FETCH_ITEMS);
		for (size_t i = 0; i < items.count; i++) {
			PROPERTY(imap_fetch_items_has(&items, items.items[i].item));
			if (items.items[i].item == IMAP_ITEM_SECTION)
				check_section(&items.items[i].section, buf_slice(&command), &tree);
		}
	}
	imap_fetch_items_fini(&items);
	mime_fini(&tree);
	buf_fini(&command);
	return 0;
}
