/*
 * Writes one JSON object (RFC 8259) on one line into a buffer, for smtpctl --json. It is whole and
 * well formed whatever it is given: wrong octets become U+FFFD, and a string is cut where an object
 * of JSON_MOST octets would keep less than JSON_RESERVE for what follows it. Names, numbers and
 * objects are ours to count, and must fit the reserve. Names are plain ASCII.
 */
#ifndef COMMON_BASE_JSON_H
#define COMMON_BASE_JSON_H

#include "common/base/buf.h"
#include "common/base/limits.h"

enum {
	JSON_MOST = LIMIT_ANSWER, /* octets of an object, which is a line of an answer */
	JSON_RESERVE = 8000,
};

struct json {
	struct buf *out;
	size_t begin; /* where the object stands in out */
	unsigned depth;
};

/* Begins an object behind what out holds; json_end() ends the one that was begun last. */
void json_begin(struct json *j, struct buf *out);
void json_begin_member(struct json *j, const char *name);
void json_end(struct json *j);

void json_string(struct json *j, const char *name, struct slice value);
void json_number(struct json *j, const char *name, int64_t value);
void json_count(struct json *j, const char *name, uint64_t value);
void json_flag(struct json *j, const char *name, bool value);

/* Adds the members of an object that a json wrote elsewhere; nothing if they are too many. */
void json_members(struct json *j, struct slice object);

#endif
