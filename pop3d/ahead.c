#include "pop3d/ahead.h"

#include "common/base/limits.h"
#include "common/base/mem.h"

struct message {
	uint32_t uid;
	size_t len;
	char *octets;
};

struct pop3_ahead {
	size_t first, count; /* of the list */
	size_t octets;
	struct message list[POP3_AHEAD_MESSAGES];
};

static size_t kept; /* octets of all sessions */

size_t
pop3_ahead_room(void)
{
	size_t room = LIMIT_POP3_AHEAD - kept;

	return room < POP3_AHEAD_OCTETS ? room : POP3_AHEAD_OCTETS;
}

void
pop3_ahead_add(struct pop3_ahead **a, uint32_t uid, struct slice octets)
{
	struct pop3_ahead *all = *a;

	if (octets.len > LIMIT_POP3_AHEAD - kept)
		return;
	if (all == NULL)
		all = *a = mem_zero(sizeof(*all));
	if (all->count == POP3_AHEAD_MESSAGES || octets.len > POP3_AHEAD_OCTETS - all->octets)
		return;
	all->list[all->count++] = (struct message){
	    .uid = uid, .len = octets.len, .octets = mem_text(octets.data, octets.len)};
	all->octets += octets.len;
	kept += octets.len;
}

static void
drop_first(struct pop3_ahead *a)
{
	struct message *m = &a->list[a->first++];

	a->octets -= m->len;
	kept -= m->len;
	free(m->octets);
}

bool
pop3_ahead_find(struct pop3_ahead **a, uint32_t uid, struct slice *octets)
{
	struct pop3_ahead *all = *a;
	const struct message *m;

	while (all != NULL && all->first < all->count && all->list[all->first].uid != uid)
		drop_first(all);
	if (all == NULL || all->first == all->count) {
		pop3_ahead_drop(a);
		return false;
	}
	m = &all->list[all->first];
	*octets = slice_make(m->octets, m->len);
	return true;
}

void
pop3_ahead_drop(struct pop3_ahead **a)
{
	struct pop3_ahead *all = *a;

	while (all != NULL && all->first < all->count)
		drop_first(all);
	free(all);
	*a = NULL;
}
