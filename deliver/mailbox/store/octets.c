#include "deliver/mailbox/store/octets.h"

#include "common/base/map.h"
#include "deliver/mailbox/store/body.h"

#include <sys/mman.h>
#include <unistd.h>

void
octets_load(struct octets *o, struct store *s, uint64_t body)
{
	uint64_t size = 0;
	int fd = -1;
	void *map;

	*o = (struct octets){.map = NULL};
	if (!store_body_read(s, body, &o->unpacked, &fd, &size))
		return;
	o->all = buf_slice(&o->unpacked);
	if (fd < 0)
		return;
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	o->map = map;
	o->mapped = (size_t)size;
	o->all = slice_make(map, o->mapped);
}

void
octets_check(struct octets *o)
{
	if (o->map != NULL && !map_is_readable(slice_make(o->map, o->mapped)))
		o->all = SLICE("");
}

void
octets_fini(struct octets *o)
{
	if (o->map != NULL)
		munmap(o->map, o->mapped);
	buf_fini(&o->unpacked);
	*o = (struct octets){.map = NULL};
}
