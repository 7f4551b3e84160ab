/*
 * Dropping privileges, each time in a child. The tests that need root say so and, run by an
 * ordinary user, prove instead that the flag is raised and nothing else fails.
 */
#include "tests/unit/unit.h"

#include "common/sandbox/privdrop.h"
#include "common/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT_SUITE(privdrop);

enum { FOLDER = 64, FAILED = 1 };

/* In a child, where Criterion's asserts would not be heard: says what is wrong and ends. */
#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #x); \
			_exit(FAILED); \
		} \
	} while (0)

static void
in_child(void (*body)(const char *folder), const char *folder)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		body(folder);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child ended with %#x", status);
}

/* Behind every drop, whoever started us. */
static void
must_be_bounded(void)
{
	struct rlimit core, files;
	char here[FOLDER];

	MUST(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	MUST(getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == files.rlim_max);
	MUST(getcwd(here, sizeof(here)) != NULL && strcmp(here, "/") == 0);
	MUST(umask(0) == 077);
}

static void
must_be_unable_to_return(void)
{
	gid_t groups[] = {0};

	MUST(setuid(0) != 0 && errno == EPERM);
	MUST(seteuid(0) != 0 && setreuid(0, 0) != 0 && setresuid(0, 0, 0) != 0);
	MUST(setgid(0) != 0 && setegid(0) != 0 && setresgid(0, 0, 0) != 0);
	MUST(setgroups(1, groups) != 0 && chroot("/") != 0);
}

static void
ordinary_child(const char *folder)
{
	bool ordinary = false;
	struct privdrop p = {.user = "daemon", .root = folder, .ordinary = &ordinary, .tasks = 4};
	struct rlimit tasks, before;
	struct error e;
	uid_t uid;

	if (geteuid() == 0)
		MUST(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
		     setresuid(65534, 65534, 65534) == 0);
	uid = geteuid();
	MUST(getrlimit(RLIMIT_NPROC, &before) == 0);
	MUST(privdrop(&p, &e));
	MUST(ordinary && geteuid() == uid && getuid() == uid);
	MUST(access("/etc/passwd", R_OK) == 0);
	MUST(getrlimit(RLIMIT_NPROC, &tasks) == 0 && tasks.rlim_cur == before.rlim_cur);
	must_be_bounded();
}

Test(privdrop, an_ordinary_user_keeps_user_and_root_and_goes_on)
{
	in_child(ordinary_child, "/nowhere");
}

/* False, and the flag proved instead, when the test is not run by root. */
static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	cr_log_warn("run by an ordinary user: only the flag is tried\n");
	in_child(ordinary_child, "/nowhere");
	return false;
}

static void
nobody_child(const char *folder)
{
	bool ordinary = true;
	struct privdrop p = {.user = "nobody", .files = 64, .tasks = 32, .ordinary = &ordinary};
	struct passwd *pw = getpwnam("nobody");
	gid_t groups[] = {0, 4, 27, 100}, got[8];
	uid_t real, effective, saved;
	struct rlimit limit;
	struct error e;

	(void)folder;
	MUST(pw != NULL && setgroups(4, groups) == 0);
	MUST(privdrop(&p, &e));
	MUST(!ordinary && getresuid(&real, &effective, &saved) == 0);
	MUST(real == pw->pw_uid && effective == real && saved == real);
	MUST(getgid() == pw->pw_gid && getegid() == pw->pw_gid);
	MUST(getgroups(8, got) == 1 && got[0] == pw->pw_gid);
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max == 64);
	MUST(getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_max == 32);
	must_be_unable_to_return();
	must_be_bounded();
}

Test(privdrop, root_becomes_nobody_and_cannot_return)
{
	if (is_root())
		in_child(nobody_child, NULL);
}

static void
refused_users_child(const char *folder)
{
	struct privdrop unknown = {.user = "kurir-nobody-has-this-name"}, root = {.user = "root"};
	struct error e;

	(void)folder;
	MUST(!privdrop(&unknown, &e) && strstr(e.text, unknown.user) != NULL);
	MUST(!privdrop(&root, &e) && strstr(e.text, "root") != NULL);
	MUST(!privdrop_become(0, 65534, &e) && !privdrop_become(65534, 0, &e));
	MUST(geteuid() == 0);
}

