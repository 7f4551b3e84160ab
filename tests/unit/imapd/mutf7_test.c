#include "tests/unit/unit.h"

#include "imapd/mutf7.h"

UNIT_SUITE(mutf7);

static const struct {
	const char *wire, *name;
} pairs[] = {
    {"INBOX", "INBOX"},
    {"a&-b", "a&b"},
    {"Entw&APw-rfe", "Entwürfe"},
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},
    {"&2D3cTA-", "\xf0\x9f\x91\x8c"},
    {"&AOQA9gD8-x", "äöüx"},
    {"", ""},
};

static const char *const wrong[] = {
    "&",
    "&AC",
    "&AGE-",
    "&2D0-",
    "&3Ew-",
    "&2D0A5A-",
    "ü",
    "a\x01",
    "\x7f",
    "&AOR-",
    "&AO-",
    "&AOQ=-",
    "&AOQ-&APY-",
    "&A/-",
};

Test(mutf7, reads_and_writes_names)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf name = {0}, wire = {0};

		cr_assert(mutf7_decode(&name, slice_of(pairs[i].wire)), "%s", pairs[i].wire);
		cr_slice_eq(buf_slice(&name), pairs[i].name);
		mutf7_encode(&wire, buf_slice(&name));
		cr_slice_eq(buf_slice(&wire), pairs[i].wire);
		buf_fini(&name);
		buf_fini(&wire);
	}
}

Test(mutf7, refuses_other_spellings_and_leaves_the_buffer)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf name = {0};

		buf_add_text(&name, "before");
		cr_assert_not(mutf7_decode(&name, slice_of(wrong[i])), "%s", wrong[i]);
		cr_slice_eq(buf_slice(&name), "before");
		buf_fini(&name);
	}
}
