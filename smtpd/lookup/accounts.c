/*
 * Invariant: a change is answered only after commit.c has it on stable storage.
 */
#include "smtpd/lookup/accounts.h"

#include "common/base/log.h"
#include "common/base/moment.h"
#include "common/db/commit.h"
#include "common/mail/address.h"

static const char *const migrations[] = {
    "CREATE TABLE account ("
    " name TEXT PRIMARY KEY," /* local@domain */
    " domain TEXT NOT NULL,"
    " hash TEXT NOT NULL,"      /* crypt(3) */
    " created INTEGER NOT NULL" /* seconds since 1970 */
    ") WITHOUT ROWID;"
    "CREATE INDEX account_domain ON account (domain, created, name);"
    "CREATE INDEX account_created ON account (created, name)"};

static struct {
	struct db *db;
	struct commit *commit;
	void (*broken)(void);
} accounts;

static void
on_broken(void *owner)
{
	accounts.broken();
}

bool
accounts_open(const char *path, void (*broken)(void), struct error *why)
{
	accounts.db = db_open(path, migrations, sizeof(migrations) / sizeof(migrations[0]), why);
	if (accounts.db == NULL)
		return false;
	accounts.broken = broken;
	accounts.commit = commit_new(accounts.db, on_broken, NULL);
	return true;
}

void
accounts_close(void)
{
	commit_free(accounts.commit);
	db_close(accounts.db);
	accounts.commit = NULL;
	accounts.db = NULL;
}

bool
account_fold(struct slice text, struct buf *name)
{
	struct address a;
	struct buf local = {0};

	if (address_parse(text, ADDRESS_ALLOW_UTF8, &a) != ADDRESS_OK || a.domain.len == 0)
		return false;
	address_local(&local, &a);
	buf_add_lower(name, buf_slice(&local));
	buf_add_char(name, '@');
	address_domain_folded(name, &a);
	buf_fini(&local);
	return true;
}

bool
account_name(struct slice text, char delimiter, struct buf *name, struct error *why)
{
	struct address a;
	enum address_result result = address_parse(text, 0, &a);

	if (result != ADDRESS_OK || a.domain.len == 0)
		return error_set(why, "\"%.*s\": %s; an account is named local@domain",
		    SLICE_FMT(text),
		    result == ADDRESS_OK ? "there is no domain" : address_result_name(result));
	if (a.local.data[0] == '"' || slice_find(a.local, '/') >= 0 || domain_is_literal(a.domain))
		return error_set(why,
		    "\"%.*s\" cannot be an account: no quotes, no / and no address literal",
		    SLICE_FMT(text));
	if (slice_find(a.local, delimiter) >= 0)
		return error_set(why,
		    "\"%.*s\" cannot be an account: what is behind %c "
		    "is a detail of the mailbox before it",
		    SLICE_FMT(text), delimiter);
	if (!account_fold(text, name) || name->len > LIMIT_USER)
		return error_set(
		    why, "\"%.*s\" is too long for an account's name", SLICE_FMT(text));
	return true;
}

static enum table_result
table_result_of(enum db_result result)
{
	if (result == DB_ROW)
		return TABLE_FOUND;
	if (result == DB_DONE)
		return TABLE_NONE;
	log_error("cannot read the accounts: %s", db_failure(accounts.db));
	return TABLE_TEMPORARY;
}

/* Steps once; appends the first column if there is a row. */
static enum table_result
find_one(struct statement *s, struct buf *value)
{
	enum table_result result = table_result_of(statement_step(s));

	if (result == TABLE_FOUND && value != NULL)
		buf_add_slice(value, statement_octets(s, 0));
	statement_reset(s);
	return result;
}

enum table_result
accounts_find(struct slice name, struct buf *hash)
{
	struct statement *s = db_statement(accounts.db, "SELECT hash FROM account WHERE name = ?");

	statement_bind_text(s, 1, name);
	return find_one(s, hash);
}

