/*
 * The file that a large APPEND is written into, before it is known to be whole: it has no name, and
 * imapd has a descriptor to write. One for each handle; it ends with the APPEND, the next one, or
 * the handle.
 *
 * A captured imapd may keep the descriptor after that, for nobody can take it back, and write. It
 * cannot make a file larger than a message (privdrop_bound_files()), but it can ask for another: it
 * may fill as many as it may hold descriptors, until it is killed. A quota on the mail store's user
 * is what bounds that.
 */
#include "deliver/mailbox/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint32_t last_spool;
static int count;

void
spool_drop(struct handle *h)
{
	if (h->spool == 0)
		return;
	close(h->spool_fd);
	h->spool = 0;
	count--;
}

int
spool_take(struct handle *h, uint32_t id)
{
	int fd = h->spool_fd;

	if (id == 0 || h->spool != id)
		return -1;
	h->spool = 0;
	count--;
	return fd;
}

static int
spools_of(const struct account *a)
{
	const struct handle *h;
	int n = 0;

	LIST_FOREACH (h, &a->handles, link)
		n += h->spool != 0;
	return n;
}

/* Gives the descriptor to read; *theirs writes. -1: there is no room. */
static int
make_file(const struct account *a, int *theirs)
{
	char path[1200];
	int fd;

	snprintf(
	    path, sizeof(path), "%s/spool-%08x%08x", a->store.folder, arc4random(), arc4random());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	*theirs = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	unlink(path);
	if (*theirs < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
verb_spool(void *owner, struct ipc_message *m)
{
	struct handle *h = verb_handle_of(m, ((const struct am_spool *)m->body)->handle);
	struct am_spooled out;
	int theirs;

	if (h == NULL)
		return;
	spool_drop(h);
	if (count >= LIMIT_APPENDS || spools_of(h->account) >= LIMIT_ACCOUNT_APPENDS) {
		reply_no(
		    m->channel, m->id, AM_TEMPORARY, "no more large messages can be taken now");
		return;
	}
	h->spool_fd = make_file(h->account, &theirs);
	if (h->spool_fd < 0) {
		reply_no(m->channel, m->id, AM_OVERQUOTA, "there is no room on the disk");
		return;
	}
	if (++last_spool == 0)
		last_spool = 1;
	h->spool = out.spool = last_spool;
	count++;
	am_spooled_send(m->channel, m->id, &out, theirs);
}
