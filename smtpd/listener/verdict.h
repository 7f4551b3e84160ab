/*
 * What lookup said of a recipient a moment ago. The same question has the same answer for
 * LIMIT_VERDICT_MS, so that a flood of mail for the same people does not become one of questions.
 * lookup says which answers last, and tells when they hold no more; what it refuses, or could not
 * find out, is asked again each time.
 */
#ifndef SMTPD_LISTENER_VERDICT_H
#define SMTPD_LISTENER_VERDICT_H

#include "common/ipc/any_lookup.h"

/* Keeps the one recipient that the question led to. Copies both. */
void smtp_verdict_add(const struct al_route *question, const struct al_recipient *recipient);

/* False: it must be asked. The texts live until the next call. */
bool smtp_verdict_find(const struct al_route *question, struct al_recipient *recipient);

void smtp_verdict_forget_all(void);

#endif
