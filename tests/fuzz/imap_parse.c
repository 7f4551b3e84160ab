/*
 * The pieces of IMAP arguments, in an order that the input's first octets choose: what is read lies
 * in the command, what fails moves nothing.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "imapd/parse.h"

static bool
parse_flags(struct imap_parse *p, bool bare)
{
	struct imap_flags flags = {0};
	enum imap_flags_result result = imap_parse_flags(p, bare, &flags);

	PROPERTY(
	    flags.count <= LIMIT_KEYWORDS && flags.keywords.len <= 32 * 1024 + 5 * LIMIT_KEYWORDS);
	buf_fini(&flags.keywords);
	return result == IMAP_FLAGS_OK;
}

static bool
parse_mailbox(struct imap_parse *p)
{
	struct buf name = {0}, again = {0};
	struct slice wire;

	if (!imap_parse_argument(p, &wire))
		return false;
	if (imap_mailbox_name(wire, &name)) {
		PROPERTY(name.len > 0 && name.len <= LIMIT_MAILBOX_NAME);
		PROPERTY(utf8_is_valid(buf_slice(&name)) && fuzz_is_printable(buf_slice(&name)));
	}
	buf_fini(&name);
	buf_fini(&again);
	return true;
}

static bool
parse_one(struct imap_parse *p, unsigned what, struct slice *text)
{
	uint64_t n = 0;

	switch (what % 14) {
	case 0:
		return imap_parse_char(p, ' ');
	case 1:
		return imap_parse_word(p, IMAP_TAG, text);
	case 2:
		return imap_parse_word(p, IMAP_NUMBERS, text);
	case 3:
		return imap_parse_keyword(p, "UID");
	case 4:
		return imap_parse_quoted(p, text);
	case 5:
		return imap_parse_literal(p, text);
	case 6:
		return imap_parse_string(p, text);
	case 7:
		return imap_parse_nstring(p, text);
	case 8:
		return imap_parse_astring(p, IMAP_PATTERN, text);
	case 9:
		return imap_parse_number(p, 1000, &n) && n <= 1000;
	case 10:
		return imap_parse_argument(p, text);
	case 11:
		return parse_mailbox(p);
	default:
		return parse_flags(p, what % 14 == 12);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct slice order = slice_sub(in, 1, fuzz_octet(&in) % 32);
	struct buf command = {0};
	struct imap_parse p;

	order = slice_sub(fuzz_slice(data, size), 1, order.len);
	buf_add_slice(&command, slice_from(in, order.len));
	p = imap_parse_of(&command);
	for (size_t i = 0; i < order.len; i++) {
		unsigned what = (unsigned char)order.data[i];
		struct slice text = {NULL, 0};
		char *before = p.at;
		bool done = parse_one(&p, what, &text);

		PROPERTY(p.at >= before && p.at <= p.end);
		PROPERTY(done || p.at == before || what % 14 >= 10);
		PROPERTY(!done || fuzz_lies_in(text, buf_slice(&command)));
	}
	buf_fini(&command);
	return 0;
}
