/*
 * Invariants:
 * 1. Octets are gathered for one WAL at a time; another one's first octet writes them out before.
 * 2. Whatever else is asked of that WAL (reading, its size, a sync, its end) sees them written.
 * 3. From where a write failed nothing is read or written any more, until SQLite begins again at that
 *    place or before it. It has rolled back then, for a write of its own told it: one before that
 *    place that comes sooner replaces a page of the same transaction, behind which the hole stays.
 *    So no commit stands on octets that are not there, and none is copied into the database.
 *
 * A process has one thread that uses SQLite (db.c tells SQLite so), hence one place to gather.
 */
#include "common/db/wal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* SQLite takes the length of a write modulo 128 KiB. */
enum { GATHER_MOST = 120 * 1024 };

/* SQLite gives the room: ours, and the system's file right behind it. */
struct wal {
	sqlite3_file base;
	sqlite3_file *real;
	int failure;
	sqlite3_int64 failed_from;
	bool is_told; /* SQLite's own write heard of the failure */
};

static struct {
	struct wal *wal; /* NULL: nothing is gathered */
	sqlite3_int64 offset;
	int len;
	char octets[GATHER_MOST];
} gathered;

static sqlite3_vfs ours, *systems;

static sqlite3_file *
real_of(sqlite3_file *file)
{
	return ((struct wal *)file)->real;
}

static void
failed(struct wal *w, int code, sqlite3_int64 offset)
{
	if (w->failure == SQLITE_OK || offset < w->failed_from)
		w->failed_from = offset;
	w->failure = code;
	w->is_told = false;
}

static void
write_out(void)
{
	struct wal *w = gathered.wal;
	int code;

	if (w == NULL)
		return;
	gathered.wal = NULL;
	code = w->real->pMethods->xWrite(w->real, gathered.octets, gathered.len, gathered.offset);
	if (code != SQLITE_OK)
		failed(w, code, gathered.offset);
}

/* Before anything that looks at the file itself, up to that offset. */
static int
settle(struct wal *w, sqlite3_int64 end)
{
	if (gathered.wal == w)
		write_out();
	return w->failure != SQLITE_OK && end > w->failed_from ? w->failure : SQLITE_OK;
}

/* Its write fails: it rolls back. */
static int
tell(struct wal *w)
{
	w->is_told = true;
	return w->failure;
}

static int
wal_write(sqlite3_file *file, const void *octets, int len, sqlite3_int64 offset)
{
	struct wal *w = (struct wal *)file;
	int code;

	if (gathered.wal == w && offset == gathered.offset + gathered.len &&
	    len <= GATHER_MOST - gathered.len) {
		memcpy(gathered.octets + gathered.len, octets, (size_t)len);
		gathered.len += len;
		return SQLITE_OK;
	}
	write_out();
	if (w->is_told && offset <= w->failed_from)
		w->failure = SQLITE_OK;
	if (w->failure != SQLITE_OK)
		return tell(w);
	if (len > GATHER_MOST) {
		code = w->real->pMethods->xWrite(w->real, octets, len, offset);
		if (code != SQLITE_OK)
			failed(w, code, offset);
		return code == SQLITE_OK ? code : tell(w);
	}
	gathered.wal = w;
	gathered.offset = offset;
	gathered.len = len;
	memcpy(gathered.octets, octets, (size_t)len);
	return SQLITE_OK;
}

static int
wal_close(sqlite3_file *file)
{
	settle((struct wal *)file, 0);
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int
wal_read(sqlite3_file *file, void *octets, int len, sqlite3_int64 offset)
{
	int code = settle((struct wal *)file, offset + len);

	return code == SQLITE_OK
		   ? real_of(file)->pMethods->xRead(real_of(file), octets, len, offset)
		   : code;
}

static int
wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = settle((struct wal *)file, size);

	return code == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : code;
}

/* What failed before was told then. */
static int
wal_sync(sqlite3_file *file, int flags)
{
	settle((struct wal *)file, 0);
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int
wal_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	settle((struct wal *)file, 0);
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int
wal_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int
wal_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int
wal_check_reserved_lock(sqlite3_file *file, int *is_locked)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_locked);
}

static int
wal_file_control(sqlite3_file *file, int what, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, arg);
}

static int
wal_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
wal_device_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_file_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_reserved_lock,
    .xFileControl = wal_file_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_device_characteristics,
};

static int
open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct wal *w = (struct wal *)file;
	int code;

	if ((flags & SQLITE_OPEN_WAL) == 0)
		return systems->xOpen(systems, name, file, flags, out_flags);
	*w = (struct wal){.real = (sqlite3_file *)(w + 1)};
	code = systems->xOpen(systems, name, w->real, flags, out_flags);
	/* With methods SQLite would close what was not opened. */
	if (w->real->pMethods != NULL)
		w->base.pMethods = &methods;
	return code;
}

const char *
wal_vfs(void)
{
	if (systems != NULL)
		return ours.zName;
	systems = sqlite3_vfs_find(NULL);
	if (systems == NULL)
		return NULL;
	/* All but opening is the system's own. */
	ours = *systems;
	ours.zName = "kurir";
	ours.pNext = NULL;
	ours.szOsFile = systems->szOsFile + (int)sizeof(struct wal);
	ours.xOpen = open_file;
	return sqlite3_vfs_register(&ours, 0) == SQLITE_OK ? ours.zName : NULL;
}

int
wal_flush(sqlite3 *handle)
{
	sqlite3_file *file = NULL;

	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) !=
		SQLITE_OK ||
	    file == NULL || file->pMethods != &methods)
		return SQLITE_OK;
	return settle((struct wal *)file, INT64_MAX);
}
