#include "common/ipc/any_mailbox.h"

IPC_DEFINE(ANY_MAILBOX)

void
any_mailbox_late(void *place, struct ipc_message *m)
{
	struct am_close close_it = {0};

	if (m->schema != &am_opened_schema)
		return;
	close_it.handle = ((const struct am_opened *)m->body)->handle;
	am_close_send(m->channel, 0, &close_it, -1);
}
