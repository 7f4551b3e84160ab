/*
 * The states of an SMTP client's session (RFC 5321 4.3.2), each named for the reply it waits for.
 *
 *	CONNECT ─▶ (TLS ─▶) GREETING ─▶ EHLO ─▶ STARTTLS ─▶ TLS ─▶ EHLO ─▶ AUTH ─▶ IDLE
 *	IDLE ─▶ ENVELOPE ─▶ BODY ─▶ DOT ─▶ IDLE
 *	ENVELOPE ─▶ RESET ─▶ IDLE         nobody was accepted
 *	IDLE ─▶ QUIT ─▶ CLOSING
 *
 * ENVELOPE is MAIL, RCPT…, DATA, in one piece when the server pipelines.
 *
 * Hasty are transfers whose place others want: short is the wait for a server's words, though not for
 * those of TLS, which would be left out the next time, nor once the message is on its way.
 */
#ifndef DELIVER_RELAY_SESSION_STATES_H
#define DELIVER_RELAY_SESSION_STATES_H

#define TO(state) (1U << RELAY_##state)

/* clang-format off */
/* state       waits for                        seconds  hasty may become */
#define RELAY_STATES(S) \
	S(CONNECT,  "the connection",                30,      15,   TO(GREETING) | TO(TLS) | TO(CLOSING)) \
	S(GREETING, "220",                           300,     15,   TO(EHLO) | TO(CLOSING)) \
	S(EHLO,     "the server's extensions",       300,     60,   TO(HELO) | TO(STARTTLS) | TO(AUTH) | TO(IDLE) | TO(CLOSING)) \
	S(HELO,     "250 to HELO",                   300,     15,   TO(IDLE) | TO(CLOSING)) \
	S(STARTTLS, "220 to STARTTLS",               120,     120,  TO(TLS) | TO(AUTH) | TO(IDLE) | TO(CLOSING)) \
	S(TLS,      "the end of the handshake",      60,      60,   TO(GREETING) | TO(EHLO) | TO(CLOSING)) \
	S(AUTH,     "235",                           120,     30,   TO(IDLE) | TO(CLOSING)) \
	S(IDLE,     "the next transfer",             10,      10,   TO(ENVELOPE) | TO(QUIT) | TO(CLOSING)) \
	S(ENVELOPE, "replies to MAIL, RCPT and DATA",300,     60,   TO(BODY) | TO(RESET) | TO(CLOSING)) \
	S(BODY,     "the server to take the message",180,     180,  TO(DOT) | TO(CLOSING)) \
	S(DOT,      "the reply to the message",      600,     600,  TO(IDLE) | TO(CLOSING)) \
	S(RESET,    "250 to RSET",                   120,     120,  TO(IDLE) | TO(CLOSING)) \
	S(QUIT,     "221",                           10,      10,   TO(CLOSING)) \
	S(CLOSING,  "nothing",                       10,      10,   0)
/* clang-format on */

enum relay_state {
#define S(name, waits, seconds, hasty, next) RELAY_##name,
	RELAY_STATES(S)
#undef S
	    RELAY_STATE_COUNT
};

#endif
