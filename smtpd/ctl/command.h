/*
 * smtpctl's commands: a table. Words may be cut short as long as one command is
 * meant: "sh q" is "show queue".
 */
#ifndef SMTPD_CTL_COMMAND_H
#define SMTPD_CTL_COMMAND_H

#include "common/base/slice.h"
#include "smtpd/ctl/ctl.h"

#include <stddef.h>

struct command {
	const char *words;
	const char *arguments; /* as usage shows them */
	int least, most;       /* arguments; -1: any number */
	int (*run)(const struct ctl *ctl, const struct command *c, int argc, char **argv);
	const char *help;
};

extern const struct command commands[];
extern const size_t command_count;

/* The command that the first words mean; *used is how many they are. NULL:
 * *matches is how many it could be, and usage has to tell. */
const struct command *command_find(int argc, char **argv, int *used, size_t *matches);

/* Runs the command line behind the options; returns the exit code. */
int command_run(const struct ctl *ctl, int argc, char **argv);

/* All commands, on standard output. */
void command_help(void);

/* command_account.c: what asks for a password. */
int command_password(const struct ctl *ctl, const struct command *c, int argc, char **argv);
int command_encrypt(const struct ctl *ctl, const struct command *c, int argc, char **argv);

/* command_queue.c: what takes several ids at once. */
int command_each(const struct ctl *ctl, const struct command *c, int argc, char **argv);

#endif
