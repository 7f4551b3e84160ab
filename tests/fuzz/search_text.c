/*
 * SEARCH: what is found in a message without an index is found with it. The input's first line is
 * the name of a field, the second what is looked for, the rest the message.
 */
#include "tests/fuzz/fuzz.h"

#include "common/mail/envelope.h"
#include "deliver/mailbox/search/signature.h"
#include "deliver/mailbox/search/text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message = fuzz_slice(data, size), name = {NULL, 0}, text = {NULL, 0}, needle;
	struct buf folded = {0}, envelope = {0}, bits = {0};
	bool found, known;

	slice_split(&message, '\n', &name);
	slice_split(&message, '\n', &text);
	search_fold(text, &folded);
	needle = buf_slice(&folded);
	envelope_write(&envelope, message, 60000);
	search_signature(message, buf_slice(&envelope), &bits);
	found = search_header_holds(message, name, needle) ||
		search_message_holds(message, needle) || search_body_holds(message, needle) ||
		search_envelope_holds(buf_slice(&envelope), name, text, needle, &known);
	PROPERTY(!found || signature_may_hold(buf_slice(&bits), needle));
	PROPERTY(bits.len <= SIGNATURE_KINDS / 8);
	buf_fini(&folded);
	buf_fini(&envelope);
	buf_fini(&bits);
	return 0;
}
