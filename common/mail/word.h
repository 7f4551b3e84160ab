/*
 * Encoded words (RFC 2047): header text to UTF-8. Reading is tolerant and takes
 * linear time: what is no whole encoded word stays as it is, text between words is taken as
 * UTF-8 or windows-1252, and words of one charset that follow each other are joined before
 * they are converted, since some writers cut a character in two.
 */
#ifndef COMMON_MAIL_WORD_H
#define COMMON_MAIL_WORD_H

#include "common/base/buf.h"

/* Appends text, folded or not, as valid UTF-8 on one line: a line end becomes a blank, a NUL
 * nothing, even when an encoded word hid them. */
void word_decode(struct slice text, struct buf *out);

/* Appends UTF-8 as it is but for line ends and NULs, as above. */
void word_one_line(struct slice text, struct buf *out);

#endif
