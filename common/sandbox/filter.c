/*
 * What a libuv loop with its thread pool, the C library and OpenSSL need is the base, given
 * to every role. The groups below add what a role may do; what stands nowhere is refused.
 *
 * Calls that a library only tries, with another way behind, fail with ENOSYS, so that it
 * takes the other way. clone3 is one: the flags behind its pointer cannot be examined, and
 * clone serves the thread pool, for threads only.
 */
#include "common/sandbox/filter.h"

#include "common/sandbox/sandbox.h"
#include "common/sandbox/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	FAMILIES = 64,   /* more than there are */
	TYPE_MASK = 0xf, /* a socket's type without its flags */
	OPEN_CHANGES = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY),
	NEW_WORLDS = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
};

struct filter {
	scmp_filter_ctx ctx;
	uint32_t refusal;
	unsigned may;
	int status; /* 0, or the first failure of libseccomp as a negative errno */
};

/* clang-format off */
static const int base[] = {
	/* what the process holds */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2),
	SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(fstat), SCMP_SYS(fstat64),
	SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	/* the loop */
	SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd), SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6),
	/* memory and threads */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock),
	SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(membarrier), SCMP_SYS(futex),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
	/* time and itself */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times),
	SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrandom),
	SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
	SCMP_SYS(getgroups), SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit),
};

static const int accepting[] = {SCMP_SYS(accept), SCMP_SYS(accept4)};
static const int connecting[] = {SCMP_SYS(connect)};
static const int naming[] = {SCMP_SYS(bind)};
static const int sending[] = {SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg)};
static const int sharing[] = {SCMP_SYS(memfd_create)};
static const int sizing[] = {
	SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate),
};
static const int reading[] = {
	SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(stat), SCMP_SYS(stat64),
	SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents),
	SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(statfs), SCMP_SYS(statfs64),
	SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), SCMP_SYS(fadvise64), SCMP_SYS(fadvise64_64),
	SCMP_SYS(readahead), SCMP_SYS(flock),
};
static const int writing[] = {
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir), SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range), SCMP_SYS(msync),
};

/* A role that may do any of a group's may has it; a watched one is refused to sanitizers too. */
static const struct group {
	unsigned may;
	bool watched;
	const int *calls;
	size_t count;
} groups[] = {
	{MAY_ACCEPT,            true,  accepting,  COUNT(accepting)},
	{MAY_INET | MAY_UNIX,   true,  connecting, COUNT(connecting)},
	{MAY_INET,              true,  naming,     COUNT(naming)},
	{MAY_SHARE,             true,  sharing,    COUNT(sharing)},
	{MAY_SHARE | MAY_WRITE, true,  sizing,     COUNT(sizing)},
	{MAY_READ,              false, reading,    COUNT(reading)},
	{MAY_WRITE,             true,  writing,    COUNT(writing)},
};

/* Refused by standing nowhere; named for sanitized builds, where the filter is turned around. */
static const int never[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(listen),
	SCMP_SYS(socketpair),
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
	SCMP_SYS(setgroups), SCMP_SYS(capset), SCMP_SYS(chroot), SCMP_SYS(pivot_root),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(chmod),
	SCMP_SYS(fchmodat), SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(utimensat), SCMP_SYS(chown),
	SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(mknod), SCMP_SYS(mknodat),
	SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(setxattr), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(keyctl),
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(userfaultfd), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(pkey_mprotect), SCMP_SYS(shmget), SCMP_SYS(shmat),
};

/* Tried by libraries that know another way. */
static const int tried[] = {
	SCMP_SYS(clone3), SCMP_SYS(openat2), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register), SCMP_SYS(futex_waitv),
};

static const scmp_datum_t ioctls[] = {
	FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, SIOCOUTQ, TCGETS, TIOCGWINSZ,
};
static const scmp_datum_t terminal_ioctls[] = {TCSETS, TCSETSW, TCSETSF};

static const scmp_datum_t fcntls[] = {
	F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_ADD_SEALS, F_GET_SEALS,
};
static const scmp_datum_t lock_fcntls[] = {
	F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
};
/* clang-format on */

/* Conditions on a call's argument, counted from 0. */
static struct scmp_arg_cmp
compared(unsigned argument, enum scmp_compare how, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){.arg = argument, .op = how, .datum_a = value};
}

static struct scmp_arg_cmp
equal(unsigned argument, scmp_datum_t value)
{
	return compared(argument, SCMP_CMP_EQ, value);
}

