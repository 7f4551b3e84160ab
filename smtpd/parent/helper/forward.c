#include "smtpd/parent/helper/forward.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/asker.h"
#include "common/ipc/lookup_parent.h"
#include "common/sandbox/privdrop.h"
#include "smtpd/parent/child/process.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/helper/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT = STDERR_FILENO + 1 };

struct forward {
	struct helper helper;
	struct ipc_asker asker;
	int found; /* what stands in it comes from here */
};

static void
answer(const struct ipc_asker *a, enum lp_forward_result result, struct slice content)
{
	struct lp_forward_is m = {.result = (uint8_t)result, .content = content};

	lp_forward_is_send(ipc_asker_channel(a), a->id, &m, -1);
}

/* Whether the user has none there, rather than one that cannot be had now. */
static bool
is_absence(int code)
{
	return code == ENOENT || code == ENOTDIR || code == EACCES || code == ELOOP ||
	       code == ENXIO || code == ENAMETOOLONG;
}

/* Whoever may write in a home can put any file of its user's there under that name. */
static enum lp_forward_result
check_home(const struct passwd *pw)
{
	struct stat st;

	if (stat(pw->pw_dir, &st) < 0) {
		log_warning("%s cannot be looked at: %s", pw->pw_dir, strerror(errno));
		return FORWARD_TEMPORARY;
	}
	if ((st.st_uid == pw->pw_uid || st.st_uid == 0) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return FORWARD_FOUND;
	log_warning("%s/.forward is ignored: others than its user may write in that home; to have "
		    "it read, chown %s and chmod go-w %s",
	    pw->pw_dir, pw->pw_name, pw->pw_dir);
	return FORWARD_NONE;
}

/* A .forward that anybody else could have written is none. */
static enum lp_forward_result
open_forward(const struct passwd *pw, int *fd)
{
	char path[1100];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.forward", pw->pw_dir);
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0 && is_absence(errno))
		return FORWARD_NONE;
	if (*fd < 0 || fstat(*fd, &st) < 0) {
		log_warning("%s cannot be read: %s", path, strerror(errno));
		return FORWARD_TEMPORARY;
	}
	if (S_ISREG(st.st_mode) && st.st_uid == pw->pw_uid && st.st_nlink == 1 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && st.st_size <= LIMIT_FORWARD)
		return check_home(pw);
	log_warning("%s is ignored: it must be a plain file of its user alone, up to %d octets",
	    path, LIMIT_FORWARD);
	return FORWARD_NONE;
}

/* Appends to what is there until the end or the room's; false: it cannot be read. */
static bool
read_all(int fd, char *out, size_t size, size_t *len)
{
	ssize_t n = 1;

	while (*len < size && n != 0) {
		n = read(fd, out + *len, size - *len);
		if (n < 0 && errno != EINTR)
			return false;
		*len += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* It may have grown since it was opened: one octet too many tells. */
static bool
read_forward(const struct passwd *pw, int fd, char content[LIMIT_FORWARD + 1], size_t *len)
{
	if (!read_all(fd, content, LIMIT_FORWARD + 1, len))
		log_warning("%s/.forward cannot be read: %s", pw->pw_dir, strerror(errno));
	else if (*len > LIMIT_FORWARD)
		log_warning("%s/.forward is larger than %d octets", pw->pw_dir, LIMIT_FORWARD);
	else
		return true;
	return false;
}

/* Who waits in a home for ever keeps none of the parent's sockets open beyond its end. */
static int
keep_only(int fd)
{
	if (dup2(fd, KEPT) < 0)
		_exit(FORWARD_TEMPORARY);
	descriptors_close_from(KEPT + 1);
	return KEPT;
}

/* In the helper: as the user, who may reach no more through it than he may anyway. It is read here,
 * for a file of his may be one whose reading never ends: then this process is killed, and no other
 * waits. */
static _Noreturn void
find_forward(const char *user, int end)
{
	char content[LIMIT_FORWARD + 1];
	size_t len = 0;
	const struct passwd *pw;
	enum user_result found = user_find_recipient(user, &pw);
	enum lp_forward_result result;
	int fd;

	if (found != USER_FOUND)
		_exit(found == USER_NONE ? FORWARD_NONE : FORWARD_TEMPORARY);
	end = keep_only(end);
	if (!user_become(pw))
		_exit(FORWARD_TEMPORARY);
	result = open_forward(pw, &fd);
	if (result == FORWARD_FOUND && !read_forward(pw, fd, content, &len))
		result = FORWARD_TEMPORARY;
	if (result == FORWARD_FOUND && write(end, content, len) != (ssize_t)len)
		result = FORWARD_TEMPORARY;
	log_flush();
	_exit((int)result);
}

/* What it found waits on the socket, whole. */
static void
on_ended(void *owner, int status)
{
	struct forward *f = owner;
	enum lp_forward_result result = FORWARD_TEMPORARY;
	char content[LIMIT_FORWARD];
	size_t len = 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) <= FORWARD_TEMPORARY)
		result = (enum lp_forward_result)WEXITSTATUS(status);
	if (result == FORWARD_FOUND && !read_all(f->found, content, sizeof(content), &len))
		result = FORWARD_TEMPORARY;
	close(f->found);
	answer(&f->asker, result, slice_make(content, result == FORWARD_FOUND ? len : 0));
	free(f);
}

void
helper_on_lp_forward(void *owner, struct ipc_message *m)
{
	const struct process *p = owner;
	const struct lp_forward *q = m->body;
	struct ipc_asker asker = ipc_asker_of(&p->channel, m);
	struct forward *f;
	char user[LIMIT_USER + 1];
	int ends[2];
	pid_t pid;

	if (!slice_copy(q->user, user, sizeof(user))) {
		answer(&asker, FORWARD_NONE, SLICE(""));
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		answer(&asker, FORWARD_TEMPORARY, SLICE(""));
		return;
	}
	f = mem_zero(sizeof(*f));
	*f = (struct forward){.helper = {.kind = HELPER_FORWARD, .ended = on_ended, .owner = f},
	    .asker = asker,
	    .found = ends[0]};
	pid = helper_fork(&f->helper, q->user, LIMIT_CHECK_SECONDS);
	if (pid == 0)
		find_forward(user, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		free(f);
		answer(&asker, FORWARD_TEMPORARY, SLICE(""));
	}
}
