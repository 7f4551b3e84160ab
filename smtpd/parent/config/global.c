#include "smtpd/parent/config/global.h"

#include "smtpd/parent/config/value.h"

#include <stdio.h>
#include <unistd.h>

enum { WARNINGS = 4 };

void
global_init(struct global *g, struct draft *d)
{
	*g = (struct global){.draft = d};
	if (gethostname(g->hostname, LIMIT_HOSTNAME) < 0 || g->hostname[0] == '\0')
		snprintf(g->hostname, sizeof(g->hostname), "localhost");
	g->conf = (struct conf_global){.hostname = slice_of(g->hostname),
	    .queue_path = SLICE("/var/spool/kurir"),
	    .mail_path = SLICE("/var/mail/kurir"),
	    .run_path = SLICE("/var/run/kurir"),
	    .accounts_path = SLICE(KURIR_STATE "/accounts.db"),
	    .max_message = LIMIT_MESSAGE,
	    .max_rcpt = LIMIT_RECIPIENTS,
	    .max_mails = LIMIT_MESSAGES,
	    .sub_addr_delim = '+',
	    .queue_ttl = 4 * 86400,
	    .relay_port = 25,
	    .srs_ttl = 4 * 86400,
	    .mta_max_deferred = 100};
	ipc_list_add(&g->warn_intervals, SLICE("14400"));
}

void
global_fini(struct global *g)
{
	buf_fini(&g->warn_intervals);
}

void
global_warn_anew(struct global *g)
{
	buf_clear(&g->warn_intervals);
	g->warnings = 0;
}

bool
global_warn_add(struct global *g, struct place at, const char *text)
{
	uint32_t seconds;
	char decimal[16];

	if (!value_span(g->draft, at, text, &seconds))
		return false;
	if (++g->warnings > WARNINGS)
		return draft_fail(g->draft, at, "a sender is warned %d times at most", WARNINGS);
	snprintf(decimal, sizeof(decimal), "%u", seconds);
	ipc_list_add(&g->warn_intervals, slice_of(decimal));
	return true;
}

bool
global_end(struct global *g, struct place at)
{
	g->conf.warn_intervals = buf_slice(&g->warn_intervals);
	if (!draft_fits(g->draft, at, &conf_global_schema, &g->conf))
		return false;
	conf_set_global(g->draft->conf, &g->conf);
	return true;
}
