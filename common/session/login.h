/*
 * Logging in, which SMTP, IMAP and POP3 do alike: SASL with the client, then lookup's verdict. What
 * a client sent is wiped as soon as lookup has it, and never logged. How a refusal is said, and
 * what follows a good password, is the protocol's affair.
 */
#ifndef COMMON_SESSION_LOGIN_H
#define COMMON_SESSION_LOGIN_H

#include "common/ipc/any_lookup.h"
#include "common/session/session.h"

enum login_refusal {
	REFUSED_WRONG,     /* user or password; counted */
	REFUSED_NOT_NOW,   /* lookup cannot say */
	REFUSED_MALFORMED, /* that is no response of the mechanism */
	REFUSED_LINE,      /* it does not end as a line does */
	REFUSED_TOO_LONG,
	REFUSED_GIVEN_UP, /* by the client itself */
};

struct login_kind {
	struct channel **lookup;
	unsigned input, asking; /* the states that wait for the client's response, and for lookup */
	const char *challenge;  /* what stands before one */

	/* Acts on lookup's yes. */
	void (*granted)(struct session *s, const struct al_login_is *is);

	/* Says no, and leaves both states; form says what a response should have been. */
	void (*refused)(struct session *s, enum login_refusal why, const char *form);

	/* The last of LIMIT_AUTH_FAILURES wrong ones was refused: ends the session. */
	void (*too_often)(struct session *s);
};

/* Begins with a mechanism, and with the initial response or NULL; false: there is no such
 * mechanism. */
bool login_begin(struct session *s, struct slice mechanism, const struct slice *initial);

/* Acts in the state that waits for the client's response. */
enum session_next login_when_input(struct session *s);

/* Asks lookup, for a command that brings both at once. */
void login_check(struct session *s, struct slice user, struct slice secret);

#endif
