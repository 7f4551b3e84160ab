/* static: the entries that stand in smtpd.conf itself. */
#include "smtpd/lookup/table.h"

static struct content *
load(const struct table *t, const struct conf_table_node *node, struct error *why)
{
	struct content *c = content_new();

	for (size_t i = 0; node != NULL && i < node->entry_count; i++)
		content_add(c, node->entries[i].key, node->entries[i].value);
	return c;
}

const struct table_backend table_static = {.load = load, .find = table_find_content};
