#include "smtpd/resolver/rdata.h"

#include "common/base/ascii.h"
#include "common/base/pack.h"

#include <stdio.h>
#include <string.h>

static bool
is_host_octet(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_';
}

bool
rdata_name(struct slice wire, char out[LIMIT_DOMAIN + 1])
{
	size_t at = 0, used = 0;

	out[0] = '\0';
	while (at < wire.len) {
		size_t n = (unsigned char)wire.data[at++];

		if (n == 0)
			return true;
		if (n > 63 || n > wire.len - at || used + n + 1 > LIMIT_DOMAIN)
			return false;
		if (used > 0)
			out[used++] = '.';
		for (size_t i = 0; i < n; i++) {
			char c = wire.data[at + i];

			if (!is_host_octet(c))
				return false;
			out[used++] = ascii_lower(c);
		}
		out[used] = '\0';
		at += n;
	}
	return false;
}

bool
rdata_mx(struct slice rdata, uint16_t *preference, char out[LIMIT_DOMAIN + 1])
{
	if (rdata.len < 3)
		return false;
	*preference = (uint16_t)unpack_at(rdata.data, 2);
	return rdata_name(slice_from(rdata, 2), out);
}

bool
rdata_reverse(struct slice address, char out[LIMIT_DOMAIN + 1])
{
	const unsigned char *a = (const unsigned char *)address.data;
	size_t used = 0;

	if (address.len == 4) {
		snprintf(out, LIMIT_DOMAIN + 1, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1], a[0]);
		return true;
	}
	if (address.len != 16)
		return false;
	for (size_t i = 16; i > 0; i--)
		used += (size_t)snprintf(
		    out + used, LIMIT_DOMAIN + 1 - used, "%x.%x.", a[i - 1] & 15, a[i - 1] >> 4);
	snprintf(out + used, LIMIT_DOMAIN + 1 - used, "ip6.arpa");
	return true;
}
