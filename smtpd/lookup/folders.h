/*
 * The folders that tables' files lie in, each once: what lookup may read behind its walls. A file
 * is named by its folder, for one that is replaced by renaming is another file in the same place.
 */
#ifndef SMTPD_LOOKUP_FOLDERS_H
#define SMTPD_LOOKUP_FOLDERS_H

#include "common/base/error.h"
#include "common/base/limits.h"
#include "common/base/slice.h"

struct folders {
	char *names[LIMIT_TABLE_FOLDERS + 1]; /* NULL at the end */
	size_t count;
};

/* The folder of that path, "." of a plain name, on the heap. */
char *folder_of(struct slice path);

/* Adds the folder of that file, if it is not there. False: they are too many. */
bool folders_add(struct folders *f, struct slice file, struct error *why);

/* Whether all of some are among f. */
bool folders_hold(const struct folders *f, const struct folders *some);

void folders_fini(struct folders *f);

#endif
