/*
 * al_login: who is it. For imapd and pop3d a good answer comes with a token, which the mailbox
 * process knows before they do: whoever shows it may open that one account, once.
 */
#ifndef SMTPD_LOOKUP_LOGIN_H
#define SMTPD_LOOKUP_LOGIN_H

#include "common/ipc/any_lookup.h"
#include "smtpd/lookup/server.h"

void login_answer(struct ipc_asker asker, const struct al_login *q);

#endif
