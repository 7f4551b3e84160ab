/*
 * What a captured process might try, each a small function that really does it. An action
 * runs in a child of its own, which reports by its exit status.
 */
#ifndef TESTS_UNIT_COMMON_SANDBOX_ACTIONS_H
#define TESTS_UNIT_COMMON_SANDBOX_ACTIONS_H

#include <stdint.h>
#include <sys/types.h>

enum { SCENE_PATH = 64 };

/* What the child inherits, made anew for every attempt. */
struct scene {
	char top[SCENE_PATH];
	char ours[SCENE_PATH + 16];   /* a folder among the role's rw paths */
	char shown[SCENE_PATH + 16];  /* a folder among its ro paths */
	char theirs[SCENE_PATH + 16]; /* a folder that it was not given */
	char unix_name[SCENE_PATH + 16];
	int file;    /* open for reading and writing, in ours */
	int pair[2]; /* a channel */
	int tcp;     /* a listening socket with one client waiting */
	int client;
	int fresh; /* a TCP socket that nobody has connected */
	int unix_server;
	uint16_t port; /* of tcp, in network order */
};

/* The filter of system calls says EPERM (or ENOSYS), Landlock EACCES: each must do its own part. */
enum outcome { ALLOWED, REFUSED_CALL, REFUSED_ACCESS, BROKEN };

/* clang-format off */
#define ACTIONS(A) \
	A(read_passwd,   "open /etc/passwd") \
	A(read_shown,    "read a file in its read-only folder") \
	A(write_shown,   "create a file in its read-only folder") \
	A(create_ours,   "create, rename and remove a file in its own folder") \
	A(create_theirs, "create a file elsewhere") \
	A(sync_held,     "fdatasync a descriptor it holds") \
	A(connect_inet,  "connect to 127.0.0.1") \
	A(connect_unix,  "connect to a Unix-domain socket") \
	A(connect_held,  "connect a TCP socket it holds") \
	A(connect_fast,  "connect a TCP socket it holds by sending") \
	A(listen_held,   "listen on a TCP socket it holds") \
	A(accept_held,   "accept from a listening socket it holds") \
	A(socket_inet,   "make an IPv4 socket") \
	A(socket_raw,    "make a raw socket") \
	A(socket_udp,    "make an IPv4 datagram socket") \
	A(fork_child,    "fork") \
	A(spawn_child,   "spawn a program") \
	A(execute,       "execute a program") \
	A(trace,         "let itself be traced") \
	A(change_user,   "set its user") \
	A(signal_other,  "signal its parent") \
	A(run_memory,    "make memory executable") \
	A(share_memory,  "make memory that can be handed over") \
	A(use_memory,    "allocate, grow and free 64 MiB") \
	A(use_thread,    "run a thread") \
	A(use_loop,      "wait with epoll, eventfd and timerfd") \
	A(use_channel,   "send and receive octets and a descriptor") \
	A(use_itself,    "ask the time, random octets and its own descriptors") \
	A(check_leaks,   "look for leaks, in a sanitized build")
/* clang-format on */

enum action {
#define ACTION(name, text) ACT_##name,
	ACTIONS(ACTION)
#undef ACTION
	    ACTION_COUNT
};

void scene_init(struct scene *s);
void scene_fini(struct scene *s);

const char *action_name(enum action a);

/* Does it. Never returns when the action executes another program. */
enum outcome action_run(enum action a, const struct scene *s);

#endif
