/*
 * The file that a large APPEND is written into, before it is known to be whole: it has no name, and
 * imapd has a descriptor to write. One for each handle; it ends with the next one or the handle,
 * unless the APPEND has taken it: then when that has made its own file of it.
 *
 * A captured imapd may keep the descriptor after that, for nobody can take it back, and write. It
 * cannot make a file larger than a message (privdrop_bound_files()), but it can ask for another: it
 * may fill as many as it may hold descriptors, until it is killed. A quota on the mail store's user
 * is what bounds that.
 */
#include "deliver/mailbox/verb/spool.h"

#include "deliver/mailbox/verb/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint32_t last_spool;
static int count;

void
spool_close(struct account *a, int fd)
{
	close(fd);
	a->spools--;
	count--;
}

void
spool_drop(struct handle *h)
{
	if (h->spool == 0)
		return;
	h->spool = 0;
	spool_close(h->account, h->spool_fd);
}

int
spool_take(struct handle *h, uint32_t id)
{
	if (id == 0 || h->spool != id)
		return -1;
	h->spool = 0;
	return h->spool_fd;
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
	if (count >= LIMIT_APPENDS || h->account->spools >= LIMIT_ACCOUNT_APPENDS) {
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
	h->account->spools++;
	count++;
	am_spooled_send(m->channel, m->id, &out, theirs);
}
