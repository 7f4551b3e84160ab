/* Charsets: whatever the name and the octets, UTF-8 comes out; folding twice changes nothing. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/mail/charset.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice octets = fuzz_slice(data, size), name = {NULL, 0};
	struct buf text = {0}, folded = {0}, again = {0};

	slice_split(&octets, '\n', &name);
	charset_is_known(name);
	charset_to_utf8(name, octets, &text);
	PROPERTY(utf8_is_valid(buf_slice(&text)) && text.len <= 8 * octets.len + 8);
	charset_casemap(buf_slice(&text), &folded);
	PROPERTY(utf8_is_valid(buf_slice(&folded)) && folded.len <= 18 * text.len);
	charset_casemap(buf_slice(&folded), &again);
	PROPERTY(slice_equal(buf_slice(&folded), buf_slice(&again)));
	buf_clear(&text);
	charset_guess_to_utf8(octets, &text);
	PROPERTY(utf8_is_valid(buf_slice(&text)) && text.len <= 3 * octets.len);
	buf_fini(&text);
	buf_fini(&folded);
	buf_fini(&again);
	return 0;
}
