/*
 * lookup: knows tables, accounts and rules. It answers who somebody is and where mail goes, and
 * tells mailbox who may open which account. Password hashes are read here and nowhere else.
 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/child.h"
#include "common/ipc/lookup_parent.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/control.h"
#include "smtpd/lookup/folders.h"
#include "smtpd/lookup/host.h"
#include "smtpd/lookup/server.h"

#include <pwd.h>
#include <stdlib.h>

/* The C library loads what asks for users at the first question, while files can still
 * be opened. */
static void
load_name_service(void)
{
	char room[1024];
	struct passwd record, *found;

	(void)getpwnam_r("a user that is not there", &record, room, sizeof(room), &found);
}

/* Where the tables' files lie, and what names them all: what the walls leave of the disk to read. */
static struct folders tables;

static bool
list_folders(const struct conf *c, struct folders *f, struct error *why)
{
	bool ok = folders_add(f, SLICE("/etc/passwd"), why); /* and nsswitch.conf */

	for (size_t i = 0; ok && i < c->table_count; i++) {
		struct slice path = c->tables[i].table.path;

		ok = path.len == 0 || folders_add(f, path, why);
	}
	return ok;
}

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	static char *accounts[2];

	accounts[0] = folder_of(c->global.accounts_path);
	if (!list_folders(c, &tables, why))
		return false;
	paths->rw = (const char *const *)accounts;
	paths->ro = (const char *const *)tables.names;
	load_name_service();
	return host_init(why);
}

static void
on_broken(void)
{
	child_exit(); /* begin anew from what is on disk */
}

static void
apply(const struct conf *c)
{
	host_apply(c);
	tables_apply(c);
	server_forget_verdicts();
}

static void
drain(void)
{
	accounts_close();
	child_exit();
}

/* Walls never move: for tables in another folder lookup begins anew, within other walls. */
static void
reload(const struct conf *c)
{
	struct folders wanted = {.count = 0};
	struct error why = {""};

	apply(c);
	if (!list_folders(c, &wanted, &why))
		log_error("%s", why.text);
	else if (!folders_hold(&tables, &wanted))
		drain();
	folders_fini(&wanted);
}

static bool
start(const struct conf *c, struct error *why)
{
	char *path = slice_text(c->global.accounts_path);
	bool ok = accounts_open(path, on_broken, why);

	free(path);
	if (ok)
		apply(c);
	return ok;
}

int
main(int argc, char **argv)
{
	static const struct ipc_schema *const answers[] = {
	    &lp_checked_schema, &lp_forward_is_schema, NULL};
	static const struct child lookup = {
	    .name = "lookup",
	    .role = SANDBOX_LOOKUP,
	    .prepare = prepare,
	    .start = start,
	    .apply = reload,
	    .neighbours = server_neighbours,
	    .control = lookup_control,
	    .drain = drain,
	    .answers = answers,
	};

	return child_main(argc, argv, &lookup);
}
