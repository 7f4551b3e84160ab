/*
 * Every role tries every action, once before its walls and once behind them. What must pass
 * and what must fail stands in the matrix, written out and not derived from the roles' list.
 */
#include "tests/unit/common/sandbox/actions.h"
#include "tests/unit/unit.h"

#include "common/sandbox/sandbox.h"
#include "common/sandbox/sanitized.h"

#include <criterion/parameterized.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT_SUITE(sandbox);

enum { OPEN_GROUND = -1, BAD_ENTRY = 100 };

/* clang-format off */
/*
 * +  allowed                      -  refused by the filter of system calls
 * F  refused by Landlock's view   R  refused by the filter; when sanitized by Landlock's view
 * T  refused by Landlock's ports  S  refused by the filter; allowed when sanitized
 *
 *   files           | network             | process         | everyone's
 *   passwd shown w  | inet unix held fast | fork spawn exec | memory thread
 *   ours theirs sync| listen accept make  | trace user kill | loop channel itself
 *                   | raw datagram        | run share       | leaks
 */
static const char *const matrix[] = {
	[SANDBOX_PARENT]        = "++++++ +++++++++ ++++++++ ++++++",
	[SANDBOX_LISTENER]      = "RR---- -----+--- ---S---+ ++++++",
	[SANDBOX_LOOKUP]        = "F+F+F+ -+T------ ---S---- ++++++",
	[SANDBOX_RESOLVER]      = "RR---- +-++--+-+ ---S---- ++++++",
	[SANDBOX_KEYHOLDER]     = "RR---- --------- ---S---- ++++++",
	[SANDBOX_QUEUE]         = "F+F+F+ --------- ---S---+ ++++++",
	[SANDBOX_RELAY]         = "RR---- +-+---+-- ---S---- ++++++",
	[SANDBOX_MAILBOX]       = "F+F+F+ --------- ---S---+ ++++++",
	[SANDBOX_AGENT]         = "F+F+F+ --------- ---S---- ++++++",
	[SANDBOX_AGENT_LMTP]    = "RR---- --------- ---S---- ++++++",
	[SANDBOX_AGENT_COMMAND] = "++++++ +++++++++ ++++++++ ++++++",
	[SANDBOX_IMAPD]         = "RR---- -----+--- ---S---+ ++++++",
	[SANDBOX_POP3D]         = "RR---- -----+--- ---S---- ++++++",
	[SANDBOX_CTL]           = "F+F+F+ -+T------ ---S---- ++++++",
};
/* clang-format on */

_Static_assert(sizeof(matrix) / sizeof(matrix[0]) == SANDBOX_ROLE_COUNT, "a row for every role");

/* In a child: enters the role (or stays on open ground), tries, ends with the outcome. */
static _Noreturn void
attempt(int role, enum action a, const struct scene *s)
{
	struct sandbox_paths paths = {.rw = (const char *const[]){s->ours, NULL},
	    .ro = (const char *const[]){s->shown, "/nowhere", NULL}};
	struct error e;

	if (role != OPEN_GROUND && !sandbox_enter((enum sandbox_role)role, &paths, &e)) {
		fprintf(stderr, "%s\n", e.text);
		_exit(BAD_ENTRY);
	}
	_exit(action_run(a, s));
}

static int
tried(int role, enum action a)
{
	struct scene s;
	int status;
	pid_t pid;

	scene_init(&s);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		attempt(role, a, &s);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	scene_fini(&s);
	return status;
}

/* The walls that this build and kernel put around the role. */
static unsigned
walls_of(enum sandbox_role role)
{
	struct error e;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(role, NULL, &e) ? (int)sandbox_walls() : BAD_ENTRY);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != BAD_ENTRY);
	return (unsigned)WEXITSTATUS(status);
}

/* Which wall a letter counts on; 0 when the action is allowed. */
static unsigned
wall_needed(char letter)
{
	switch (letter) {
	case 'F':
		return WALL_FILES;
	case 'T':
		return WALL_TCP;
	case 'R':
		return SANITIZED ? WALL_FILES : WALL_CALLS;
	case 'S':
		return SANITIZED ? 0 : WALL_CALLS;
	case '-':
		return WALL_CALLS;
	default:
		cr_assert_eq(letter, '+', "the matrix has no letter %c", letter);
		return 0;
	}
}

static void
cell(enum sandbox_role role, enum action a, char letter, unsigned walls)
{
	unsigned needed = wall_needed(letter);
	enum outcome wanted = ALLOWED;
	int status;

	if (needed != 0)
		wanted = needed == WALL_CALLS ? REFUSED_CALL : REFUSED_ACCESS;
	if (needed != 0 && (walls & needed) == 0) {
		cr_log_warn("%s: \"%s\" is not tried: this system lacks the wall\n",
		    sandbox_title(role), action_name(a));
		return;
	}
	status = tried(OPEN_GROUND, a);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == ALLOWED,
	    "\"%s\" must work before the walls; status %#x", action_name(a), (unsigned)status);
	status = tried((int)role, a);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == (int)wanted,
	    "%s: \"%s\" must be %s; status %#x", sandbox_title(role), action_name(a),
	    wanted == ALLOWED ? "allowed" : "refused by the wall of the matrix", (unsigned)status);
}

ParameterizedTestParameters(sandbox, a_role_does_what_the_matrix_says)
{
	static int roles[SANDBOX_ROLE_COUNT];

	for (int i = 0; i < SANDBOX_ROLE_COUNT; i++)
		roles[i] = i;
	return cr_make_param_array(int, roles, SANDBOX_ROLE_COUNT, NULL);
}

