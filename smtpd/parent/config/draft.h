/*
 * The configuration while it is read: what it is so far, where each part of it came from, and who
 * hears of what is wrong. Whatever reads a line adds to the draft, or says why not, with file and
 * line, and what to write instead.
 */
#ifndef SMTPD_PARENT_CONFIG_DRAFT_H
#define SMTPD_PARENT_CONFIG_DRAFT_H

#include "common/conf/conf.h"
#include "smtpd/parent/config/place.h"

struct draft {
	struct conf *conf;
	struct error *why;
	void (*warn)(const char *text);
	struct places listens, certs, keys, cas, tables, actions, matches; /* in conf's order */
};

/* Begins with an empty conf. Whoever frees the draft has taken the conf, or frees it before. */
void draft_init(struct draft *d, struct error *why, void (*warn)(const char *text));
void draft_fini(struct draft *d);

/* Writes "file:line: …"; always false. A note of a line without effect goes to whoever asked. */
bool draft_fail(struct draft *d, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void draft_warn(struct draft *d, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses a section whose texts or numbers no process would take. */
bool draft_fits(struct draft *d, struct place at, const struct ipc_schema *s, const void *section);

#endif
