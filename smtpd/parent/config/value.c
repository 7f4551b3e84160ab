/* Words to values. */
#include "smtpd/parent/config/value.h"

#include "common/mail/address.h"
#include "common/net/netaddr.h"

#include <string.h>

enum { YEAR = 31536000 };

/* A number and its unit: the factor by the letter behind it, 0 for a letter that is none. */
static bool
scaled(const char *text, uint64_t (*unit_of)(char letter), uint64_t most, uint64_t *value)
{
	struct slice s = slice_of(text);
	uint64_t unit = 1;

	if (s.len > 1 && (s.data[s.len - 1] < '0' || s.data[s.len - 1] > '9'))
		unit = unit_of(s.data[--s.len]);
	if (unit == 0 || !slice_number(s, most / unit, value) || *value == 0)
		return false;
	*value *= unit;
	return true;
}

static uint64_t
unit_of_time(char c)
{
	return c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : 0;
}

static uint64_t
unit_of_size(char c)
{
	return c == 'B' || c == 'b'   ? 1
	       : c == 'K' || c == 'k' ? 1024
	       : c == 'M' || c == 'm' ? 1024 * 1024
	       : c == 'G' || c == 'g' ? 1024 * 1024 * 1024
				      : 0;
}

bool
value_span(struct draft *d, struct place at, const char *text, uint32_t *seconds)
{
	uint64_t n;

	if (!scaled(text, unit_of_time, YEAR, &n))
		return draft_fail(d, at, "\"%.100s\" is no time; write 4d, 2h, 30m or 90s", text);
	*seconds = (uint32_t)n;
	return true;
}

bool
value_size(struct draft *d, struct place at, const char *text, uint64_t *octets)
{
	if (!scaled(text, unit_of_size, LIMIT_MESSAGE_HARD, octets) || *octets < 1024)
		return draft_fail(d, at, "\"%.100s\" is no size; write 35M or 512K", text);
	return true;
}

bool
value_number(
    struct draft *d, struct place at, const char *text, uint32_t least, uint32_t most, uint32_t *n)
{
	uint64_t value;

	if (!slice_number(slice_of(text), most, &value) || value < least)
		return draft_fail(
		    d, at, "\"%.100s\" is no number from %u to %u", text, least, most);
	*n = (uint32_t)value;
	return true;
}

bool
value_short(struct draft *d, struct place at, const char *text, uint16_t most, uint16_t *n)
{
	uint32_t value;

	if (!value_number(d, at, text, 1, most, &value))
		return false;
	*n = (uint16_t)value;
	return true;
}

bool
value_days(struct draft *d, struct place at, uint32_t seconds, uint32_t most, uint32_t *out)
{
	if (seconds == 0 || seconds % 86400 != 0 || seconds / 86400 > most)
		return draft_fail(d, at, "write whole days, from 1d to %ud", most);
	*out = seconds;
	return true;
}

bool
value_path(struct draft *d, struct place at, const char *text, struct slice *path)
{
	*path = slice_of(text);
	return text[0] == '/' ||
	       draft_fail(d, at, "\"%.100s\": write the whole path, from / on", text);
}

bool
value_hostname(struct draft *d, struct place at, const char *text, struct slice *name)
{
	*name = slice_of(text);
	return domain_is_valid(*name, false) || domain_is_literal(*name) ||
	       draft_fail(
		   d, at, "\"%.100s\" is no name of a host; write one like mail.example.org", text);
}

bool
value_resolvers(struct draft *d, struct place at, const char *text, struct slice *list)
{
	struct slice rest = slice_of(text), one;

	*list = rest;
	while (slice_word(&rest, &one)) {
		ptrdiff_t sign = slice_find(one, '@');
		struct slice address = sign < 0 ? one : slice_sub(one, 0, (size_t)sign);
		struct netaddr a;
		uint64_t port = 53;

		if (!netaddr_parse_scoped(address, &a) ||
		    (sign >= 0 && !slice_number(slice_from(one, (size_t)sign + 1), 65535, &port)) ||
		    port == 0)
			return draft_fail(d, at,
			    "\"%.*s\" is no address of a resolver; write one "
			    "like \"192.0.2.53\" or \"::1@5353\"",
			    (int)(one.len > 100 ? 100 : one.len), one.data);
	}
	return true;
}

bool
value_sign(struct draft *d, struct place at, const char *text, uint8_t *sign)
{
	if (strlen(text) != 1 || text[0] <= ' ' || text[0] > '~' || text[0] == '@')
		return draft_fail(d, at, "\"%.100s\" is not one sign; write +", text);
	*sign = (uint8_t)text[0];
	return true;
}

const char *
value_join(struct draft *d, const char *a, const char *b)
{
	struct buf both = {0};
	struct slice kept;

	buf_printf(&both, "%s %s", a, b);
	kept = conf_keep(d->conf, buf_slice(&both));
	buf_fini(&both);
	return kept.data;
}
