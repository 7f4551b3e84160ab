/*
 * Whether lookup, which reads the tables' files itself, can open them as the user that it runs as:
 * root always can, which says nothing.
 */
#ifndef SMTPD_PARENT_CONFIG_ACCESS_H
#define SMTPD_PARENT_CONFIG_ACCESS_H

#include "smtpd/parent/config/draft.h"

/* Tries each file in a process that becomes lookup's user; as an ordinary user there is nothing
 * to try. False: the place of the table, what stands in the way, and what to do. */
bool access_tables(struct draft *d);

#endif
