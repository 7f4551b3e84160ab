/* Replies of other servers: printable and bounded. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/mail/reply.h"

static bool
is_text(struct slice s)
{
	struct slice line;

	while (slice_split(&s, '\n', &line)) {
		if (!fuzz_is_printable(line))
			return false;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_slice(data, size), line;
	struct reply r;

	reply_init(&r);
	while (slice_split(&rest, '\n', &line)) {
		enum reply_result result = reply_feed(&r, line);

		PROPERTY(reply_text(&r).len <= LIMIT_SMTP_REPLIES);
		if (result == REPLY_DONE) {
			PROPERTY(r.code >= 200 && r.code <= 599 && is_text(reply_text(&r)));
			PROPERTY(fuzz_is_printable(slice_of(reply_line(&r))));
			PROPERTY(strlen(reply_line(&r)) <= 1000);
			PROPERTY(reply_find_status(reply_status(&r)).len > 0);
		}
		if (result != REPLY_MORE)
			reply_reset(&r);
	}
	reply_fini(&r);
	return 0;
}
