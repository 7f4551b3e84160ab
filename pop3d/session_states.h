/*
 * The states of a POP3 session (RFC 1939 3).
 *
 *	AUTHORIZATION ─▶ LOGIN_ASK ─▶ OPEN_ASK ─▶ TRANSACTION ─▶ UPDATE_ASK ─▶ CLOSING
 *	     │   ▲  ▲         │           │          │     ▲
 *	     ▼   │  └─────────┴───────────┘          ▼     │
 *	    TLS ─┘                              FETCH_ASK ─▶ SENDING
 *
 * A message that came ahead leads from TRANSACTION to SENDING at once. AUTH_INPUT waits for the
 * client's response to AUTH. In a state named …_ASK nothing is read.
 */
#ifndef POP3D_SESSION_STATES_H
#define POP3D_SESSION_STATES_H

#define TO(state) (1U << POP3_##state)

/* clang-format off */
/* state            waits for                              may become */
#define POP3_STATES(S) \
	S(AUTHORIZATION, "a command",                          TO(TLS) | TO(AUTH_INPUT) | TO(LOGIN_ASK) | TO(CLOSING)) \
	S(TLS,           "the end of the handshake",           TO(AUTHORIZATION) | TO(CLOSING)) \
	S(AUTH_INPUT,    "the client's response",              TO(AUTHORIZATION) | TO(LOGIN_ASK) | TO(CLOSING)) \
	S(LOGIN_ASK,     "lookup: is the password right",      TO(AUTHORIZATION) | TO(OPEN_ASK) | TO(CLOSING)) \
	S(OPEN_ASK,      "mailbox: the maildrop's messages",   TO(AUTHORIZATION) | TO(TRANSACTION) | TO(CLOSING)) \
	S(TRANSACTION,   "a command",                          TO(FETCH_ASK) | TO(SENDING) | TO(UPDATE_ASK) | TO(CLOSING)) \
	S(FETCH_ASK,     "mailbox: a message",                 TO(TRANSACTION) | TO(SENDING) | TO(CLOSING)) \
	S(SENDING,       "the client to take what was sent",   TO(TRANSACTION) | TO(CLOSING)) \
	S(UPDATE_ASK,    "mailbox: the deletions are durable", TO(CLOSING)) \
	S(CLOSING,       "nothing",                            0)
/* clang-format on */

enum pop3_state {
#define S(name, waits, next) POP3_##name,
	POP3_STATES(S)
#undef S
	    POP3_STATE_COUNT
};

#endif
