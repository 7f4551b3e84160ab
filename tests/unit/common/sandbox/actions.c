#include "tests/unit/common/sandbox/actions.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PLENTY = 64 * 1024 * 1024 };

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct sockaddr_un
unix_address(const struct scene *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->unix_name);
	return a;
}

static void
folder(char *path, size_t size, const struct scene *s, const char *name)
{
	snprintf(path, size, "%s/%s", s->top, name);
	cr_assert_eq(mkdir(path, 0700), 0);
}

static void
path_in(char path[SCENE_PATH * 2], const char *where, const char *name)
{
	snprintf(path, SCENE_PATH * 2, "%s/%s", where, name);
}

static void
scene_sockets(struct scene *s)
{
	struct sockaddr_in in = loopback(0);
	struct sockaddr_un un = unix_address(s);
	socklen_t len = sizeof(in);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s->pair), 0);
	s->tcp = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(s->tcp, (struct sockaddr *)&in, sizeof(in)), 0);
	cr_assert_eq(listen(s->tcp, 8), 0);
	cr_assert_eq(getsockname(s->tcp, (struct sockaddr *)&in, &len), 0);
	s->port = in.sin_port;
	s->client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(s->client, (struct sockaddr *)&in, sizeof(in)), 0);
	s->fresh = socket(AF_INET, SOCK_STREAM, 0);
	s->unix_server = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(s->unix_server, (struct sockaddr *)&un, sizeof(un)), 0);
	cr_assert_eq(listen(s->unix_server, 8), 0);
}

void
scene_init(struct scene *s)
{
	char path[SCENE_PATH * 2];

	*s = (struct scene){.top = "/tmp/kurir-sandbox-XXXXXX"};
	cr_assert_not_null(mkdtemp(s->top));
	folder(s->ours, sizeof(s->ours), s, "ours");
	folder(s->shown, sizeof(s->shown), s, "shown");
	folder(s->theirs, sizeof(s->theirs), s, "theirs");
	snprintf(s->unix_name, sizeof(s->unix_name), "%s/socket", s->top);
	path_in(path, s->ours, "new");
	cr_assert_eq(mkdir(path, 0700), 0);
	path_in(path, s->shown, "table");
	close(open(path, O_WRONLY | O_CREAT, 0600));
	path_in(path, s->ours, "held");
	s->file = open(path, O_RDWR | O_CREAT, 0600);
	cr_assert_geq(s->file, 0);
	scene_sockets(s);
}

static void
removed(const char *folder_path, const char *name)
{
	char path[SCENE_PATH * 2];

	path_in(path, folder_path, name);
	if (unlink(path) != 0)
		rmdir(path);
}

void
scene_fini(struct scene *s)
{
	const int held[] = {
	    s->file, s->pair[0], s->pair[1], s->tcp, s->client, s->fresh, s->unix_server};

	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		close(held[i]);
	removed(s->ours, "held");
	removed(s->ours, "new");
	removed(s->shown, "table");
	removed(s->top, "ours");
	removed(s->top, "shown");
	removed(s->top, "theirs");
	removed(s->top, "socket");
	cr_assert_eq(rmdir(s->top), 0, "the scene left files behind in %s", s->top);
}

/* A failure counts as a refusal only when its errno says so. */
static enum outcome
judged(bool ok)
{
	if (ok)
		return ALLOWED;
	if (errno == EPERM || errno == ENOSYS)
		return REFUSED_CALL;
	return errno == EACCES ? REFUSED_ACCESS : BROKEN;
}

static enum outcome
opened(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return judged(fd >= 0);
}

static enum outcome
created(const char *where)
{
	char path[SCENE_PATH * 2];
	enum outcome got;

	path_in(path, where, "created");
	got = opened(path, O_WRONLY | O_CREAT | O_EXCL);
	if (got == ALLOWED)
		unlink(path);
	return got;
}

