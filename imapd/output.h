/*
 * What a session has to send, in order: text, and ranges of files that are read only as the
 * client takes them. While nothing waits, text goes straight into the stream.
 */
#ifndef IMAPD_OUTPUT_H
#define IMAPD_OUTPUT_H

#include "common/base/slice.h"
#include "common/net/stream.h"

#include <sys/queue.h>

/* A message's file, shared by the ranges that are cut from it. */
struct imap_file {
	int fd;
	unsigned holds;
};

struct imap_piece;
struct imap_output {
	TAILQ_HEAD(imap_pieces, imap_piece) pieces;
};

void imap_output_init(struct imap_output *o);
void imap_output_fini(struct imap_output *o);
bool imap_output_is_empty(const struct imap_output *o);

/* Takes the descriptor; the file is closed when its maker and all ranges have let go. */
struct imap_file *imap_file_new(int fd);
void imap_file_release(struct imap_file *f);

void imap_output_text(struct imap_output *o, struct stream *s, struct slice text);

/* The octets of a message: as text, with NUL, which no literal may have, made 0x80. */
void imap_output_octets(struct imap_output *o, struct stream *s, struct slice octets);
void imap_output_file(struct imap_output *o, struct imap_file *f, uint64_t at, uint64_t size);

/* Fills the stream up to STREAM_HIGH; false when a file cannot be read: the literal is broken. */
bool imap_output_pump(struct imap_output *o, struct stream *s);

#endif
