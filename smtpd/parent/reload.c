#include "smtpd/parent/reload.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own: says into out what is wrong, if anything is. */
static _Noreturn void
open_keys(const struct config_options *o, int out)
{
	struct config_options all = *o;
	struct error why = {""};
	const struct conf *c;

	all.opens_keys = true;
	all.warn = NULL;
	c = config_read(&all, &why);
	if (c == NULL && write(out, why.text, strlen(why.text)) < 0)
		_exit(2);
	_exit(c == NULL ? 1 : 0);
}

/* Until the other end is closed. */
static void
hear(int in, struct error *why)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(in, why->text + len, sizeof(why->text) - 1 - len)) > 0 ||
	       (n < 0 && errno == EINTR))
		len += n > 0 ? (size_t)n : 0;
	why->text[len] = '\0';
}

static bool
fits(const struct config_options *o, struct error *why)
{
	int ends[2], status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(why, "cannot look at the keys");
	log_flush();
	pid = fork();
	if (pid == 0)
		open_keys(o, ends[1]);
	close(ends[1]);
	if (pid > 0)
		hear(ends[0], why);
	close(ends[0]);
	if (pid < 0)
		return error_errno(why, "cannot look at the keys");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return true;
	return why->text[0] == '\0' ? error_set(why, "the keys could not be looked at") : false;
}

struct conf *
reload_read(const struct config_options *o, struct error *why)
{
	return fits(o, why) ? config_read(o, why) : NULL;
}
