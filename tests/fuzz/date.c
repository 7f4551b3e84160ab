/* Dates: what is read is written, and read as the same moment. */
#include "tests/fuzz/fuzz.h"

#include "common/mail/date.h"

/* The leap second at the end of the year 9999 is written as the last second before it. */
static bool
is_same(struct date d, struct date again)
{
	const int64_t year_10000 = 253402300800;
	int64_t local = d.seconds + (int64_t)d.zone * 60;

	return again.zone == d.zone && (again.seconds == d.seconds ||
					   (local == year_10000 && again.seconds == d.seconds - 1));
}

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
		PROPERTY(is_same(d, again));
		PROPERTY(date_day(d) % 86400 == 0);
	}
	buf_clear(&out);
	if (date_internal_parse(in, &d)) {
		date_internal_format(&out, d);
		PROPERTY(date_internal_parse(buf_slice(&out), &again));
		PROPERTY(is_same(d, again));
	}
	if (date_day_parse(in, &midnight))
		PROPERTY(midnight % 86400 == 0);
	buf_fini(&out);
	return 0;
}
