/* Folders that the configuration names: what is ours is taken, what is anybody's else is left
 * alone. */
#include "tests/unit/unit.h"

#include "smtpd/parent/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64], queue[100], mail[100], run[100], accounts[100];
static struct conf_global conf;

static void
set_up(void)
{
	snprintf(top, sizeof(top), "/tmp/kurir-folder-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	snprintf(queue, sizeof(queue), "%s/queue", top);
	snprintf(mail, sizeof(mail), "%s/mail", top);
	snprintf(run, sizeof(run), "%s/run", top);
	snprintf(accounts, sizeof(accounts), "%s/accounts/a.db", top);
	conf = (struct conf_global){.queue_path = slice_of(queue),
	    .mail_path = slice_of(mail),
	    .run_path = slice_of(run),
	    .accounts_path = slice_of(accounts)};
	umask(0077);
}

static void
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert_eq(system(command), 0);
	if (UNIT_LEAKED())
		abort();
}

TestSuite(folder, .init = set_up, .fini = tear_down);

static bool
make(struct error *why)
{
	*why = (struct error){""};
	return folder_make_run(&conf, why) && folder_make_all(&conf, why);
}

static struct stat
look(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st;
}

Test(folder, are_made_and_found_again)
{
	struct error why;

	for (int i = 0; i < 2; i++) {
		cr_assert(make(&why), "%s", why.text);
		cr_assert_eq(look(run).st_mode & 07777, 0755);
		cr_assert_eq(look(queue).st_mode & 07777, 0700);
		cr_assert_eq(look(mail).st_mode & 07777, 0700);
		cr_assert_eq(look(run).st_uid, geteuid());
		cr_assert(geteuid() != 0 || (look(queue).st_uid != 0 && look(mail).st_uid != 0 &&
						look(queue).st_uid != look(mail).st_uid));
	}
}

/* As a mistyped "queue path /etc" would be. */
Test(folder, of_others_are_left_alone)
{
	struct stat before, after;
	struct error why;
	char file[120];

	if (geteuid() != 0)
		cr_skip("needs root");
	cr_assert_eq(mkdir(queue, 0755), 0);
	snprintf(file, sizeof(file), "%s/passwd", queue);
	close(open(file, O_CREAT | O_WRONLY, 0644));
	before = look(queue);
	cr_assert_not(make(&why));
	cr_assert_not_null(strstr(why.text, queue), "%s", why.text);
	after = look(queue);
	cr_assert(after.st_uid == before.st_uid && after.st_mode == before.st_mode);
	/* A file is none; an empty folder of root's may be taken. */
	conf.queue_path = slice_of(file);
	before = look(file);
	cr_assert_not(make(&why));
	after = look(file);
	cr_assert(after.st_uid == before.st_uid && after.st_mode == before.st_mode);
	conf.queue_path = slice_of(queue);
	cr_assert_eq(unlink(file), 0);
	cr_assert(make(&why), "%s", why.text);
}

Test(folder, for_sockets_must_be_ours_alone)
{
	struct error why;

	cr_assert_eq(mkdir(run, 0700), 0);
	cr_assert_eq(chmod(run, 01777), 0);
	cr_assert(geteuid() != 0 || !make(&why));
	cr_assert_eq(look(run).st_mode & 07777, 01777);
}
