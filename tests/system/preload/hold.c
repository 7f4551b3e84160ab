/*
 * Preloaded into one process of a suite under test: it syncs no large file as long as another file
 * exists, so that a test sees who waits for such a sync.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1024 * 1024, LOOK_NS = 20 * 1000 * 1000, LOOKS = 3000 };

static char held_while[512]; /* copied: the process's title is written over its environment */

__attribute__((constructor)) static void
begin(void)
{
	const char *process = getenv("HOLD_PROCESS"), *file = getenv("HOLD_WHILE");
	char exe[512] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (process != NULL && file != NULL && n > 0 && strcmp(strrchr(exe, '/') + 1, process) == 0)
		snprintf(held_while, sizeof(held_while), "%s", file);
}

static int
is_held(void)
{
	int fd = open(held_while, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Behind the process's walls there is no nanosleep(2), but there are mutexes. */
static void
wait_a_little(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&never, &mutex, &until);
	pthread_mutex_unlock(&mutex);
}

int
fdatasync(int fd)
{
	static int (*next)(int);
	struct stat st;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
	if (held_while[0] != '\0' && fstat(fd, &st) == 0 && st.st_size > LARGE) {
		for (int i = 0; i < LOOKS && is_held(); i++)
			wait_a_little();
	}
	return next(fd);
}
