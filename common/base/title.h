/* What ps(1) shows of a process. */
#ifndef COMMON_BASE_TITLE_H
#define COMMON_BASE_TITLE_H

/* Once, at the start of main(): the arguments stay readable, elsewhere. */
void title_set(int argc, char **argv, const char *title);

#endif
