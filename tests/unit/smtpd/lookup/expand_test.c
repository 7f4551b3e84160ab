#include "tests/unit/smtpd/lookup/world.h"

#include "common/base/limits.h"
#include "common/base/moment.h"
#include "common/mail/srs.h"
#include "smtpd/lookup/expand.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

UNIT_SUITE(expand);

/* What ~/.forward of whoever is asked for holds; NULL: there is none. */
static struct {
	const char *content;
	enum lp_forward_result result;
	char asked[65];
	bool is_waiting;
	unsigned done;
} forward;

static bool
ask_forward(void *owner, struct slice user)
{
	slice_copy(user, forward.asked, sizeof(forward.asked));
	forward.is_waiting = true;
	return true;
}

static void
on_done(void *owner)
{
	forward.done++;
}

static void
say_recipients(const struct expansion *e, struct buf *out)
{
	static const char letters[] = {
	    [TRANSPORT_MAILBOX] = 'M', [TRANSPORT_RELAY] = 'R', [TRANSPORT_AGENT] = 'A'};

	for (size_t i = 0; i < expand_count(e); i++) {
		struct al_recipient r = expand_recipient(e, i);

		buf_printf(out, "%c %.*s %.*s %.*s %.*s\n", letters[r.transport],
		    SLICE_FMT(r.action), SLICE_FMT(r.address), SLICE_FMT(r.user),
		    SLICE_FMT(r.target));
	}
}

/* Expands; gives the recipients as lines, or what it came to, in words. */
static void
expand(const struct conf *c, const struct al_route *q, struct buf *out)
{
	static const char *const results[] = {
	    "ok", "unknown", "denied", "rejected", "error", "loop", "temporary"};
	struct expand_options o = {.ask_forward = ask_forward, .done = on_done};
	struct expansion *e = expand_new(q, &o);
	struct slice reply;
	enum al_route_result result;

	forward.done = 0;
	expand_start(e, c);
	while (forward.is_waiting) {
		enum lp_forward_result found = forward.result;

		if (found == FORWARD_FOUND && forward.content == NULL)
			found = FORWARD_NONE;
		forward.is_waiting = false;
		expand_forward(e, c, found, slice_of(forward.content));
	}
	cr_assert_eq(forward.done, 1);
	result = expand_result(e, &reply);
	if (result == ROUTE_OK)
		say_recipients(e, out);
	else
		buf_printf(
		    out, "%s%s%.*s", results[result], reply.len > 0 ? " " : "", SLICE_FMT(reply));
	expand_free(e);
}

static void
check(const struct conf *c, const char *recipient, const char *wanted)
{
	struct al_route q = {.recipient = slice_of(recipient), .client = SLICE("192.0.2.9")};
	struct buf out = {0};

	expand(c, &q, &out);
	cr_assert(slice_equal_text(buf_slice(&out), wanted), "%s\ngot \"%s\"\nwanted \"%s\"",
	    recipient, buf_text(&out), wanted);
	buf_fini(&out);
}

struct expand_case {
	const char *recipient;
	const char *wanted;
};

static void
check_all(const struct conf *c, const struct expand_case *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(c, list[i].recipient, list[i].wanted);
}

#define CHECK_ALL(c, list) check_all((c), (list), sizeof(list) / sizeof((list)[0]))

static const char *const accounts[] = {
    "alice@example.org", "bob@example.org", "carol@example.org", "root@mail.example.org"};

/* example.org by the action "here", everything else from here by "out". */
static struct conf *
conf_with(const struct conf_action *here)
{
	struct conf *c = world_conf();
	struct conf_action out = {.name = SLICE("out"), .method = METHOD_RELAY}, a = *here;

	a.name = SLICE("here");
	conf_add_action(c, &a);
	conf_add_action(c, &out);
	world_add_table(c, "domains", BACKEND_STATIC, "");
	world_add_entry(c, "example.org", NULL);
	world_add_match(c, "from any, for domain <domains>", "here");
	world_add_match(c, "from any, for local", "here");
	world_add_match(c, "from local, for domain <refused>", "reject");
	world_add_match(c, "from local, for any", "out");
	world_add_table(c, "refused", BACKEND_STATIC, "");
	world_add_entry(c, "refused.test", NULL);
	world_add_table(c, "t", BACKEND_STATIC, "");
	return c;
}