Test(privdrop, an_unknown_user_and_root_itself_are_refused)
{
	if (is_root())
		in_child(refused_users_child, NULL);
}

static void
chroot_child(const char *folder)
{
	struct privdrop p = {.user = "nobody", .root = folder, .root_empty = true};
	struct stat before, after;
	struct error e;

	MUST(stat(folder, &before) == 0);
	MUST(privdrop(&p, &e));
	MUST(stat("/", &after) == 0);
	MUST(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	MUST(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
	MUST(open("../../../etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
	MUST(open("/made", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
	must_be_unable_to_return();
	must_be_bounded();
}

/* The whole way of a listener: the user, the empty root, then the walls inside it. */
static void
listener_child(const char *folder)
{
	bool ordinary = true;
	struct error e;
	char *block;

	MUST(sandbox_drop(SANDBOX_LISTENER, "nobody", folder, &ordinary, &e) && !ordinary);
	MUST(sandbox_enter(SANDBOX_LISTENER, NULL, &e));
	MUST(open("/", O_RDONLY) < 0 || (sandbox_walls() & (WALL_CALLS | WALL_FILES)) == 0);
	block = malloc(1 << 20);
	MUST(block != NULL);
	free(block);
	must_be_unable_to_return();
}

static void
bad_root(const char *folder, const char *word)
{
	struct privdrop p = {.user = "nobody", .root = folder, .root_empty = true};
	struct error e;

	MUST(!privdrop(&p, &e));
	if (strstr(e.text, word) == NULL) {
		fprintf(stderr, "wanted \"%s\" in \"%s\"\n", word, e.text);
		_exit(FAILED);
	}
	MUST(geteuid() == 0 && access("/etc/passwd", R_OK) == 0);
}

static void
bad_roots_child(const char *folder)
{
	char inside[FOLDER + 16];

	bad_root("/nowhere", "cannot open");
	bad_root("/etc/passwd", "cannot open");
	MUST(chmod(folder, 0777) == 0);
	bad_root(folder, "chmod go-w");
	MUST(chmod(folder, 0775) == 0);
	bad_root(folder, "chmod go-w");
	MUST(chmod(folder, 0755) == 0 && chown(folder, 65534, 0) == 0);
	bad_root(folder, "chown root");
	MUST(chown(folder, 0, 0) == 0);

	snprintf(inside, sizeof(inside), "%s/link", folder);
	MUST(symlink("/", inside) == 0);
	bad_root(inside, "cannot open");
	bad_root(folder, "must be empty");
	MUST(unlink(inside) == 0);
}

static void
with_folder(void (*body)(const char *folder))
{
	char folder[FOLDER] = "/tmp/kurir-root-XXXXXX";

	if (!is_root())
		return;
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chmod(folder, 0755), 0);
	in_child(body, folder);
	cr_assert_eq(rmdir(folder), 0);
}

Test(privdrop, the_chroot_holds)
{
	with_folder(chroot_child);
}

Test(privdrop, a_listener_drops_and_enters)
{
	with_folder(listener_child);
}

Test(privdrop, a_doubtful_chroot_is_refused)
{
	with_folder(bad_roots_child);
}

static void
long_prefix_child(const char *folder)
{
	char prefix[LIMIT_USER + 1];
	bool ordinary;
	struct error e;

	(void)folder;
	memset(prefix, 'x', sizeof(prefix) - 1);
	prefix[sizeof(prefix) - 1] = '\0';
	MUST(!sandbox_drop(SANDBOX_QUEUE, prefix, NULL, &ordinary, &e));
}

Test(privdrop, a_prefix_past_the_limit_is_an_error)
{
	in_child(long_prefix_child, NULL);
}

static void
descriptors_child(const char *folder)
{
	int low = open("/dev/null", O_RDONLY), high;

	(void)folder;
	MUST(low >= 0 && dup2(low, 100) == 100);
	high = fcntl(low, F_DUPFD, 200);
	MUST(high >= 200);
	descriptors_close_from(100);
	MUST(fcntl(low, F_GETFD) >= 0);
	MUST(fcntl(100, F_GETFD) < 0 && errno == EBADF);
	MUST(fcntl(high, F_GETFD) < 0 && errno == EBADF);
}

Test(privdrop, stray_descriptors_are_closed)
{
	in_child(descriptors_child, NULL);
}
