/*
 * Invariants:
 * 1. A name in bodies/ is made by link(2), which replaces nothing, after the file was synced.
 * 2. Nothing is read through a descriptor that a listener holds: each reader gets a new one.
 */
#include "queue/store/spool.h"

#include "common/base/folder.h"
#include "common/base/id.h"
#include "common/base/whole.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 32 };

static struct {
	int spool, bodies; /* folders */
} spool = {-1, -1};

static int
open_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool
make_body_folders(void)
{
	char name[NAME];

	for (int i = 0; i < SPOOL_FOLDERS; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		if (mkdirat(spool.bodies, name, 0700) < 0 && errno != EEXIST)
			return false;
	}
	return fsync(spool.bodies) == 0;
}

/* What is in the spool was never promised to anybody. */
static void
empty_spool(void)
{
	int fd = openat(spool.spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			unlinkat(spool.spool, entry->d_name, 0);
	}
	closedir(dir);
}

bool
spool_open(const char *folder, struct error *why)
{
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (root < 0)
		return error_errno(why, "cannot open the queue's folder %s", folder);
	spool.spool = open_folder(root, "spool");
	spool.bodies = open_folder(root, "bodies");
	ok = spool.spool >= 0 && spool.bodies >= 0 && make_body_folders() && fsync(root) == 0;
	if (!ok)
		error_errno(why, "cannot make the folders of %s", folder);
	close(root);
	if (ok)
		empty_spool();
	return ok;
}

void
spool_close(void)
{
	if (spool.spool >= 0)
		close(spool.spool);
	if (spool.bodies >= 0)
		close(spool.bodies);
	spool.spool = spool.bodies = -1;
}

static const char *
spool_name(uint32_t number, char name[NAME])
{
	snprintf(name, NAME, "%u", number);
	return name;
}

static const char *
body_name(uint64_t id, char name[NAME])
{
	char text[ID_TEXT];

	snprintf(name, NAME, "%02x/%s", (unsigned)(id % SPOOL_FOLDERS), id_format(id, text));
	return name;
}

int
spool_create(uint32_t number)
{
	char name[NAME];

	return openat(spool.spool, spool_name(number, name),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void
spool_remove(uint32_t number)
{
	char name[NAME];

	unlinkat(spool.spool, spool_name(number, name), 0);
}

static bool
sync_folder_of(uint64_t id)
{
	char name[NAME];

	snprintf(name, sizeof(name), "%02x", (unsigned)(id % SPOOL_FOLDERS));
	return folder_sync(openat(spool.bodies, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static bool
has_size(int fd, uint64_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

void
spool_remove_body(uint64_t id)
{
	char name[NAME];

	unlinkat(spool.bodies, body_name(id, name), 0);
}

bool
spool_keep(uint32_t number, uint64_t id, uint64_t size)
{
	char from[NAME], to[NAME];
	int fd = openat(spool.spool, spool_name(number, from), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && has_size(fd, size) && fdatasync(fd) == 0 &&
		  linkat(spool.spool, from, spool.bodies, body_name(id, to), 0) == 0;

	if (ok && !sync_folder_of(id)) {
		spool_remove_body(id);
		ok = false;
	}
	if (fd >= 0)
		close(fd);
	if (ok)
		spool_remove(number);
	return ok;
}

bool
spool_write_body(uint64_t id, struct slice octets)
{
	char name[NAME];
	int fd = openat(
	    spool.bodies, body_name(id, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	if (whole_write(fd, octets) && fdatasync(fd) == 0 && sync_folder_of(id)) {
		close(fd);
		return true;
	}
	close(fd);
	spool_remove_body(id);
	return false;
}

int
spool_open_body(uint64_t id, uint64_t size)
{
	char name[NAME];
	int fd = openat(spool.bodies, body_name(id, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && !has_size(fd, size)) {
		close(fd);
		errno = ENOENT;
		fd = -1;
	}
	return fd;
}

void
spool_walk_bodies(unsigned n, void (*each)(uint64_t id))
{
	char name[NAME];
	DIR *dir;
	struct dirent *entry;
	uint64_t id;
	int fd;

	snprintf(name, sizeof(name), "%02x", n);
	fd = openat(spool.bodies, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (id_parse(slice_of(entry->d_name), &id) && id % SPOOL_FOLDERS == n)
			each(id);
	}
	closedir(dir);
}