static enum outcome
read_passwd(const struct scene *s)
{
	(void)s;
	return opened("/etc/passwd", O_RDONLY);
}

static enum outcome
read_shown(const struct scene *s)
{
	char path[SCENE_PATH * 2];

	path_in(path, s->shown, "table");
	return opened(path, O_RDONLY);
}

static enum outcome
write_shown(const struct scene *s)
{
	return created(s->shown);
}

/* As Maildir and the spool do it: write, sync, move to another folder, make that durable. */
static enum outcome
create_ours(const struct scene *s)
{
	char from[SCENE_PATH * 2], to[SCENE_PATH * 2];
	int fd, folder_fd;
	bool ok;

	path_in(from, s->ours, "created");
	path_in(to, s->ours, "new/created");
	fd = open(from, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return judged(false);
	ok = write(fd, "x", 1) == 1 && fsync(fd) == 0 && rename(from, to) == 0;
	close(fd);
	folder_fd = open(s->ours, O_RDONLY | O_DIRECTORY);
	ok = ok && folder_fd >= 0 && fsync(folder_fd) == 0 && unlink(to) == 0;
	close(folder_fd);
	return judged(ok);
}

static enum outcome
create_theirs(const struct scene *s)
{
	return created(s->theirs);
}

static enum outcome
sync_held(const struct scene *s)
{
	return judged(fdatasync(s->file) == 0);
}

static enum outcome
connect_inet(const struct scene *s)
{
	struct sockaddr_in to = loopback(s->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return judged(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static enum outcome
connect_unix(const struct scene *s)
{
	struct sockaddr_un to = unix_address(s);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return judged(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static enum outcome
connect_held(const struct scene *s)
{
	struct sockaddr_in to = loopback(s->port);

	return judged(connect(s->fresh, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static enum outcome
connect_fast(const struct scene *s)
{
	struct sockaddr_in to = loopback(s->port);

	return judged(
	    sendto(s->fresh, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)) == 1);
}

static enum outcome
listen_held(const struct scene *s)
{
	return judged(listen(s->fresh, 1) == 0);
}

static enum outcome
accept_held(const struct scene *s)
{
	return judged(accept4(s->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) >= 0);
}

static enum outcome
socket_inet(const struct scene *s)
{
	(void)s;
	return judged(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) >= 0);
}

/* Netlink, since this raw socket is open to ordinary users too. */
static enum outcome
socket_raw(const struct scene *s)
{
	(void)s;
	return judged(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static enum outcome
socket_udp(const struct scene *s)
{
	(void)s;
	return judged(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
}

/* A child that runs at all is too many: whether it can be waited for does not count. */
static enum outcome
fork_child(const struct scene *s)
{
	pid_t pid = fork();

	(void)s;
	if (pid == 0)
		_exit(0);
	return judged(pid > 0);
}

static enum outcome
spawn_child(const struct scene *s)
{
	char *const words[] = {(char[]){"true"}, NULL};
	pid_t pid = -1;

	(void)s;
	errno = posix_spawn(&pid, "/bin/true", NULL, NULL, words, NULL);
	return judged(errno == 0);
}

/* The program that takes over ends with 0, which is ALLOWED. */
static enum outcome
execute(const struct scene *s)
{
	char *const words[] = {(char[]){"true"}, NULL};

	(void)s;
	return judged(execve("/bin/true", words, words + 1) == 0);
}

static enum outcome
trace(const struct scene *s)
{
	(void)s;
	return judged(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static enum outcome
change_user(const struct scene *s)
{
	(void)s;
	return judged(setuid(getuid()) == 0);
}

static enum outcome
signal_other(const struct scene *s)
{
	(void)s;
	return judged(kill(getppid(), 0) == 0);
}

static enum outcome
run_memory(const struct scene *s)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)s;
	if (page == MAP_FAILED)
		return BROKEN;
	return judged(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static enum outcome
share_memory(const struct scene *s)
{
	int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)s;
	return judged(
	    fd >= 0 && ftruncate(fd, 4096) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
}

static enum outcome
use_memory(const struct scene *s)
{
	char *block = malloc(PLENTY / 2), *grown;

	(void)s;
	if (block == NULL)
		return judged(false);
	memset(block, 1, PLENTY / 2);
	grown = realloc(block, PLENTY);
	if (grown == NULL)
		return judged(false);
	memset(grown, 2, PLENTY);
	free(grown);
	return ALLOWED;
}

static void *
thread_body(void *into)
{
	char *block = malloc(4096);

	*(int *)into = block != NULL;
	free(block);
	return NULL;
}

static enum outcome
use_thread(const struct scene *s)
{
	pthread_t thread;
	int ran = 0;

	(void)s;
	errno = pthread_create(&thread, NULL, thread_body, &ran);
	if (errno != 0)
		return judged(false);
	pthread_join(thread, NULL);
	return ran != 0 ? ALLOWED : BROKEN;
}

static enum outcome
use_loop(const struct scene *s)
{
	struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	struct epoll_event want = {.events = EPOLLIN}, got[4];
	int loop = epoll_create1(EPOLL_CLOEXEC), event = eventfd(1, EFD_NONBLOCK);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	(void)s;
	return judged(loop >= 0 && event >= 0 && timer >= 0 &&
		      timerfd_settime(timer, 0, &soon, NULL) == 0 &&
		      epoll_ctl(loop, EPOLL_CTL_ADD, event, &want) == 0 &&
		      epoll_ctl(loop, EPOLL_CTL_ADD, timer, &want) == 0 &&
		      epoll_wait(loop, got, 4, 1000) > 0);
}

/* Sends the held file through the channel and takes it out at the other end. */
static enum outcome
use_channel(const struct scene *s)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	char octet = 'x';
	struct iovec io = {.iov_base = &octet, .iov_len = 1};
	struct msghdr m = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};

	memcpy(CMSG_DATA(&control.header), &s->file, sizeof(int));
	return judged(sendmsg(s->pair[0], &m, MSG_NOSIGNAL) == 1 &&
		      recvmsg(s->pair[1], &m, MSG_CMSG_CLOEXEC) == 1 &&
		      m.msg_controllen == sizeof(control.room) && write(s->pair[1], "y", 1) == 1 &&
		      read(s->pair[0], &octet, 1) == 1 && octet == 'y');
}

static enum outcome
use_itself(const struct scene *s)
{
	struct timespec now;
	struct stat st;
	char octets[32];

	return judged(clock_gettime(CLOCK_MONOTONIC, &now) == 0 &&
		      getrandom(octets, sizeof(octets), 0) == (ssize_t)sizeof(octets) &&
		      fstat(s->file, &st) == 0 && S_ISREG(st.st_mode) &&
		      (fcntl(s->file, F_GETFL) & O_ACCMODE) == O_RDWR &&
		      fcntl(s->pair[0], F_SETFL, O_NONBLOCK) == 0 &&
		      lseek(s->file, 0, SEEK_END) == 0);
}

/*
 * The check ends the process when it cannot do its work; what it finds here is the runner's.
 * It also complains of threads that fork left behind, into a pipe that nobody reads.
 */
static enum outcome
check_leaks(const struct scene *s)
{
	int ends[2];

	(void)s;
	if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return BROKEN;
	(void)UNIT_LEAKED();
	return ALLOWED;
}

static const struct {
	const char *name;
	enum outcome (*run)(const struct scene *s);
} actions[] = {
#define ACTION(name, text) [ACT_##name] = {text, name},
    ACTIONS(ACTION)
#undef ACTION
};

const char *
action_name(enum action a)
{
	return actions[a].name;
}

enum outcome
action_run(enum action a, const struct scene *s)
{
	return actions[a].run(s);
}
