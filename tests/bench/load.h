/*
 * What the loads have in common: a clock, connections from many addresses of 127.0.0.0/8 to one
 * server there, and how long things took.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Says what failed, with errno, and exits. */
_Noreturn void load_die(const char *what);

/* Of a clock that never goes back. */
double load_seconds(void);

/* The server that the command line names; one on another machine ends the program. */
struct sockaddr_in load_server(const char *program, const char *host, const char *port);

/* A socket of that type, bound to 127.1.x.y for a number below some thousands. */
int load_socket(int type, uint32_t number);

/* Sorts times in seconds; then tells the one that so many in a hundred are below, in milliseconds. */
void load_sort(float *took, size_t n);
double load_ms(const float *took, size_t n, unsigned percent);

#endif
