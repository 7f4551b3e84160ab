/*
 * The match lines of smtpd.conf: the first whose conditions all hold decides. A line that says
 * nothing of where mail comes from means "from local", one that says nothing of where it goes "for
 * local".
 */
#ifndef SMTPD_LOOKUP_RULESET_H
#define SMTPD_LOOKUP_RULESET_H

#include "common/conf/conf.h"
#include "common/ipc/any_lookup.h"

enum ruleset_result {
	RULESET_ACTION,
	RULESET_REJECT,
	RULESET_NONE,      /* no line holds: relaying is denied */
	RULESET_TEMPORARY, /* a table could not be asked */
};

/*
 * Judges the question for this recipient, which may be another than the question's: an alias's
 * target. *action is the configuration's.
 */
enum ruleset_result ruleset_match(const struct conf *c, const struct al_route *q,
    struct slice recipient, const struct conf_action **action);

/* Whether a line may send mail for this recipient, whoever sent it, to an action that fits. */
bool ruleset_leads(
    const struct conf *c, struct slice recipient, bool (*fits)(const struct conf_action *a));

#endif
