/*
 * One external delivery: what the parent says of it, the message, and how it ended. The
 * methods below run as the recipient, block, and return an outcome.
 */
#ifndef DELIVER_AGENT_JOB_H
#define DELIVER_AGENT_JOB_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/ipc/queue_agent.h"

#include <sys/types.h>

enum { AGENT_PATH = 1200 }; /* octets of a path that a delivery makes, and a NUL */

/* A user of this system, whom the agent has become. */
struct agent_recipient {
	const char *user, *home, *shell;
};

struct agent_job {
	uint64_t message, size;
	uint8_t method;
	char *argument;   /* path, destination or command */
	unsigned seconds; /* how long a command may take */
	bool is_junk, is_rcpt_to, is_expanding;
	const char *user, *home, *shell;
	char *username; /* whom it is for: mostly the user that we are */
	char *sender, *address, *original, *hostname;
	char delim;
	char *octets; /* the message, or NULL and fd */
	int fd;
};

struct agent_result {
	enum outcome outcome;
	char status[16]; /* RFC 3463 */
	char text[400];  /* for the log and a bounce */
};

/* Takes the descriptor of ag_job, copies the rest; the recipient's strings must outlive the job. */
void agent_job_init(
    struct agent_job *j, const struct agent_recipient *recipient, const struct ag_job *m, int fd);
void agent_job_fini(struct agent_job *j);

/* Replaces %{…} in the argument, if it is the configuration's; false: what is wrong with it. */
bool agent_job_expand(struct agent_job *j, struct error *why);

/* Reads the next octets of the message from at on; 0 at the end, -1 with errno. */
ssize_t agent_job_read(const struct agent_job *j, uint64_t at, char *out, size_t size);

/* The fields a delivery puts before the message: Return-Path and Delivered-To, LF or CRLF ended. */
void agent_job_trace(const struct agent_job *j, const char *line_end, struct buf *out);

/* The sub-address of user+detail@domain, or empty. */
struct slice agent_job_detail(const struct agent_job *j);

struct agent_result agent_done(void);
struct agent_result agent_temporary(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct agent_result agent_permanent(const char *status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The methods. */
struct agent_result agent_maildir(const struct agent_job *j);
struct agent_result agent_mbox(const struct agent_job *j, const char *path);
struct agent_result agent_command(const struct agent_job *j);

/* Connects to the argument, a path or host:port, before the walls; -1 with errno. */
int agent_lmtp_open(const struct agent_job *j);

/* Delivers over that connection, and closes it (RFC 2033). */
struct agent_result agent_lmtp(const struct agent_job *j, int fd);

/*
 * Syncs the folder above a file or folder that is new there: its name is on the disk then. A folder
 * that the recipient may not read is left to the system. False with errno.
 */
bool agent_sync_above(const char *path);

/*
 * Writes the message to a descriptor with LF line ends, behind its trace fields; as_mbox begins
 * with a "From " line, quotes such lines inside and ends with an empty one. False with errno.
 */
bool agent_write(const struct agent_job *j, int fd, bool as_mbox);

#endif
