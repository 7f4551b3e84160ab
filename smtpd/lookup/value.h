/*
 * What listener and relay want of tables: may this user send as that address (al_sender), and
 * credentials, hosts, source addresses and names for sending (al_fetch).
 */
#ifndef SMTPD_LOOKUP_VALUE_H
#define SMTPD_LOOKUP_VALUE_H

#include "common/ipc/any_lookup.h"
#include "smtpd/lookup/server.h"

void value_answer_sender(struct ipc_asker asker, const struct al_sender *q);
void value_answer_fetch(struct ipc_asker asker, const struct al_fetch *q);

#endif
