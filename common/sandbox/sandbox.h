/*
 * The walls around each process, put up when it has its channels and before it reads its
 * first octet from outside: sandbox_drop() gives up user and root, then sandbox_enter() the
 * system calls. Neither can be undone. The list of roles says who may do what; nothing else does.
 */
#ifndef COMMON_SANDBOX_SANDBOX_H
#define COMMON_SANDBOX_SANDBOX_H

#include "common/base/error.h"
#include "common/base/limits.h"

#include <stdbool.h>

/* What a process may still do. Reading, writing and waiting on what it holds is always free. */
enum sandbox_may {
	MAY_NOTHING = 0,
	MAY_ACCEPT = 1 << 0,   /* take connections from a listening socket it was given */
	MAY_INET = 1 << 1,     /* make IPv4 and IPv6 streams and connect them */
	MAY_DATAGRAM = 1 << 2, /* with MAY_INET: datagram sockets too, and fast open (DNS) */
	MAY_UNIX = 1 << 3,     /* make Unix-domain sockets and connect them */
	MAY_READ = 1 << 4,     /* open files, if its paths name any */
	MAY_WRITE = 1 << 5,    /* create, change and remove files, if its paths name a folder */
	MAY_FILES = MAY_READ | MAY_WRITE,
	MAY_SHARE = 1 << 6,      /* make memory that can be handed over as a descriptor */
	MAY_ASK = 1 << 7,        /* ask at a terminal, without echo */
	MAY_EVERYTHING = 1 << 8, /* no walls: it forks, executes and changes users */
};

/* clang-format off */
/*
 * user is the ending behind our users' prefix, NULL stays; files the most descriptors, 0 what
 * the system grants; tasks the most processes and threads of the user, 0 no limit of ours.
 */
#define SANDBOX_ROLES(R) \
	/* role          title        user  chroot files tasks       may */ \
	R(PARENT,        "smtpd",     NULL, false, 0,   0,           MAY_EVERYTHING) \
	R(LISTENER,      "listener",  "",   true,  0,   LIMIT_TASKS, MAY_ACCEPT | MAY_SHARE) \
	R(LOOKUP,        "lookup",    "l",  false, 0,   LIMIT_TASKS, MAY_UNIX | MAY_FILES) \
	R(RESOLVER,      "resolver",  "d",  true,  0,   LIMIT_TASKS, MAY_INET | MAY_DATAGRAM) \
	R(KEYHOLDER,     "keyholder", "k",  true,  256, LIMIT_TASKS, MAY_NOTHING) \
	R(QUEUE,         "queue",     "q",  false, 0,   LIMIT_TASKS, MAY_FILES | MAY_SHARE) \
	R(RELAY,         "relay",     "r",  true,  0,   LIMIT_TASKS, MAY_INET) \
	R(MAILBOX,       "mailbox",   "m",  false, 0,   LIMIT_TASKS, MAY_FILES | MAY_SHARE) \
	R(AGENT,         "agent",     NULL, false, 64,  0,           MAY_FILES) \
	R(AGENT_LMTP,    "agent",     NULL, false, 64,  0,           MAY_NOTHING) \
	R(AGENT_COMMAND, "agent",     NULL, false, 512, 0,           MAY_EVERYTHING) \
	R(IMAPD,         "imapd",     "i",  true,  0,   LIMIT_TASKS, MAY_ACCEPT | MAY_SHARE) \
	R(POP3D,         "pop3d",     "i",  true,  0,   LIMIT_TASKS, MAY_ACCEPT) \
	R(CTL,           "smtpctl",   NULL, false, 0,   0,           MAY_UNIX | MAY_FILES | MAY_ASK)
/* clang-format on */

enum sandbox_role {
#define ROLE(name, title, user, chroot, files, tasks, may) SANDBOX_##name,
	SANDBOX_ROLES(ROLE)
#undef ROLE
	    SANDBOX_ROLE_COUNT
};

/*
 * The files of a process, each list ended by NULL, or NULL for none; as they are named
 * inside its chroot. What lies under a folder belongs to it. A file that others replace by
 * renaming must be named by its folder. A missing read-only path is passed over.
 */
struct sandbox_paths {
	const char *const *rw;
	const char *const *ro;
};

/* What this build and this kernel could put up. */
enum sandbox_wall {
	WALL_CALLS = 1 << 0, /* forbidden system calls are refused */
	WALL_FILES = 1 << 1, /* files outside the paths are out of reach */
	WALL_TCP = 1 << 2,   /* the kernel's own check on TCP, apart from the system calls */
};

/* The facts of the list; the user is the ending, or NULL. */
const char *sandbox_title(enum sandbox_role role);
const char *sandbox_user(enum sandbox_role role);
bool sandbox_is_chrooted(enum sandbox_role role);

/* What the role may do with these paths (NULL for none). Without any it opens no file. */
unsigned sandbox_granted(enum sandbox_role role, const struct sandbox_paths *paths);

/*
 * Becomes the role's user (prefix and ending) with its limits, inside the empty folder root
 * if the role is chrooted. *ordinary tells that an ordinary user started us: then no user
 * and no root change, and that is no failure. See privdrop().
 */
bool sandbox_drop(
    enum sandbox_role role, const char *prefix, const char *root, bool *ordinary, struct error *e);

/*
 * Puts up the walls, for good. To be called once, before the process has a second thread.
 * paths may be NULL. On failure the process must not go on: half of the walls may stand.
 */
bool sandbox_enter(enum sandbox_role role, const struct sandbox_paths *paths, struct error *e);

/* The walls (enum sandbox_wall) that sandbox_enter() has put up in this process. */
unsigned sandbox_walls(void);

#endif
