/*
 * Trace fields (RFC 5321 4.4) that a server puts before a message. Whatever stands in the
 * arguments, each function writes exactly one field of short lines.
 */
#ifndef COMMON_MAIL_TRACE_H
#define COMMON_MAIL_TRACE_H

#include "common/base/buf.h"

struct trace_received {
	struct slice helo;      /* what the client said; empty: a local client */
	struct slice client;    /* its address as a literal: [192.0.2.1]; empty: kept private */
	struct slice rdns;      /* its name as DNS has it; empty: unknown */
	struct slice by;        /* our host name */
	struct slice id;        /* queue id */
	struct slice recipient; /* when there is a single one, else empty */
	struct slice user;      /* authenticated as, when that may be shown */
	struct slice tls_version, tls_cipher;
	bool extended; /* EHLO */
	bool tls, authenticated;
	bool masked;  /* says nothing of where the message came from */
	int64_t when; /* seconds since 1970 */
};

/* The protocol word (RFC 3848): SMTP, ESMTP, ESMTPS, ESMTPA or ESMTPSA. */
const char *trace_protocol(const struct trace_received *r);

void trace_received(struct buf *out, const struct trace_received *r);

/* "Return-Path: <sender>", the null path for the empty one. */
void trace_return_path(struct buf *out, struct slice sender);

/* "Delivered-To: address", which a later hop recognizes as a loop. */
void trace_delivered_to(struct buf *out, struct slice address);

#endif
