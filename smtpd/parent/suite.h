/*
 * The whole: it is started, takes new configurations, and stops. process.h has the single process.
 */
#ifndef SMTPD_PARENT_SUITE_H
#define SMTPD_PARENT_SUITE_H

#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/net/loop.h"
#include "common/sandbox/sandbox.h"
#include "smtpd/parent/socket.h"

#include <sys/types.h>
#include <time.h>

enum { SUITE_INSTANCES = 8 };

/* One process, running or to be started again. */
struct process {
	enum sandbox_role role;
	int instance;
	pid_t pid; /* 0: not running */
	struct channel *channel;
	struct sink *log;   /* what it writes to standard error; NULL: ours */
	struct timer again; /* the start after a death */
	struct moment started;
	time_t since; /* the same by the calendar */
	int64_t delay_ms;
	unsigned restarts;
	uint64_t counts[LOG_COUNTS]; /* what it counted since it began */
	uint32_t last_socket;        /* it has all sockets up to that id */
	bool is_ready;
};

struct suite {
	struct conf *conf;
	const char *build_root; /* -L: children lie in a build folder; NULL: installed */
	bool verbose, stamp, is_root;
	int many; /* of each kind that may be several; 0: by the cores */
	struct moment started;
	time_t since;
	bool is_ready; /* all were ready once */
	bool is_stopping;
	int code;         /* what smtpd exits with */
	struct error why; /* it could not start */
	struct process processes[64];
	size_t count;
	struct sockets sockets;
};

extern struct suite suite;

/*
 * Binds the sockets and starts everything; the run folder is there. Whether it runs is known when
 * all have said that they are ready: daemon_tell().
 */
bool suite_start(struct error *why);

/* A new configuration, checked and with its files read: sockets are bound first, then all get it.
 */
bool suite_reload(struct conf *c, struct error *why);

/* stop.c: ends one after the other, and calls loop_stop() when the last process is gone. */
void suite_stop(void);

/* While it stops: a process is gone, so perhaps the next may end. */
void suite_end_when_gone(void);

/* Orders for every process of a kind, or the first; NULL when none runs. */
struct process *suite_find(enum sandbox_role role, int instance);
struct process *suite_of_channel(const struct channel *c);

/* A process says that it has started (""), or why it cannot. */
void suite_on_ready(struct process *p, const char *error);

/*
 * One process cut the line to another, which had spoken nonsense. Their line is gone, so one of
 * them begins anew, with fresh lines: whichever reads what strangers send, for it may have been
 * taken over, and may lie about the others. Between two that read nothing from outside, the one
 * that is accused.
 */
void suite_on_suspect(struct process *accuser, enum sandbox_role role, int instance);

#endif
