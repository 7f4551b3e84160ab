#include "smtpd/lookup/value.h"

#include "common/conf/child.h"
#include "smtpd/lookup/table.h"

#include <string.h>

/* Whether a table's value, addresses by commas, allows the sender. The null path is nobody's. */
static bool
allows(struct slice list, struct slice sender, char delimiter)
{
	struct content *addresses = content_new();
	struct slice one;
	bool allowed;

	while (slice_split(&list, ',', &one))
		if (slice_trim(one).len > 0)
			content_add(addresses, slice_trim(one), SLICE(""));
	allowed = sender.len == 0 || content_find_address(addresses, sender, delimiter, &one);
	content_free(addresses);
	return allowed;
}

void
value_answer_sender(struct ipc_asker asker, const struct al_sender *q)
{
	struct buf list = {0};
	enum table_result result = table_find(q->table, TABLE_MAILADDRMAP, q->user, &list);
	struct al_sender_is is = {.temporary = result == TABLE_TEMPORARY};

	is.allowed = result == TABLE_FOUND &&
		     allows(buf_slice(&list), q->sender, (char)child_conf()->global.sub_addr_delim);
	buf_fini(&list);
	al_sender_is_send(ipc_asker_channel(&asker), asker.id, &is, -1);
}

static enum table_result
fetch(const struct al_fetch *q, struct buf *value)
{
	switch ((enum al_service)q->service) {
	case FETCH_CREDENTIALS:
		return table_find(q->table, TABLE_CREDENTIALS, q->key, value);
	case FETCH_RELAYHOST:
		return q->key.len == 0 ? table_next(q->table, value)
				       : table_find(q->table, TABLE_RELAYHOST, q->key, value);
	case FETCH_SOURCE:
		return table_next(q->table, value);
	case FETCH_ADDRNAME:
		return table_find(q->table, TABLE_ADDRNAME, q->key, value);
	}
	return TABLE_NONE;
}

void
value_answer_fetch(struct ipc_asker asker, const struct al_fetch *q)
{
	struct buf value = {.is_secret = true};
	enum table_result result = fetch(q, &value);
	struct al_value v = {
	    .found = result == TABLE_FOUND, .temporary = result == TABLE_TEMPORARY};

	if (v.found)
		v.value = buf_slice(&value);
	if (!al_value_send(ipc_asker_channel(&asker), asker.id, &v, -1) && v.found) {
		v = (struct al_value){.temporary = 1}; /* longer than the line takes */
		al_value_send(ipc_asker_channel(&asker), asker.id, &v, -1);
	}
	buf_fini(&value);
}
