/*
 * The states of an IMAP session (RFC 3501 3). Where a client stands, from not authenticated to
 * selected, is its level; these are what the session waits for.
 *
 *	TLS ─▶ COMMAND ◀─▶ LITERAL
 *	         │  ▲
 *	         ├──┼─▶ AUTH_INPUT ─▶ LOGIN_ASK ─▶ OPEN_ASK ─┐
 *	         ├──┼─▶ SPOOL_ASK ─▶ MESSAGE ─▶ MESSAGE_END ─┤
 *	         ├──┼─▶ ASK ◀─▶ SENDING ──────────────────────┤
 *	         ├──┼─▶ IDLE ◀───────────────────────┐        │
 *	         │  └────── SYNC_TELL ◀── SYNC_ASK ◀─┴────────┘
 *	         ▼
 *	      CLOSING                    (from every state)
 *
 * In a state named …_ASK, and in ASK, SENDING and SYNC_TELL, nothing is read from the client.
 */
#ifndef IMAPD_SESSION_STATES_H
#define IMAPD_SESSION_STATES_H

#define TO(state) (1U << IMAP_##state)

/* clang-format off */
/* state        waits for                                   may become */
#define IMAP_STATES(S) \
	S(COMMAND,     "a line of a command",               TO(LITERAL) | TO(TLS) | TO(AUTH_INPUT) | TO(LOGIN_ASK) | TO(ASK) | \
	                                                    TO(SENDING) | TO(SPOOL_ASK) | TO(MESSAGE) | TO(IDLE) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(LITERAL,     "the octets of a literal",           TO(COMMAND) | TO(CLOSING)) \
	S(TLS,         "the end of the handshake",          TO(COMMAND) | TO(CLOSING)) \
	S(AUTH_INPUT,  "the client's response",             TO(COMMAND) | TO(LOGIN_ASK) | TO(CLOSING)) \
	S(LOGIN_ASK,   "lookup: is the password right",     TO(COMMAND) | TO(OPEN_ASK) | TO(CLOSING)) \
	S(OPEN_ASK,    "mailbox: the account is open",      TO(COMMAND) | TO(CLOSING)) \
	S(ASK,         "mailbox: the command's answer",     TO(COMMAND) | TO(SENDING) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(SENDING,     "the client to take what was sent",  TO(COMMAND) | TO(ASK) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(SPOOL_ASK,   "mailbox: a file for a message",     TO(COMMAND) | TO(MESSAGE) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(MESSAGE,     "the octets of APPEND's message",    TO(MESSAGE_END) | TO(CLOSING)) \
	S(MESSAGE_END, "the line's end behind the message", TO(COMMAND) | TO(LITERAL) | TO(ASK) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(IDLE,        "DONE, or news from mailbox",        TO(COMMAND) | TO(SYNC_ASK) | TO(CLOSING)) \
	S(SYNC_ASK,    "mailbox: what has changed",         TO(SYNC_TELL) | TO(CLOSING)) \
	S(SYNC_TELL,   "the client to take what has changed", TO(COMMAND) | TO(IDLE) | TO(CLOSING)) \
	S(CLOSING,     "the last output",                   0)
/* clang-format on */

enum imap_state {
#define S(name, waits, next) IMAP_##name,
	IMAP_STATES(S)
#undef S
	    IMAP_STATE_COUNT
};

#endif
