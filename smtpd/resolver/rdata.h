/*
 * Reads the octets of DNS records. Pure; every name is checked against what mail can use.
 */
#ifndef SMTPD_RESOLVER_RDATA_H
#define SMTPD_RESOLVER_RDATA_H

#include "common/base/limits.h"
#include "common/base/slice.h"

/*
 * A domain name in wire format (uncompressed) as lower-case text without the last dot; "" for the
 * root. False for anything cut, too long, or with octets other than letters, digits, - and _.
 */
bool rdata_name(struct slice wire, char out[LIMIT_DOMAIN + 1]);

/* MX: preference and exchange. */
bool rdata_mx(struct slice rdata, uint16_t *preference, char out[LIMIT_DOMAIN + 1]);

/* The name to ask for an address's PTR records; address is 4 or 16 octets. */
bool rdata_reverse(struct slice address, char out[LIMIT_DOMAIN + 1]);

#endif
