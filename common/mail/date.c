#include "common/mail/date.h"

#include "common/base/ascii.h"
#include "common/mail/header.h"

#include <string.h>

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	DAYS_TO_1970 = 719468, /* from 1 March of the year 0 */
	DAYS_OF_ERA = 146097,  /* 400 years */
	YEAR_MOST = 9999,
};

static const int64_t YEAR_1 = -62135596800, YEAR_10000 = 253402300800; /* seconds since 1970 */

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

struct civil {
	int year, month, day; /* month and day count from 1 */
	int hour, minute, second;
};

/* Days since 1970. A year counts from March here, so the leap day is its last. */
static int64_t
days_of(const struct civil *c)
{
	int64_t year = c->month > 2 ? c->year : c->year - 1;
	int64_t month = c->month > 2 ? c->month - 3 : c->month + 9;
	int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	int64_t of_year = (153 * month + 2) / 5 + c->day - 1;

	return era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       DAYS_TO_1970;
}

static int64_t
seconds_of(const struct civil *c)
{
	return days_of(c) * DAY + c->hour * HOUR + c->minute * MINUTE + c->second;
}

/* The days since 1970 that have begun, before 1970 too. */
static int64_t
floor_days(int64_t seconds)
{
	return (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
}

static struct civil
civil_of(int64_t seconds)
{
	int64_t days, left, era, of_era, year, of_year, month;
	struct civil c;

	days = floor_days(seconds);
	left = seconds - days * DAY;
	days += DAYS_TO_1970;
	era = days / DAYS_OF_ERA;
	of_era = days - era * DAYS_OF_ERA;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	c.day = (int)(of_year - (153 * month + 2) / 5 + 1);
	c.month = (int)(month < 10 ? month + 3 : month - 9);
	c.year = (int)(year + era * 400 + (c.month <= 2 ? 1 : 0));
	c.hour = (int)(left / HOUR);
	c.minute = (int)(left % HOUR / MINUTE);
	c.second = (int)(left % MINUTE);
	return c;
}

static bool
is_civil(const struct civil *c)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

	if (c->year < 1 || c->year > YEAR_MOST || c->month < 1 || c->month > 12)
		return false;
	if (c->day < 1 || c->day > lengths[c->month - 1] + (c->month == 2 && is_leap ? 1 : 0))
		return false;
	return c->hour < 24 && c->minute < 60 && c->second <= 60;
}

static bool
take_char(struct slice *s, char c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* Takes least to most digits. */
static bool
take_number(struct slice *s, size_t least, size_t most, int *n)
{
	size_t digits = 0;

	*n = 0;
	while (digits < most && digits < s->len && s->data[digits] >= '0' && s->data[digits] <= '9')
		*n = *n * 10 + (s->data[digits++] - '0');
	*s = slice_from(*s, digits);
	return digits >= least;
}

static struct slice
take_letters(struct slice *s)
{
	size_t n = 0;
	struct slice letters;

	while (n < s->len && ascii_is_alpha(s->data[n]))
		n++;
	letters = slice_sub(*s, 0, n);
	*s = slice_from(*s, n);
	return letters;
}

/* A name of three letters, or a longer one that begins with them; its number from 0, or -1. */
static int
find_name(const char *names, int count, struct slice word)
{
	for (int i = 0; i < count; i++) {
		if (slice_has_prefix_nocase(word, slice_make(names + 3 * i, 3)))
			return i;
	}
	return -1;
}

static bool
take_month(struct slice *s, int *month)
{
	*month = find_name(month_names, 12, take_letters(s)) + 1;
	return *month > 0;
}

/* "+hhmm" or "-hhmm" (RFC 5322 3.3). */
static bool
take_offset(struct slice *s, int *zone)
{
	bool is_west = s->len > 0 && s->data[0] == '-';
	int hhmm;

	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (!take_number(s, 4, 4, &hhmm) || hhmm % 100 > 59 || hhmm / 100 > 23)
		return false;
	*zone = (hhmm / 100 * 60 + hhmm % 100) * (is_west ? -1 : 1);
	return true;
}

/* An offset, or a name of RFC 5322 4.3; those that are unknown, and military ones, mean -0000. */
static void
take_zone(struct slice *s, int *zone)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6},
	    {"PST", -8}, {"PDT", -7}};
	struct slice name;

	*zone = 0;
	if (take_offset(s, zone))
		return;
	name = take_letters(s);
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (slice_equal_text_nocase(name, zones[i].name))
			*zone = zones[i].hours * 60;
	}
}

/* hour ":" minute [ ":" second ], of one or two digits, blanks between (RFC 5322 4.3). */
static bool
take_time(struct slice *s, struct civil *c)
{
	if (!take_number(s, 1, 2, &c->hour))
		return false;
	header_skip_blanks(s);
	if (!take_char(s, ':'))
		return false;
	header_skip_blanks(s);
	if (!take_number(s, 2, 2, &c->minute))
		return false;
	header_skip_blanks(s);
	if (!take_char(s, ':'))
		return true;
	header_skip_blanks(s);
	return take_number(s, 2, 2, &c->second);
}

