/* Transfer encodings: the same octets whatever the pieces, and never more than came. */
#include "tests/fuzz/fuzz.h"

#include "common/mail/decode.h"

static void
check(enum transfer_encoding encoding, struct slice in, size_t piece)
{
	struct buf whole = {0}, pieces = {0};
	struct decode d;

	decode_all(encoding, in, &whole);
	PROPERTY(whole.len <= in.len);
	decode_init(&d, encoding);
	for (size_t at = 0; at < in.len; at += piece)
		decode_feed(&d, slice_sub(in, at, piece), &pieces);
	decode_finish(&d, &pieces);
	PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	size_t piece = 1 + fuzz_octet(&in) % 16;

	check(ENCODING_QUOTED_PRINTABLE, in, piece);
	check(ENCODING_BASE64, in, piece);
	check(ENCODING_UNKNOWN, in, piece);
	PROPERTY(transfer_encoding_parse(in) <= ENCODING_UNKNOWN);
	return 0;
}
