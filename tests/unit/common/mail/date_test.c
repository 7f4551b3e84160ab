#include "common/mail/date.h"

#include "tests/unit/unit.h"

UNIT_SUITE(date);

static const struct {
	const char *text;
	bool ok;
	int64_t seconds;
	int zone;
} fields[] = {
    {"Fri, 20 Nov 2026 22:51:17 +0000", true, 1795215077, 0},
    {"Fri, 21 Nov 1997 09:55:06 -0600", true, 880127706, -360},
    {"21 Nov 97 09:55:06 GMT", true, 880106106, 0},
    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600 (CST (x))", true, 880127706, -360},
    {"Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)", true, -27723480, -210},
    {"Thu, 1 Jan 1970 00:00:00 +0000", true, 0, 0},
    {"Thu, 1 Jan 1970 05:30:00 +0530", true, 0, 330},
    {"1 jan 70 00:00 EST", true, 18000, -300},
    {"1 Jan 70 00:00 PDT", true, 25200, -420},
    {"1 Jan 1970 00:00:00 Z", true, 0, 0},
    {"1 Jan 1970 00:00:00 XYZ", true, 0, 0},
    {"1 Jan 1970 00:00:00", true, 0, 0},
    {"1 Jan 1970 00:00:00 -0000", true, 0, 0},
    {"1 January 1970 0:00", true, 0, 0},
    {"1-Jan-1970 00:00:00 +0000", true, 0, 0},
    {"1 Jan 49 00:00", true, 2493072000, 0},
    {"1 Jan 50 00:00", true, -631152000, 0},
    {"1 Jan 100 00:00", true, 946684800, 0},
    {"29 Feb 2000 00:00:00 +0000", true, 951782400, 0},
    {"31 Dec 9999 23:59:59 +0000", true, 253402300799, 0},
    {"30 Jun 1997 23:59:60 +0000", true, 867715200, 0},
    {"1 Jan 1970 00:00:00 +9999", true, 0, 0},
    {"29 Feb 2001 00:00:00 +0000", false, 0, 0},
    {"29 Feb 1900 00:00:00 +0000", false, 0, 0},
    {"31 Apr 2001 00:00:00 +0000", false, 0, 0},
    {"0 Jan 2001 00:00:00 +0000", false, 0, 0},
    {"1 Foo 2001 00:00:00 +0000", false, 0, 0},
    {"1 Jan 2001 24:00:00 +0000", false, 0, 0},
    {"1 Jan 2001 12:60:00 +0000", false, 0, 0},
    {"1 Jan 2001 12:00:61 +0000", false, 0, 0},
    {"1 Jan 2001", false, 0, 0},
    {"1 Jan 0000 00:00:00 +0000", false, 0, 0},
    {"1 Jan 1 00:00:00", false, 0, 0},
    {"", false, 0, 0},
    {"garbage", false, 0, 0},
    {"Fri, ", false, 0, 0},
    {"((((", false, 0, 0},
    {"(\\", false, 0, 0},
    {"99999999999 Jan 2001 00:00", false, 0, 0},
    {"2026-11-20T22:51:17Z", false, 0, 0},
};

Test(date, fields)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct date d = {.seconds = 0};

		cr_assert_eq(
		    date_parse(slice_of(fields[i].text), &d), fields[i].ok, "%s", fields[i].text);
		if (!fields[i].ok)
			continue;
		cr_assert_eq(
		    d.seconds, fields[i].seconds, "%s: %lld", fields[i].text, (long long)d.seconds);
		cr_assert_eq(d.zone, fields[i].zone, "%s", fields[i].text);
	}
}

