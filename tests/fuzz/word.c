/* Encoded words: what is read is UTF-8 on one line, what is written is ASCII and reads the same. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/mail/word.h"

static void
check_lines(struct slice text)
{
	struct slice line;

	while (slice_split(&text, '\n', &line)) {
		if (text.len > 0)
			PROPERTY(line.len > 0 && line.data[line.len - 1] == '\r');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct buf text = {0}, words = {0}, again = {0};

	word_decode(in, &text);
	PROPERTY(utf8_is_valid(buf_slice(&text)) && fuzz_is_one_line(buf_slice(&text)));
	PROPERTY(text.len <= 3 * size);

	word_encode(buf_slice(&text), &words);
	PROPERTY(utf8_is_ascii(buf_slice(&words)) && words.len <= 12 * text.len + 16);
	check_lines(buf_slice(&words));
	word_decode(buf_slice(&words), &again);
	PROPERTY(slice_equal(buf_slice(&again), buf_slice(&text)));

	buf_clear(&words);
	word_encode(in, &words);
	PROPERTY(utf8_is_ascii(buf_slice(&words)));
	buf_clear(&again);
	word_one_line(in, &again);
	PROPERTY(again.len <= size && fuzz_is_one_line(buf_slice(&again)));
	buf_fini(&text);
	buf_fini(&words);
	buf_fini(&again);
	return 0;
}
