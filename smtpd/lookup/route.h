/*
 * al_route: whose is a recipient, and where does its mail go. Rules and expansion decide; this
 * reads ~/.forward for them, through the parent, and answers.
 */
#ifndef SMTPD_LOOKUP_ROUTE_H
#define SMTPD_LOOKUP_ROUTE_H

#include "common/ipc/any_lookup.h"
#include "smtpd/lookup/server.h"

void route_answer(struct ipc_asker asker, const struct al_route *q);

#endif
