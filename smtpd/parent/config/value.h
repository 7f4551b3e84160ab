/* Words to values; each says what is wrong with the word, and gives an example. */
#ifndef SMTPD_PARENT_CONFIG_VALUE_H
#define SMTPD_PARENT_CONFIG_VALUE_H

#include "smtpd/parent/config/draft.h"

/* "4d", "35M", a number in its range. */
bool value_span(struct draft *d, struct place at, const char *text, uint32_t *seconds);
bool value_size(struct draft *d, struct place at, const char *text, uint64_t *octets);
bool value_number(
    struct draft *d, struct place at, const char *text, uint32_t least, uint32_t most, uint32_t *n);
bool value_short(struct draft *d, struct place at, const char *text, uint16_t most, uint16_t *n);

/* Whole days, of a span that was read. */
bool value_days(struct draft *d, struct place at, uint32_t seconds, uint32_t most, uint32_t *out);

/* From / on. */
bool value_path(struct draft *d, struct place at, const char *text, struct slice *path);

/* A domain, or an address in brackets: what a host calls itself. */
bool value_hostname(struct draft *d, struct place at, const char *text, struct slice *name);

/* Addresses with a @port, or without, and blanks between them. */
bool value_resolvers(struct draft *d, struct place at, const char *text, struct slice *list);

/* One visible sign. */
bool value_sign(struct draft *d, struct place at, const char *text, uint8_t *sign);

/* Both with a blank between them; it lives as long as the conf. */
const char *value_join(struct draft *d, const char *a, const char *b);

#endif
