/* The files that a configuration names: are they there, whose are they, do they fit? */
#ifndef SMTPD_PARENT_CONFIG_LOAD_H
#define SMTPD_PARENT_CONFIG_LOAD_H

#include "smtpd/parent/config/draft.h"

/* Reads the certificates that are named; checks them, the modes of keys, and ciphers. */
bool load_files(struct draft *d);

/* Whether each key opens and fits its certificate. It reads the keys: only for "smtpd -n". */
bool load_keys(struct draft *d);

#endif
