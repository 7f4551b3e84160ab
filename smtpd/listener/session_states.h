/*
 * The states of an SMTP session.
 *
 *	PROXY       ┌────────────────────────── RSET, EHLO, end of a transaction ───┐
 *	 ▲ ▼        ▼                                                               │
 *	GREETING ─▶ COMMAND ─▶ RCPT_ASK, SENDER_ASK ─▶ COMMAND ─▶ DATA ─▶ STORE_ASK ┘
 *	 ▼ ▲          │  ▲                                         │  ▲
 *	 TLS          │  └─ AUTH_INPUT ─▶ AUTH_ASK                 ▼  │
 *	 (implicit)   └─▶ TLS (then as new, RFC 3207 4.2)       SPOOL_ASK
 *
 * From each of them the session may go to CLOSING, where it ends.
 * In a state that is named …_ASK the session waits for another process and reads nothing.
 */
#ifndef SMTPD_LISTENER_SESSION_STATES_H
#define SMTPD_LISTENER_SESSION_STATES_H

#define TO(state) (1U << SMTP_##state)

/* clang-format off */
/* state         waits for                        may become */
#define SMTP_STATES(S) \
	S(GREETING,   "names: the client's and ours",  TO(PROXY) | TO(COMMAND) | TO(TLS) | TO(CLOSING)) \
	S(PROXY,      "a proxy's header",              TO(GREETING) | TO(CLOSING)) \
	S(COMMAND,    "a command",                     TO(RCPT_ASK) | TO(SENDER_ASK) | TO(AUTH_INPUT) | TO(AUTH_ASK) | \
	                                               TO(DATA) | TO(TLS) | TO(CLOSING)) \
	S(TLS,        "the end of the handshake",      TO(GREETING) | TO(COMMAND) | TO(CLOSING)) \
	S(SENDER_ASK, "lookup: may the user send so",  TO(COMMAND) | TO(CLOSING)) \
	S(RCPT_ASK,   "lookup: where does it go",      TO(COMMAND) | TO(CLOSING)) \
	S(AUTH_INPUT, "the client's next response",    TO(COMMAND) | TO(AUTH_ASK) | TO(CLOSING)) \
	S(AUTH_ASK,   "lookup: is the password right", TO(COMMAND) | TO(CLOSING)) \
	S(DATA,       "the message",                   TO(COMMAND) | TO(SPOOL_ASK) | TO(STORE_ASK) | TO(CLOSING)) \
	S(SPOOL_ASK,  "queue: a file for the message", TO(DATA) | TO(CLOSING)) \
	S(STORE_ASK,  "queue: is it stored",           TO(COMMAND) | TO(CLOSING)) \
	S(CLOSING,    "nothing",                       0)
/* clang-format on */

enum smtp_state {
#define S(name, waits, next) SMTP_##name,
	SMTP_STATES(S)
#undef S
	    SMTP_STATE_COUNT
};

#endif
