#include "tests/unit/smtpd/lookup/world.h"

#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/table.h"

#include <sys/stat.h>
#include <unistd.h>

UNIT_SUITE(table);

static void
expect(const char *name, enum table_service service, const char *key, const char *value)
{
	struct buf got = {0};
	enum table_result result = table_find(slice_of(name), service, slice_of(key), &got);

	cr_assert_eq(
	    result, value == NULL ? TABLE_NONE : TABLE_FOUND, "%s of %s: %d", key, name, result);
	if (value != NULL)
		cr_slice_eq(buf_slice(&got), value);
	buf_fini(&got);
}

static struct conf *
with_file(enum conf_backend backend, const char *content)
{
	struct conf *c = world_conf();

	world_add_table(c, "t", backend, world_file("file", content));
	world_begin(c, NULL, 0);
	return c;
}

Test(table, static_entries_are_found)
{
	struct conf *c = world_conf();

	world_add_table(c, "t", BACKEND_STATIC, "");
	world_add_entry(c, "root", "alice, bob@example.org");
	world_add_entry(c, "Smart", "smtps://label@smart.example.org");
	world_begin(c, NULL, 0);
	expect("t", TABLE_ALIAS, "root", "alice, bob@example.org");
	expect("t", TABLE_STRING, "smart", "smtps://label@smart.example.org");
	expect("t", TABLE_ALIAS, "nobody", NULL);
	cr_assert_eq(table_find(SLICE("u"), TABLE_ALIAS, SLICE("root"), NULL), TABLE_TEMPORARY);
	world_end(c);
}

Test(table, a_mapping_file_is_read)
{
	struct conf *c = with_file(BACKEND_FILE,
	    "# comment\n\nroot:\talice\nlist: a,\n\tb,\n  c\nBare value with blanks  \r\n"
	    "colon :x\ntight:y:z\n   indented: too\nurl\tsmtp://h:25\n");

	expect("t", TABLE_ALIAS, "root", "alice");
	expect("t", TABLE_ALIAS, "list", "a, b, c");
	expect("t", TABLE_ALIAS, "bare", "value with blanks");
	expect("t", TABLE_ALIAS, "colon", "x");
	expect("t", TABLE_ALIAS, "tight", "y:z");
	expect("t", TABLE_ALIAS, "indented", "too");
	expect("t", TABLE_RELAYHOST, "url", "smtp://h:25");
	expect("t", TABLE_ALIAS, "# comment", NULL);
	world_end(c);
}

/* As the alias files of other mail systems have it: names below the key, and remarks among them. */
Test(table, a_value_may_stand_below_its_key)
{
	struct conf *c =
	    with_file(BACKEND_FILE, "staff:\n\talice,\n# was here\n\t# dave,\n\n\tbob\nroot: "
				    "alice,\n  #none\n  carol\nlast:\n  x");
	struct error why = {""};

	expect("t", TABLE_ALIAS, "staff", "alice, bob");
	expect("t", TABLE_ALIAS, "root", "alice, carol");
	expect("t", TABLE_ALIAS, "last", "x");
	world_file("file", "staff:\nroot: alice\n");
	cr_assert_not(tables_update(SLICE("t"), &why));
	cr_assert_not_null(strstr(why.text, "\"staff\" has no value"), "%s", why.text);
	world_file("file", "root: alice\nstaff:\n");
	cr_assert_not(tables_update(SLICE("t"), &why));
	cr_assert_not_null(strstr(why.text, "\"staff\" has no value"), "%s", why.text);
	world_end(c);
}

Test(table, a_list_file_is_read_and_taken_in_turn)
{
	static const char *const turns[] = {
	    "192.0.2.1", "2001:db8::/32", "[2001:db8::1]", "192.0.2.1"};
	struct conf *c = with_file(BACKEND_FILE, "192.0.2.1\n2001:db8::/32\n[2001:db8::1]\n");

	for (size_t i = 0; i < 4; i++) {
		struct buf value = {0};

		cr_assert_eq(table_next(SLICE("t"), &value), TABLE_FOUND);
		cr_slice_eq(buf_slice(&value), turns[i]);
		buf_fini(&value);
	}
	expect("t", TABLE_NETADDR, "2001:db8:5::1", "");
	world_end(c);
}

Test(table, a_first_line_can_make_it_a_list)
{
	struct conf *c = with_file(BACKEND_FILE, "# @list\nkey value\nsmtp://a.example.org:25\n");

	expect("t", TABLE_STRING, "key value", "");
	expect("t", TABLE_STRING, "smtp://a.example.org:25", "");
	world_end(c);
}

Test(table, passwd_files_give_hashes_and_users)
{
	struct conf *c = with_file(BACKEND_PASSWD,
	    "# users\nalice:$6$x$y:1000:1001:Alice:/home/alice:/bin/sh\nbob:hash\n");

	expect("t", TABLE_CREDENTIALS, "alice", "$6$x$y");
	expect("t", TABLE_CREDENTIALS, "Bob", "hash");
	expect("t", TABLE_USERINFO, "alice", "1000:1001:/home/alice");
	expect("t", TABLE_CREDENTIALS, "carol", NULL);
	world_end(c);
}

