/* base64 of SASL, xtext and unitext: what decodes is what encodes to it, or as good. */
#include "tests/fuzz/fuzz.h"

#include "common/base/encode.h"
#include "common/base/utf8.h"

static const struct {
	void (*encode)(struct buf *out, struct slice octets);
	bool (*decode)(struct buf *out, struct slice text);
	bool is_total;  /* all octets can be encoded so that they decode */
	bool is_unique; /* there is one text for some octets */
	bool is_utf8;   /* what is not UTF-8 is encoded as U+FFFD */
} codes[] = {
    {base64_encode, base64_decode, true, true, false},
    {xtext_encode, xtext_decode, false, false, false},
    {unitext_encode, unitext_decode, false, false, true},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct buf decoded = {0}, encoded = {0}, again = {0};

		if (codes[i].decode(&decoded, in)) {
			PROPERTY(decoded.len <= size);
			codes[i].encode(&encoded, buf_slice(&decoded));
			PROPERTY(!codes[i].is_unique || slice_equal(buf_slice(&encoded), in));
			PROPERTY(codes[i].decode(&again, buf_slice(&encoded)));
			PROPERTY(slice_equal(buf_slice(&again), buf_slice(&decoded)));
		} else {
			PROPERTY(decoded.len == 0);
		}
		buf_clear(&encoded);
		buf_clear(&again);
		codes[i].encode(&encoded, in);
		PROPERTY(encoded.len <= 8 * size + 4);
		if (codes[i].decode(&again, buf_slice(&encoded)))
			PROPERTY((codes[i].is_utf8 && !utf8_is_valid(in)) ||
				 slice_equal(buf_slice(&again), in));
		else
			PROPERTY(!codes[i].is_total);
		buf_fini(&decoded);
		buf_fini(&encoded);
		buf_fini(&again);
	}
	return 0;
}