Test(expand, accounts)
{
	static const struct expand_case cases[] = {
	    {"alice@example.org", "M here alice@example.org alice@example.org \n"},
	    {"Alice@EXAMPLE.org", "M here Alice@EXAMPLE.org alice@example.org \n"},
	    {"alice+tag@example.org", "M here alice+tag@example.org alice@example.org \n"},
	    {"dave@example.org", "unknown"},
	    {"+alice@example.org", "unknown"},
	    {"alice@far.test", "denied"},
	    {"root@localhost", "M here root@localhost root@mail.example.org \n"},
	    {"root@[127.0.0.1]", "M here root@[127.0.0.1] root@mail.example.org \n"},
	    {"\"alice\"@example.org", "M here \"alice\"@example.org alice@example.org \n"},
	    {"\"' OR 1=1 --\"@example.org", "unknown"},
	    {"../alice@example.org", "unknown"},
	};
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILBOX});

	world_begin(c, accounts, 4);
	CHECK_ALL(c, cases);
	world_end(c);
}

Test(expand, postmaster_always_finds_somebody)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILBOX});

	world_begin(c, accounts, 3);
	check(c, "postmaster@example.org", "M here postmaster@example.org alice@example.org \n");
	check(c, "PostMaster@localhost", "M here PostMaster@localhost alice@example.org \n");
	check(c, "postmaster", "M here postmaster@mail.example.org alice@example.org \n");
	check(c, "postmaster@far.test", "denied");
	world_end(c);
	c = world_conf();
	conf_add_action(
	    c, &(const struct conf_action){.name = SLICE("here"), .method = METHOD_MAILBOX});
	world_add_table(c, "accounts", BACKEND_ACCOUNTS, "");
	world_add_match(c, "from any, for domain <accounts>", "here");
	world_begin(c, accounts, 2);
	check(c, "Postmaster", "M here Postmaster@example.org alice@example.org \n");
	world_end(c);
}

Test(expand, postmaster_is_roots_alias)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});

	world_add_entry(c, "root", "bob");
	world_begin(c, accounts, 4);
	check(c, "postmaster@example.org", "M here postmaster@example.org bob@example.org \n");
	world_end(c);
}

