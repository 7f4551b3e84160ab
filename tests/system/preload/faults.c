/*
 * Preloaded into one process of a suite under test: numbers its calls that change files, and fails
 * the one it is told to. Numbers and orders are in a file that the test maps too, so that they
 * outlive the process and pass every wall.
 */
/* Each name is its own here: open is not open64. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SHORT_WRITE = -1 };

struct state {
	_Atomic uint64_t calls;  /* so far */
	_Atomic uint64_t at;     /* the number of the call to fail; 0: none */
	_Atomic int32_t failure; /* errno, or SHORT_WRITE */
	_Atomic int32_t fired;
};

static struct state *state;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAULTS_STATE"), *process = getenv("FAULTS_PROCESS");
	char exe[512] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	void *map;
	int fd;

	if (path == NULL || process == NULL || n < 0 ||
	    strcmp(strrchr(exe, '/') + 1, process) != 0 ||
	    (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return;
	map = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		state = map;
}

/* Whether this call fails; errno is set then. A short write is told by is_short. */
static int
fails(int *is_short)
{
	uint64_t number;
	int failure;

	if (state == NULL)
		return 0;
	number = atomic_fetch_add(&state->calls, 1) + 1;
	if (number != atomic_load(&state->at))
		return 0;
	atomic_store(&state->at, 0);
	atomic_fetch_add(&state->fired, 1);
	failure = atomic_load(&state->failure);
	if (failure == SHORT_WRITE) {
		if (is_short != NULL)
			*is_short = 1;
		return is_short == NULL ? (errno = EIO, 1) : 0;
	}
	errno = failure;
	return 1;
}

static int
is_file(int fd)
{
	struct stat st;
	int saved = errno, is;

	is = state != NULL && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	errno = saved;
	return is;
}

static int
is_ours(const char *path)
{
	static const char *const others[] = {
	    "/usr/", "/lib/", "/lib64/", "/etc/", "/proc/", "/dev/", "/sys/", "/root/"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(path, others[i], strlen(others[i])) == 0)
			return 0;
	return state != NULL;
}

/* The function that this one stands before. */
#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

#define OPEN(name) \
	int name(const char *path, int flags, ...); \
	int name(const char *path, int flags, ...) \
	{ \
		mode_t mode; \
		va_list ap; \
		REAL(name); \
		va_start(ap, flags); \
		mode = va_arg(ap, mode_t); \
		va_end(ap); \
		return is_ours(path) && fails(NULL) ? -1 : real(path, flags, mode); \
	}
#define OPENAT(name) \
	int name(int dir, const char *path, int flags, ...); \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		mode_t mode; \
		va_list ap; \
		REAL(name); \
		va_start(ap, flags); \
		mode = va_arg(ap, mode_t); \
		va_end(ap); \
		return is_ours(path) && fails(NULL) ? -1 : real(dir, path, flags, mode); \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t
write(int fd, const void *data, size_t len)
{
	int is_short = 0;
	REAL(write);

	if (is_file(fd) && fails(&is_short))
		return -1;
	return real(fd, data, is_short && len > 1 ? len / 2 : len);
}

#define PWRITE(name) \
	ssize_t name(int fd, const void *data, size_t len, off_t at); \
	ssize_t name(int fd, const void *data, size_t len, off_t at) \
	{ \
		int is_short = 0; \
		REAL(name); \
		if (is_file(fd) && fails(&is_short)) \
			return -1; \
		return real(fd, data, is_short && len > 1 ? len / 2 : len, at); \
	}
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	int is_short = 0;
	REAL(writev);

	if (is_file(fd) && fails(&is_short))
		return -1;
	return is_short && parts[0].iov_len > 1 ? write(fd, parts[0].iov_base, parts[0].iov_len / 2)
						: real(fd, parts, count);
}

#define OF_DESCRIPTOR(name) \
	int name(int fd) \
	{ \
		REAL(name); \
		return is_file(fd) && fails(NULL) ? -1 : real(fd); \
	}
OF_DESCRIPTOR(fsync)
OF_DESCRIPTOR(fdatasync)

#define TRUNCATE(name) \
	int name(int fd, off_t len); \
	int name(int fd, off_t len) \
	{ \
		REAL(name); \
		return is_file(fd) && fails(NULL) ? -1 : real(fd, len); \
	}
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int
rename(const char *from, const char *to)
{
	REAL(rename);
	return is_ours(to) && fails(NULL) ? -1 : real(from, to);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	REAL(renameat);
	return is_ours(to) && fails(NULL) ? -1 : real(from_dir, from, to_dir, to);
}

int
link(const char *from, const char *to)
{
	REAL(link);
	return is_ours(to) && fails(NULL) ? -1 : real(from, to);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	REAL(linkat);
	return is_ours(to) && fails(NULL) ? -1 : real(from_dir, from, to_dir, to, flags);
}

int
unlink(const char *path)
{
	REAL(unlink);
	return is_ours(path) && fails(NULL) ? -1 : real(path);
}

int
unlinkat(int dir, const char *path, int flags)
{
	REAL(unlinkat);
	return is_ours(path) && fails(NULL) ? -1 : real(dir, path, flags);
}

int
mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	return is_ours(path) && fails(NULL) ? -1 : real(path, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	REAL(mkdirat);
	return is_ours(path) && fails(NULL) ? -1 : real(dir, path, mode);
}
