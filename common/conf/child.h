/*
 * What every process but the parent does: take its setting and configuration from the parent
 * on CHANNEL_PARENT, open what it owns, drop its privileges, enter its sandbox, and only then
 * serve. A process describes itself with one struct child and calls child_main().
 */
#ifndef COMMON_CONF_CHILD_H
#define COMMON_CONF_CHILD_H

#include "common/base/error.h"
#include "common/conf/conf.h"
#include "common/ipc/neighbour.h"

/* An order of smtpctl's for this process. Write lines, then end it, now or later. */
struct control;

struct child {
	const char *name; /* "listener": its title and its word in the log */
	enum sandbox_role role;

	/*
	 * Before privileges drop, with the first configuration: open what is owned. Directories for
	 * the sandbox go into *paths. NULL: nothing to open.
	 */
	bool (*prepare)(const struct conf *c, struct sandbox_paths *paths, struct error *why);

	/* In the sandbox, every neighbour and socket there (or not yet): begin. */
	bool (*start)(const struct conf *c, struct error *why);

	/* A new configuration; the old one is freed afterwards, so keep nothing of it. */
	void (*apply)(const struct conf *c);

	/* Whom it has lines to, from the start on; common/ipc/neighbour.h keeps them. */
	const struct neighbour *neighbours;

	/* A listening socket for c->listens[..].id == listen. Takes fd. */
	void (*socket)(uint32_t listen, int fd);

	/* A private key's file (keyholder alone). Takes fd. */
	void (*key)(struct slice pki, int fd);

	/* smtpctl asks; arguments is an ipc_list, valid during the call. */
	void (*control)(
	    struct control *order, struct slice verb, struct slice arguments, bool json);

	/* Finish what is in hand and call child_exit(); NULL: exit at once. */
	void (*drain)(void);

	/* More that the parent may send or answer on its channel (queue, lookup); NULL: nothing. */
	const struct ipc_handler *handlers;
	const struct ipc_schema *const *answers;
};

/* Runs the process to its end; returns its exit code. */
int child_main(int argc, char **argv, const struct child *self);

/* Ends the loop: all is drained. */
void child_exit(void);

/* What struct child calls it. */
const char *child_name(void);

/* The line to the parent, for those that ask it things. */
struct channel *child_parent(void);

/* How many processes share the mail store: a number that stays while the suite runs. */
int child_mailboxes(void);

/* Whether a user of that name is one that the suite's processes run as: nobody's mailbox. */
bool child_runs_as(struct slice user);

/* The configuration in force. */
const struct conf *child_conf(void);

/* Answers to smtpctl: whole lines without the line end; code 0 and "" when all went well. */
void control_line(struct control *order, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void control_text(struct control *order, struct slice text);
void control_done(struct control *order, int code, const char *error);

/*
 * A long answer is given in parts, as fast as smtpctl reads: control_more() ends a part, and the
 * order comes again with the number that it was given, which is not 0. It has the same arguments.
 */
uint64_t control_after(const struct control *order);
void control_more(struct control *order, uint64_t after);

#endif