ParameterizedTest(int *role, sandbox, a_role_does_what_the_matrix_says)
{
	unsigned walls = walls_of((enum sandbox_role) * role);
	const char *letter = matrix[*role];
	int a = 0;

	for (; *letter != '\0'; letter++)
		if (*letter != ' ')
			cell((enum sandbox_role) * role, (enum action)a++, *letter, walls);
	cr_assert_eq(a, ACTION_COUNT, "row %s has %d letters", sandbox_title(*role), a);
}

/* Otherwise the matrix could pass by trying nothing. */
Test(sandbox, every_wall_stands_that_build_and_kernel_have)
{
	unsigned walls = walls_of(SANDBOX_LISTENER);
	long landlock =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	cr_assert_eq((walls & WALL_FILES) != 0, landlock >= 1);
	cr_assert_eq((walls & WALL_TCP) != 0, landlock >= 4);

#ifdef HAVE_SECCOMP
	cr_assert((walls & WALL_CALLS) != 0);
#else
	cr_assert_eq(walls & WALL_CALLS, 0);
#endif
	cr_assert_eq(walls_of(SANDBOX_PARENT), 0);
}

Test(sandbox, without_paths_no_file_is_granted)
{
	const char *const some[] = {"/var/spool/kurir", NULL}, *const none[] = {NULL};
	struct sandbox_paths ro = {.ro = some}, rw = {.rw = some}, empty = {.ro = none, .rw = none};

	cr_assert_eq(sandbox_granted(SANDBOX_QUEUE, NULL), MAY_SHARE);
	cr_assert_eq(sandbox_granted(SANDBOX_QUEUE, &empty), MAY_SHARE);
	cr_assert_eq(sandbox_granted(SANDBOX_QUEUE, &ro), MAY_SHARE | MAY_READ);
	cr_assert_eq(sandbox_granted(SANDBOX_QUEUE, &rw), MAY_SHARE | MAY_READ | MAY_WRITE);
	cr_assert_eq(sandbox_granted(SANDBOX_KEYHOLDER, &rw), MAY_NOTHING);
}

static void
no_paths_child(void)
{
	struct error e;

	if (!sandbox_enter(SANDBOX_QUEUE, NULL, &e))
		_exit(BAD_ENTRY);
	_exit(open("/etc/passwd", O_RDONLY) < 0 ? REFUSED_ACCESS : ALLOWED);
}

static void
missing_folder_child(void)
{
	struct sandbox_paths paths = {.rw = (const char *const[]){"/nowhere", NULL}};
	struct error e;

	if (sandbox_enter(SANDBOX_QUEUE, &paths, &e))
		_exit(ALLOWED);
	_exit(strstr(e.text, "/nowhere") != NULL ? REFUSED_ACCESS : BROKEN);
}

static void
killed_child(void)
{
	struct error e;

	setenv("KURIR_SANDBOX_KILL", "1", 1);
	if (!sandbox_enter(SANDBOX_LISTENER, NULL, &e))
		_exit(BAD_ENTRY);
	(void)open("/tmp/kurir-never-made", O_WRONLY | O_CREAT, 0600);
	_exit(ALLOWED);
}

static void
aborted_child(void)
{
	struct error e;

	signal(SIGABRT, SIG_DFL);
	if (!sandbox_enter(SANDBOX_KEYHOLDER, NULL, &e))
		_exit(BAD_ENTRY);
	abort();
}

static int
ended(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		body();
		_exit(BROKEN);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

Test(sandbox, a_queue_without_paths_opens_nothing)
{
	int status;

	if ((walls_of(SANDBOX_QUEUE) & (SANITIZED ? WALL_FILES : WALL_CALLS)) == 0) {
		cr_log_warn("not tried: this system lacks the wall\n");
		return;
	}
	status = ended(no_paths_child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_ACCESS, "status %#x", status);
}

Test(sandbox, a_missing_folder_of_its_own_is_an_error)
{
	int status;

	if ((walls_of(SANDBOX_QUEUE) & WALL_FILES) == 0) {
		cr_log_warn("not tried: this system lacks the wall\n");
		return;
	}
	status = ended(missing_folder_child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_ACCESS, "status %#x", status);
}

Test(sandbox, a_refused_call_kills_when_the_environment_says_so)
{
	int status;

	if ((walls_of(SANDBOX_LISTENER) & WALL_CALLS) == 0) {
		cr_log_warn("not tried: this system lacks the wall\n");
		return;
	}
	status = ended(killed_child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x", status);
}

Test(sandbox, a_broken_invariant_still_aborts)
{
	int status = ended(aborted_child);

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x", status);
}

Test(sandbox, users_are_apart_and_the_chrooted_have_one)
{
	for (int a = 0; a < SANDBOX_ROLE_COUNT; a++) {
		const char *user = sandbox_user((enum sandbox_role)a);

		cr_assert(!sandbox_is_chrooted((enum sandbox_role)a) || user != NULL);
		for (int b = 0; user != NULL && b < a; b++) {
			const char *other = sandbox_user((enum sandbox_role)b);

			if (other != NULL && strcmp(user, other) == 0)
				cr_assert(a == SANDBOX_POP3D && b == SANDBOX_IMAPD,
				    "%s and %s share a user", sandbox_title((enum sandbox_role)a),
				    sandbox_title((enum sandbox_role)b));
		}
	}
}
