/*
 * The arguments of a command (RFC 3501 9), read off its octets one after another. The octets
 * are a whole command as input.h collects it, literals in their places. A quoted string is
 * unescaped where it stands, so the octets must be writable and are read once. Every function
 * returns false, and moves no further, when what it looks for is not there.
 */
#ifndef IMAPD_PARSE_H
#define IMAPD_PARSE_H

#include "common/base/buf.h"

struct imap_parse {
	char *at;
	char *end;
};

/* Which characters a word may hold. */
enum imap_word {
	IMAP_ATOM,
	IMAP_ASTRING, /* an atom, ] allowed */
	IMAP_TAG,     /* an astring without + */
	IMAP_PATTERN, /* an astring, % and * allowed */
	IMAP_NUMBERS, /* sequence-set */
};

struct imap_parse imap_parse_of(struct buf *command);

/* How many octets at the front of text are a word of that kind. */
size_t imap_word_span(struct slice text, enum imap_word kind);

bool imap_parse_is_end(const struct imap_parse *p);
bool imap_parse_char(struct imap_parse *p, char c); /* just this one */
bool imap_parse_word(struct imap_parse *p, enum imap_word kind, struct slice *word);
bool imap_parse_keyword(struct imap_parse *p, const char *keyword); /* an atom, any case */
bool imap_parse_quoted(struct imap_parse *p, struct slice *text);
bool imap_parse_literal(struct imap_parse *p, struct slice *text);
bool imap_parse_string(struct imap_parse *p, struct slice *text);
bool imap_parse_nstring(struct imap_parse *p, struct slice *text); /* NIL: data is NULL */
bool imap_parse_astring(struct imap_parse *p, enum imap_word kind, struct slice *text);
bool imap_parse_number(struct imap_parse *p, uint64_t max, uint64_t *number);

/* A space and an astring; the same for a mailbox's name, decoded into *name as UTF-8. */
bool imap_parse_argument(struct imap_parse *p, struct slice *text);

/* A mailbox's name from the wire: modified UTF-7 to UTF-8, INBOX in capitals. False for a name
 * that no mailbox of ours can have. */
bool imap_mailbox_name(struct slice wire, struct buf *name);

/* Flags of STORE and APPEND: with parentheses or, if bare is allowed, without. */
struct imap_flags {
	uint8_t system;      /* FLAG_* */
	struct buf keywords; /* an ipc_list */
	size_t count;        /* of keywords */
};
enum imap_flags_result { IMAP_FLAGS_OK, IMAP_FLAGS_BAD, IMAP_FLAGS_LIMIT };
enum imap_flags_result imap_parse_flags(struct imap_parse *p, bool bare, struct imap_flags *flags);

#endif
