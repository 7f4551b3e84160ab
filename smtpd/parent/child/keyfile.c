#include "smtpd/parent/child/keyfile.h"

#include "common/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct keys {
	int *files;
	size_t count;
};

static struct keys held, coming;

static void
let_go(struct keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		close(k->files[i]);
	free(k->files);
	*k = (struct keys){0};
}

bool
keyfiles_open(const struct conf *c, struct error *why)
{
	let_go(&coming);
	coming.files = mem_array(c->pki_count, sizeof(*coming.files));
	while (coming.count < c->pki_count) {
		const char *path = c->pkis[coming.count].key_path.data;
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0) {
			error_errno(why, "cannot open %s", path);
			let_go(&coming);
			return false;
		}
		coming.files[coming.count++] = fd;
	}
	return true;
}

void
keyfiles_hold(void)
{
	let_go(&held);
	held = coming;
	coming = (struct keys){0};
}

void
keyfiles_drop(void)
{
	let_go(&coming);
}

bool
keyfiles_give(size_t pki, int *fd)
{
	*fd = -1;
	if (pki >= held.count)
		return true;
	*fd = fcntl(held.files[pki], F_DUPFD_CLOEXEC, 0);
	return *fd >= 0;
}
