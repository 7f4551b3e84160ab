/*
 * Files of an administrator's: tables and lists of aliases. Regular files only, read whole,
 * bounded in size and line.
 */
#ifndef SMTPD_LOOKUP_FILE_H
#define SMTPD_LOOKUP_FILE_H

#include "common/base/buf.h"
#include "common/base/error.h"

/* Appends the file's octets; false, and *why says what is wrong, when there are more than most of
 * them, when it is no regular file, or when it holds a NUL. */
bool file_read(const char *path, size_t most, struct buf *out, struct error *why);

/* The same, of a file that nobody but root, or the user that this process runs as, can change. */
bool file_read_trusted(const char *path, size_t most, struct buf *out, struct error *why);

/*
 * Gives each line of a text to take(), without its line end and the blanks before that. Stops, and
 * *why names path and line, when take() refuses one or it is over LIMIT_TABLE_LINE.
 */
bool file_lines(struct slice text, bool (*take)(void *owner, struct slice line, struct error *why),
    void *owner, const char *path, struct error *why);

#endif