Test(expand, aliases)
{
	static const struct expand_case cases[] = {
	    {"team@example.org", "M here team@example.org alice@example.org \nM here "
				 "team@example.org bob@example.org \n"},
	    {"TEAM@example.org", "M here TEAM@example.org alice@example.org \nM here "
				 "TEAM@example.org bob@example.org \n"},
	    {"far@example.org", "R out x@far.test  \n"},
	    {"both@example.org",
		"M here both@example.org alice@example.org \nR out x@far.test  \n"},
	    {"bob@example.org", "M here bob@example.org bob@example.org \nM here bob@example.org "
				"carol@example.org \n"},
	    {"a@example.org", "loop"},
	    {"self@example.org", "loop"},
	    {"gone@example.org", "error 550 5.1.1 gone, for good"},
	    {"pipe@example.org", "A here pipe@example.org nobody |/bin/cat -u\n"},
	    {"file@example.org", "A here file@example.org nobody /var/box\n"},
	    {"wrong@example.org", "unknown"},
	    {"alice+list@example.org", "M here alice+list@example.org carol@example.org \n"},
	    {"alice+other@example.org", "M here alice+other@example.org alice@example.org \n"},
	    {"team+x@example.org", "M here team+x@example.org alice@example.org \nM here "
				   "team+x@example.org bob@example.org \n"},
	    {"refused@example.org", "rejected"},
	    {"some@example.org", "M here some@example.org alice@example.org \n"},
	    {"missing@example.org", "temporary"},
	    {"twice@example.org", "M here twice@example.org alice@example.org \n"},
	    {"plain@example.org", "M here plain@example.org bob@example.org \n"},
	    {"up@example.org", "M here team@Example.ORG alice@example.org \nM here "
			       "team@Example.ORG bob@example.org \n"},
	};
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});

	world_add_entry(c, "team", "alice, \\bob");
	world_add_entry(c, "up", "team@Example.ORG");
	world_add_entry(c, "far", "x@far.test");
	world_add_entry(c, "both", "alice, x@far.test");
	world_add_entry(c, "bob", "bob, carol");
	world_add_entry(c, "plain", "\\bob");
	world_add_entry(c, "a", "b");
	world_add_entry(c, "b", "a@example.org");
	world_add_entry(c, "self", "self");
	world_add_entry(c, "gone", "error:550 5.1.1 gone, for good");
	world_add_entry(c, "pipe", "\"|/bin/cat -u\"");
	world_add_entry(c, "file", "/var/box");
	world_add_entry(c, "wrong", "two words");
	world_add_entry(c, "alice+list", "carol");
	world_add_entry(c, "refused", "x@refused.test");
	world_add_entry(c, "some", "nobody-here, alice");
	world_add_entry(c, "missing", ":include:/nonexistent/list");
	world_add_entry(c, "twice", "alice, alice@example.org, \\alice, alice+x");
	world_begin(c, accounts, 4);
	CHECK_ALL(c, cases);
	world_end(c);
}

Test(expand, included_lists)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});
	char entry[200];
	const char *path = world_file("other", "# members\nalice\nbob, x@far.test\n");

	snprintf(entry, sizeof(entry), ":include:%s", path);
	world_add_entry(c, "list", entry);
	world_begin(c, accounts, 4);
	check(c, "list@example.org",
	    "M here list@example.org alice@example.org \nM here list@example.org bob@example.org "
	    "\nR out x@far.test  \n");
	chmod(path, 0666);
	check(c, "list@example.org", "temporary");
	world_end(c);
}

Test(expand, virtual_addresses_in_their_order)
{
	static const struct expand_case cases[] = {
	    {"user+tag@example.org", "R out 1@far.test  \n"},
	    {"user+x@example.org", "R out 2@far.test  \n"},
	    {"user@example.org", "R out 2@far.test  \n"},
	    {"any+tag@mail.example.org", "R out 3@far.test  \n"},
	    {"any@localhost", "R out 4@far.test  \n"},
	    {"nobody@example.org", "R out 5@far.test  \n"},
	    {"nobody@localhost", "R out 6@far.test  \n"},
	    {"info@example.org", "M here info@example.org alice@example.org \n"},
	    {"chain@example.org", "R out 4@far.test  \n"},
	    {"chain+tag@example.org", "R out 4@far.test  \n"},
	    {"own@example.org", "M here own@example.org carol@example.org \n"},
	};
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .virtual = SLICE("t")});

	world_add_entry(c, "user+tag@example.org", "1@far.test");
	world_add_entry(c, "user@example.org", "2@far.test");
	world_add_entry(c, "any+tag", "3@far.test");
	world_add_entry(c, "any", "4@far.test");
	world_add_entry(c, "@example.org", "5@far.test");
	world_add_entry(c, "@", "6@far.test");
	world_add_entry(c, "info@example.org", "alice");
	world_add_entry(c, "chain@example.org", "any");
	world_add_entry(c, "own@example.org", "carol");
	world_add_entry(c, "carol", "carol");
	world_begin(c, accounts, 4);
	CHECK_ALL(c, cases);
	world_end(c);
}

