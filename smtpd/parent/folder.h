/* The folders that the configuration names, each its process's own. */
#ifndef SMTPD_PARENT_FOLDER_H
#define SMTPD_PARENT_FOLDER_H

#include "common/base/error.h"
#include "common/conf/conf.h"

/* What the names of the processes' users begin with. */
#define FOLDER_USERS "_kurir"

/* The run folder alone: the pid file and the sockets lie there. */
bool folder_make_run(const struct conf_global *g, struct error *why);

/* All the others, given to their users when we are root. */
bool folder_make_all(const struct conf_global *g, struct error *why);

#endif
