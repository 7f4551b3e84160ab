/* A program of the suite, in the place of a process that the parent has forked. */
#ifndef SMTPD_PARENT_CHILD_PROGRAM_H
#define SMTPD_PARENT_CHILD_PROGRAM_H

enum { PROGRAM_PATH = 1200 };

/*
 * Whoever becomes that program from now on becomes the one that lies there now, whatever is
 * installed meanwhile: programs of two versions do not understand each other. One that cannot be
 * opened is looked for again when it is run.
 */
void program_hold(const char *folder, const char *name);

/*
 * Becomes the program: argv[0] is its name, folder where it lies below a build folder. It gets the
 * line to the parent and its standard streams, and no other descriptor. Returns when it cannot be
 * run, with errno, and the path that was tried.
 */
void program_run(const char *folder, char **argv, int line, char path[PROGRAM_PATH]);

#endif
