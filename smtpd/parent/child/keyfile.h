/*
 * The files of the keys, held open as they were when the configuration came into force: keyholder
 * that starts anew gets the keys of the certificates that others show, though a renewal has put
 * other files in their places meanwhile. The parent never reads them.
 */
#ifndef SMTPD_PARENT_CHILD_KEYFILE_H
#define SMTPD_PARENT_CHILD_KEYFILE_H

#include "common/conf/conf.h"

/* Opens those of c, beside the ones that are held. False: one of them cannot be had, so none is. */
bool keyfiles_open(const struct conf *c, struct error *why);

/* What was opened last is that of the configuration in force; the ones before it are let go. */
void keyfiles_hold(void);

/* Or it does not come into force. */
void keyfiles_drop(void);

/* A descriptor of the key of c's pki of that number, for the caller to close; -1: there is none.
 * False: there is one, and no descriptor is to be had now. */
bool keyfiles_give(size_t pki, int *fd);

#endif
