#include "common/ipc/asker.h"

#include <stddef.h>

struct ipc_asker
ipc_asker_of(struct channel *const *place, const struct ipc_message *m)
{
	return (struct ipc_asker){
	    .place = place, .serial = channel_serial(m->channel), .id = m->id};
}

struct channel *
ipc_asker_channel(const struct ipc_asker *a)
{
	struct channel *c = *a->place;

	return c != NULL && channel_serial(c) == a->serial ? c : NULL;
}
