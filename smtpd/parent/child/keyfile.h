/*
 * The files of the keys, held open as they were when the configuration came into force: keyholder
 * that starts anew gets the keys of the certificates that others show, though a renewal has put
 * other files in their places meanwhile. The parent never reads them.
 */
#ifndef SMTPD_PARENT_CHILD_KEYFILE_H
#define SMTPD_PARENT_CHILD_KEYFILE_H

#include "common/conf/conf.h"

/* Opens those of c, and lets go of the others. One that cannot be opened is logged. */
void keyfiles_hold(const struct conf *c);

/* A descriptor of the key of c's pki of that number, for the caller to close; -1: there is none.
 * False: there is one, and no descriptor is to be had now. */
bool keyfiles_give(size_t pki, int *fd);

#endif
