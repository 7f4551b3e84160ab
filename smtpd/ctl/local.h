/*
 * The Unix sockets of a running suite, as smtpctl and sendmail reach them: blocking, without a
 * loop.
 */
#ifndef SMTPD_CTL_LOCAL_H
#define SMTPD_CTL_LOCAL_H

#include <stddef.h>

/* Octets that the path of a Unix socket may have. */
size_t local_path_most(void);

/* A connected socket; -1 and errno when nobody is there, ENAMETOOLONG when nobody could be. */
int local_connect(const char *path);

#endif
