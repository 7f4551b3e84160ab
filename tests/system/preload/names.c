/* Preloaded into a suite under test: its name service hangs when it is asked for one user. */
#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 30 };

struct passwd *
getpwnam(const char *name)
{
	static struct passwd *(*next)(const char *);
	const char *slow = getenv("NAMES_SLOW");

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "getpwnam");
	if (slow != NULL && strcmp(name, slow) == 0)
		sleep(SECONDS);
	return next(name);
}
