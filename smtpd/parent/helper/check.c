#include "smtpd/parent/helper/check.h"

#include "common/base/mem.h"
#include "common/base/password.h"
#include "common/ipc/asker.h"
#include "common/ipc/lookup_parent.h"
#include "smtpd/parent/child/process.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/helper/user.h"

#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct check {
	struct helper helper;
	struct ipc_asker asker;
};

static void
answer(const struct ipc_asker *a, enum lp_check_result result)
{
	struct lp_checked m = {.result = (uint8_t)result};

	lp_checked_send(ipc_asker_channel(a), a->id, &m, -1);
}

/* In the helper. Somebody who is not there takes as long. */
static _Noreturn void
check_password(const char *user, const char *secret)
{
	const struct passwd *pw;
	enum user_result found = user_find(user, &pw);
	const struct spwd *sp = found == USER_FOUND ? getspnam(user) : NULL;
	const char *hash = sp == NULL ? "" : sp->sp_pwdp;
	bool is_usable = hash[0] != '\0' && hash[0] != '*' && hash[0] != '!';
	bool ok = password_matches(secret, is_usable ? hash : NULL, NULL);

	_exit(found == USER_TEMPORARY ? CHECK_TEMPORARY : ok ? CHECK_OK : CHECK_WRONG);
}

static void
on_ended(void *owner, int status)
{
	struct check *c = owner;

	answer(&c->asker, WIFEXITED(status) && WEXITSTATUS(status) <= CHECK_TEMPORARY
			      ? (enum lp_check_result)WEXITSTATUS(status)
			      : CHECK_TEMPORARY);
	free(c);
}

void
helper_on_lp_check(void *owner, struct ipc_message *m)
{
	const struct process *p = owner;
	const struct lp_check *q = m->body;
	struct ipc_asker asker = ipc_asker_of(&p->channel, m);
	char user[LIMIT_SYSTEM_USER + 1], secret[LIMIT_SECRET + 1];
	struct check *c;
	pid_t pid;

	if (!slice_copy(q->user, user, sizeof(user)) ||
	    !slice_copy(q->secret, secret, sizeof(secret))) {
		answer(&asker, CHECK_WRONG);
		return;
	}
	c = mem_zero(sizeof(*c));
	*c = (struct check){
	    .helper = {.kind = HELPER_CHECK, .ended = on_ended, .owner = c}, .asker = asker};
	pid = helper_fork(&c->helper, q->user, LIMIT_CHECK_SECONDS);
	if (pid == 0)
		check_password(user, secret);
	explicit_bzero(secret, sizeof(secret));
	if (pid < 0) {
		answer(&asker, CHECK_TEMPORARY);
		free(c);
	}
}
