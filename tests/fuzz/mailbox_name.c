/* Modified UTF-7: one spelling for a name, and back. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "imapd/mutf7.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct buf there = {0}, back = {0};

	if (mutf7_decode(&there, in)) {
		PROPERTY(utf8_is_valid(buf_slice(&there)));
		PROPERTY(there.len <= 2 * in.len);
		mutf7_encode(&back, buf_slice(&there));
		PROPERTY(slice_equal(buf_slice(&back), in));
	} else {
		PROPERTY(there.len == 0);
	}
	buf_clear(&there);
	buf_clear(&back);
	mutf7_encode(&there, in);
	PROPERTY(there.len <= 6 * in.len + 3 && fuzz_is_printable(buf_slice(&there)));
	PROPERTY(mutf7_decode(&back, buf_slice(&there)));
	PROPERTY(!utf8_is_valid(in) || slice_equal(buf_slice(&back), in));
	buf_fini(&there);
	buf_fini(&back);
	return 0;
}
