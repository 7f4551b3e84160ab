#include "tests/unit/unit.h"

#include "common/base/hash.h"

#include <stdio.h>

UNIT_SUITE(hash);

Test(hash, finds_what_was_added_and_no_more)
{
	struct hash t;
	int values[300];
	char key[16];
	size_t seen = 0;
	struct hash_walk walk = {0};
	struct slice k;
	void *v;

	hash_init(&t);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		cr_assert_null(hash_add(&t, slice_of(key), &values[i]));
	}
	cr_assert_eq(hash_add(&t, SLICE("key-7"), &values[8]), &values[7]);
	for (int i = 0; i < 300; i += 2) {
		snprintf(key, sizeof(key), "key-%d", i);
		cr_assert_eq(hash_remove(&t, slice_of(key)), &values[i]);
	}
	cr_assert_null(hash_find(&t, SLICE("key-2")));
	cr_assert_eq(hash_find(&t, SLICE("key-3")), &values[3]);
	while (hash_next(&t, &walk, &k, &v))
		seen++;
	cr_assert_eq(seen, 150);
	hash_fini(&t);
}

/* The reference vector of the SipHash paper: key 00..0f, input 00..0e. */
Test(hash, is_siphash_2_4)
{
	uint64_t key[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
	char input[15];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (char)i;
	cr_assert_eq(hash_keyed(key, slice_make(input, sizeof(input))), 0xa129ca6149be45e5U);
}
