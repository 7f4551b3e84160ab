#include "tests/unit/smtpd/lookup/world.h"

#include "common/base/password.h"

UNIT_SUITE(password);

/* Of "correct horse", as other programs wrote them. */
static const char *const hashes[] = {
    "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/"
    "uamSo5z0",
    "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
    "$y$j9T$abcdefghijklmnop$0Hi8KsZH/hAMRN9Bam6ce3nmi5QAIz3R/KeaXG/c7p9",
    "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
};

Test(password, knows_the_formats_of_crypt)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		cr_assert(password_matches("correct horse", hashes[i], NULL), "%s", hashes[i]);
		cr_assert_not(password_matches("correct horsf", hashes[i], NULL), "%s", hashes[i]);
		cr_assert_not(password_matches("", hashes[i], NULL), "%s", hashes[i]);
	}
}

Test(password, what_is_no_hash_matches_nothing)
{
	static const char *const wrong[] = {
	    "", "*", "!", "!!", "x", "plain", "$6$", "$99$salt$x", "*0", "*1"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_not(password_matches("", wrong[i], NULL), "%s", wrong[i]);
		cr_assert_not(password_matches(wrong[i], wrong[i], NULL), "%s", wrong[i]);
	}
}

Test(password, new_hashes_are_salted_and_match)
{
	struct buf one = {0}, two = {0};

	cr_assert(password_hash("secret", &one));
	cr_assert(password_hash("secret", &two));
	cr_assert_str_neq(buf_text(&one), buf_text(&two));
	cr_assert(password_matches("secret", buf_text(&one), NULL));
	cr_assert(password_matches("secret", buf_text(&two), NULL));
	cr_assert_not(password_matches("Secret", buf_text(&one), NULL));
	buf_fini(&one);
	buf_fini(&two);
}

Test(password, nobody_has_no_password)
{
	cr_assert_not(password_matches("correct horse", NULL, NULL));
	cr_assert_not(password_matches("correct horse", NULL, hashes[0]));
	cr_assert_eq(world_hashes.count, 2, "and it takes as long to find that out");
}

/* Else the time that it takes tells whose account is locked. */
Test(password, what_is_no_hash_takes_as_long)
{
	static const char *const locked[] = {"*", "!", "*LK*", "x"};

	for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++) {
		cr_assert_not(password_matches("correct horse", locked[i], hashes[0]));
		cr_assert_str_eq(world_hashes.setting, hashes[0], "%s", locked[i]);
		cr_assert_not(password_matches("correct horse", NULL, locked[i]));
		cr_assert_neq(strchr(world_hashes.setting, '$'), NULL, "like %s", locked[i]);
	}
}

Test(password, what_is_too_long_has_no_hash)
{
	char secret[1025];
	struct buf hash = {0};

	memset(secret, 'x', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = '\0';
	cr_assert_not(password_hash(secret, &hash));
	cr_assert_eq(hash.len, 0);
	cr_assert_not(password_matches(secret, hashes[0], NULL));
	buf_fini(&hash);
}
