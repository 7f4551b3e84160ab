#include "tests/unit/unit.h"

#include "deliver/mailbox/search/signature.h"

UNIT_SUITE(signature);

static struct buf bits;

static void
sign(struct slice text)
{
	struct signature s = {{0}};

	signature_add(&s, text);
	buf_clear(&bits);
	signature_write(&s, &bits);
}

static bool
may_hold(const char *needle)
{
	return signature_may_hold(buf_slice(&bits), slice_of(needle));
}

static void
add_words(struct buf *out, size_t octets)
{
	while (out->len < octets)
		buf_printf(out, "%c%x ", (char)('a' + arc4random_uniform(26)), arc4random());
}

Test(signature, never_says_no_to_what_is_there)
{
	struct buf text = {0};

	for (size_t size = 3; size < 2000000; size = size * 3 + 1) {
		buf_clear(&text);
		add_words(&text, size);
		sign(buf_slice(&text));
		for (int i = 0; i < 2000; i++) {
			size_t from = arc4random_uniform((uint32_t)text.len);
			size_t len = arc4random_uniform(40);

			cr_assert(signature_may_hold(
			    buf_slice(&bits), slice_sub(buf_slice(&text), from, from + len)));
		}
		cr_assert_leq(bits.len, SIGNATURE_KINDS / 8);
		cr_assert_leq(bits.len, text.len, "small beside what it stands for");
	}
	buf_fini(&text);
	buf_fini(&bits);
}

/* Of words that are not there, it says yes to few. */
Test(signature, mostly_says_no_to_what_is_not)
{
	struct buf text = {0}, word = {0};
	int yes = 0;

	add_words(&text, 5000);
	sign(buf_slice(&text));
	for (int i = 0; i < 1000; i++) {
		buf_clear(&word);
		for (int j = 0; j < 8; j++)
			buf_add_char(&word, (char)('g' + arc4random_uniform(20)));
		yes += signature_may_hold(buf_slice(&bits), buf_slice(&word));
	}
	cr_assert_lt(yes, 50);
	buf_fini(&text);
	buf_fini(&word);
	buf_fini(&bits);
}

Test(signature, edges)
{
	struct signature s = {{0}};

	sign(SLICE(""));
	cr_assert_eq(bits.len, 0);
	cr_assert(may_hold(""));
	cr_assert(may_hold("ab"), "too short to tell");
	cr_assert_not(may_hold("abc"));
	sign(SLICE("abc"));
	cr_assert(may_hold("abc"));
	cr_assert_not(may_hold("xyz"));
	signature_add(&s, SLICE("one"));
	signature_add(&s, SLICE("two"));
	buf_clear(&bits);
	signature_write(&s, &bits);
	cr_assert(may_hold("one") && may_hold("two"));
	cr_assert_not(may_hold("onetwo"), "not from one text to the next");
	buf_fini(&bits);
}
