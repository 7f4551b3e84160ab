#include "smtpd/lookup/accounts.h"

#include "common/base/limits.h"
#include "common/base/moment.h"
#include "common/db/db.h"
#include "common/mail/address.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const schema[] = {
    "CREATE TABLE account (name TEXT PRIMARY KEY, domain TEXT NOT NULL, hash TEXT NOT NULL, "
    "created INTEGER NOT NULL) WITHOUT ROWID; CREATE INDEX account_domain ON account (domain)",
};

static struct db *db;

bool
accounts_open(struct slice path, struct error *why)
{
	db = db_open(path.data, schema, 1, why);
	return db != NULL;
}

void
accounts_close(void)
{
	db_close(db);
	db = NULL;
}

/* Lower case throughout: accounts do not differ in case. */
static char *
fold(struct slice account)
{
	char *text = slice_text(account);

	for (char *p = text; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	return text;
}

bool
accounts_find(struct slice account, struct buf *hash)
{
	struct statement *s = db_statement(db, "SELECT hash FROM account WHERE name = ?");
	char *name = fold(account);
	bool found;

	statement_bind_text(s, 1, slice_of(name));
	found = statement_step(s) == DB_ROW;
	if (found && hash != NULL)
		buf_add_slice(hash, statement_octets(s, 0));
	statement_reset(s);
	free(name);
	return found;
}

bool
accounts_have_domain(struct slice domain)
{
	struct statement *s = db_statement(db, "SELECT 1 FROM account WHERE domain = ? LIMIT 1");
	char *name = fold(domain);
	bool found;

	statement_bind_text(s, 1, slice_of(name));
	found = statement_step(s) == DB_ROW;
	statement_reset(s);
	free(name);
	return found;
}

/* Durable before smtpctl hears of it: these are few, so each has its own sync. */
static bool
sync_now(struct error *why)
{
	return fdatasync(db_wal_fd(db)) == 0 || error_errno(why, "cannot make the change durable");
}

bool
accounts_add(struct slice account, struct slice hash, struct error *why)
{
	struct statement *s =
	    db_statement(db, "INSERT INTO account (name, domain, hash, created) VALUES (?, ?, ?, ?)");
	struct address a;
	char *name;
	enum db_result r;

	if (address_parse(account, 0, &a) != ADDRESS_OK)
		return error_set(why, "\"%.*s\" is no address; an account is local@domain", SLICE_FMT(account));
	name = fold(account);
	statement_bind_text(s, 1, slice_of(name));
	statement_bind_text(s, 2, slice_from(slice_of(name), (size_t)slice_find_last(slice_of(name), '@') + 1));
	statement_bind_text(s, 3, hash);
	statement_bind_number(s, 4, civil_now());
	r = statement_run(s);
	free(name);
	if (r == DB_CONSTRAINT)
		return error_set(why, "the account %.*s is there already", SLICE_FMT(account));
	return r == DB_DONE ? sync_now(why) : error_set(why, "%s", db_failure(db));
}

static bool
changed(struct statement *s, struct slice account, struct error *why)
{
	if (statement_run(s) != DB_DONE)
		return error_set(why, "%s", db_failure(db));
	if (db_changes(db) == 0)
		return error_set(why, "there is no account %.*s", SLICE_FMT(account));
	return sync_now(why);
}

bool
accounts_change(struct slice account, struct slice hash, struct error *why)
{
	struct statement *s = db_statement(db, "UPDATE account SET hash = ? WHERE name = ?");
	char *name = fold(account);
	bool ok;

	statement_bind_text(s, 1, hash);
	statement_bind_text(s, 2, slice_of(name));
	ok = changed(s, account, why);
	free(name);
	return ok;
}

bool
accounts_remove(struct slice account, struct error *why)
{
	struct statement *s = db_statement(db, "DELETE FROM account WHERE name = ?");
	char *name = fold(account);
	bool ok;

	statement_bind_text(s, 1, slice_of(name));
	ok = changed(s, account, why);
	free(name);
	return ok;
}

void
accounts_list(void (*each)(void *owner, struct slice account), void *owner)
{
	struct statement *s = db_statement(db, "SELECT name FROM account ORDER BY domain, name");

	while (statement_step(s) == DB_ROW)
		each(owner, statement_octets(s, 0));
	statement_reset(s);
}
