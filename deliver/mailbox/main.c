/*
 * mailbox: the local MDA and the mail store's server. It owns the accounts' databases; queue
 * delivers through it, imapd and pop3d read through it, and nobody else touches the files.
 */
#include "common/conf/child.h"
#include "common/conf/status.h"
#include "common/ipc/lookup_mailbox.h"
#include "common/mail/charset.h"
#include "deliver/mailbox/batch.h"
#include "deliver/mailbox/deliver.h"
#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/body_file.h"
#include "deliver/mailbox/verb/verb.h"

#include <unistd.h>

static struct channel *lookup, *queue, *imapds[LIMIT_INSTANCES], *pop3ds[LIMIT_INSTANCES];
static char mail_path[LIMIT_FILE_PATH + 1];

static void
on_grant(void *owner, struct ipc_message *m)
{
	const struct lm_grant *g = m->body;
	struct lm_granted done = {0};

	grant_add(g->token, g->account, g->seconds);
	lm_granted_send(m->channel, m->id, &done, -1);
}

/* What its peer had open, waits for or had begun here goes with a line. */
static void
on_down(struct channel **place, struct channel *gone)
{
	handles_forget(gone);
	replies_forget(gone);
	deliveries_forget(gone);
}

static const struct ipc_handler grants[] = {{&lm_grant_schema, on_grant}, {NULL, NULL}};

/* clang-format off */
static const struct neighbour neighbours[] = {
	{.role = SANDBOX_LOOKUP, .lines = &lookup, .handlers = grants},
	{.role = SANDBOX_QUEUE, .lines = &queue, .handlers = delivery, .down = on_down},
	{.role = SANDBOX_IMAPD, .lines = imapds, .most = LIMIT_INSTANCES,
	    .handlers = verbs, .is_answerer = true, .down = on_down},
	{.role = SANDBOX_POP3D, .lines = pop3ds, .most = LIMIT_INSTANCES,
	    .handlers = verbs, .is_answerer = true, .down = on_down},
	{0}
};
/* clang-format on */

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	static const char *rw[2];

	slice_copy(c->global.mail_path, mail_path, sizeof(mail_path));
	charset_prepare();
	accounts_init(mail_path);
	handles_init();
	batch_init();
	signer_init();
	rw[0] = mail_path;
	paths->rw = rw;
	return true;
}

static bool
start(const struct conf *c, struct error *why)
{
	return access(mail_path, R_OK | W_OK | X_OK) == 0 ||
	       error_errno(why, "cannot use %s", mail_path);
}

static void
drain(void)
{
	body_files_stop();
	handles_forget(NULL);
	deliveries_forget(NULL);
	accounts_close_all();
	child_exit();
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count counts[] = {
	    {"accounts", "account open", "accounts open", accounts_open()},
	    {"handles", "handle", "handles", handles_count()},
	};

	status_control(order, verb, json, counts, sizeof(counts) / sizeof(counts[0]));
}

int
main(int argc, char **argv)
{
	static const struct child mailbox = {
	    .name = "mailbox",
	    .role = SANDBOX_MAILBOX,
	    .prepare = prepare,
	    .start = start,
	    .neighbours = neighbours,
	    .control = on_control,
	    .drain = drain,
	};

	return child_main(argc, argv, &mailbox);
}
