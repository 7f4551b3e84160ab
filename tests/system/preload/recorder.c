/*
 * Preloaded into one process of a suite under test: appends every change it makes to files, every
 * sync, and everything it says on a socket to a log that the test maps too, so that it passes every
 * wall. disk.py reads it, and knows the same list of kinds.
 *
 * Invariants:
 * 1. A change is noted after it was made: a sync noted as begun before it did not surely cover it.
 * 2. A sync is noted before it begins and again when it has succeeded; a failed one has no end.
 * 3. What a neighbour is told is noted before it can hear it.
 * 4. A process that is told to end does so after a change and its note, so that no change is left
 * out.
 */
/* Each name is its own here: open is not open64. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
	CREATE = 1,
	MKDIR,
	WRITE,
	TRUNCATE,
	ALLOCATE,
	LINK,
	UNLINK,
	RENAME,
	SYNC_BEGIN,
	SYNC_END,
	SENT
};

/* Offset means: of the data; the new length; the octets to have; of a sync's end, where it began in
 * the log. */
struct record {
	_Atomic uint32_t length; /* of all; written last */
	uint16_t kind, name_length;
	uint32_t data_length, mode;
	uint64_t node, other; /* inodes; of a name's record: the folder, and what it names */
	int64_t offset;
};

struct log {
	_Atomic uint64_t end; /* where the next record goes */
	uint64_t size;
	_Atomic uint64_t is_over; /* the process ends before it does anything more */
};

static struct log *rec;
static pthread_mutex_t changing = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void
lock(void)
{
	if (rec != NULL)
		pthread_mutex_lock(&changing);
}

static void
unlock(void)
{
	if (rec != NULL)
		pthread_mutex_unlock(&changing);
}

/* A change begins, and ends when it is noted. */
static void
begin_change(void)
{
	lock();
	if (rec != NULL && atomic_load(&rec->is_over))
		_exit(0);
}

/* For a test that changes files on a recorded process's behalf: the log it writes into, too. */
int recorder_open(const char *path);
uint64_t recorder_note(int kind, uint64_t node, uint64_t other, int64_t offset, uint32_t mode,
    const char *name, const void *data, size_t len);

int
recorder_open(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return -1;
	rec = map;
	return 0;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("RECORDER_LOG"), *process = getenv("RECORDER_PROCESS");
	char exe[512] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (path == NULL || process == NULL || n < 0 || strcmp(strrchr(exe, '/') + 1, process) != 0)
		return;
	if (recorder_open(path) < 0)
		abort();
}

/* Reserves room for a record with a name and so much data; NULL when there is no log. */
static struct record *
reserve(size_t name_len, size_t data_len, uint64_t *at)
{
	uint64_t length = (sizeof(struct record) + name_len + data_len + 7) & ~UINT64_C(7);

	*at = atomic_fetch_add(&rec->end, length);
	if (*at + length > rec->size)
		abort(); /* a test that records more than it said */
	return (struct record *)(void *)((char *)rec + *at);
}

static char *
fill(struct record *r, enum kind kind, uint64_t node, uint64_t other, int64_t offset, uint32_t mode,
    const char *name, size_t data_len)
{
	size_t name_len = strlen(name);

	r->kind = (uint16_t)kind;
	r->name_length = (uint16_t)name_len;
	r->data_length = (uint32_t)data_len;
	r->mode = mode;
	r->node = node;
	r->other = other;
	r->offset = offset;
	memcpy(r + 1, name, name_len);
	return (char *)(r + 1) + name_len;
}

static void
publish(struct record *r)
{
	atomic_store(&r->length,
	    (uint32_t)((sizeof(*r) + r->name_length + r->data_length + 7) & ~(size_t)7));
}

uint64_t
recorder_note(int kind, uint64_t node, uint64_t other, int64_t offset, uint32_t mode,
    const char *name, const void *data, size_t len)
{
	uint64_t at;
	struct record *r;
	char *to;

	lock();
	r = reserve(strlen(name), len, &at);
	to = fill(r, (enum kind)kind, node, other, offset, mode, name, len);
	if (len > 0)
		memcpy(to, data, len);
	publish(r);
	unlock();
	return at;
}

static void
note_parts(enum kind kind, uint64_t node, int64_t offset, const struct iovec *parts, size_t len)
{
	uint64_t at;
	struct record *r;
	char *to;

	lock();
	r = reserve(0, len, &at);
	to = fill(r, kind, node, 0, offset, 0, "", len);
	for (; len > 0; parts++) {
		size_t n = parts->iov_len < len ? parts->iov_len : len;

		memcpy(to, parts->iov_base, n);
		to += n;
		len -= n;
	}
	publish(r);
	unlock();
}

