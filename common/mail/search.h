/*
 * A SEARCH program (RFC 9051 6.4.4): imapd packs what it parsed, mailbox unpacks and runs it.
 * Prefix notation, one octet for the operator, then its arguments: numbers in network order,
 * texts with a u32 length before them. Bounded by LIMIT_SEARCH_NODES, LIMIT_SEARCH_TEXTS and
 * LIMIT_IMAP_NESTING.
 */
#ifndef COMMON_MAIL_SEARCH_H
#define COMMON_MAIL_SEARCH_H

#include "common/base/buf.h"

enum search_op {
	SEARCH_AND = 1, /* u16 count, then so many programs; 0: everything matches */
	SEARCH_OR,      /* two programs */
	SEARCH_NOT,     /* one program */
	SEARCH_FLAG,    /* u8: FLAG_* bit that must be set */
	SEARCH_KEYWORD, /* text */
	SEARCH_UIDS,    /* text: packed ranges (pairs of u32) */
	SEARCH_BEFORE,
	SEARCH_ON,
	SEARCH_SINCE, /* i64: midnight of the day, seconds since 1970, by INTERNALDATE */
	SEARCH_SENTBEFORE,
	SEARCH_SENTON,
	SEARCH_SENTSINCE, /* i64, by the Date: field, zone disregarded */
	SEARCH_LARGER,
	SEARCH_SMALLER,  /* u64 octets */
	SEARCH_HEADER,   /* text field name, text to find (UTF-8); empty text: the field exists */
	SEARCH_BODY,     /* text (UTF-8) */
	SEARCH_TEXT,     /* text (UTF-8): header or body */
	SEARCH_MODSEQ,   /* u64: this or later */
	SEARCH_ENVELOPE, /* as SEARCH_HEADER, but of a field as the envelope has it */
};

struct search_node {
	enum search_op op;
	uint64_t number;          /* count, flag, octets, modseq; dates as two's complement */
	struct slice text, value; /* SEARCH_HEADER, SEARCH_ENVELOPE: name and text; else text */
};

/* Appends one node; the programs it needs are appended after it by the caller. */
void search_pack(struct buf *program, const struct search_node *node);

/* Takes the next node off *program; false at the end or when it is malformed. */
bool search_unpack(struct slice *program, struct search_node *node);

/* Whether it looks into messages, and so counts towards LIMIT_SEARCH_TEXTS. */
bool search_looks_inside(enum search_op op);

/* Whether octets are exactly one well-formed program within the limits. */
bool search_is_valid(struct slice program);

#endif