/* Two digits are of 1950 to 2049, three count from 1900 (RFC 5322 4.3). */
static bool
take_year(struct slice *s, int *year)
{
	size_t before = s->len, digits;

	if (!take_number(s, 2, 4, year))
		return false;
	digits = before - s->len;
	if (digits == 2 && *year < 50)
		*year += 2000;
	else if (digits < 4)
		*year += 1900;
	return true;
}

/* The day's name, which nobody needs, and the comma behind it. */
static void
skip_weekday(struct slice *s)
{
	header_skip_blanks(s);
	take_letters(s);
	header_skip_blanks(s);
	take_char(s, ',');
	header_skip_blanks(s);
}

bool
date_parse(struct slice text, struct date *d)
{
	struct civil c = {0};
	int zone;

	skip_weekday(&text);
	if (!take_number(&text, 1, 2, &c.day))
		return false;
	header_skip_blanks(&text);
	take_char(&text, '-');
	if (!take_month(&text, &c.month))
		return false;
	header_skip_blanks(&text);
	take_char(&text, '-');
	if (!take_year(&text, &c.year))
		return false;
	header_skip_blanks(&text);
	if (!take_time(&text, &c) || !is_civil(&c))
		return false;
	header_skip_blanks(&text);
	take_zone(&text, &zone);
	*d = (struct date){.seconds = seconds_of(&c) - (int64_t)zone * MINUTE, .zone = zone};
	return true;
}

/* Zones that four digits cannot say become UTC. */
static int
sane_zone(struct date d)
{
	return d.zone > -DAY / MINUTE && d.zone < DAY / MINUTE ? d.zone : 0;
}

/* What the clocks of the zone showed; dates outside the years 1 to 9999 become their ends. */
static int64_t
local_seconds(struct date d)
{
	if (d.seconds < YEAR_1 - DAY)
		return YEAR_1;
	if (d.seconds > YEAR_10000 + DAY)
		return YEAR_10000 - 1;
	d.seconds += (int64_t)sane_zone(d) * MINUTE;
	return d.seconds < YEAR_1           ? YEAR_1
	       : d.seconds > YEAR_10000 - 1 ? YEAR_10000 - 1
					    : d.seconds;
}

static void
add_zone(struct buf *out, int zone)
{
	int minutes = zone < 0 ? -zone : zone;

	buf_printf(out, "%c%02d%02d", zone < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void
date_format(struct buf *out, struct date d)
{
	struct civil c = civil_of(local_seconds(d));
	int weekday = (int)(((days_of(&c) + 4) % 7 + 7) % 7);

	buf_printf(out, "%.3s, %d %.3s %04d %02d:%02d:%02d ", day_names + 3 * weekday, c.day,
	    month_names + 3 * (c.month - 1), c.year, c.hour, c.minute, c.second);
	add_zone(out, sane_zone(d));
}

/* date-day "-" date-month "-" date-year; a month has three letters here */
static bool
take_day(struct slice *s, struct civil *c)
{
	return take_number(s, 1, 2, &c->day) && take_char(s, '-') && slice_find(*s, '-') == 3 &&
	       take_month(s, &c->month) && take_char(s, '-') && take_number(s, 4, 4, &c->year);
}

bool
date_internal_parse(struct slice text, struct date *d)
{
	struct civil c = {0};
	int zone;
	bool is_short = take_char(&text, ' ');

	if (is_short && text.len > 1 && text.data[1] != '-')
		return false;
	if (!take_day(&text, &c) || !take_char(&text, ' ') || !take_number(&text, 2, 2, &c.hour) ||
	    !take_char(&text, ':') || !take_number(&text, 2, 2, &c.minute) ||
	    !take_char(&text, ':') || !take_number(&text, 2, 2, &c.second) ||
	    !take_char(&text, ' ') || !take_offset(&text, &zone))
		return false;
	if (text.len > 0 || !is_civil(&c))
		return false;
	*d = (struct date){.seconds = seconds_of(&c) - (int64_t)zone * MINUTE, .zone = zone};
	return true;
}

void
date_internal_format(struct buf *out, struct date d)
{
	struct civil c = civil_of(local_seconds(d));

	buf_printf(out, "%2d-%.3s-%04d %02d:%02d:%02d ", c.day, month_names + 3 * (c.month - 1),
	    c.year, c.hour, c.minute, c.second);
	add_zone(out, sane_zone(d));
}

bool
date_day_parse(struct slice text, int64_t *midnight)
{
	struct civil c = {0};

	if (!take_day(&text, &c) || text.len > 0 || !is_civil(&c))
		return false;
	*midnight = seconds_of(&c);
	return true;
}

int64_t
date_day(struct date d)
{
	return floor_days(local_seconds(d)) * DAY;
}
