#include "tests/unit/smtpd/lookup/world.h"

#include "smtpd/lookup/ruleset.h"

UNIT_SUITE(ruleset);

/* One rule or several, one a line, and what they say to a question. */
struct rule_case {
	const char *rules[3];
	struct al_route q;
	bool holds;
};

/* A slice, for what the compiler lays out. */
#define T(text) \
	{ \
		(text), sizeof(text) - 1 \
	}
#define ALICE T("alice@example.org")
#define FAR T("192.0.2.9")

static const struct rule_case cases[] = {
    {{"from any, for any"}, {.recipient = T("x@y.test"), .client = FAR}, true},
    /* what is not said means local */
    {{"for any"}, {.recipient = ALICE, .client = FAR}, false},
    {{"for any"}, {.recipient = ALICE, .client = T("127.0.0.1")}, true},
    {{"for any"}, {.recipient = ALICE, .client = T("::1")}, true},
    {{"for any"}, {.recipient = ALICE, .client = FAR, .local = 1}, true},
    {{"for any"}, {.recipient = ALICE}, true},
    {{"from any"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from any"}, {.recipient = T("a@MAIL.example.org"), .client = FAR}, true},
    {{"from any"}, {.recipient = T("a@localhost"), .client = FAR}, true},
    {{"from any"}, {.recipient = T("a@[127.0.0.1]"), .client = FAR}, true},
    {{"from any"}, {.recipient = T("a@[192.0.2.77]"), .client = FAR}, false},
    {{"from any, for local"}, {.recipient = T("a@localhost"), .client = FAR}, true},
    {{"from local, for any"}, {.recipient = ALICE, .client = FAR}, false},
    {{"! from local, for any"}, {.recipient = ALICE, .client = FAR}, true},
    {{"from socket, for any"}, {.recipient = ALICE, .client = T("127.0.0.1")}, false},
    {{"from socket, for any"}, {.recipient = ALICE, .local = 1}, true},
    {{"from auth, for any"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from auth, for any"}, {.recipient = ALICE, .client = FAR, .user = T("bob")}, true},
    {{"from auth <users>, for any"}, {.recipient = ALICE, .client = FAR, .user = T("bob")}, false},
    {{"from auth <users>, for any"}, {.recipient = ALICE, .client = FAR, .user = T("Ann")}, true},
    {{"! from auth, for any"}, {.recipient = ALICE, .client = FAR}, true},
    {{"from mail-from <senders>, for any"}, {.recipient = ALICE, .sender = T("x@friend.test")},
	true},
    {{"from mail-from <senders>, for any"}, {.recipient = ALICE, .sender = T("x@other.test")},
	false},
    {{"from mail-from <senders>, for any"}, {.recipient = ALICE}, false},
    {{"from rdns, for any"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from rdns, for any"}, {.recipient = ALICE, .client = FAR, .rdns = T("h.test")}, true},
    {{"from rdns <domains>, for any"},
	{.recipient = ALICE, .client = FAR, .rdns = T("a.wild.test")}, true},
    {{"from rdns <domains>, for any"}, {.recipient = ALICE, .client = FAR, .rdns = T("wild.test")},
	false},
    {{"from src <nets>, for any"}, {.recipient = ALICE, .client = FAR}, true},
    {{"from src <nets>, for any"}, {.recipient = ALICE, .client = T("198.51.100.1")}, false},
    {{"! from src <nets>, for any"}, {.recipient = ALICE, .client = T("198.51.100.1")}, true},
    {{"from any, for domain <domains>"}, {.recipient = T("x@Example.org"), .client = FAR}, true},
    {{"from any, for domain <domains>"}, {.recipient = T("x@a.wild.test"), .client = FAR}, true},
    {{"from any, for domain <domains>"}, {.recipient = T("x@evil-example.org"), .client = FAR},
	false},
    {{"from any, ! for domain <domains>"}, {.recipient = T("x@example.org"), .client = FAR}, false},
    {{"from any, ! for domain <domains>"}, {.recipient = T("x@far.test"), .client = FAR}, true},
    {{"from any, for domain <accounts>"}, {.recipient = T("x@account.test"), .client = FAR}, true},
    {{"from any, for domain <accounts>"}, {.recipient = T("x@example.org"), .client = FAR}, false},
    {{"from any, for domain regex <patterns>"}, {.recipient = T("x@mx12.test"), .client = FAR},
	true},
    {{"from any, for domain regex <patterns>"}, {.recipient = T("x@mx.test"), .client = FAR},
	false},
    {{"from any, for rcpt-to <senders>"}, {.recipient = T("a@friend.test"), .client = FAR}, true},
    {{"from any, for rcpt-to <senders>"}, {.recipient = T("a@friend2.test"), .client = FAR}, false},
    {{"from any, for any, auth"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from any, for any, auth <users>"}, {.recipient = ALICE, .client = FAR, .user = T("ann")},
	true},
    {{"from any, for any, ! auth"}, {.recipient = ALICE, .client = FAR}, true},
    {{"from any, for any, helo <domains>"},
	{.recipient = ALICE, .client = FAR, .helo = T("example.org")}, true},
    {{"from any, for any, helo <domains>"}, {.recipient = ALICE, .client = FAR, .helo = T("x")},
	false},
    {{"from any, for any, mail-from <senders>"}, {.recipient = ALICE, .sender = T("A@FRIEND.TEST")},
	true},
    {{"from any, for any, rcpt-to <senders>"}, {.recipient = T("a@friend.test"), .client = FAR},
	true},
    {{"from any, for any, tag <users>"}, {.recipient = ALICE, .client = FAR, .tag = T("ann")},
	true},
    {{"from any, for any, tag <users>"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from any, for any, tls"}, {.recipient = ALICE, .client = FAR, .tls = 1}, true},
    {{"from any, for any, tls"}, {.recipient = ALICE, .client = FAR}, false},
    {{"from any, for any, ! tls"}, {.recipient = ALICE, .client = FAR}, true},
    /* the first that holds decides */
    {{"from any, for domain <domains>", "from any, for any"},
	{.recipient = T("x@far.test"), .client = FAR}, true},
    {{"from local, for any", "from auth, for any"},
	{.recipient = ALICE, .client = FAR, .user = T("u")}, true},
    {{"from local, for any", "from auth, for any"}, {.recipient = ALICE, .client = FAR}, false},
};

static struct conf *
conf_with_tables(void)
{
	struct conf *c = world_conf();
	struct conf_action a = {.name = SLICE("a"), .method = METHOD_RELAY},
			   b = {.name = SLICE("b")};

	conf_add_action(c, &a);
	conf_add_action(c, &b);
	world_add_table(c, "users", BACKEND_STATIC, "");
	world_add_entry(c, "ann", NULL);
	world_add_table(c, "senders", BACKEND_STATIC, "");
	world_add_entry(c, "@friend.test", NULL);
	world_add_table(c, "domains", BACKEND_STATIC, "");
	world_add_entry(c, "example.org", NULL);
	world_add_entry(c, "*.wild.test", NULL);
	world_add_table(c, "nets", BACKEND_STATIC, "");
	world_add_entry(c, "192.0.2.0/28", NULL);
	world_add_table(c, "patterns", BACKEND_STATIC, "");
	world_add_entry(c, "^mx[0-9]+\\.test$", NULL);
	world_add_table(c, "accounts", BACKEND_ACCOUNTS, "");
	return c;
}

Test(ruleset, judges_every_condition)
{
	static const char *const accounts[] = {"x@account.test"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *c = conf_with_tables();
		const struct conf_action *a = NULL;
		enum ruleset_result result;

		for (size_t r = 0; r < 3 && cases[i].rules[r] != NULL; r++)
			world_add_match(c, cases[i].rules[r], "a");
		world_begin(c, accounts, 1);
		result = ruleset_match(c, &cases[i].q, cases[i].q.recipient, &a);
		cr_assert_eq(result, cases[i].holds ? RULESET_ACTION : RULESET_NONE,
		    "%s with %.*s from %.*s", cases[i].rules[0], SLICE_FMT(cases[i].q.recipient),
		    SLICE_FMT(cases[i].q.client));
		world_end(c);
	}
}

Test(ruleset, the_first_match_decides)
{
	struct conf *c = conf_with_tables();
	struct al_route q = {.recipient = SLICE("alice@example.org"), .client = SLICE("192.0.2.9")};
	const struct conf_action *a = NULL;

	world_add_match(c, "from any, for domain <domains>", "b");
	world_add_match(c, "from any, mail-from <senders>, for any", "reject");
	world_add_match(c, "from any, for any", "a");
	world_begin(c, NULL, 0);
	cr_assert_eq(ruleset_match(c, &q, q.recipient, &a), RULESET_ACTION);
	cr_slice_eq(a->name, "b");
	cr_assert_eq(ruleset_match(c, &q, SLICE("x@far.test"), &a), RULESET_ACTION);
	cr_slice_eq(a->name, "a");
	q.sender = SLICE("y@friend.test");
	cr_assert_eq(ruleset_match(c, &q, SLICE("x@far.test"), &a), RULESET_REJECT);
	world_end(c);
}

Test(ruleset, a_table_that_cannot_be_read_is_never_a_no)
{
	struct conf *c = conf_with_tables();
	struct al_route q = {.recipient = SLICE("alice@example.org"), .client = SLICE("192.0.2.9")};
	const struct conf_action *a = NULL;

	world_add_table(c, "gone", BACKEND_FILE, "/nonexistent/file");
	world_add_match(c, "from any, ! mail-from <gone>, for any", "a");
	world_add_match(c, "from any, for any", "b");
	world_begin(c, NULL, 0);
	cr_assert_eq(ruleset_match(c, &q, q.recipient, &a), RULESET_TEMPORARY);
	world_end(c);
}