/* Whether that is a file or folder whose changes are of interest. */
static bool
is_node(int fd, struct stat *st)
{
	int saved = errno;
	bool is =
	    rec != NULL && fstat(fd, st) == 0 && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));

	errno = saved;
	return is;
}

/* Inodes are numbered by file system; disk.py names a node alike. */
static uint64_t
node_of(const struct stat *st)
{
	return (uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 44;
}

static bool
is_at(int dir, const char *path, struct stat *st)
{
	int saved = errno;
	bool is = fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW) == 0;

	errno = saved;
	return is;
}

/* The folder that a path's last name stands in. */
static uint64_t
folder_of(int dir, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char head[4096] = ".";
	struct stat st;

	*name = slash == NULL ? path : slash + 1;
	if (slash == path)
		snprintf(head, sizeof(head), "/");
	else if (slash != NULL)
		snprintf(head, sizeof(head), "%.*s", (int)(slash - path), path);
	return is_at(dir, head, &st) ? node_of(&st) : 0;
}

static void
note_name(enum kind kind, int dir, const char *path, uint64_t named, uint32_t mode)
{
	const char *name;
	uint64_t folder = folder_of(dir, path, &name);

	if (folder != 0)
		recorder_note(kind, folder, named, 0, mode, name, NULL, 0);
}

static void
note_open(int dir, const char *path, int flags, int fd, bool was)
{
	struct stat st;

	if (fd < 0 || !is_node(fd, &st) || !S_ISREG(st.st_mode))
		return;
	if (!was)
		note_name(CREATE, dir, path, node_of(&st), st.st_mode);
	else if (flags & O_TRUNC)
		recorder_note(TRUNCATE, node_of(&st), 0, 0, 0, "", NULL, 0);
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
		struct stat st; \
		mode_t mode; \
		bool was; \
		va_list ap; \
		int fd; \
		REAL(name); \
		va_start(ap, flags); \
		mode = va_arg(ap, mode_t); \
		va_end(ap); \
		was = rec == NULL || !(flags & O_CREAT) || is_at(AT_FDCWD, path, &st); \
		begin_change(); \
		fd = real(path, flags, mode); \
		note_open(AT_FDCWD, path, flags, fd, was); \
		unlock(); \
		return fd; \
	}
#define OPENAT(name) \
	int name(int dir, const char *path, int flags, ...); \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		struct stat st; \
		mode_t mode; \
		bool was; \
		va_list ap; \
		int fd; \
		REAL(name); \
		va_start(ap, flags); \
		mode = va_arg(ap, mode_t); \
		va_end(ap); \
		was = rec == NULL || !(flags & O_CREAT) || is_at(dir, path, &st); \
		begin_change(); \
		fd = real(dir, path, flags, mode); \
		note_open(dir, path, flags, fd, was); \
		unlock(); \
		return fd; \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What was written where the descriptor stood, or at the file's end: it stands after it now. */
static void
note_written(int fd, const struct iovec *parts, ssize_t n)
{
	struct stat st;
	int saved = errno;

	if (n > 0 && is_node(fd, &st))
		note_parts(WRITE, node_of(&st), lseek(fd, 0, SEEK_CUR) - n, parts, (size_t)n);
	errno = saved;
}

static void
note_written_at(int fd, const struct iovec *parts, ssize_t n, off_t at)
{
	struct stat st;

	if (n > 0 && is_node(fd, &st))
		note_parts(WRITE, node_of(&st), at, parts, (size_t)n);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	ssize_t n;
	REAL(write);

	begin_change();
	n = real(fd, data, len);
	note_written(fd, &part, n);
	unlock();
	return n;
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	ssize_t n;
	REAL(writev);

	begin_change();
	n = real(fd, parts, count);
	note_written(fd, parts, n);
	unlock();
	return n;
}