static struct scmp_arg_cmp
masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){
	    .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

/* One rule; with conditions, all of them must hold. */
static void
rule(struct filter *f, uint32_t action, int call, unsigned count, const struct scmp_arg_cmp *when)
{
	if (f->status == 0)
		f->status = seccomp_rule_add_array(f->ctx, action, call, count, when);
}

/* clang-format off */
#define WHEN(f, action, call, ...)                                                                 \
	rule((f), (action), SCMP_SYS(call),                                                        \
	    sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp),            \
	    (struct scmp_arg_cmp[]){__VA_ARGS__})
/* clang-format on */

static void
rules(struct filter *f, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rule(f, action, calls[i], 0, NULL);
}

/* A call that is allowed with one of these words as its second argument. */
static void
words_allow(struct filter *f, int call, const scmp_datum_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rule(f, SCMP_ACT_ALLOW, call, 1, (struct scmp_arg_cmp[]){equal(1, words[i])});
}

static bool
family_is_allowed(const struct filter *f, int family)
{
	if (family == AF_UNIX)
		return (f->may & MAY_UNIX) != 0;
	return (family == AF_INET || family == AF_INET6) && (f->may & MAY_INET) != 0;
}

/* Streams and datagrams only: nobody reads raw packets. */
static bool
type_is_allowed(const struct filter *f, int family, int type)
{
	if (type == SOCK_STREAM)
		return true;
	return type == SOCK_DGRAM && (family == AF_UNIX || (f->may & MAY_DATAGRAM) != 0);
}

static void
families_allow(struct filter *f)
{
	for (int family = 0; family < FAMILIES; family++)
		for (int type = 0; family_is_allowed(f, family) && type <= TYPE_MASK; type++)
			if (type_is_allowed(f, family, type))
				WHEN(f, SCMP_ACT_ALLOW, socket, equal(0, (unsigned)family),
				    masked(1, TYPE_MASK, (unsigned)type));
}

static void
families_refuse(struct filter *f)
{
	for (int family = 0; family < FAMILIES; family++) {
		if (!family_is_allowed(f, family)) {
			WHEN(f, f->refusal, socket, equal(0, (unsigned)family));
			continue;
		}
		for (int type = 0; type <= TYPE_MASK; type++)
			if (!type_is_allowed(f, family, type))
				WHEN(f, f->refusal, socket, equal(0, (unsigned)family),
				    masked(1, TYPE_MASK, (unsigned)type));
	}
	WHEN(f, f->refusal, socket, compared(0, SCMP_CMP_GE, FAMILIES));
}

/*
 * MSG_FASTOPEN connects a closed socket without connect(2). libunbound asks so over TCP, when an
 * answer was too long for a datagram; and who speaks to the DNS may connect to anybody.
 */
static void
sending_allow(struct filter *f)
{
	if ((f->may & MAY_DATAGRAM) != 0) {
		rules(f, SCMP_ACT_ALLOW, sending, COUNT(sending));
		return;
	}
	WHEN(f, SCMP_ACT_ALLOW, sendto, masked(3, MSG_FASTOPEN, 0));
	WHEN(f, SCMP_ACT_ALLOW, sendmsg, masked(2, MSG_FASTOPEN, 0));
	WHEN(f, SCMP_ACT_ALLOW, sendmmsg, masked(3, MSG_FASTOPEN, 0));
}

static void
sending_refuse(struct filter *f)
{
	const unsigned bit = MSG_FASTOPEN;

	if ((f->may & MAY_DATAGRAM) != 0)
		return;
	WHEN(f, f->refusal, sendto, masked(3, bit, bit));
	WHEN(f, f->refusal, sendmsg, masked(2, bit, bit));
	WHEN(f, f->refusal, sendmmsg, masked(3, bit, bit));
}

/* Memory is never executable, limits are only read, and signals stay in the process. */
static void
process_allow(struct filter *f)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();

	WHEN(f, SCMP_ACT_ALLOW, mmap, masked(2, PROT_EXEC, 0));
	WHEN(f, SCMP_ACT_ALLOW, mmap2, masked(2, PROT_EXEC, 0));
	WHEN(f, SCMP_ACT_ALLOW, mprotect, masked(2, PROT_EXEC, 0));
	WHEN(f, SCMP_ACT_ALLOW, clone, masked(0, CLONE_THREAD | NEW_WORLDS, CLONE_THREAD));
	WHEN(f, SCMP_ACT_ALLOW, prlimit64, equal(0, 0), equal(2, 0));
	WHEN(f, SCMP_ACT_ALLOW, prctl, equal(0, PR_SET_NAME));
	WHEN(f, SCMP_ACT_ALLOW, prctl, equal(0, PR_GET_NAME));
	WHEN(f, SCMP_ACT_ALLOW, tgkill, equal(0, self));
	words_allow(f, SCMP_SYS(ioctl), ioctls, COUNT(ioctls));
	words_allow(f, SCMP_SYS(fcntl), fcntls, COUNT(fcntls));
	words_allow(f, SCMP_SYS(fcntl64), fcntls, COUNT(fcntls));
	if ((f->may & MAY_ASK) != 0)
		words_allow(f, SCMP_SYS(ioctl), terminal_ioctls, COUNT(terminal_ioctls));
}

