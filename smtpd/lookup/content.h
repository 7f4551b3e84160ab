/*
 * What a table of entries holds: keys in lower case, each with a value (empty in a list), and the
 * ways to find one: exactly, as a domain, an address, a network, or by regular expression.
 * A key occurs once; the last one added wins. Values that are found are borrowed.
 */
#ifndef SMTPD_LOOKUP_CONTENT_H
#define SMTPD_LOOKUP_CONTENT_H

#include "common/base/error.h"
#include "common/base/slice.h"

struct content;

struct content *content_new(void);
void content_free(struct content *c); /* NULL is fine */

void content_add(struct content *c, struct slice key, struct slice value);

size_t content_count(const struct content *c);

/* The entry at place i of content_count(), in the order of the table. */
void content_entry(const struct content *c, size_t i, struct slice *key, struct slice *value);

/* Case does not matter in any of these. */
bool content_find(const struct content *c, struct slice key, struct slice *value);

/* The name itself, "*.example.org" for names below it, "*", or a pattern with * elsewhere. */
bool content_find_domain(const struct content *c, struct slice domain, struct slice *value);

/* "user@domain", "user@*.domain", "@domain", "@*.domain", "user"; with a detail behind the
 * delimiter, the user without it as well; "<>" is the null path. */
bool content_find_address(
    const struct content *c, struct slice address, char delimiter, struct slice *value);

/* An address that stands here, or lies in a prefix that does. */
bool content_find_network(const struct content *c, struct slice address, struct slice *value);

/* Takes every key as a POSIX extended regular expression; needed before content_find_regex(). */
bool content_compile(struct content *c, struct error *why);
bool content_find_regex(const struct content *c, struct slice text, struct slice *value);

#endif
