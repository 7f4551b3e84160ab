/*
 * In the background, every process's standard error is a pipe of its own, whose other end is here.
 * What comes goes to the system's log. The pipes do not block, so a process whose lines are not
 * read loses them, and says later how many; that is also how one that floods is slowed down.
 */
#ifndef SMTPD_PARENT_LOGGER_SINK_H
#define SMTPD_PARENT_LOGGER_SINK_H

#include <stdbool.h>
#include <sys/types.h>

struct sink;

/* From now on the parent's lines go to the system's log too, and sink_new() makes pipes. */
void sink_begin(void);

/* What is left in the pipes goes out, and all ends. */
void sink_end(void);

/* A pipe for the process of that name: *fd is its end, to be closed here. NULL: none, *fd is -1. */
struct sink *sink_new(const char *name, int *fd);

/* Whose it is, known after the fork. */
void sink_set_pid(struct sink *s, pid_t pid);

/* The process is gone: what is left goes out. NULL is fine. */
void sink_close(struct sink *s);

#endif
