/*
 * SASL as a server hears it (RFC 4422): PLAIN (RFC 4616) and LOGIN, response by response, until
 * user and password are known. Pure: how challenges and refusals look is the protocol's affair, and
 * whether the password is right lookup's. What a client sent is wiped as soon as it is done with.
 */
#ifndef COMMON_NET_SASL_H
#define COMMON_NET_SASL_H

#include "common/base/slice.h"

/* What sasl_new() knows, as SMTP and POP3 name them to clients. */
#define SASL_MECHANISMS "PLAIN LOGIN"

enum sasl_result {
	SASL_CHALLENGE,   /* send the challenge and hear one more response */
	SASL_CREDENTIALS, /* user and secret are there, and may be right */
	SASL_WRONG,       /* whoever that is, it is nobody: to be told as a wrong password is */
	SASL_MALFORMED,   /* it is not base64, or not what the mechanism sends */
	SASL_CANCELLED,   /* the client gives up */
};

struct sasl;

/* One exchange; NULL when there is no such mechanism. */
struct sasl *sasl_new(struct slice mechanism);

/* Wipes and frees; NULL is fine. */
void sasl_free(struct sasl *s);

/* Begins, with the initial response if the client sent one ("=" is an empty one), else NULL. */
enum sasl_result sasl_start(struct sasl *s, const struct slice *initial);

/* The client's next line. */
enum sasl_result sasl_feed(struct sasl *s, struct slice line);

/* After SASL_CHALLENGE: what to send, in base64. */
const char *sasl_challenge(const struct sasl *s);

/* After SASL_MALFORMED: what it should have been, for people. */
const char *sasl_form(const struct sasl *s);

/* After SASL_CREDENTIALS, as long as s lives. */
struct slice sasl_user(const struct sasl *s);
struct slice sasl_secret(const struct sasl *s);

/* Whether that may be somebody's: within the limits, and without NUL. */
bool sasl_is_possible(struct slice user, struct slice secret);

#endif