enum table_result
accounts_have_domain(struct slice domain)
{
	struct statement *s =
	    db_statement(accounts.db, "SELECT 1 FROM account WHERE domain = ? LIMIT 1");
	struct address a = {.domain = domain};
	struct buf folded = {0};
	enum table_result result;

	address_domain_folded(&folded, &a);
	statement_bind_text(s, 1, buf_slice(&folded));
	result = find_one(s, NULL);
	buf_fini(&folded);
	return result;
}

enum table_result
accounts_first(struct slice domain, struct buf *name)
{
	struct statement *s;

	if (domain.len == 0)
		return find_one(db_statement(accounts.db,
				    "SELECT name FROM account ORDER BY created, name LIMIT 1"),
		    name);
	s = db_statement(accounts.db,
	    "SELECT name FROM account WHERE domain = ? ORDER BY created, name LIMIT 1");
	statement_bind_text(s, 1, domain);
	return find_one(s, name);
}

bool
accounts_sample(struct buf *hash)
{
	return find_one(db_statement(accounts.db, "SELECT hash FROM account LIMIT 1"), hash) ==
	       TABLE_FOUND;
}

static struct slice
domain_of(struct slice name)
{
	return slice_from(name, (size_t)(slice_find_last(name, '@') + 1));
}

/* Runs a change; missing is what it means that no row was there. */
static enum accounts_result
change(struct statement *s)
{
	enum db_result result = statement_run(s);

	if (result == DB_CONSTRAINT)
		return ACCOUNTS_EXISTS;
	if (result == DB_DONE)
		return db_changes(accounts.db) > 0 ? ACCOUNTS_OK : ACCOUNTS_MISSING;
	log_error("cannot change the accounts: %s", db_failure(accounts.db));
	return ACCOUNTS_FAILED;
}

enum accounts_result
accounts_add(struct slice name, struct slice hash)
{
	struct statement *s;

	if (!commit_begin(accounts.commit))
		return ACCOUNTS_FAILED;
	s = db_statement(
	    accounts.db, "INSERT INTO account (name, domain, hash, created) VALUES (?, ?, ?, ?)");
	statement_bind_text(s, 1, name);
	statement_bind_text(s, 2, domain_of(name));
	statement_bind_text(s, 3, hash);
	statement_bind_number(s, 4, civil_now());
	return change(s);
}

enum accounts_result
accounts_change(struct slice name, struct slice hash)
{
	struct statement *s;

	if (!commit_begin(accounts.commit))
		return ACCOUNTS_FAILED;
	s = db_statement(accounts.db, "UPDATE account SET hash = ? WHERE name = ?");
	statement_bind_text(s, 1, hash);
	statement_bind_text(s, 2, name);
	return change(s);
}

enum accounts_result
accounts_remove(struct slice name)
{
	struct statement *s;

	if (!commit_begin(accounts.commit))
		return ACCOUNTS_FAILED;
	s = db_statement(accounts.db, "DELETE FROM account WHERE name = ?");
	statement_bind_text(s, 1, name);
	return change(s);
}

void
accounts_wait(void (*done)(void *owner, bool ok), void *owner)
{
	commit_wait(accounts.commit, done, owner);
}

bool
accounts_list(struct slice domain, uint64_t after, uint64_t most,
    void (*each)(void *owner, struct slice name, int64_t created), void *owner)
{
	struct statement *s = db_statement(accounts.db,
	    "SELECT name, created FROM account WHERE ?1 = '' OR domain = ?1 ORDER BY name"
	    " LIMIT ?2 OFFSET ?3");
	enum db_result result;

	statement_bind_text(s, 1, domain);
	statement_bind_number(s, 2, (int64_t)most);
	statement_bind_number(s, 3, (int64_t)after);
	while ((result = statement_step(s)) == DB_ROW)
		each(owner, statement_octets(s, 0), statement_number(s, 1));
	statement_reset(s);
	return table_result_of(result) == TABLE_NONE;
}

size_t
accounts_count(void)
{
	struct statement *s = db_statement(accounts.db, "SELECT count(*) FROM account");
	size_t count = statement_step(s) == DB_ROW ? (size_t)statement_number(s, 0) : 0;

	statement_reset(s);
	return count;
}
