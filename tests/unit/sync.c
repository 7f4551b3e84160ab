#include "tests/unit/sync.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 256 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* the loop's pool syncs, too */
static struct stat synced[MOST];
static pthread_cond_t may_go = PTHREAD_COND_INITIALIZER;
static unsigned count, fails_in, running, most_at_once;
static bool is_held;

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool
was(const struct stat *st)
{
	for (unsigned i = 0; i < count; i++) {
		if (is_same(&synced[i], st))
			return true;
	}
	return false;
}

/* False: it shall fail. */
static bool
note(int fd)
{
	struct stat st;
	bool fails;

	pthread_mutex_lock(&mutex);
	fails = fails_in > 0 && --fails_in == 0;
	if (!fails && fstat(fd, &st) == 0 && !was(&st) && count < MOST)
		synced[count++] = st;
	pthread_mutex_unlock(&mutex);
	return !fails;
}

static void
begin(void)
{
	pthread_mutex_lock(&mutex);
	if (++running > most_at_once)
		most_at_once = running;
	while (is_held)
		pthread_cond_wait(&may_go, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void
end(void)
{
	pthread_mutex_lock(&mutex);
	running--;
	pthread_mutex_unlock(&mutex);
}

static int
sync_it(long call, int fd)
{
	int result = -1;

	begin();
	if (note(fd))
		result = (int)syscall(call, fd);
	else
		errno = EIO;
	end();
	return result;
}

int
fsync(int fd)
{
	return sync_it(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return sync_it(SYS_fdatasync, fd);
}

bool
sync_was(const char *path)
{
	struct stat st;
	bool is_there;

	pthread_mutex_lock(&mutex);
	is_there = stat(path, &st) == 0 && was(&st);
	pthread_mutex_unlock(&mutex);
	return is_there;
}

void
sync_forget(void)
{
	pthread_mutex_lock(&mutex);
	count = 0;
	pthread_mutex_unlock(&mutex);
}

void
sync_fail_at(unsigned n)
{
	pthread_mutex_lock(&mutex);
	fails_in = n;
	pthread_mutex_unlock(&mutex);
}

void
sync_hold(bool holds)
{
	pthread_mutex_lock(&mutex);
	is_held = holds;
	pthread_cond_broadcast(&may_go);
	pthread_mutex_unlock(&mutex);
}

unsigned
sync_most_at_once(void)
{
	return most_at_once;
}
