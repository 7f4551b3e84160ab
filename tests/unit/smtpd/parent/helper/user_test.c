#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "smtpd/parent/helper/user.h"
#include "smtpd/parent/suite.h"

#include <stdio.h>

UNIT_SUITE(user);

Test(user, one_of_the_system_by_his_name)
{
	const struct passwd *pw;

	cr_assert_eq(user_find_recipient("daemon", &pw), USER_FOUND);
	cr_assert_str_eq(pw->pw_name, "daemon");
	cr_assert_eq(user_find_recipient("root", &pw), USER_NONE);
	cr_assert_eq(user_find_recipient("no-such-user", &pw), USER_NONE);
}

Test(user, one_of_a_userbase_is_whom_it_says)
{
	const struct passwd *daemon = getpwnam("daemon"), *pw;
	unsigned uid = daemon->pw_uid, gid = daemon->pw_gid;
	char text[100];

	snprintf(text, sizeof(text), "ann:%u:%u:/home/a:b", uid, gid);
	cr_assert_eq(user_find_recipient(text, &pw), USER_FOUND);
	cr_assert_str_eq(pw->pw_name, "ann");
	cr_assert_eq(pw->pw_uid, uid);
	cr_assert_eq(pw->pw_gid, gid);
	cr_assert_str_eq(pw->pw_dir, "/home/a:b");
	cr_assert_str_eq(pw->pw_shell, "");
}

/* The daemon is in no group of root's, and 4000000000 is nobody; # stands for his id. */
Test(user, one_of_a_userbase_is_ordinary)
{
	static const char *const wrong[] = {"ann:0:#:/home", "ann:#:0:/home",
	    "ann:4000000000:#:/home", "ann:#:4000000000:/home", "ann:-1:#:/home", "ann:#:+#:/home",
	    "ann:x:#:/home", "ann:#x:#:/home", "ann:#", "ann:#:", "ann:#:#",
	    "ann:#:#:", "ann:#:#:home", "ann::#:/home", "_kurirq:#:#:/home",
	    "ann:99999999999999999999:#:/home", ":#:#:/home", "..:#:#:/home", "a/b:#:#:/home",
	    "../../etc/cron.d/ann:#:#:/home"};
	unsigned id = getpwnam("daemon")->pw_uid;
	const struct passwd *pw;

	suite.is_root = true;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf text = {0};

		for (const char *c = wrong[i]; *c != '\0'; c++)
			*c == '#' ? buf_printf(&text, "%u", id) : buf_add(&text, c, 1);
		cr_expect_eq(user_find_recipient(buf_text(&text), &pw), USER_NONE, "%s", wrong[i]);
		buf_fini(&text);
	}
}
