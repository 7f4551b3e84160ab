/*
 * Every limit on what outside input can grow, in one place: its value, its unit and its
 * reason. Those that smtpd.conf can change are defaults. Each has a test that reaches it.
 */
#ifndef COMMON_BASE_LIMITS_H
#define COMMON_BASE_LIMITS_H

/* clang-format off */
enum {
	/* Addresses (RFC 5321 4.5.3.1) */
	LIMIT_LOCAL_PART    = 255,                /* octets; RFC 5321 says 64, many senders' bounce addresses more */
	LIMIT_DOMAIN        = 255,                /* octets */
	LIMIT_ADDRESS       = 511,                /* local part, @, domain */
	LIMIT_PATH          = 513,                /* with the angle brackets' room */
	LIMIT_ENVID         = 100,                /* RFC 3461 4.4 */
	LIMIT_ORCPT         = 500,                /* RFC 3461 4.2, decoded */
	LIMIT_HOSTNAME      = 255,                /* octets */
	LIMIT_CLIENT        = 64,                 /* octets of a client's address as text */
	LIMIT_STATUS        = 16,                 /* octets of an enhanced code, RFC 3463 2: 5.999.999 */
	LIMIT_REPLY_TEXT    = 1000,               /* octets of a reply that are kept, for the sender to read */

	/* SMTP */
	LIMIT_SMTP_COMMAND  = 2048,               /* octets with CRLF: 512 and room for extensions */
	LIMIT_SMTP_REPLY    = 512,                /* RFC 5321 4.5.3.1.5, a line we send */
	LIMIT_SMTP_REPLIES  = 64 * 1024,          /* octets of one reply that a server may send us */
	LIMIT_TEXT_LINE     = 64 * 1024,          /* RFC 5321 4.5.3.1.6 says 1,000; this is the hard end */
	LIMIT_RECIPIENTS    = 1000,               /* a transaction; RFC 5321 4.5.3.1.8 wants 100 */
	LIMIT_RECEIVED      = 100,                /* hops before a loop is declared; RFC 5321 6.3 */
	LIMIT_MESSAGES      = 1000,               /* transactions of one session */
	LIMIT_SMTP_ERRORS   = 20,                 /* bad commands between two messages before 421 */
	LIMIT_IDLE_COMMANDS = 100,                /* RSET, NOOP, VRFY and their like between two messages */
	LIMIT_AUTH_FAILURES = 5,                  /* wrong passwords before the session ends */
	LIMIT_MESSAGE       = 35 * 1024 * 1024,   /* octets; smtp max-message-size */
	LIMIT_MESSAGE_HARD  = 0x7fffffff,         /* octets; the most that max-message-size may say */
	LIMIT_RETURNED      = 64 * 1024,          /* octets of a message that a bounce brings back whole */
	LIMIT_SESSIONS      = 20000,              /* of one process */
	LIMIT_HANDSHAKES    = 2000,               /* of one process that wait for keyholder, 32 KiB each */
	LIMIT_SIGNATURES    = 5000,               /* a second, that keyholder makes for one neighbour */
	LIMIT_PROXY         = 1024,               /* octets of a PROXY header, of which TLVs may be as many */
	LIMIT_RESPONSE      = 12288,              /* octets of a SASL response in base64, RFC 4954 4 */
	LIMIT_PER_ADDRESS   = 50,                 /* sessions from one IPv4 address or IPv6 /64 */
	LIMIT_PER_USER      = 1000,               /* sessions of one local user over the local socket */
	LIMIT_PER_HOST      = 15000,              /* from loopback, in all: webmail and proxies, but others too */

	/* sendmail(8) */
	LIMIT_COMPOSED      = 128 * 1024 * 1024,  /* octets of a message on standard input */
	LIMIT_COMPOSED_LINE = 60000,              /* octets of a line; longer ones are broken: LIMIT_TEXT_LINE */

	/* Messages (RFC 5322, 2045) */
	LIMIT_HEADER        = 1024 * 1024,        /* octets of a message's header */
	LIMIT_FIELDS        = 10000,              /* header fields of a message */
	LIMIT_FIELD_PARSED  = 64 * 1024,          /* octets of one field that are interpreted */
	LIMIT_MIME_DEPTH    = 100,                /* parts within parts */
	LIMIT_MIME_PARTS    = 10000,              /* of one message */
	LIMIT_ADDRESSES     = 10000,              /* of one field */
	LIMIT_PARAMETERS    = 200,                /* of one field */

