/*
 * listener, queue, relay, imapd, pop3d ─▶ lookup: who is it, whose is it, where does it go.
 *
 *	al_login ─▶ al_login_is
 *	al_route ─▶ al_recipient* ─▶ al_route_is      (listener at RCPT, queue for a bounce)
 *	◀─ al_forget                                  (listener: answers that last hold no more)
 *	al_sender ─▶ al_sender_is                     (listener: may this user send as that address)
 *	al_fetch ─▶ al_value                          (relay: credentials and other table values;
 *	                                               listener: its name on an address)
 */
#ifndef COMMON_IPC_ANY_LOOKUP_H
#define COMMON_IPC_ANY_LOOKUP_H

#include "common/base/id.h"
#include "common/ipc/protocol.h"

enum al_login_result { LOGIN_OK, LOGIN_WRONG, LOGIN_TEMPORARY };

enum al_route_result {
	ROUTE_OK,
	ROUTE_UNKNOWN,      /* a domain of ours, but no such mailbox: 550 5.1.1 */
	ROUTE_RELAY_DENIED, /* no rule matches: 550 5.7.1 */
	ROUTE_REJECTED,     /* a rule says reject: 550 5.7.1 */
	ROUTE_ERROR,        /* an alias of error:CCC text; reply says all of it */
	ROUTE_LOOP, /* aliases deeper than LIMIT_EXPANSION or wider than LIMIT_EXPANDED: 550 5.4.6 */
	ROUTE_TEMPORARY, /* 451 4.3.0 */
};

/* How a recipient is delivered: which process it goes to. */
enum al_transport { TRANSPORT_MAILBOX, TRANSPORT_RELAY, TRANSPORT_AGENT };

enum al_service { FETCH_CREDENTIALS, FETCH_RELAYHOST, FETCH_SOURCE, FETCH_ADDRNAME };

/* clang-format off */
#define AL_LOGIN(F, m)           /* kind  name       least most */ \
	F(m, u8,     service,   0, 3)              /* enum conf_service */ \
	F(m, text,   table,     0, LIMIT_ACTION)   /* of the listen line; empty: accounts, then system users */ \
	F(m, octets, user,      0, LIMIT_USER) \
	F(m, secret, secret,    0, LIMIT_SECRET) \
	F(m, text,   client,    0, LIMIT_CLIENT)   /* its address, for the log and for slowing guesses */
#define AL_LOGIN_IS(F, m) \
	F(m, u8,     result,    0, LOGIN_TEMPORARY) \
	F(m, text,   account,   0, LIMIT_USER)     /* canonical: local@domain, or a system user's; else what was given */ \
	F(m, octets, token,     0, TOKEN_OCTETS)   /* imapd and pop3d: opens the store once; else empty */ \
	F(m, u8,     mailbox,   0, LIMIT_INSTANCES - 1) /* which mailbox process has the account */
#define AL_ROUTE(F, m) \
	F(m, text,   sender,    0, LIMIT_PATH)     /* empty: the null path */ \
	F(m, text,   recipient, 1, LIMIT_PATH) \
	F(m, text,   client,    0, LIMIT_CLIENT)   /* address; empty: local socket, or queue itself */ \
	F(m, text,   rdns,      0, LIMIT_HOSTNAME) /* only one that leads back; empty: none */ \
	F(m, text,   helo,      0, LIMIT_HOSTNAME) \
	F(m, text,   user,      0, LIMIT_USER)     /* authenticated; empty: no */ \
	F(m, text,   tag,       0, LIMIT_TAG) \
	F(m, u8,     tls,       0, 1) \
	F(m, u8,     local,     0, 1)              /* from the submission socket or made here */
#define AL_RECIPIENT(F, m) \
	F(m, u8,     transport, 0, TRANSPORT_AGENT) \
	F(m, text,   action,    1, LIMIT_ACTION) \
	F(m, text,   address,   1, LIMIT_PATH)     /* after expansion */ \
	F(m, text,   user,      0, LIMIT_USER)     /* account or system user that it is for; name:uid:gid:home of a userbase */ \
	F(m, text,   target,    0, LIMIT_TARGET)   /* agent: a command or file of .forward or aliases; empty: the action's */ \
	F(m, u8,     mailbox,   0, LIMIT_INSTANCES - 1) /* mailbox: which process has the account */
#define AL_ROUTE_IS(F, m) \
	F(m, u8,     result,    0, ROUTE_TEMPORARY) \
	F(m, u8,     lasts,     0, 1)              /* ROUTE_OK: the same question has this answer for LIMIT_VERDICT_MS */ \
	F(m, text,   reply,     0, 500)            /* ROUTE_ERROR: code, enhanced code and text */
#define AL_SENDER(F, m) \
	F(m, text,   table,     1, LIMIT_ACTION)   /* listen … senders <table> */ \
	F(m, text,   user,      1, LIMIT_USER) \
	F(m, text,   sender,    0, LIMIT_PATH)
#define AL_SENDER_IS(F, m) \
	F(m, u8,     allowed,   0, 1) \
	F(m, u8,     temporary, 0, 1)
#define AL_FETCH(F, m) \
	F(m, u8,     service,   0, FETCH_ADDRNAME) \
	F(m, text,   table,     1, LIMIT_ACTION) \
	F(m, text,   key,       0, 1024)           /* a label or an address; empty: the next of a list */
#define AL_VALUE(F, m) \
	F(m, u8,     found,     0, 1) \
	F(m, u8,     temporary, 0, 1) \
	F(m, secret, value,     0, 2048)           /* credentials: user:secret */
#define ANY_LOOKUP(M)            /* name  number  fields  descriptor */ \
	M(al_login,     0x0301, AL_LOGIN,     FD_NONE) \
	M(al_login_is,  0x0302, AL_LOGIN_IS,  FD_NONE) \
	M(al_route,     0x0303, AL_ROUTE,     FD_NONE) \
	M(al_recipient, 0x0304, AL_RECIPIENT, FD_NONE) \
	M(al_route_is,  0x0305, AL_ROUTE_IS,  FD_NONE) \
	M(al_sender,    0x0306, AL_SENDER,    FD_NONE) \
	M(al_sender_is, 0x0307, AL_SENDER_IS, FD_NONE) \
	M(al_fetch,     0x0308, AL_FETCH,     FD_NONE) \
	M(al_value,     0x0309, AL_VALUE,     FD_NONE) \
	M(al_forget,    0x030a, IPC_EMPTY,    FD_NONE)
/* clang-format on */

IPC_DECLARE(ANY_LOOKUP)

#endif
