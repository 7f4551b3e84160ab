/* What smtpctl orders of lookup: accounts, passwords, tables. Passwords come in clear, over the
 * control socket that only root can use, and leave as hashes. */
#ifndef SMTPD_LOOKUP_CONTROL_H
#define SMTPD_LOOKUP_CONTROL_H

#include "common/conf/child.h"

void lookup_control(struct control *order, struct slice verb, struct slice arguments, bool json);

#endif
