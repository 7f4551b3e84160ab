/*
 * The Sender Rewriting Scheme: a forwarded message's sender becomes an address of ours, so that who
 * checks SPF finds us, and so that reports of failure come back through us.
 *
 *	SRS0=tag=tt=domain=local@ours              of local@domain
 *	SRS1=tag=other==tag=tt=domain=local@ours   of SRS0=tag=tt=domain=local@other
 *
 * tt is the day, modulo 1024, in base32; tag authenticates all behind it: 40 bits of SipHash keyed
 * from a secret, in base32, so that case may get lost on the way. Only who has the secret reads it.
 */
#ifndef COMMON_MAIL_SRS_H
#define COMMON_MAIL_SRS_H

#include "common/base/buf.h"

struct srs {
	struct slice key;    /* the secret that signs */
	struct slice backup; /* the one before, which still opens; "": none */
	unsigned days;       /* how long an address holds, 1023 at most */
	unsigned today;      /* days since 1970 */
};

/*
 * Appends the sender's address at our domain. False, and nothing is appended, when it stays as it
 * is: it is at our domain already, or what came out would be no address (a local part over 64
 * octets, or quoted).
 */
bool srs_encode(struct buf *out, const struct srs *s, struct slice sender, struct slice domain);

enum srs_result {
	SRS_NONE,   /* no address of this scheme */
	SRS_OK,     /* of ours */
	SRS_FORGED, /* not signed with our keys: another host's, perhaps */
	SRS_OLD,    /* of ours, but the time is over */
};

/* Appends the address that leads back, when it is SRS_OK. */
enum srs_result srs_decode(struct buf *out, const struct srs *s, struct slice address);

#endif
