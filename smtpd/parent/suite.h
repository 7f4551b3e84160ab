/* The whole: it is started, and takes new configurations; stop.h ends it. */
#ifndef SMTPD_PARENT_SUITE_H
#define SMTPD_PARENT_SUITE_H

#include "common/conf/conf.h"
#include "smtpd/parent/child/process.h"
#include "smtpd/parent/socket.h"

enum {
	SUITE_INSTANCES = 8, /* of one kind: as many as smtpd.conf may name */
	SUITE_PROCESSES = SANDBOX_ROLE_COUNT * SUITE_INSTANCES,
};

struct suite {
	struct conf *conf;
	const char *build_root; /* -L: children lie in a build folder; NULL: installed */
	bool verbose, stamp, is_root;
	int many; /* of each kind that may be several */
	struct moment started;
	time_t since;
	bool is_ready; /* all were ready once */
	bool is_stopping;
	int code;         /* what smtpd exits with */
	struct error why; /* it could not start */
	struct process processes[SUITE_PROCESSES];
	size_t count;
	struct sockets sockets;
};

extern struct suite suite;

/*
 * Binds the sockets and starts everything; the run folder is there. Whether it runs is known when
 * all have said that they are ready: daemon_tell().
 */
bool suite_start(struct error *why);

/* A new configuration, checked and with its files read: keys are opened and sockets bound first, then
 * all get it. */
bool suite_reload(struct conf *c, struct error *why);

/* NULL: there is none. */
struct process *suite_find(enum sandbox_role role, int instance);

/* A process says that it has started (""), or why it cannot. */
void suite_on_ready(struct process *p, const char *error);

#endif
