#include "smtpd/parent/child/keyfile.h"

#include "common/base/log.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int *held;
static size_t count;

void
keyfiles_hold(const struct conf *c)
{
	for (size_t i = 0; i < count; i++) {
		if (held[i] >= 0)
			close(held[i]);
	}
	free(held);
	count = c->pki_count;
	held = mem_array(count, sizeof(*held));
	for (size_t i = 0; i < count; i++) {
		const char *path = c->pkis[i].key_path.data;

		held[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (held[i] < 0)
			log_error("cannot open %s: %s", path, strerror(errno));
	}
}

bool
keyfiles_give(size_t pki, int *fd)
{
	*fd = -1;
	if (pki >= count || held[pki] < 0)
		return true;
	*fd = fcntl(held[pki], F_DUPFD_CLOEXEC, 0);
	return *fd >= 0;
}
