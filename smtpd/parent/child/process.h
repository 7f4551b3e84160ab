/* One process of the suite: how it is started, joined to the others, and started again. */
#ifndef SMTPD_PARENT_CHILD_PROCESS_H
#define SMTPD_PARENT_CHILD_PROCESS_H

#include "common/base/log.h"
#include "common/net/loop.h"
#include "common/sandbox/sandbox.h"

#include <sys/types.h>
#include <time.h>

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
	uint32_t applying;           /* the request to take a new configuration; 0: none */
	bool is_ready;
};

/* What each kind of process is, and how much of the configuration it sees. */
struct process_kind {
	enum sandbox_role role;
	const char *folder; /* of the program, below the build folder */
	unsigned sees;
	unsigned services; /* as conf_send() has them; it gets their sockets too */
	bool is_many;
};

extern const struct process_kind process_kinds[];
extern const size_t process_kind_count;

const struct process_kind *process_kind(enum sandbox_role role);

/* How many of that kind run. */
int process_instances(enum sandbox_role role);

/* Starts it, gives it its setting, and joins it to all that run. False with errno. */
bool process_spawn(struct process *p);

/* It lacks what it should have been given: it ends, and the next one gets all. */
void process_abandon(struct process *p);

/* Begins to look after the processes: what dies starts again. */
void process_supervise(void);

#endif
