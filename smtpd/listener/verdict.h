/*
 * What lookup said of a recipient a moment ago. The same question has the same answer for
 * LIMIT_VERDICT_MS, so that a flood of mail for the same people does not become one of questions.
 * lookup says which answers last, and tells when they hold no more; what it refuses, or could not
 * find out, is asked again each time.
 */
#ifndef SMTPD_LISTENER_VERDICT_H
#define SMTPD_LISTENER_VERDICT_H

#include "common/base/recent.h"
#include "common/ipc/any_lookup.h"

/* What a question is known by: a digest of every fact that the answer may hang on. */
struct digest smtp_verdict_of(const struct al_route *question);

/* Keeps the one recipient that the question led to. Copies it. */
void smtp_verdict_add(struct digest question, const struct al_recipient *recipient);

/* False: it must be asked. The texts live until the next call. */
bool smtp_verdict_find(struct digest question, struct al_recipient *recipient);

void smtp_verdict_forget_all(void);

#endif
