#include "tests/unit/unit.h"

#include "common/ipc/lookup_parent.h"
#include "common/net/loop.h"
#include "smtpd/parent/helper/check.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/suite.h"

#include <fcntl.h>
#include <pwd.h>
#include <shadow.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT_SUITE(helper_check);

struct suite suite;

/* Of "correct horse". */
#define HASH "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/"

/* What the system knows of alice, for the helper; and how many hashes all helpers made. */
struct passwd *__real_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name);
struct spwd *__wrap_getspnam(const char *name);
char *__real_crypt_rn(const char *secret, const char *setting, void *data, int size);
char *__wrap_crypt_rn(const char *secret, const char *setting, void *data, int size);

static char hash[100];
static unsigned *made;

struct passwd *
__wrap_getpwnam(const char *name)
{
	static char alice[] = "alice";
	static struct passwd pw = {.pw_name = alice, .pw_uid = 54321, .pw_gid = 54321};

	return strcmp(name, alice) == 0 ? &pw : __real_getpwnam(name);
}

struct spwd *
__wrap_getspnam(const char *name)
{
	static struct spwd sp;

	sp.sp_pwdp = hash;
	return &sp;
}

char *
__wrap_crypt_rn(const char *secret, const char *setting, void *data, int size)
{
	char *got = __real_crypt_rn(secret, setting, data, size);

	if (got != NULL && got[0] != '*')
		++*made;
	return got;
}

static struct process lookup;
static int far_end;

static void
set_up(void)
{
	const struct channel_options o = {.peer = "lookup"};
	int ends[2];

	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(made, MAP_FAILED);
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	lookup.channel = channel_new(ends[0], &o);
	far_end = ends[1];
}

static void
tear_down(void)
{
	channel_close(lookup.channel);
	close(far_end);
	loop_fini();
}

static void
begin(const char *user, struct slice secret)
{
	struct lp_check q = {.user = slice_of(user), .secret = secret};
	struct ipc_message m = {.channel = lookup.channel, .id = 1, .body = &q};

	helper_on_lp_check(&lookup, &m);
}

static void
on_time(void *owner)
{
	loop_stop();
}

/* Until the answer is out. */
static void
run_loop(void)
{
	struct timer t;

	timer_init(&t, on_time, NULL);
	timer_start(&t, SPAN_MS(10));
	loop_run();
}

/* Lookup's part. */
static void
end(enum lp_check_result wanted)
{
	unsigned char frame[100];
	int status;
	pid_t pid = wait(&status);
	ssize_t n;

	cr_assert_gt(pid, 0);
	helper_on_exit(pid, status);
	run_loop();
	n = read(far_end, frame, sizeof(frame));
	cr_assert_eq(n, 13, "%zd", n);
	cr_assert_eq(frame[12], wanted, "%d", frame[12]);
}

/* Else the time that it takes tells who is there, and whose account is locked. */
Test(helper_check, every_answer_costs_one_hash)
{
	static const struct {
		const char *user, *hash, *secret;
		enum lp_check_result result;
	} cases[] = {
	    {"alice", HASH, "correct horse", CHECK_OK},
	    {"alice", HASH, "wrong", CHECK_WRONG},
	    {"alice", "!" HASH, "correct horse", CHECK_WRONG},
	    {"alice", "!", "!", CHECK_WRONG},
	    {"alice", "*", "*", CHECK_WRONG},
	    {"alice", "", "", CHECK_WRONG},
	    {"nobody-of-that-name", HASH, "correct horse", CHECK_WRONG},
	};

	set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert(slice_copy(slice_of(cases[i].hash), hash, sizeof(hash)));
		begin(cases[i].user, slice_of(cases[i].secret));
		end(cases[i].result);
		cr_assert_eq(*made, i + 1, "%s with %s", cases[i].user, hash);
	}
	tear_down();
}

/* The helper has its own memory and ends; ours stays for months. */
Test(helper_check, nothing_of_the_secret_stays_on_the_stack)
{
	static char stack[64 * 1024];
	static const char secret[] =
	    "open sesame! open sesame! open sesame! open sesame! open sesame!";
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	off_t here = (off_t)(uintptr_t)__builtin_frame_address(0);
	ssize_t n;

	set_up();
	begin("alice", slice_of(secret));
	n = pread(memory, stack, sizeof(stack), here - (off_t)sizeof(stack));
	end(CHECK_WRONG);
	cr_assert(memory < 0 || n == (ssize_t)sizeof(stack));
	cr_assert_lt(slice_search(slice_make(stack, sizeof(stack)), SLICE("open sesame!")), 0);
	if (memory >= 0)
		close(memory);
	tear_down();
}
