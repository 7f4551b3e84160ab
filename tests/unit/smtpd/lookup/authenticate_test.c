#include "tests/unit/smtpd/lookup/world.h"

#include "common/base/password.h"
#include "common/net/loop.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/authenticate.h"
#include "smtpd/lookup/guard.h"

UNIT_SUITE(authenticate);

static const char *const others[] = {"bob@example.org"};

static struct conf *conf;
static int answers;
static enum al_login_result answer;

static void
on_done(void *owner, enum al_login_result result, struct slice account)
{
	answers++;
	answer = result;
	loop_stop();
}

/* An account alice with the password "right"; nobody who would know the system's passwords. */
static void
set_up(void)
{
	struct buf hash = {0};

	conf = world_conf();
	world_begin(conf, others, 1);
	cr_assert(password_hash("right", &hash));
	cr_assert_eq(accounts_add(SLICE("alice@example.org"), buf_slice(&hash)), ACCOUNTS_OK);
	buf_fini(&hash);
}

static void
tear_down(void)
{
	guard_forget();
	authenticate_forget();
	world_end(conf);
}

/* Gives how many milliseconds the answer took. */
static int64_t
ask_with(const char *client, const char *user, struct slice secret, enum al_login_result wanted)
{
	struct al_login q = {.client = slice_of(client), .user = slice_of(user), .secret = secret};
	struct moment begun = loop_now();

	answers = 0;
	authenticate(&q, on_done, NULL);
	if (answers == 0)
		loop_run();
	cr_assert_eq(answers, 1);
	cr_assert_eq(answer, wanted, "%s: %d", user, (int)answer);
	return moment_between(begun, loop_now()).ms;
}

static int64_t
ask(const char *client, const char *user, const char *secret, enum al_login_result wanted)
{
	return ask_with(client, user, slice_of(secret), wanted);
}

Test(authenticate, bad_news_waits)
{
	set_up();
	ask("192.0.2.1", "alice@example.org", "right", LOGIN_OK);
	cr_assert_geq(ask("192.0.2.2", "alice@example.org", "wrong", LOGIN_WRONG), 1000);
	cr_assert_geq(ask("192.0.2.3", "nobody@example.org", "wrong", LOGIN_WRONG), 1000);
	tear_down();
}

/* An unknown name costs a hash of the kind that accounts have: one that is dearer, or cheaper, would
 * tell who is there. */
Test(authenticate, who_is_unknown_costs_as_much)
{
	static const char cheap[] = "$5$rounds=1000$salt$";
	struct buf hash = {0};

	set_up();
	buf_add_text(&hash, cheap);
	buf_add_text(&hash, "x");
	cr_assert_eq(accounts_change(slice_of(others[0]), buf_slice(&hash)), ACCOUNTS_OK);
	cr_assert_eq(accounts_change(SLICE("alice@example.org"), buf_slice(&hash)), ACCOUNTS_OK);
	buf_fini(&hash);
	ask("192.0.2.1", "nobody@example.org", "wrong", LOGIN_WRONG);
	cr_assert_eq(
	    strncmp(world_hashes.setting, cheap, strlen(cheap)), 0, "%s", world_hashes.setting);
	tear_down();
}

/* The parent is asked for names only that a user of the system may have. */
Test(authenticate, the_system_is_asked_for_its_own_names)
{
	static const char *const wrong[] = {"a:b", "a/b", "-a", "a,b"};
	char client[16] = "192.0.2.0";

	set_up();
	ask("192.0.2.9", "daemon", "wrong", LOGIN_TEMPORARY);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		client[8] = (char)('1' + i);
		ask(client, wrong[i], "wrong", LOGIN_WRONG);
	}
	tear_down();
}

/* It was right a moment ago, and is remembered as such. */
Test(authenticate, a_password_that_was_changed_is_wrong_at_once)
{
	struct buf hash = {0};

	set_up();
	ask("192.0.2.1", "alice@example.org", "right", LOGIN_OK);
	cr_assert(password_hash("other", &hash));
	cr_assert_eq(accounts_change(SLICE("alice@example.org"), buf_slice(&hash)), ACCOUNTS_OK);
	buf_fini(&hash);
	ask("192.0.2.1", "alice@example.org", "right", LOGIN_WRONG);
	ask("192.0.2.2", "alice@example.org", "other", LOGIN_OK);
	tear_down();
}

/* crypt(3) would look no further than to the NUL. */
Test(authenticate, a_nul_ends_no_password)
{
	set_up();
	ask_with("192.0.2.1", "alice@example.org", SLICE("right\0x"), LOGIN_WRONG);
	ask_with("192.0.2.2", "alice@example.org", SLICE("right\0"), LOGIN_WRONG);
	ask("192.0.2.3", "alice@example.org", "right", LOGIN_OK);
	tear_down();
}
