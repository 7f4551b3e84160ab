/*
 * Invariants:
 * 1. A file is written, synced, and its folder too, before anybody hears of its name.
 * 2. A file that gets no row goes; should we die before, the sweep of the next opening takes it.
 */
#include "deliver/mailbox/store/body_file.h"

#include "common/base/folder.h"
#include "common/base/mem.h"
#include "common/base/whole.h"
#include "common/mail/line_end.h"
#include "common/net/loop.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/message.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_bool is_stopping;

static bool
write_file(const char *path, struct slice before, struct slice message)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = whole_write(fd, before) && whole_write(fd, message) && fdatasync(fd) == 0;
	close(fd);
	if (!ok)
		unlink(path);
	return ok;
}

static bool
keep(struct body_file *f, struct slice message)
{
	char path[1200];

	snprintf(f->name, sizeof(f->name), "body-%08x%08x%08x", arc4random(), arc4random(),
	    arc4random());
	snprintf(path, sizeof(path), "%s/%s", f->folder, f->name);
	if (write_file(path, buf_slice(&f->before), message)) {
		if (folder_sync(open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
			return true;
		unlink(path);
	}
	f->name[0] = '\0';
	return false;
}

static enum store_result
make(struct body_file *f, struct slice message)
{
	if (f->wants != NULL && !f->wants(f->owner, message))
		return STORE_CANNOT;
	f->size = f->before.len + message.len;
	/* What stands before it changes nothing of this but the header's size. */
	store_index_make(message, &f->index);
	f->index.header_size += f->before.len;
	return keep(f, message) ? STORE_OK : STORE_FULL;
}

static enum store_result
read_and_make(struct body_file *f)
{
	struct buf read = {0}, mended = {0};
	struct slice message = f->octets;
	enum store_result r = STORE_BROKEN;

	if (f->fd < 0 || buf_add_file(&read, f->fd, f->fd_size)) {
		if (f->fd >= 0)
			message = buf_slice(&read);
		if (f->mends_lines && line_end_is_bare(message)) {
			line_end_mend(&mended, message);
			buf_fini(&read);
			message = buf_slice(&mended);
		}
		r = make(f, message);
	}
	buf_fini(&read);
	buf_fini(&mended);
	return r;
}

bool
body_file_make(struct body_file *f, const char *folder)
{
	snprintf(f->folder, sizeof(f->folder), "%s", folder);
	f->result = read_and_make(f);
	return f->result == STORE_OK;
}

static void
make_in_pool(void *arg)
{
	struct body_file *f = arg;

	f->result = atomic_load(&is_stopping) ? STORE_BROKEN : read_and_make(f);
}

static void
on_made(void *arg)
{
	struct body_file *f = arg;

	f->done(f->owner);
}

void
body_file_begin(struct body_file *f, struct account *a)
{
	snprintf(f->folder, sizeof(f->folder), "%s", a->store.folder);
	f->account = a;
	f->opening = a->openings;
	account_hold(a);
	work_start_long(make_in_pool, on_made, f);
}

void
body_files_stop(void)
{
	atomic_store(&is_stopping, true);
}

enum store_result
body_file_result(const struct body_file *f)
{
	const struct account *a = f->account;

	if (a != NULL && (!a->is_open || a->openings != f->opening))
		return STORE_BROKEN;
	return f->result;
}

void
body_file_describe(const struct body_file *f, struct store_new *n)
{
	n->file = f->name;
	n->size = f->size;
	n->index = &f->index;
}

void
body_file_take(struct body_file *f)
{
	f->name[0] = '\0';
}

void
body_file_fini(struct body_file *f)
{
	struct buf name = {0};

	if (f->name[0] != '\0') {
		buf_add(&name, f->name, strlen(f->name) + 1);
		body_files_remove(f->folder, &name);
	}
	if (f->account != NULL)
		account_release(f->account);
	store_index_fini(&f->index);
	buf_fini(&f->before);
	*f = (struct body_file){.fd = -1};
}

struct removal {
	char folder[1024];
	struct buf names;
};

static void
remove_in_pool(void *arg)
{
	struct removal *r = arg;
	char path[1200];

	for (size_t at = 0; at < r->names.len; at += strlen(r->names.data + at) + 1) {
		snprintf(path, sizeof(path), "%s/%s", r->folder, r->names.data + at);
		unlink(path);
	}
}

static void
free_removal(void *arg)
{
	struct removal *r = arg;

	buf_fini(&r->names);
	free(r);
}

void
body_files_remove(const char *folder, struct buf *names)
{
	struct removal *r = mem_zero(sizeof(*r));

	snprintf(r->folder, sizeof(r->folder), "%s", folder);
	r->names = *names;
	*names = (struct buf){0};
	work_start(remove_in_pool, free_removal, r);
}
