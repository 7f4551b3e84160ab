/*
 * Collects a command: its lines, and the literals between them (RFC 3501 4.3, RFC 7888). Pure:
 * octets come in, a verdict goes out. A literal is never run as a command: what is refused is
 * thrown away as it comes, or the client, told BAD in place of "+", never sends it, or it is
 * so large that the session ends.
 */
#ifndef IMAPD_INPUT_H
#define IMAPD_INPUT_H

#include "common/base/buf.h"

enum imap_input_next {
	IMAP_INPUT_DONE,   /* the command is whole, or has a flaw: look at it */
	IMAP_INPUT_ASK,    /* a literal comes when "+" is said */
	IMAP_INPUT_OCTETS, /* a literal comes without being asked for */
	IMAP_INPUT_REFUSE, /* a literal comes when "+" is said: say BAD, with the flaw */
	IMAP_INPUT_BYE,    /* there is no way to go on in step */
};

struct imap_input_limits {
	size_t lines;     /* octets of a command's lines */
	size_t literal;   /* of one literal */
	size_t literals;  /* of all of a command */
	uint64_t skipped; /* of a literal that is thrown away */
};

struct imap_input {
	struct buf command;     /* as it came, literals and all */
	const char *flaw;       /* why it will be refused; NULL: nothing yet */
	const char *code;       /* a response code for that, or "" */
	size_t lines, literals; /* octets so far */
	uint64_t wanted;        /* octets of the literal that are still to come */
	bool is_sync;           /* the literal waits for "+" */
	bool is_skipping;       /* the literal is thrown away */
};

/* Takes a line, without its CRLF. */
enum imap_input_next imap_input_line(
    struct imap_input *in, struct slice line, const struct imap_input_limits *limits);

/* Takes octets of the literal, at most as many as are wanted; returns how many. */
size_t imap_input_octets(struct imap_input *in, struct slice octets);

/* Marks the command as one that will be refused; what is still to come is thrown away. */
void imap_input_spoil(struct imap_input *in, const char *code, const char *flaw);

/* Ready for the next command; owns no memory then. */
void imap_input_reset(struct imap_input *in);

#endif
