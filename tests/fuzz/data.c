/*
 * The octets after DATA: the same message whatever the pieces they come in, only CRLF "." CRLF ends
 * it, and a message with its dots put on again is the same message.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "smtpd/listener/data.h"

static size_t
feed(struct smtp_data *b, struct slice in, size_t piece, struct buf *out)
{
	size_t at = 0;

	smtp_data_init(b, LIMIT_MESSAGE);
	while (at < in.len && b->state != DATA_END) {
		size_t taken = smtp_data_feed(b, slice_sub(in, at, piece), out);

		PROPERTY(taken > 0);
		at += taken;
	}
	return at;
}

static bool
has_bare(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\n' && (i == 0 || s.data[i - 1] != '\r'))
			return true;
		if (s.data[i] == '\r' && i + 1 < s.len && s.data[i + 1] != '\n')
			return true;
	}
	return false;
}

static void
put_dots_on(struct slice message, struct buf *out)
{
	for (size_t i = 0; i < message.len; i++) {
		bool is_start =
		    i == 0 || (i > 1 && message.data[i - 2] == '\r' && message.data[i - 1] == '\n');

		if (message.data[i] == '.' && is_start)
			buf_add_char(out, '.');
		buf_add_char(out, message.data[i]);
	}
	buf_add_text(out, ".\r\n");
}

static void
check_end(struct slice message, struct slice taken)
{
	struct buf sent = {0}, again = {0};
	struct smtp_data b;

	PROPERTY(
	    slice_equal_text(taken, ".\r\n") || slice_has_suffix_nocase(taken, SLICE("\r\n.\r\n")));
	put_dots_on(message, &sent);
	PROPERTY(feed(&b, buf_slice(&sent), sent.len, &again) == sent.len);
	PROPERTY(b.state == DATA_END && slice_equal(buf_slice(&again), message));
	buf_fini(&sent);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	size_t piece = 1 + fuzz_octet(&in) % 32;
	struct buf whole = {0}, pieces = {0};
	struct smtp_data a, b;
	size_t taken = feed(&a, in, in.len, &whole);

	PROPERTY(feed(&b, in, piece, &pieces) == taken);
	PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	PROPERTY(a.state == b.state && a.size == b.size && a.has_bare == b.has_bare &&
		 a.has_8bit == b.has_8bit && a.has_long_line == b.has_long_line);
	PROPERTY(whole.len <= taken && a.size == whole.len);
	PROPERTY(a.has_bare == has_bare(slice_sub(in, 0, taken)));
	if (a.state == DATA_END)
		check_end(buf_slice(&whole), slice_sub(in, 0, taken));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
