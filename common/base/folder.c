#include "common/base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
folder_sync(int fd)
{
	bool ok;
	int code;

	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	code = errno;
	close(fd);
	errno = code;
	return ok;
}

bool
folder_is_empty(int fd)
{
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = true;

	if (folder == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (empty && (entry = readdir(folder)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(folder);
	return empty;
}
