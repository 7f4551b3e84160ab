/*
 * The kernel's header may be older than the kernel, so what it lacks is named here; the
 * numbers are the kernel's interface and do not change.
 *
 * Every right that the kernel knows is taken away, and given back below the role's folders
 * only. Executing is never given back.
 */
#include "common/sandbox/landlock.h"

#include "common/sandbox/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ruleset {
	uint64_t files;
	uint64_t net;    /* since version 4 */
	uint64_t scoped; /* since version 6 */
};

struct port_rule {
	uint64_t rights;
	uint64_t port;
};

enum {
	RULE_PORT = 2,
	VERSION_MOVES = 2, /* files may be renamed from folder to folder */
	VERSION_TRUNCATE = 3,
	VERSION_TCP = 4,
	VERSION_DEVICES = 5,
	VERSION_SCOPES = 6,
};

#define FILE_TRUNCATE (UINT64_C(1) << 14)
#define FILE_DEVICE (UINT64_C(1) << 15)
#define TCP_BIND (UINT64_C(1) << 0)
#define TCP_CONNECT (UINT64_C(1) << 1)
#define SCOPE_SOCKETS (UINT64_C(1) << 0) /* abstract Unix-domain sockets */
#define SCOPE_SIGNALS (UINT64_C(1) << 1)

#define FILE_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* all of version 1 */
#define FILE_READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FILE_WRITES \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | FILE_TRUNCATE)

/* Of these rights only, the kernel lets a rule about a single file speak. */
#define FILE_SINGLE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILE_TRUNCATE)

/* A sanitizer's runtime: its memory map, and the program and libraries for names in a report. */
static const char *const sanitizer_paths[] = {"/proc", "/proc/self/exe", "/usr/lib", "/lib", NULL};

static struct ruleset
handled(long version, unsigned may)
{
	struct ruleset r = {.files = FILE_FIRST};

	if (version >= VERSION_MOVES)
		r.files |= LANDLOCK_ACCESS_FS_REFER;
	else if ((may & MAY_WRITE) != 0)
		r.files = 0; /* version 1 forbids every move, and Maildir lives by them */
	if (version >= VERSION_TRUNCATE)
		r.files |= FILE_TRUNCATE;
	if (version >= VERSION_DEVICES)
		r.files |= FILE_DEVICE;
	if (version >= VERSION_TCP)
		r.net = (may & MAY_INET) != 0 ? TCP_BIND : TCP_BIND | TCP_CONNECT;
	if (version >= VERSION_SCOPES)
		r.scoped = SCOPE_SOCKETS | SCOPE_SIGNALS;
	return r;
}

/* A path that is not there is an error only when it is needed. */
static bool
path_allow(int rules, const char *path, uint64_t rights, bool needed, struct error *e)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	struct stat st;
	bool ok = false;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0 && !needed && (errno == ENOENT || errno == EACCES))
		return true;
	if (rule.parent_fd < 0)
		return error_errno(e, "cannot open %s, which this process works in", path);
	if (fstat(rule.parent_fd, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= FILE_SINGLE;
		ok = !syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	if (!ok)
		error_errno(e, "cannot confine the process to %s", path);
	close(rule.parent_fd);
	return ok;
}

static bool
paths_allow(int rules, const char *const *paths, uint64_t rights, bool needed, struct error *e)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (!path_allow(rules, *paths, rights, needed, e))
			return false;
	return true;
}

/* Whoever connects may choose the address to come from, but never a port to listen on. */
static bool
source_allow(int rules, struct error *e)
{
	struct port_rule any = {.rights = TCP_BIND, .port = 0};

	if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &any, 0) != 0)
		return error_errno(e, "cannot allow source addresses to Landlock");
	return true;
}

static bool
rules_add(int rules, const struct ruleset *r, unsigned may, const struct sandbox_paths *paths,
    struct error *e)
{
	uint64_t reads = FILE_READS & r->files, writes = (FILE_READS | FILE_WRITES) & r->files;

	if (r->net != 0 && (may & MAY_INET) != 0 && !source_allow(rules, e))
		return false;
	if (r->files == 0)
		return true;
	if (SANITIZED && !paths_allow(rules, sanitizer_paths, reads, false, e))
		return false;
	if (paths == NULL)
		return true;
	if ((may & MAY_READ) != 0 && !paths_allow(rules, paths->ro, reads, false, e))
		return false;
	return (may & MAY_WRITE) == 0 || paths_allow(rules, paths->rw, writes, true, e);
}

bool
landlock_enter(unsigned may, const struct sandbox_paths *paths, unsigned *walls, struct error *e)
{
	long version =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r;
	int rules;
	bool ok;

	if (version < 1)
		return true;
	r = handled(version, may);
	if (r.files == 0 && r.net == 0)
		return true;
	rules = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
	if (rules < 0)
		return error_errno(e, "the kernel refused a Landlock ruleset");
	ok = rules_add(rules, &r, may, paths, e);
	if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		ok = error_errno(e, "the kernel refused to confine the process with Landlock");
	close(rules);
	if (ok)
		*walls |= (r.files != 0 ? WALL_FILES : 0U) | (r.net != 0 ? WALL_TCP : 0U);
	return ok;
}
