/* Dates: what is read is written, and read as the same moment. */
#include "tests/fuzz/fuzz.h"

#include "common/mail/date.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct date d, again;
	struct buf out = {0};
	int64_t midnight;

	if (date_parse(in, &d)) {
		date_format(&out, d);
		PROPERTY(date_parse(buf_slice(&out), &again));
		PROPERTY(again.seconds == d.seconds && again.zone == d.zone);
		PROPERTY(date_day(d) % 86400 == 0);
	}
	buf_clear(&out);
	if (date_internal_parse(in, &d)) {
		date_internal_format(&out, d);
		PROPERTY(date_internal_parse(buf_slice(&out), &again));
		PROPERTY(again.seconds == d.seconds && again.zone == d.zone);
	}
	if (date_day_parse(in, &midnight))
		PROPERTY(midnight % 86400 == 0);
	buf_fini(&out);
	return 0;
}
