/*
 * What smtpd.conf has words for. Each list gives the enum, the word, and what stands behind it:
 * whoever reads or prints the word asks here.
 */
#ifndef COMMON_CONF_WORDS_H
#define COMMON_CONF_WORDS_H

#include "common/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
enum conf_tls { TLS_NONE, TLS_OFFERED, TLS_REQUIRED, TLS_IMPLICIT };
enum conf_auth { AUTH_NONE, AUTH_OPTIONAL, AUTH_REQUIRED };
enum conf_relay_tls { RELAY_TLS_OPPORTUNISTIC, RELAY_TLS_REQUIRED, RELAY_TLS_NO_VERIFY };

enum conf_service { SERVICE_SMTP, SERVICE_SUBMISSION, SERVICE_IMAP, SERVICE_POP3 };

/* Where a table's entries are. */
#define CONF_BACKENDS(B)         /* enum  word        a path follows, behind ":" */ \
	B(BACKEND_STATIC,   "static",   true)  /* in smtpd.conf itself; with a path it is a file */ \
	B(BACKEND_FILE,     "file",     true) \
	B(BACKEND_PASSWD,   "passwd",   true) \
	B(BACKEND_ACCOUNTS, "accounts", false) \
	B(BACKEND_SYSTEM,   "getpwnam", false)

/* What an action does with mail. */
#define CONF_METHODS(M) \
	M(METHOD_MAILBOX,      "mailbox") \
	M(METHOD_RELAY,        "relay") \
	M(METHOD_MAILDIR,      "maildir") \
	M(METHOD_MBOX,         "mbox") \
	M(METHOD_LMTP,         "lmtp") \
	M(METHOD_MDA,          "mda") \
	M(METHOD_EXPAND_ONLY,  "expand-only") \
	M(METHOD_FORWARD_ONLY, "forward-only")

/* What a condition of a match looks at. A table that is empty asks only whether there is one. */
#define CONF_SUBJECTS(S) \
	S(FROM_ANY,       "from any") \
	S(FROM_LOCAL,     "from local") \
	S(FROM_SOCKET,    "from socket") \
	S(FROM_AUTH,      "from auth") \
	S(FROM_MAIL_FROM, "from mail-from") \
	S(FROM_RDNS,      "from rdns") \
	S(FROM_SRC,       "from src") \
	S(FOR_ANY,        "for any") \
	S(FOR_LOCAL,      "for local") \
	S(FOR_DOMAIN,     "for domain") \
	S(FOR_RCPT_TO,    "for rcpt-to") \
	S(WITH_AUTH,      "auth") \
	S(WITH_HELO,      "helo") \
	S(WITH_MAIL_FROM, "mail-from") \
	S(WITH_RCPT_TO,   "rcpt-to") \
	S(WITH_TAG,       "tag") \
	S(WITH_TLS,       "tls")

/* What a listen line serves; a line without such a word is SMTP for other servers. */
#define CONF_SERVICES(S)         /* word  service             TLS           password       port */ \
	S("",            SERVICE_SMTP,       TLS_NONE,     AUTH_NONE,     25) \
	S("smtps",       SERVICE_SMTP,       TLS_IMPLICIT, AUTH_NONE,     465) \
	S("submission",  SERVICE_SUBMISSION, TLS_NONE,     AUTH_REQUIRED, 587) \
	S("submissions", SERVICE_SUBMISSION, TLS_IMPLICIT, AUTH_REQUIRED, 465) \
	S("imap",        SERVICE_IMAP,       TLS_NONE,     AUTH_NONE,     143) \
	S("imaps",       SERVICE_IMAP,       TLS_IMPLICIT, AUTH_NONE,     993) \
	S("pop3",        SERVICE_POP3,       TLS_NONE,     AUTH_NONE,     110) \
	S("pop3s",       SERVICE_POP3,       TLS_IMPLICIT, AUTH_NONE,     995)

#define CONF_ENUMERATOR(value, ...) value,
#define CONF_ONE(...) +1
enum conf_backend { CONF_BACKENDS(CONF_ENUMERATOR) };
enum conf_method { CONF_METHODS(CONF_ENUMERATOR) };
enum conf_subject { CONF_SUBJECTS(CONF_ENUMERATOR) };
enum {
	BACKEND_COUNT = CONF_BACKENDS(CONF_ONE),
	METHOD_COUNT = CONF_METHODS(CONF_ONE),
	SUBJECT_COUNT = CONF_SUBJECTS(CONF_ONE),
};
/* clang-format on */

struct conf_service_word {
	const char *word;
	uint8_t service, tls, auth;
	uint16_t port;
};

/* By its word, or by service and whether TLS comes first; NULL: there is no such word. */
const struct conf_service_word *conf_service_find(const char *word);
const struct conf_service_word *conf_service_word(enum conf_service s, bool is_implicit);

const char *conf_method_word(enum conf_method m);
const char *conf_subject_word(enum conf_subject s);

/* The backend of that word; false: there is none. */
bool conf_backend_find(struct slice word, enum conf_backend *b);
const char *conf_backend_word(enum conf_backend b);
bool conf_backend_has_path(enum conf_backend b);

#endif
