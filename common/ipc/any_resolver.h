/*
 * listener and relay ─▶ resolver: names and addresses.
 *
 *	ar_mx ─▶ ar_host* ─▶ ar_done         hosts for a mail domain in the order to try, with their addresses
 *	ar_address ─▶ ar_host* ─▶ ar_done    a host's addresses (preference 0)
 *	ar_ptr ─▶ ar_name                    an address's name, and whether it leads back
 */
#ifndef COMMON_IPC_ANY_RESOLVER_H
#define COMMON_IPC_ANY_RESOLVER_H

#include "common/ipc/protocol.h"

enum ar_status {
	DNS_OK,
	DNS_NULL_MX, /* RFC 7505: the domain takes no mail */
	DNS_NONE,    /* no such domain, or nothing to send to */
	DNS_BOGUS,   /* DNSSEC validation failed: do not trust, try later */
	DNS_TEMPORARY,
};

/* clang-format off */
#define AR_MX(F, m)              /* kind  name       least most */ \
	F(m, text,   domain,    1, LIMIT_DOMAIN)    /* A-labels */
#define AR_ADDRESS(F, m) \
	F(m, text,   host,      1, LIMIT_DOMAIN)
#define AR_PTR(F, m) \
	F(m, octets, address,   4, 16)              /* 4 octets or 16 */
#define AR_HOST(F, m) \
	F(m, u16,    preference, 0, 65535) \
	F(m, text,   name,      1, LIMIT_DOMAIN) \
	F(m, octets, address,   0, 16)              /* empty: it has none, or none is known now */ \
	F(m, u8,     secure,    0, 1)               /* name and address were validated by DNSSEC */
#define AR_DONE(F, m) \
	F(m, u8,     status,    0, DNS_TEMPORARY) \
	F(m, u8,     secure,    0, 1) \
	F(m, text,   reason,    0, 300)             /* for people, when not DNS_OK */
#define AR_NAME(F, m) \
	F(m, u8,     status,    0, DNS_TEMPORARY) \
	F(m, text,   name,      0, LIMIT_DOMAIN) \
	F(m, u8,     confirmed, 0, 1)               /* the name has the address among its own */
#define ANY_RESOLVER(M)          /* name  number  fields  descriptor */ \
	M(ar_mx,      0x0501, AR_MX,      FD_NONE) \
	M(ar_address, 0x0502, AR_ADDRESS, FD_NONE) \
	M(ar_ptr,     0x0503, AR_PTR,     FD_NONE) \
	M(ar_host,    0x0504, AR_HOST,    FD_NONE) \
	M(ar_done,    0x0505, AR_DONE,    FD_NONE) \
	M(ar_name,    0x0506, AR_NAME,    FD_NONE)
/* clang-format on */

IPC_DECLARE(ANY_RESOLVER)

#endif