#define PWRITE(name) \
	ssize_t name(int fd, const void *data, size_t len, off_t at); \
	ssize_t name(int fd, const void *data, size_t len, off_t at) \
	{ \
		struct iovec part = {(void *)(uintptr_t)data, len}; \
		ssize_t n; \
		REAL(name); \
		begin_change(); \
		n = real(fd, data, len, at); \
		note_written_at(fd, &part, n, at); \
		unlock(); \
		return n; \
	}
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name) \
	ssize_t name(int fd, const struct iovec *parts, int count, off_t at); \
	ssize_t name(int fd, const struct iovec *parts, int count, off_t at) \
	{ \
		ssize_t n; \
		REAL(name); \
		begin_change(); \
		n = real(fd, parts, count, at); \
		note_written_at(fd, parts, n, at); \
		unlock(); \
		return n; \
	}
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define SYNC(name) \
	int name(int fd) \
	{ \
		struct stat st; \
		bool is = is_node(fd, &st); \
		uint64_t at = \
		    is ? recorder_note(SYNC_BEGIN, node_of(&st), 0, 0, 0, #name, NULL, 0) : 0; \
		int result; \
		REAL(name); \
		result = real(fd); \
		if (is && result == 0) \
			recorder_note(SYNC_END, node_of(&st), 0, (int64_t)at, 0, "", NULL, 0); \
		return result; \
	}
SYNC(fsync)
SYNC(fdatasync)

#define FTRUNCATE(name) \
	int name(int fd, off_t len); \
	int name(int fd, off_t len) \
	{ \
		struct stat st; \
		int result; \
		REAL(name); \
		begin_change(); \
		result = real(fd, len); \
		if (result == 0 && is_node(fd, &st)) \
			recorder_note(TRUNCATE, node_of(&st), 0, len, 0, "", NULL, 0); \
		unlock(); \
		return result; \
	}
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

/* Both give a file a length at least; what else fallocate can do nobody here asks for. */
static void
note_allocated(int fd, int flags, off_t end)
{
	struct stat st;

	if (!is_node(fd, &st))
		return;
	if ((flags & ~FALLOC_FL_KEEP_SIZE) != 0)
		abort();
	if (flags == 0)
		recorder_note(ALLOCATE, node_of(&st), 0, end, 0, "", NULL, 0);
}

#define FALLOCATE(name) \
	int name(int fd, int flags, off_t at, off_t len); \
	int name(int fd, int flags, off_t at, off_t len) \
	{ \
		int result; \
		REAL(name); \
		begin_change(); \
		result = real(fd, flags, at, len); \
		if (result == 0) \
			note_allocated(fd, flags, at + len); \
		unlock(); \
		return result; \
	}
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

#define POSIX_FALLOCATE(name) \
	int name(int fd, off_t at, off_t len); \
	int name(int fd, off_t at, off_t len) \
	{ \
		int result; \
		REAL(name); \
		begin_change(); \
		result = real(fd, at, len); \
		if (result == 0) \
			note_allocated(fd, 0, at + len); \
		unlock(); \
		return result; \
	}
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	const char *old, *new;
	uint64_t from_folder, to_folder;
	int result;
	REAL(renameat);

	begin_change();
	result = real(from_dir, from, to_dir, to);
	if (result == 0 && rec != NULL) {
		from_folder = folder_of(from_dir, from, &old);
		to_folder = folder_of(to_dir, to, &new);
		recorder_note(RENAME, from_folder, to_folder, 0, 0, old, new, strlen(new));
	}
	unlock();
	return result;
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	struct stat st;
	int result;
	REAL(linkat);

	begin_change();
	result = real(from_dir, from, to_dir, to, flags);
	if (result == 0 && rec != NULL && is_at(to_dir, to, &st))
		note_name(LINK, to_dir, to, node_of(&st), 0);
	unlock();
	return result;
}

int
link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	int result;
	REAL(unlinkat);

	begin_change();
	result = real(dir, path, flags);
	if (result == 0 && rec != NULL)
		note_name(UNLINK, dir, path, 0, 0);
	unlock();
	return result;
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	struct stat st;
	int result;
	REAL(mkdirat);

	begin_change();
	result = real(dir, path, mode);
	if (result == 0 && rec != NULL && is_at(dir, path, &st))
		note_name(MKDIR, dir, path, node_of(&st), st.st_mode);
	unlock();
	return result;
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct stat st;
	size_t len = 0;
	ssize_t n;
	REAL(sendmsg);

	if (rec == NULL || fstat(fd, &st) < 0)
		return real(fd, m, flags);
	for (size_t i = 0; i < m->msg_iovlen; i++)
		len += m->msg_iov[i].iov_len;
	note_parts(SENT, node_of(&st), 0, m->msg_iov, len);
	n = real(fd, m, flags);
	/* How much of it went: the rest comes again. */
	recorder_note(SENT, node_of(&st), 1, n, 0, "", NULL, 0);
	return n;
}
