/* Replies of other servers: printable, bounded, and the same when we say them. */
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

static void
check_said_again(struct reply *r)
{
	struct buf said = {0};
	struct reply again;
	struct slice rest, line;
	enum reply_result result = REPLY_MORE;
	/* Breaking long lines can make more of them than anybody would take. */
	bool is_taken = r->lines < 100 && r->text.len < LIMIT_SMTP_REPLIES / 2;

	reply_init(&again);
	reply_format(&said, r->code, r->status, reply_text(r));
	rest = buf_slice(&said);
	while (slice_split(&rest, '\n', &line)) {
		PROPERTY(!is_taken || result == REPLY_MORE);
		PROPERTY(line.len > 0 && line.len < LIMIT_SMTP_REPLY);
		PROPERTY(line.data[line.len - 1] == '\r');
		line.len--;
		PROPERTY(fuzz_is_printable(line));
		result = reply_feed(&again, line);
	}
	if (is_taken) {
		PROPERTY(result == REPLY_DONE && again.code == r->code);
		PROPERTY(r->status[0] == '\0' || slice_equal(reply_status(&again), reply_status(r)));
	}
	reply_fini(&again);
	buf_fini(&said);
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
			check_said_again(&r);
		}
		if (result != REPLY_MORE)
			reply_reset(&r);
	}
	reply_fini(&r);
	return 0;
}
