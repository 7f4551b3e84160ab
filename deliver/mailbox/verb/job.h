/*
 * Work of a handle that may take long, done in slices of a few milliseconds: between two of them
 * every other session and delivery has its turn. It ends with its handle.
 */
#ifndef DELIVER_MAILBOX_VERB_JOB_H
#define DELIVER_MAILBOX_VERB_JOB_H

#include "deliver/mailbox/handle.h"

enum job_state {
	JOB_MORE,   /* call again */
	JOB_POOLED, /* it is in the pool; job_resume() goes on */
	JOB_DONE,
};

TAILQ_HEAD(job_list, job);

/* The first member of what a kind of work keeps. */
struct job {
	LIST_ENTRY(job) link;
	TAILQ_ENTRY(job) turn;
	struct job_list *waits_in;
	struct handle *handle; /* NULL: gone while the job was in the pool */
	struct channel *channel;
	uint32_t id;
	bool is_pooled;
	bool is_misread; /* in a slice before this one */
	unsigned errors; /* of the database, when this slice began */

	/* Works until the time is up, and answers when it is done. The store is open. */
	enum job_state (*slice)(struct job *j);

	/* Frees the job, done or not. The account is still there; the store may be closed. */
	void (*fini)(struct job *j);
};

/* Does the first slice at once, so that small work is done when this returns. */
void job_start(struct job *j, struct handle *h, const struct ipc_message *m);

/* Whether the slice has had its time. */
bool job_is_over_time(void);

/* Whether the database was in error: rows that the job has read may not be all there are. */
bool job_has_misread(const struct job *j);

/* What was in the pool is back; frees the job if its handle is gone. */
void job_resume(struct job *j);

void jobs_cancel(struct handle *h);

#endif
