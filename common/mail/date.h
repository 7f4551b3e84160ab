/*
 * Dates of mail, read and written, without a locale or a time zone of this machine: RFC 5322
 * 3.3 and 4.3, and IMAP's date-time and date (RFC 9051 9). Years 1 to 9999.
 */
#ifndef COMMON_MAIL_DATE_H
#define COMMON_MAIL_DATE_H

#include "common/base/buf.h"

struct date {
	int64_t seconds; /* since 1970, UTC */
	int zone;        /* minutes east of Greenwich; 0 for -0000 and zones unknown */
};

/* "Fri, 20 Nov 2026 22:51:17 +0000", with comments, folds, two-digit years, zone names and
 * missing seconds as they occur; false for what is no date. */
bool date_parse(struct slice text, struct date *d);
void date_format(struct buf *out, struct date d);

/* INTERNALDATE: "20-Nov-2026 22:51:17 +0000", without quotes; the day in two columns. */
bool date_internal_parse(struct slice text, struct date *d);
void date_internal_format(struct buf *out, struct date d);

/* SEARCH: "20-Nov-2026" or "1-Feb-1994", without quotes; gives midnight UTC, seconds since 1970. */
bool date_day_parse(struct slice text, int64_t *midnight);

/* Midnight UTC of the day that the date names in its own zone: what SENTON and its kin compare. */
int64_t date_day(struct date d);

#endif
