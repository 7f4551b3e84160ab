#include "pop3d/drop.h"

#include "common/base/mem.h"
#include "common/ipc/packed.h"

enum { FIRST = 64 };

void
pop3_drop_fini(struct pop3_drop *d)
{
	free(d->messages);
	*d = (struct pop3_drop){.messages = NULL};
}

void
pop3_drop_add(struct pop3_drop *d, uint32_t uid)
{
	if (d->count == 0 || (d->count >= FIRST && (d->count & (d->count - 1)) == 0))
		d->messages = mem_resize(
		    d->messages, (d->count < FIRST ? FIRST : d->count * 2) * sizeof(*d->messages));
	d->messages[d->count++] = (struct pop3_message){.uid = uid, .size = UINT32_MAX};
}

bool
pop3_drop_size(struct pop3_drop *d, uint32_t uid, uint32_t size)
{
	while (d->filled < d->count && d->messages[d->filled].uid < uid)
		d->filled++;
	if (d->filled == d->count || d->messages[d->filled].uid != uid)
		return false;
	d->messages[d->filled++].size = size;
	return true;
}

void
pop3_drop_settle(struct pop3_drop *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		if (d->messages[i].size != UINT32_MAX)
			d->messages[kept++] = d->messages[i];
	}
	d->count = kept;
	d->filled = kept;
}

struct pop3_message *
pop3_drop_find(const struct pop3_drop *d, struct slice number)
{
	uint64_t n;

	if (!slice_number(number, d->count, &n) || n == 0 || d->messages[n - 1].is_deleted)
		return NULL;
	return &d->messages[n - 1];
}

void
pop3_drop_total(const struct pop3_drop *d, size_t *count, uint64_t *octets)
{
	*count = 0;
	*octets = 0;
	for (size_t i = 0; i < d->count; i++) {
		if (d->messages[i].is_deleted)
			continue;
		++*count;
		*octets += d->messages[i].size;
	}
}

void
pop3_drop_reset(struct pop3_drop *d)
{
	for (size_t i = 0; i < d->count; i++)
		d->messages[i].is_deleted = false;
}

void
pop3_drop_ranges(
    const struct pop3_drop *d, bool only_deleted, size_t *from, size_t max, struct buf *out)
{
	size_t i = *from;

	while (i < d->count && out->len + 8 <= max) {
		size_t first;

		while (i < d->count && only_deleted && !d->messages[i].is_deleted)
			i++;
		if (i == d->count)
			break;
		first = i;
		while (i + 1 < d->count && d->messages[i + 1].uid == d->messages[i].uid + 1 &&
		       (!only_deleted || d->messages[i + 1].is_deleted))
			i++;
		am_range_add(out, d->messages[first].uid, d->messages[i].uid);
		i++;
	}
	*from = i;
}

void
pop3_drop_uidl(const struct pop3_drop *d, const struct pop3_message *m, struct buf *out)
{
	buf_printf(out, "%08x%08x", d->uidvalidity, m->uid);
}
