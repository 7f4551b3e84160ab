/* One process of the suite: how it is started, joined to the others, and started again. */
#ifndef SMTPD_PARENT_PROCESS_H
#define SMTPD_PARENT_PROCESS_H

#include "smtpd/parent/suite.h"

/* What each kind of process is, and how much of the configuration it sees. */
struct process_kind {
	enum sandbox_role role;
	const char *folder; /* of the program, below the build folder */
	unsigned sees;
	int services; /* bits of enum conf_service whose sockets it gets */
	bool is_many;
};

extern const struct process_kind process_kinds[];
extern const size_t process_kind_count;

const struct process_kind *process_kind(enum sandbox_role role);

/* How many of that kind run. */
int process_instances(enum sandbox_role role);

/* Starts it, gives it its setting, and joins it to all that run. False with errno. */
bool process_spawn(struct process *p);

/* Begins to look after the processes: what dies starts again. */
void process_supervise(void);

/* join.c: the configuration in force, with the sockets and keys that are new to it. */
void join_send_conf(struct process *p);

/* A line to each neighbour that runs; only to those before it in the list while all start. */
void join_all(struct process *p, bool only_with_earlier);

#endif