Test(table, the_old_content_stays_when_a_file_is_gone_or_broken)
{
	struct conf *c = with_file(BACKEND_FILE, "root: alice\n");
	struct error why = {""};
	const char *path;

	path = world_file("file", "root: bob\n");
	expect("t", TABLE_ALIAS, "root", "alice");
	cr_assert(tables_update(SLICE("t"), &why), "%s", why.text);
	expect("t", TABLE_ALIAS, "root", "bob");
	world_file("file", "root: carol\nno-value\n");
	cr_assert_not(tables_update(SLICE("t"), &why));
	cr_assert_not_null(strstr(why.text, "file:2:"), "%s", why.text);
	expect("t", TABLE_ALIAS, "root", "bob");
	unlink(path);
	cr_assert_not(tables_update(SLICE(""), &why));
	tables_apply(c);
	expect("t", TABLE_ALIAS, "root", "bob");
	cr_assert_not(tables_update(SLICE("other"), &why));
	cr_assert_not_null(strstr(why.text, "other"));
	world_end(c);
}

Test(table, a_file_that_could_never_be_read_is_temporary)
{
	struct conf *c = world_conf();
	struct error why = {""};

	world_add_table(c, "t", BACKEND_FILE, "/nonexistent/file");
	world_add_table(c, "zero", BACKEND_FILE, "/dev/zero");
	world_add_table(c, "folder", BACKEND_FILE, "/tmp");
	world_begin(c, NULL, 0);
	cr_assert_eq(table_find(SLICE("t"), TABLE_ALIAS, SLICE("root"), NULL), TABLE_TEMPORARY);
	cr_assert_eq(table_find(SLICE("zero"), TABLE_ALIAS, SLICE("root"), NULL), TABLE_TEMPORARY);
	cr_assert_eq(
	    table_find(SLICE("folder"), TABLE_ALIAS, SLICE("root"), NULL), TABLE_TEMPORARY);
	cr_assert_not(tables_update(SLICE("t"), &why));
	world_end(c);
}

Test(table, lines_have_a_limit)
{
	char *line = malloc(70000);
	struct conf *c;

	memset(line, 'x', 69999);
	line[69999] = '\0';
	c = with_file(BACKEND_FILE, line);
	cr_assert_eq(table_find(SLICE("t"), TABLE_STRING, SLICE("x"), NULL), TABLE_TEMPORARY);
	world_end(c);
	free(line);
}

Test(table, accounts_are_domains_addresses_and_senders)
{
	static const char *const names[] = {"alice@example.org", "bob@example.net"};
	struct conf *c = world_conf();

	world_add_table(c, "accounts", BACKEND_ACCOUNTS, "");
	world_begin(c, names, 2);
	expect("accounts", TABLE_DOMAIN, "Example.ORG", "");
	expect("accounts", TABLE_DOMAIN, "example.com", NULL);
	expect("accounts", TABLE_MAILADDR, "Alice@Example.org", "");
	expect("accounts", TABLE_MAILADDR, "carol@example.org", NULL);
	expect("accounts", TABLE_MAILADDRMAP, "alice@example.org", "alice@example.org");
	expect("accounts", TABLE_CREDENTIALS, "bob@example.net", "*");
	expect("accounts", TABLE_CREDENTIALS, "' OR 1=1 --", NULL);
	world_end(c);
}

Test(table, system_users_are_found)
{
	struct conf *c = world_conf();

	world_add_table(c, "users", BACKEND_SYSTEM, "");
	world_begin(c, NULL, 0);
	expect("users", TABLE_USERINFO, "root", "0:0:/root");
	expect("users", TABLE_USERINFO, "there is no such user", NULL);
	expect("users", TABLE_USERINFO, "", NULL);
	world_end(c);
}

Test(table, new_accounts_have_plain_names)
{
	static const struct {
		const char *text;
		const char *name; /* NULL: refused */
	} cases[] = {
	    {"Alice@Example.ORG", "alice@example.org"},
	    {"a.b@example.org", "a.b@example.org"},
	    {"alice", NULL},
	    {"alice+x@example.org", NULL},
	    {"\"a b\"@example.org", NULL},
	    {"a/b@example.org", NULL},
	    {"..@example.org", NULL},
	    {"alice@[192.0.2.1]", NULL},
	    {"@example.org", NULL},
	    {"", NULL},
	    {"alice@example.org\n", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf name = {0};
		struct error why = {""};
		bool ok = account_name(slice_of(cases[i].text), '+', &name, &why);

		cr_assert_eq(ok, cases[i].name != NULL, "%s", cases[i].text);
		if (ok)
			cr_slice_eq(buf_slice(&name), cases[i].name);
		else
			cr_assert_neq(why.text[0], '\0');
		buf_fini(&name);
	}
}

Test(table, accounts_are_added_changed_and_removed_once)
{
	struct conf *c = world_conf();
	struct buf hash = {0};
	struct slice name = SLICE("a@example.org");

	world_begin(c, NULL, 0);
	cr_assert_eq(accounts_add(name, SLICE("one")), ACCOUNTS_OK);
	cr_assert_eq(accounts_add(name, SLICE("two")), ACCOUNTS_EXISTS);
	cr_assert_eq(accounts_change(name, SLICE("three")), ACCOUNTS_OK);
	cr_assert_eq(accounts_change(SLICE("b@example.org"), SLICE("x")), ACCOUNTS_MISSING);
	cr_assert_eq(accounts_find(name, &hash), TABLE_FOUND);
	cr_slice_eq(buf_slice(&hash), "three");
	cr_assert_eq(accounts_count(), 1);
	cr_assert_eq(accounts_remove(name), ACCOUNTS_OK);
	cr_assert_eq(accounts_remove(name), ACCOUNTS_MISSING);
	cr_assert_eq(accounts_find(name, NULL), TABLE_NONE);
	buf_fini(&hash);
	world_end(c);
}