/* A tracer that shares our memory is the leak check; a forked or spawned child is not. */
static void
process_refuse(struct filter *f)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();

	WHEN(f, f->refusal, clone, masked(0, CLONE_VM, 0));
	WHEN(f, f->refusal, clone, masked(0, CLONE_VFORK, CLONE_VFORK));
	WHEN(f, f->refusal, kill, compared(0, SCMP_CMP_NE, self));
	WHEN(f, f->refusal, tgkill, compared(0, SCMP_CMP_NE, self));
	WHEN(f, f->refusal, mmap, masked(2, PROT_EXEC, PROT_EXEC));
	WHEN(f, f->refusal, mprotect, masked(2, PROT_EXEC, PROT_EXEC));
}

static void
files_allow(struct filter *f)
{
	/* glibc's fstat. A path put behind it would tell that a file exists, and no more. */
	if ((f->may & MAY_READ) == 0) {
		WHEN(f, SCMP_ACT_ALLOW, newfstatat, masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH));
		return;
	}
	words_allow(f, SCMP_SYS(fcntl), lock_fcntls, COUNT(lock_fcntls));
	words_allow(f, SCMP_SYS(fcntl64), lock_fcntls, COUNT(lock_fcntls));
	if ((f->may & MAY_WRITE) != 0) {
		rule(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 0, NULL);
		rule(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 0, NULL);
		return;
	}
	WHEN(f, SCMP_ACT_ALLOW, open, masked(1, OPEN_CHANGES, O_RDONLY));
	WHEN(f, SCMP_ACT_ALLOW, openat, masked(2, OPEN_CHANGES, O_RDONLY));
}

static void
files_refuse(struct filter *f)
{
	static const unsigned changes[][2] = {
	    {O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}};

	if ((f->may & MAY_WRITE) != 0)
		return;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const unsigned mask = changes[i][0], value = changes[i][1];

		WHEN(f, f->refusal, open, masked(1, mask, value));
		WHEN(f, f->refusal, openat, masked(2, mask, value));
	}
}

static void
groups_allow(struct filter *f)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if ((f->may & groups[i].may) != 0)
			rules(f, SCMP_ACT_ALLOW, groups[i].calls, groups[i].count);
}

static void
groups_refuse(struct filter *f)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (groups[i].watched && (f->may & groups[i].may) == 0)
			rules(f, f->refusal, groups[i].calls, groups[i].count);
}

static void
filter_build(struct filter *f)
{
	rules(f, SCMP_ACT_ERRNO(ENOSYS), tried, COUNT(tried));
	if (SANITIZED) {
		rules(f, f->refusal, never, COUNT(never));
		groups_refuse(f);
		families_refuse(f);
		sending_refuse(f);
		process_refuse(f);
		files_refuse(f);
	} else {
		rules(f, SCMP_ACT_ALLOW, base, COUNT(base));
		groups_allow(f);
		families_allow(f);
		sending_allow(f);
		process_allow(f);
		files_allow(f);
	}
}

static void
attribute(struct filter *f, enum scmp_filter_attr which, uint32_t value)
{
	if (f->status == 0)
		f->status = seccomp_attr_set(f->ctx, which, value);
}

bool
filter_enter(unsigned may, unsigned *walls, struct error *e)
{
	const char *kill_wanted = getenv("KURIR_SANDBOX_KILL");
	struct filter f = {.may = may, .refusal = SCMP_ACT_ERRNO(EPERM)};

	if (kill_wanted != NULL && strcmp(kill_wanted, "1") == 0)
		f.refusal = SCMP_ACT_KILL_PROCESS;
	f.ctx = seccomp_init(SANITIZED ? SCMP_ACT_ALLOW : f.refusal);
	if (f.ctx == NULL)
		return error_set(e, "cannot prepare the filter of system calls");

	attribute(&f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	attribute(&f, SCMP_FLTATR_CTL_TSYNC, 1);
	attribute(&f, SCMP_FLTATR_CTL_LOG, 1);
	attribute(&f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	filter_build(&f);
	if (f.status == 0)
		f.status = seccomp_load(f.ctx);
	seccomp_release(f.ctx);
	if (f.status != 0) {
		errno = -f.status;
		return error_errno(e, "the kernel refused the filter of system calls");
	}
	*walls |= WALL_CALLS;
	return true;
}