Test(expand, virtual_addresses_leave_accounts_alone)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .virtual = SLICE("t")});

	world_add_entry(c, "info@example.org", "alice, bob@example.org");
	world_begin(c, accounts, 4);
	check(c, "carol@example.org", "M here carol@example.org carol@example.org \n");
	check(c, "dave@example.org", "unknown");
	check(c, "info@example.org",
	    "M here info@example.org alice@example.org \nM here bob@example.org bob@example.org "
	    "\n");
	world_end(c);
}

Test(expand, a_chain_has_a_limit)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});
	char key[16], value[16];

	for (int i = 0; i < 12; i++) {
		snprintf(key, sizeof(key), "n%d", i);
		snprintf(value, sizeof(value), "n%d", i + 1);
		world_add_entry(c, key, i == 11 ? "alice" : value);
	}
	world_begin(c, accounts, 4);
	check(c, "n2@example.org", "M here n2@example.org alice@example.org \n");
	check(c, "n1@example.org", "loop");
	world_end(c);
}

Test(expand, a_list_has_a_limit)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});
	struct buf list = {0};
	struct al_route q = {.recipient = SLICE("fits@example.org")};
	struct buf out = {0};

	for (int i = 0; i < 1000; i++)
		buf_printf(&list, "u%d@far.test,", i);
	world_add_entry(c, "fits", buf_text(&list));
	buf_add_text(&list, "one@far.test");
	world_add_entry(c, "many", buf_text(&list));
	for (int i = 0; i < 2000; i++)
		buf_printf(&list, ",v%d", i);
	world_add_entry(c, "endless", buf_text(&list));
	buf_clear(&list);
	for (int i = 0; i < 2000; i++)
		buf_printf(&list, "nobody%d,", i);
	buf_add_text(&list, "alice");
	world_add_entry(c, "mostly-nobody", buf_text(&list));
	world_begin(c, accounts, 4);
	check(c, "mostly-nobody@example.org", "loop");
	check(c, "many@example.org", "loop");
	check(c, "endless@example.org", "loop");
	expand(c, &q, &out);
	cr_assert_gt(out.len, 20000);
	cr_assert(slice_has_prefix(buf_slice(&out), SLICE("R out u0@far.test")));
	buf_fini(&list);
	buf_fini(&out);
	world_end(c);
}

/* Each of twenty names leads to all twenty: 20 to the tenth ways, and 21 targets. */
Test(expand, a_web_of_aliases_is_walked_once)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILBOX, .alias = SLICE("t")});
	struct buf list = {0};
	char key[16];

	for (int i = 0; i < 20; i++)
		buf_printf(&list, "w%d,", i);
	buf_add_text(&list, "alice");
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "w%d", i);
		world_add_entry(c, key, buf_text(&list));
	}
	world_begin(c, accounts, 4);
	check(c, "w0@example.org", "M here w0@example.org alice@example.org \n");
	buf_fini(&list);
	world_end(c);
}

Test(expand, system_users_and_their_forward)
{
	static const struct expand_case cases[] = {
	    {NULL, "A here daemon@localhost daemon \n"},
	    {"", "A here daemon@localhost daemon \n"},
	    {"x@far.test\n", "R out x@far.test  \n"},
	    {"\\daemon, x@far.test", "A here daemon@localhost daemon \nR out x@far.test  \n"},
	    {"daemon\n|/bin/cat\n/tmp/box",
		"A here daemon@localhost daemon \nA here daemon@localhost daemon |/bin/cat\nA here "
		"daemon@localhost daemon /tmp/box\n"},
	    {":include:/etc/passwd", "unknown"},
	    {"error:550 away", "error 550 5.0.0 away"},
	    {"no-such-user", "unknown"},
	};
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILDIR});

	world_begin(c, accounts, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		forward.content = cases[i].recipient;
		check(c, "daemon@localhost", cases[i].wanted);
		cr_assert_str_eq(forward.asked, "daemon");
	}
	forward.content = NULL;
	check(c, "daemon+box@localhost", "A here daemon+box@localhost daemon \n");
	check(c, "no-such-user@localhost", "unknown");
	check(c, "root@localhost", "unknown");
	forward.result = FORWARD_TEMPORARY;
	check(c, "daemon@localhost", "temporary");
	forward.result = FORWARD_FOUND;
	world_end(c);
}