Test(date, internal)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t seconds;
		int zone;
	} cases[] = {
	    {" 1-Jan-1970 00:00:00 +0000", true, 0, 0},
	    {"01-Jan-1970 00:00:00 +0000", true, 0, 0},
	    {"20-Nov-2026 23:51:17 +0100", true, 1795215077, 60},
	    {"20-nov-2026 16:51:17 -0600", true, 1795215077, -360},
	    {"20-Nov-2026 22:51:17", false, 0, 0},
	    {"20-Nov-2026 22:51:17 GMT", false, 0, 0},
	    {"20-Nov-26 22:51:17 +0000", false, 0, 0},
	    {"32-Nov-2026 22:51:17 +0000", false, 0, 0},
	    {"20-Nov-2026 22:51:17 +0000 ", false, 0, 0},
	    {"20-Nov-2026 22:51:17 +00000", false, 0, 0},
	    {"20-Nov-2026 2:51:17 +0000", false, 0, 0},
	    {" 20-Nov-2026 22:51:17 +0000", false, 0, 0},
	    {"20-N-2026 22:51:17 +0000", false, 0, 0},
	    {"20-November-2026 22:51:17 +0000", false, 0, 0},
	    {"", false, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct date d = {.seconds = 0};

		cr_assert_eq(date_internal_parse(slice_of(cases[i].text), &d), cases[i].ok, "%s",
		    cases[i].text);
		cr_assert_eq(d.seconds, cases[i].seconds, "%s", cases[i].text);
		cr_assert_eq(d.zone, cases[i].zone, "%s", cases[i].text);
	}
}

Test(date, days)
{
	int64_t midnight = -1;

	cr_assert(date_day_parse(SLICE("1-Feb-1994"), &midnight));
	cr_assert_eq(midnight, 760060800);
	cr_assert(date_day_parse(SLICE("01-FEB-1994"), &midnight));
	cr_assert_not(date_day_parse(SLICE("30-Feb-1994"), &midnight));
	cr_assert_not(date_day_parse(SLICE("1-Feb-94"), &midnight));
	cr_assert_not(date_day_parse(SLICE("1-Febx-1994"), &midnight));
	cr_assert_not(date_day_parse(SLICE("1-Feb-1994 "), &midnight));
	cr_assert_not(date_day_parse(SLICE(" 1-Feb-1994"), &midnight));
	cr_assert_eq(date_day((struct date){.seconds = 760060800 - 1800, .zone = 60}), 760060800);
	cr_assert_eq(date_day((struct date){.seconds = -1}), -86400);
}

Test(date, written)
{
	static const struct {
		struct date d;
		const char *field, *internal;
	} cases[] = {
	    {{1795215077, 0}, "Fri, 20 Nov 2026 22:51:17 +0000", "20-Nov-2026 22:51:17 +0000"},
	    {{880127706, -360}, "Fri, 21 Nov 1997 09:55:06 -0600", "21-Nov-1997 09:55:06 -0600"},
	    {{0, 330}, "Thu, 1 Jan 1970 05:30:00 +0530", " 1-Jan-1970 05:30:00 +0530"},
	    {{-27723480, -210}, "Thu, 13 Feb 1969 23:32:00 -0330", "13-Feb-1969 23:32:00 -0330"},
	    {{INT64_MAX, 60}, "Fri, 31 Dec 9999 23:59:59 +0100", "31-Dec-9999 23:59:59 +0100"},
	    {{INT64_MIN, 0}, "Mon, 1 Jan 0001 00:00:00 +0000", " 1-Jan-0001 00:00:00 +0000"},
	    {{0, 100000}, "Thu, 1 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};

		date_format(&out, cases[i].d);
		cr_slice_eq(buf_slice(&out), cases[i].field);
		buf_clear(&out);
		date_internal_format(&out, cases[i].d);
		cr_slice_eq(buf_slice(&out), cases[i].internal);
		buf_fini(&out);
	}
}

Test(date, what_is_written_is_read)
{
	for (int64_t s = -70000000000; s < 250000000000; s += 86399 * 9973) {
		struct date d = {.seconds = s > -62000000000 ? s : 0, .zone = (int)(s % 1000)},
			    back;
		struct buf out = {0};

		date_internal_format(&out, d);
		cr_assert(date_internal_parse(buf_slice(&out), &back), "%s", buf_text(&out));
		cr_assert_eq(back.seconds, d.seconds);
		cr_assert_eq(back.zone, d.zone);
		buf_clear(&out);
		date_format(&out, d);
		cr_assert(date_parse(buf_slice(&out), &back), "%s", buf_text(&out));
		cr_assert_eq(back.seconds, d.seconds);
		buf_fini(&out);
	}
}
