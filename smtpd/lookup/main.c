/*
 * lookup: knows tables, accounts and rules. It answers who somebody is and where mail goes, and
 * tells mailbox who may open which account. Password hashes are read here and nowhere else.
 */
#include "common/base/mem.h"
#include "common/conf/child.h"
#include "common/ipc/lookup_parent.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/control.h"
#include "smtpd/lookup/host.h"
#include "smtpd/lookup/server.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum { FOLDERS = 64, PATH = 1025 };

static char folders[FOLDERS][PATH];
static const char *readable[FOLDERS + 2], *writable[2];

/* The folder that a file lies in: one that is replaced by renaming is another file in the same
 * place. */
static const char *
folder_of(struct slice path, size_t place)
{
	ptrdiff_t slash = slice_find_last(path, '/');

	snprintf(
	    folders[place], PATH, "%.*s", slash > 0 ? (int)slash : 1, slash < 0 ? "." : path.data);
	return folders[place];
}

/* The C library loads what asks for users at the first question, while files can still be opened.
 */
static void
load_name_service(void)
{
	char room[1024];
	struct passwd record, *found;

	(void)getpwnam_r("a user that is not there", &record, room, sizeof(room), &found);
}

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	size_t n = 0;

	writable[0] = folder_of(c->global.accounts_path, 0);
	readable[n++] = "/etc"; /* nsswitch.conf, passwd */
	for (size_t i = 0; i < c->table_count && n < FOLDERS; i++)
		if (c->tables[i].table.path.len > 0)
			readable[n] = folder_of(c->tables[i].table.path, n), n++;
	paths->rw = writable;
	paths->ro = readable;
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

static void
drain(void)
{
	accounts_close();
	child_exit();
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
	    .apply = apply,
	    .peer = server_peer,
	    .control = lookup_control,
	    .drain = drain,
	    .answers = answers,
	};

	return child_main(argc, argv, &lookup);
}
