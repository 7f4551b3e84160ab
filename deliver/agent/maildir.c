/*
 * Maildir: written in tmp, synced, renamed to new, and the folder synced, before the queue
 * hears of success. All as the recipient; links are not followed.
 */
#include "deliver/agent/job.h"

#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/mail/header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* FOLDER: octets of what stands behind the Maildir's own path, "/.detail/new". */
enum { HEADER_READ = 64 * 1024, FOLDER = LIMIT_LOCAL_PART + 8 };

/* One that is there is fine. */
static bool
make_one(const char *path)
{
	return mkdir(path, 0700) == 0 ? agent_sync_above(path) : errno == EEXIST;
}

/* The folders above it, which %{…} in the configuration may make new ones. */
static void
make_parents(const char *path)
{
	char sub[AGENT_PATH];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		snprintf(sub, sizeof(sub), "%.*s", (int)(slash - path), path);
		make_one(sub);
	}
}

static bool
make_folder(const char *path)
{
	static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
	char sub[AGENT_PATH + 8];

	make_parents(path);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(sub, sizeof(sub), "%s%s", path, parts[i]);
		if (!make_one(sub))
			return false;
	}
	return true;
}

static bool
is_spam(const struct agent_job *j)
{
	static char header[HEADER_READ];
	ssize_t n = agent_job_read(j, 0, header, sizeof(header));
	struct slice message = slice_make(header, n < 0 ? 0 : (size_t)n), value;

	return (header_find(message, SLICE("X-Spam"), &value) &&
		   slice_has_prefix_nocase(slice_trim(value), SLICE("yes"))) ||
	       (header_find(message, SLICE("X-Spam-Flag"), &value) &&
		   slice_has_prefix_nocase(slice_trim(value), SLICE("yes")));
}

/* One path component of a sub-address: no separators, nothing hidden. */
static bool
is_component(struct slice s)
{
	return s.len > 0 && s.len <= LIMIT_LOCAL_PART && slice_find(s, '/') < 0 &&
	       slice_find(s, '.') < 0 && slice_find(s, '\0') < 0;
}

/* The Maildir itself. False: its path is too long, and where that is cut another folder may be. */
static bool
find_maildir(const struct agent_job *j, char path[AGENT_PATH])
{
	int len;

	if (j->argument[0] == '\0')
		len = snprintf(path, AGENT_PATH, "%s/Maildir", j->home);
	else if (strncmp(j->argument, "~/", 2) == 0)
		len = snprintf(path, AGENT_PATH, "%s/%s", j->home, j->argument + 2);
	else
		len = snprintf(path, AGENT_PATH, "%s", j->argument);
	return len < AGENT_PATH - FOLDER;
}

/* The folder to deliver to: .Junk for spam, .detail when the user has made it, else the Maildir. */
static void
choose_folder(const struct agent_job *j, char path[AGENT_PATH])
{
	struct slice detail = agent_job_detail(j);
	char sub[AGENT_PATH];
	struct stat st;

	if (j->is_junk && is_spam(j)) {
		make_folder(path);
		strlcat(path, "/.Junk", AGENT_PATH);
		return;
	}
	if (!is_component(detail))
		return;
	snprintf(sub, sizeof(sub), "%.*s/.%.*s", AGENT_PATH - FOLDER, path, SLICE_FMT(detail));
	if (lstat(sub, &st) == 0 && S_ISDIR(st.st_mode))
		strlcpy(path, sub, AGENT_PATH);
}

/* A host name in a file name must hold neither / nor : (maildir(5)). */
static void
add_host(const struct agent_job *j, char *out, size_t size)
{
	snprintf(out, size, "%.200s", j->hostname);
	for (char *p = out; *p != '\0'; p++) {
		if (*p == '/' || *p == ':')
			*p = '_';
	}
}

struct agent_result
agent_maildir(const struct agent_job *j)
{
	char path[AGENT_PATH], host[256], name[300], tmp[AGENT_PATH + 320], new[AGENT_PATH + 320];
	int fd;
	bool ok;

	if (!find_maildir(j, path))
		return agent_temporary("the path %.200s... is too long", path);
	choose_folder(j, path);
	if (!make_folder(path))
		return agent_temporary("cannot make %s: %s", path, strerror(errno));
	add_host(j, host, sizeof(host));
	snprintf(name, sizeof(name), "%lld.%08x.%s", (long long)time(NULL), arc4random(), host);
	snprintf(tmp, sizeof(tmp), "%s/tmp/%s", path, name);
	snprintf(new, sizeof(new), "%s/new/%s", path, name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return agent_temporary("cannot create %s: %s", tmp, strerror(errno));
	ok = agent_write(j, fd, false) && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	if (!ok || rename(tmp, new) < 0) {
		int code = errno;

		unlink(tmp);
		return agent_temporary("cannot write %s: %s", new, strerror(code));
	}
	strlcat(path, "/new", sizeof(path));
	if (!folder_sync(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
		return agent_temporary("cannot sync %s: %s", path, strerror(errno));
	return agent_done();
}