/* What a user may have read is his own affair, and not that of a process that reads more. */
Test(expand, a_forward_includes_nothing)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILDIR});
	char content[200];

	snprintf(content, sizeof(content), ":include:%s", world_file("other", "x@far.test\n"));
	forward.content = content;
	world_begin(c, accounts, 4);
	check(c, "daemon@localhost", "unknown");
	forward.content = NULL;
	world_end(c);
}

Test(expand, a_forward_has_a_limit)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILDIR});
	struct al_route q = {.recipient = SLICE("daemon@localhost"), .client = SLICE("192.0.2.9")};
	struct buf content = {0}, out = {0}, last = {0};

	for (int i = 1; i <= LIMIT_FORWARD_TARGETS + 1; i++)
		buf_printf(&content, "u%d@far.test\n", i);
	forward.content = buf_text(&content);
	world_begin(c, accounts, 4);
	expand(c, &q, &out);
	buf_printf(&last, "R out u%d@far.test  \n", LIMIT_FORWARD_TARGETS);
	cr_assert(slice_has_suffix_nocase(buf_slice(&out), buf_slice(&last)), "%s", buf_text(&out));
	forward.content = NULL;
	buf_fini(&content);
	buf_fini(&out);
	buf_fini(&last);
	world_end(c);
}

Test(expand, two_users_who_forward_to_each_other_end)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MBOX});

	world_begin(c, accounts, 4);
	forward.content = "daemon, bin";
	check(c, "daemon@localhost",
	    "A here daemon@localhost daemon \nA here daemon@localhost bin \n");
	forward.content = NULL;
	check(c, "root@localhost", "unknown");
	world_end(c);
}

Test(expand, methods_that_only_lead_on)
{
	struct conf *c = conf_with(
	    &(const struct conf_action){.method = METHOD_EXPAND_ONLY, .alias = SLICE("t")});

	world_add_entry(c, "team", "x@far.test, daemon");
	world_begin(c, accounts, 4);
	check(c, "team@localhost", "R out x@far.test  \n");
	check(c, "daemon@localhost", "unknown");
	forward.content = "|cat";
	check(c, "team@localhost", "R out x@far.test  \nA here team@localhost daemon |cat\n");
	check(c, "daemon@localhost", "A here daemon@localhost daemon |cat\n");
	forward.content = NULL;
	world_end(c);
	c = conf_with(&(const struct conf_action){.method = METHOD_FORWARD_ONLY});
	world_begin(c, accounts, 4);
	forward.content = "x@far.test, |cat";
	check(c, "daemon@localhost", "R out x@far.test  \n");
	forward.content = NULL;
	check(c, "daemon@localhost", "unknown");
	world_end(c);
}

/* Who runs it is one thing, for whom it is another. */
Test(expand, an_actions_user_takes_nobodys_mail)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_LMTP, .user = SLICE("daemon")});

	world_begin(c, accounts, 4);
	check(c, "bin+x@example.org", "A here bin+x@example.org bin \n");
	check(c, "anybody@example.org", "unknown");
	world_end(c);
	c = conf_with(&(const struct conf_action){
	    .method = METHOD_LMTP, .user = SLICE("daemon"), .userbase = SLICE("t")});
	world_add_entry(c, "ann", "1000:1000:/home/ann");
	world_begin(c, accounts, 4);
	check(c, "ann@example.org", "A here ann@example.org ann \n");
	check(c, "bob@example.org", "unknown");
	world_end(c);
}

