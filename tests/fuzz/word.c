/* Encoded words: what is read is UTF-8 on one line. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/mail/word.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct buf text = {0}, line = {0};

	word_decode(in, &text);
	PROPERTY(utf8_is_valid(buf_slice(&text)) && fuzz_is_one_line(buf_slice(&text)));
	PROPERTY(text.len <= 3 * size);

	word_one_line(in, &line);
	PROPERTY(line.len <= size && fuzz_is_one_line(buf_slice(&line)));
	buf_fini(&text);
	buf_fini(&line);
	return 0;
}