	/* Channels between processes */
	LIMIT_INLINE        = 64 * 1024,          /* a message up to this travels in the frame */
	LIMIT_FRAME         = 128 * 1024,         /* octets of one frame, header and all */
	LIMIT_REQUESTS      = 20000,              /* outstanding on one channel */
	LIMIT_RECORDS       = 64,                 /* of an answer of the DNS that are looked at */
	LIMIT_MX            = 20,                 /* hosts of a domain that are asked for, the best */
	LIMIT_MX_ADDRESSES  = 10,                 /* of one of them */
	LIMIT_ROUTE         = 20,                 /* addresses that a delivery tries, one after the other */
	LIMIT_HANGING       = 64,                 /* servers that hung in TLS which are remembered, the last */
	LIMIT_QUERIES       = 4096,               /* questions to the DNS at once; the next fail for now */
	LIMIT_POINTERS      = 512,                /* of them, for names of clients: a stranger leaves relay the rest */
	LIMIT_CHANNEL_OUT   = 32 * 1024 * 1024,   /* octets that wait for a slow peer */
	LIMIT_CHANNEL_NOTICES = 8 * 1024 * 1024,  /* and on top, of what belongs to no request */
	LIMIT_INSTANCES     = 64,                 /* of one kind of process; smtpd.conf may name fewer */
	LIMIT_SPOOLS        = 2000,               /* large messages that one listener takes in at once, a file each */
	LIMIT_ID_BLOCKS     = 1024,               /* of message ids that one listener may keep */
	LIMIT_TASKS         = 512,                /* processes and threads of one of our users */
	LIMIT_ORDER         = 60000,              /* octets of an order's arguments: smtpctl's, and on to who answers */
	LIMIT_ANSWER        = 60000,              /* octets of one piece of its answer, on the way back */
	LIMIT_ANSWER_ERROR  = 1000,               /* octets of the sentence that says why not */

	/* Names and secrets */
	LIMIT_USER          = 256,                /* octets of a login name */
	LIMIT_SYSTEM_USER   = 64,                 /* octets of the name of a user of this system */
	LIMIT_SECRET        = 1024,               /* octets of a password */
	LIMIT_ACTION        = 64,                 /* octets of an action's or a table's name */
	LIMIT_VERDICTS      = 1000,               /* of lookup's on recipients, that one listener remembers */
	LIMIT_VERDICT_MS    = 1000,               /* and for how long */
	LIMIT_TAG           = 32,                 /* octets of a listen line's tag */
	LIMIT_FILE_PATH     = 1023,               /* octets of a path in smtpd.conf */
	LIMIT_EXPANSION     = 10,                 /* depth of aliases and .forward */
	LIMIT_EXPANDED      = 1000,               /* recipients that one address may become */
	LIMIT_TARGET        = 1024,               /* octets of an alias's target: a command, a file, an address */
	LIMIT_FORWARD_TARGETS = 100,              /* of a .forward */
	LIMIT_INCLUDE       = 1024 * 1024,        /* octets of an :include: file */
	LIMIT_FORWARD       = 4096,               /* octets of a .forward */

	/* Processes that the parent has at once for what only root can; each kind has its own share, so
	 * that none, a guesser's logins above all, keeps another from its work */
	LIMIT_CHECKS        = 60,                 /* of a system user's password each */
	LIMIT_FORWARDS      = 60,                 /* that find a .forward each */
	LIMIT_OF_USER       = 20,                 /* of those of one kind for one user, whose home may hang for ever */
	LIMIT_AGENTS        = 60,                 /* deliveries to a file, a command or by LMTP */

	/* Tables */
	LIMIT_TABLE_FILE    = 64 * 1024 * 1024,   /* octets of a table's file */
	LIMIT_TABLE_FOLDERS = 64,                 /* folders that the tables' files lie in */
	LIMIT_TABLE_LINE    = 64 * 1024,          /* octets of a line of it */
	LIMIT_REGEX         = 1024,               /* octets of a regular expression */
	LIMIT_REGEX_TEXT    = 512,                /* octets of what one is tried on; longer matches none */

	/* Logins */
	LIMIT_LOGIN_CHECKS  = 2,                  /* passwords of one address that are checked at once */
	LIMIT_LOGIN_LINE    = 1000,               /* logins of one address that wait for their turn */
	LIMIT_LOGIN_WAIT    = 15,                 /* seconds they wait at most: below the edges' deadlines */
	LIMIT_LOGIN_PLACES  = 10000,              /* addresses whose wrong passwords are remembered */
	LIMIT_REMEMBERED    = 10000,              /* right logins that cost no hash the next time */
	LIMIT_REMEMBER_SECONDS = 300,             /* and for how long */

