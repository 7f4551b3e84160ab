/*
 * SMTP commands (RFC 5321 4.1, 1870, 3207, 3461, 4954, 6152) from a line to a struct and
 * back. A line with a control character in it is refused whole; so is every parameter that
 * is unknown, repeated, not offered or out of its range. The struct's slices lie in the line;
 * what had to be decoded stands in the struct itself, as C strings without controls.
 */
#ifndef COMMON_MAIL_SMTP_SYNTAX_H
#define COMMON_MAIL_SMTP_SYNTAX_H

#include "common/base/limits.h"
#include "common/mail/address.h"
#include "common/mail/notify.h"

/* clang-format off */
/*        verb       argument: HELLO, SENDER, RECIPIENT, MECHANISM, SOME, ANY or NONE */
#define SMTP_VERBS(V) \
	V(HELO,      HELLO) \
	V(EHLO,      HELLO) \
	V(LHLO,      HELLO) \
	V(MAIL,      SENDER) \
	V(RCPT,      RECIPIENT) \
	V(DATA,      NONE) \
	V(RSET,      NONE) \
	V(NOOP,      ANY) \
	V(QUIT,      NONE) \
	V(VRFY,      SOME) \
	V(EXPN,      SOME) \
	V(HELP,      ANY) \
	V(STARTTLS,  NONE) \
	V(AUTH,      MECHANISM)
/* clang-format on */

enum smtp_verb {
	SMTP_VERB_UNKNOWN,
#define V(name, argument) SMTP_VERB_##name,
	SMTP_VERBS(V)
#undef V
};

/* clang-format off */
/*        result                 code enhanced sentence */
#define SMTP_SYNTAX_RESULTS(R) \
	R(OK,                    250, "2.0.0", "ok") \
	R(CONTROLS,              501, "5.5.2", "a command holds printable characters only") \
	R(NOT_ASCII,             501, "5.5.2", "a command holds ASCII, addresses apart") \
	R(UNKNOWN,               500, "5.5.1", "there is no such command") \
	R(HTTP,                  500, "5.5.1", "this is a mail server, not a web server") /* hang up */ \
	R(ARGUMENT_MISSING,      501, "5.5.4", "the command needs an argument") \
	R(ARGUMENT_UNWANTED,     501, "5.5.4", "the command takes no argument") \
	R(ARGUMENT_BAD,          501, "5.5.4", "the argument is malformed") \
	R(HELLO_BAD,             501, "5.5.4", "give a host name or an address literal") \
	R(MAIL_BAD,              501, "5.5.4", "say MAIL FROM:<address>") \
	R(RCPT_BAD,              501, "5.5.4", "say RCPT TO:<address>") \
	R(SENDER_BAD,            501, "5.1.7", "the sender address is malformed") \
	R(SENDER_TOO_LONG,       501, "5.1.7", "the sender address is too long") \
	R(RECIPIENT_BAD,         501, "5.1.3", "the recipient address is malformed") \
	R(RECIPIENT_TOO_LONG,    501, "5.1.3", "the recipient address is too long") \
	R(UTF8_NOT_ALLOWED,      553, "5.6.7", "the address is not ASCII, and SMTPUTF8 is not offered") \
	R(TRAILING,              501, "5.5.4", "what stands behind the address is no parameter") \
	R(PARAMETER_UNKNOWN,     555, "5.5.4", "there is a parameter that this server does not know") \
	R(PARAMETER_TWICE,       501, "5.5.4", "a parameter is given twice") \
	R(PARAMETER_BAD,         501, "5.5.4", "a parameter has a wrong value") \
	R(SIZE_TOO_LARGE,        552, "5.3.4", "no server takes a message of that size")
/* clang-format on */

enum smtp_syntax_result {
#define R(name, code, enhanced, sentence) SMTP_SYNTAX_##name,
	SMTP_SYNTAX_RESULTS(R)
#undef R
};

/* What this server offers; a parameter of what is not offered is unknown. SIZE and 8BITMIME always
 * are. */
enum smtp_offer {
	SMTP_OFFER_DSN = 1,
	SMTP_OFFER_AUTH = 2,
	SMTP_OFFER_BARE = 4, /* addresses without a domain, from those whom we complete them for */
};

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };

struct smtp_mail {
	uint64_t size; /* 0: not said */
	enum smtp_body body;
	enum smtp_ret ret;
	bool has_auth;
	char auth[LIMIT_PATH + 1];   /* RFC 4954 5: a mailbox, or "" for <> */
	char envid[LIMIT_ENVID + 1]; /* decoded; "": not said */
};

struct smtp_rcpt {
	uint8_t notify;              /* NOTIFY_* bits; 0: not said */
	char orcpt[LIMIT_ORCPT + 1]; /* type;address, the address decoded; "": not said */
};

struct smtp_command {
	enum smtp_verb verb;
	struct slice argument; /* behind the verb, blanks at its ends removed */
	struct address path;   /* MAIL and RCPT */
	bool is_null;          /* MAIL FROM:<> */
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	struct slice mechanism, initial; /* AUTH; initial as it came, in base64 or "=" */
	bool has_initial;
};

/* Reads a line without its CRLF; offers are SMTP_OFFER_* bits. The verb is set even on failure. */
enum smtp_syntax_result smtp_command_parse(
    struct slice line, unsigned offers, struct smtp_command *c);

/* The reply to a result: code, enhanced code (RFC 3463) and a sentence. */
int smtp_syntax_code(enum smtp_syntax_result result);
const char *smtp_syntax_enhanced(enum smtp_syntax_result result);
const char *smtp_syntax_text(enum smtp_syntax_result result);

const char *smtp_verb_name(enum smtp_verb verb);

/*
 * Append "MAIL FROM:<…> …\r\n" and "RCPT TO:<…> …\r\n" with the parameters that are set; what the
 * server did not offer must not be. An empty sender is the null path. False, and nothing is
 * added, when an address could break the line.
 */
bool smtp_mail_format(struct buf *out, struct slice sender, const struct smtp_mail *parameters);
bool smtp_rcpt_format(struct buf *out, struct slice recipient, const struct smtp_rcpt *parameters);

#endif
