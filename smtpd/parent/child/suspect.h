/* Who is to be believed when a process says that another spoke nonsense. */
#ifndef SMTPD_PARENT_CHILD_SUSPECT_H
#define SMTPD_PARENT_CHILD_SUSPECT_H

#include "smtpd/parent/child/process.h"

/*
 * One process cut the line to another, which had spoken nonsense. Their line is gone, so one of
 * them begins anew, with fresh lines: whichever reads what strangers send, for it may have been
 * taken over, and may lie about the others. Between two that read nothing from outside, the one
 * that is accused.
 */
void suspect_on_report(struct process *accuser, enum sandbox_role role, int instance);

#endif
