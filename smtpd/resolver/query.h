/*
 * One question to the DNS, by libunbound: asynchronous, cached there, validated with DNSSEC
 * when a trust anchor is configured. Nothing else in this process touches the network.
 */
#ifndef SMTPD_RESOLVER_QUERY_H
#define SMTPD_RESOLVER_QUERY_H

#include "common/base/error.h"
#include "common/base/slice.h"

enum query_type { QUERY_A = 1, QUERY_PTR = 12, QUERY_MX = 15, QUERY_AAAA = 28 };

enum query_status {
	QUERY_FOUND,
	QUERY_NO_DATA, /* the name exists, without such records */
	QUERY_NO_NAME,
	QUERY_BOGUS,  /* DNSSEC says that it is forged, or broken */
	QUERY_FAILED, /* no answer: try later */
};

struct query_answer {
	enum query_status status;
	bool secure;        /* validated with DNSSEC */
	const char *reason; /* for people, when there is nothing */
	size_t count;
	const struct slice *records; /* RDATA, uncompressed; valid during the call */
};

/*
 * Reads the system's resolver settings, or takes the servers ("address[@port]", parted by
 * blanks), and the trust anchor's file. Everything is opened here, before the sandbox.
 */
bool query_init(struct slice servers, struct slice trust_anchor, struct error *why);

/* Attaches to the loop. */
bool query_start_serving(struct error *why);

/* Asks; answer(owner, …) follows exactly once, never from inside this call. */
void query_ask(const char *name, enum query_type type,
    void (*answer)(void *owner, const struct query_answer *a), void *owner);

#endif