Test(expand, a_userbase_says_who_its_users_are)
{
	struct conf *c = conf_with(
	    &(const struct conf_action){.method = METHOD_MAILDIR, .userbase = SLICE("t")});

	world_add_entry(c, "ann", "1000:1000:/home/ann");
	world_add_entry(c, "eve", "0:0:/root");
	world_begin(c, accounts, 4);
	forward.content = "\\ann\n|cat\n";
	check(c, "ann+x@example.org",
	    "A here ann+x@example.org ann:1000:1000:/home/ann \n"
	    "A here ann+x@example.org ann:1000:1000:/home/ann |cat\n");
	cr_assert_str_eq(forward.asked, "ann:1000:1000:/home/ann");
	forward.content = NULL;
	check(c, "daemon@example.org", "unknown");
	check(c, "eve@example.org", "unknown");
	world_end(c);
}

/* System users are in no virtual domain, unless the table leads to them. */
Test(expand, virtual_addresses_are_all_that_there_are)
{
	struct conf *c =
	    conf_with(&(const struct conf_action){.method = METHOD_MAILDIR, .virtual = SLICE("t")});

	world_add_entry(c, "info@example.org", "daemon");
	world_add_entry(c, "own@example.org", "daemon@example.org");
	world_begin(c, accounts, 4);
	check(c, "info@example.org", "A here info@example.org daemon \n");
	check(c, "daemon@example.org", "unknown");
	check(c, "own@example.org", "unknown");
	check(c, "postmaster@example.org", "unknown");
	world_end(c);
}

/* "@: user" and a path by the address: everybody's mail lies apart. */
Test(expand, an_address_may_lead_to_a_place_of_its_own)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILDIR,
	    .argument = SLICE("/var/vmail/%{dest.user}"),
	    .virtual = SLICE("t")});

	world_add_entry(c, "both@example.org", "ann@example.org, bob@example.org");
	world_add_entry(c, "@example.org", "daemon");
	world_begin(c, accounts, 4);
	check(c, "ann@example.org", "A here ann@example.org daemon \n");
	check(c, "both@example.org",
	    "A here ann@example.org daemon \nA here bob@example.org daemon \n");
	world_end(c);
}

Test(expand, nothing_is_run_as_root)
{
	struct conf *c = conf_with(&(const struct conf_action){
	    .method = METHOD_LMTP, .user = SLICE("root"), .alias = SLICE("t")});

	world_add_entry(c, "pipe", "\"|/bin/cat\"");
	world_add_entry(c, "file", "/var/box");
	world_begin(c, accounts, 4);
	check(c, "pipe@example.org", "unknown");
	check(c, "file@example.org", "unknown");
	world_end(c);
}

/* Whoever learns such an address could send through us to whom it names. */
Test(expand, a_rewritten_sender_is_for_reports_alone)
{
	struct conf *c = conf_with(&(const struct conf_action){.method = METHOD_MAILBOX});
	struct srs srs = {.key = SLICE("key"), .days = 4, .today = (unsigned)(civil_now() / 86400)};
	struct al_route q = {.client = SLICE("192.0.2.9")};
	struct buf address = {0}, out = {0};

	c->global.srs_key = SLICE("key");
	c->global.srs_ttl = 4 * 86400;
	cr_assert(srs_encode(&address, &srs, SLICE("ann@far.test"), SLICE("example.org")));
	world_begin(c, accounts, 4);
	q.recipient = buf_slice(&address);
	expand(c, &q, &out);
	cr_slice_eq(buf_slice(&out), "R out ann@far.test  \n");
	buf_clear(&out);
	q.sender = SLICE("eve@far.test");
	expand(c, &q, &out);
	cr_slice_eq(buf_slice(&out), "unknown");
	buf_fini(&address);
	buf_fini(&out);
	world_end(c);
}

Test(expand, a_userbase_gives_mailboxes)
{
	struct conf *c = conf_with(
	    &(const struct conf_action){.method = METHOD_MAILBOX, .userbase = SLICE("t")});

	world_add_entry(c, "ann", "1000:1000:/home/ann");
	world_begin(c, accounts, 4);
	check(c, "ann+x@example.org", "M here ann+x@example.org ann \n");
	check(c, "alice@example.org", "unknown");
	world_end(c);
}
