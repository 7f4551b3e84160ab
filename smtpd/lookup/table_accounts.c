/*
 * accounts: the database that smtpctl account keeps. As a table of domains it holds every domain
 * that has an account; as one of senders, each account may send as itself.
 */
#include "smtpd/lookup/table.h"

#include "smtpd/lookup/accounts.h"

static enum table_result
find(const struct table *t, enum table_service service, struct slice key, struct buf *value)
{
	struct buf name = {0};
	enum table_result result;

	if (service == TABLE_DOMAIN || service == TABLE_RELAYHOST)
		return service == TABLE_DOMAIN ? accounts_have_domain(key) : TABLE_NONE;
	if (!account_fold(key, &name)) {
		buf_fini(&name);
		return TABLE_NONE;
	}
	result = accounts_find(buf_slice(&name), service == TABLE_CREDENTIALS ? value : NULL);
	if (result == TABLE_FOUND && service == TABLE_MAILADDRMAP && value != NULL)
		buf_add_slice(value, buf_slice(&name));
	buf_fini(&name);
	return result;
}

const struct table_backend table_accounts = {.find = find};