	/* IMAP and POP3 */
	LIMIT_IMAP_LOGIN_LINE = 8 * 1024,         /* octets before login */
	LIMIT_IMAP_LINE       = 64 * 1024,        /* octets after login */
	LIMIT_IMAP_LOGIN_LITERAL = 4 * 1024,      /* octets before login */
	LIMIT_IMAP_LITERALS   = 1024 * 1024,      /* sum of one command's, APPEND's message apart */
	LIMIT_IMAP_NESTING    = 50,               /* parentheses and keys within others of one command */
	LIMIT_IMAP_TAG        = 256,              /* octets */
	LIMIT_IMAP_APPENDS    = 16,               /* of one session, sent on before the first is answered */
	LIMIT_ALL_IMAP_APPENDS = 5000,            /* of all; then each session has one: LIMIT_REQUESTS has room */
	LIMIT_FETCH_ITEMS     = 100,              /* of one FETCH */
	LIMIT_FETCH_INDEX     = 1024 * 1024,      /* octets of an ENVELOPE or a BODYSTRUCTURE told; more is cut */
	LIMIT_FETCH_FIELDS    = 10000,            /* names of header fields of one item */
	LIMIT_LIST_PATTERNS   = 100,              /* of one LIST, RFC 5258 */
	LIMIT_LIST_OCTETS     = 2000,             /* of all of them: each name is held against each, octet by octet */
	LIMIT_ID_PAIRS        = 30,               /* RFC 2971 3.3, of one ID, as are these: */
	LIMIT_ID_KEY          = 30,               /* octets */
	LIMIT_ID_VALUE        = 1024,             /* octets */
	LIMIT_SEARCH_NODES    = 5000,             /* keys of one SEARCH */
	LIMIT_SEARCH_TEXTS    = 250,              /* of them that look into messages: each goes through all of one */
	LIMIT_IMAP_LOGIN_ERRORS = 10,             /* bad commands before login until BYE */
	LIMIT_IMAP_ERRORS     = 100,              /* after login, one after the other */
	LIMIT_MAILBOX_NAME    = 1000,             /* octets of UTF-8 */
	LIMIT_MAILBOX_DEPTH   = 50,               /* levels of a name */
	LIMIT_MAILBOXES       = 10000,            /* of one account */
	LIMIT_OPEN_ACCOUNTS   = 1024,             /* databases that one process keeps open, three files each */
	LIMIT_GRANTS          = 20000,            /* logins of lookup's that nobody has used yet */
	LIMIT_JOBS            = 4,                /* of one session, which waits for one at a time */
	LIMIT_APPENDS         = 200,              /* large messages that APPEND brings at once, a file each */
	LIMIT_ACCOUNT_APPENDS = 20,               /* of them for one account, which leaves some to the others */
	LIMIT_SNAPSHOTS       = 64 * 1024 * 1024, /* octets that one process keeps of what views were told */
	LIMIT_HANDLES         = 50000,            /* sessions that one process of the mail store knows */
	LIMIT_KEYWORDS        = 1000,             /* of one mailbox */
	LIMIT_KEYWORD         = 100,              /* octets */
	LIMIT_KEYWORD_SET     = 4 * 1024,         /* octets of those of one message: STORE tells them of each */
	LIMIT_KEYWORD_SETS    = 10000,            /* different sets of them in one account */
	LIMIT_KEYWORDS_KEPT   = 1024 * 1024,      /* octets of all these sets: each session that selects has them */
	LIMIT_POP3_AHEAD      = 16 * 1024 * 1024, /* octets that one process keeps of messages nobody asked for yet */
	LIMIT_POP3_LINE       = 512,              /* RFC 2449 4: 255, and room for SASL */

	/* Time, in seconds */
	LIMIT_LOGIN_SECONDS   = 60,               /* before login */
	LIMIT_COMMAND_SECONDS = 300,              /* RFC 5321 4.5.3.2.7 */
	LIMIT_IMAP_SECONDS    = 1800,             /* RFC 9051 5.4 */
	LIMIT_POP3_SECONDS    = 600,              /* RFC 1939 3 */
	LIMIT_CHECK_SECONDS   = 10,               /* a system user's password, a .forward */
	LIMIT_AGENT_SECONDS   = 300,              /* a delivery to a file, a command or by LMTP */
	LIMIT_LOCK_SECONDS    = 600,              /* then a mailbox's lock file was left by somebody who died */
	LIMIT_FINISH_SECONDS  = 30,               /* to take the last octets of a session, and to end after them */
	LIMIT_LINGERING       = 256,              /* connections of one process whose session is over, and the peer's not */
	LIMIT_LINGER_OCTETS   = 1024 * 1024,      /* that are read for nothing after a session's last word */
	LIMIT_DATA_RATE       = 1024,             /* octets a minute that DATA must bring */
};
/* clang-format on */

#endif
