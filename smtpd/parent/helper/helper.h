/*
 * A process that does one thing that only root can, and ends: whatever may block or take its time
 * there (the name service, a hash, a home on another machine) holds up nobody else. Here they are
 * counted, given a deadline and seen off; what each kind does has a file of its own.
 */
#ifndef SMTPD_PARENT_HELPER_HELPER_H
#define SMTPD_PARENT_HELPER_HELPER_H

#include "common/base/limits.h"
#include "common/base/slice.h"
#include "common/net/loop.h"

#include <sys/queue.h>
#include <sys/types.h>

/* A kind has a share of its own, which no other can use up. */
enum helper_kind { HELPER_CHECK, HELPER_FORWARD, HELPER_AGENT, HELPER_KINDS };

/* Part of the struct of whoever starts it, who sets kind, ended and owner. */
struct helper {
	LIST_ENTRY(helper) link;
	enum helper_kind kind;
	char user[LIMIT_USER + 1];
	pid_t pid; /* 0: it has ended */
	struct timer deadline;
	void (*ended)(void *owner, int status); /* as waitpid() has it; called once */
	void *owner;
};

/*
 * In the helper: 0; it leads a group of processes, no signal has a handler, and it must _exit() or
 * exec. In the parent: its pid, or -1 when its kind, or the user in it, has its share already or
 * there is no fork. After its seconds it is killed; one that waits for a home that never answers
 * stays nevertheless.
 */
pid_t helper_fork(struct helper *h, struct slice user, int seconds);

/* Ends it, and all in its group, now. */
void helper_kill(struct helper *h);

/* The suite ends: those that only find an answer go too. A delivery under way may still end well. */
void helpers_end(void);

/* A child has ended that is none of the suite's processes. */
void helper_on_exit(pid_t pid, int status);

#endif
