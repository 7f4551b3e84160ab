#include "smtpd/parent/helper/helper.h"

#include "common/base/log.h"
#include "common/sandbox/privdrop.h"

#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

static LIST_HEAD(, helper) helpers = LIST_HEAD_INITIALIZER(helpers);
static int count[HELPER_KINDS];

static const int share[HELPER_KINDS] = {
    [HELPER_CHECK] = LIMIT_CHECKS,
    [HELPER_FORWARD] = LIMIT_FORWARDS,
    [HELPER_AGENT] = LIMIT_AGENTS,
};

void
helper_kill(struct helper *h)
{
	if (h->pid != 0)
		kill(-h->pid, SIGKILL);
}

static void
on_deadline(void *owner)
{
	helper_kill(owner);
}

static int
count_of_user(enum helper_kind kind, struct slice user)
{
	const struct helper *h;
	int n = 0;

	LIST_FOREACH (h, &helpers, link)
		n += h->kind == kind && slice_equal_text(user, h->user);
	return n;
}

pid_t
helper_fork(struct helper *h, struct slice user, int seconds)
{
	if (!slice_copy(user, h->user, sizeof(h->user)) || count[h->kind] >= share[h->kind] ||
	    count_of_user(h->kind, user) >= LIMIT_OF_USER)
		return -1;
	log_flush();
	h->pid = fork();
	if (h->pid == 0) {
		handlers_drop();
		if (setpgid(0, 0) < 0)
			_exit(EX_OSERR);
		return 0;
	}
	if (h->pid < 0) {
		h->pid = 0;
		return -1;
	}
	setpgid(h->pid, h->pid); /* whoever of the two comes first */
	timer_init(&h->deadline, on_deadline, h);
	timer_start(&h->deadline, SPAN_SECONDS(seconds));
	LIST_INSERT_HEAD(&helpers, h, link);
	count[h->kind]++;
	return h->pid;
}

void
helpers_end(void)
{
	struct helper *h;

	LIST_FOREACH (h, &helpers, link) {
		if (h->kind != HELPER_AGENT)
			helper_kill(h);
	}
}

void
helper_on_exit(pid_t pid, int status)
{
	struct helper *h;

	LIST_FOREACH (h, &helpers, link) {
		if (h->pid == pid)
			break;
	}
	if (h == NULL)
		return;
	h->pid = 0;
	timer_stop(&h->deadline);
	LIST_REMOVE(h, link);
	count[h->kind]--;
	h->ended(h->owner, status);
}
