#include "tests/unit/unit.h"

#include "common/ipc/any_mailbox.h"
#include "imapd/view.h"

UNIT_SUITE(view);

static void
record(struct imap_view *v, uint8_t uid, uint8_t set, uint8_t flags)
{
	char r[AM_RECORD] = {0};

	r[3] = (char)uid;
	r[15] = (char)set;
	r[16] = (char)flags;
	imap_view_records(v, slice_make(r, sizeof(r)));
}

static void
fill(struct imap_view *v)
{
	record(v, 2, 0, FLAG_SEEN);
	record(v, 4, 0, 0);
	record(v, 8, 0, FLAG_RECENT);
}

Test(view, marks_what_changes)
{
	struct imap_view v = {0};

	fill(&v);
	record(&v, 2, 0, FLAG_SEEN);
	record(&v, 4, 0, FLAG_FLAGGED);
	cr_assert_eq(v.count, 3);
	cr_assert_eq(v.messages[0].marks, 0);
	cr_assert_eq(v.messages[1].marks, IMAP_TELL);
	imap_view_gone(&v, SLICE("\0\0\0\10\0\0\0\77"));
	cr_assert(v.has_gone);
	cr_assert_eq(v.messages[2].marks, IMAP_GONE);
	cr_assert_eq(v.uidnext, 9);
	imap_view_fini(&v);
}

static void
keywords(struct imap_view *v, uint32_t set, const char *first, const char *second)
{
	struct buf list = {0};

	ipc_list_add(&list, slice_of(first));
	if (second != NULL)
		ipc_list_add(&list, slice_of(second));
	imap_view_keywords(v, set, buf_slice(&list));
	buf_fini(&list);
}

/* Sets: 1 is a, 2 is b, 3 is a and b. */
static const struct {
	int mode;
	const char *keyword;
	uint8_t before, after;
	bool is_told; /* somebody else had a hand in it */
} silents[] = {
    {STORE_ADD, "a", 0, 1, false},
    {STORE_ADD, "A", 2, 3, false},
    {STORE_ADD, "a", 0, 3, true},
    {STORE_ADD, "a", 2, 1, true},
    {STORE_ADD, "a", 0, 0, true},
    {STORE_ADD, "a", 1, 1, false},
    {STORE_REMOVE, "a", 3, 2, false},
    {STORE_REMOVE, "a", 3, 0, true},
    {STORE_REMOVE, "a", 1, 3, true},
    {STORE_REMOVE, "a", 1, 1, true},
    {STORE_REMOVE, "a", 0, 2, true},
    {STORE_REPLACE, "a", 2, 1, false},
    {STORE_REPLACE, "a", 2, 3, true},
    {STORE_REPLACE, "a", 3, 2, true},
};

Test(view, knows_what_a_silent_store_does)
{
	for (size_t i = 0; i < sizeof(silents) / sizeof(silents[0]); i++) {
		struct imap_view v = {0};
		struct buf named = {0};

		keywords(&v, 1, "a", NULL);
		keywords(&v, 2, "b", NULL);
		keywords(&v, 3, "a", "b");
		record(&v, 2, silents[i].before, 0);
		record(&v, 4, silents[i].before, 0);
		ipc_list_add(&named, slice_of(silents[i].keyword));
		imap_view_expect(&v, silents[i].mode, buf_slice(&named));
		v.messages[0].marks = v.messages[1].marks = IMAP_EXPECTED;
		record(&v, 2, silents[i].after, 0);
		record(&v, 4, silents[i].after, 0);
		for (size_t n = 0; n < 2; n++)
			cr_assert_eq(
			    v.messages[n].marks, silents[i].is_told ? IMAP_TELL : 0, "case %zu", i);
		buf_fini(&named);
		imap_view_fini(&v);
	}
}

Test(view, takes_no_more_room_than_it_has_messages)
{
	struct imap_view v = {0};

	imap_view_reserve(&v, UINT32_MAX - 1);
	fill(&v);
	imap_view_trim(&v);
	cr_assert_eq(v.capacity, v.count);
	record(&v, 9, 0, 0);
	cr_assert_eq(v.count, 4);
	cr_assert_eq(v.messages[0].uid, 2);
	cr_assert_eq(v.messages[3].uid, 9);
	imap_view_fini(&v);
	imap_view_reserve(&v, 0);
	imap_view_trim(&v);
	record(&v, 1, 0, 0);
	cr_assert_eq(v.count, 1);
	imap_view_fini(&v);
}

Test(view, never_puts_a_message_before_another)
{
	struct imap_view v = {0};

	fill(&v);
	record(&v, 3, 0, 0);
	cr_assert_eq(v.count, 3);
	imap_view_fini(&v);
}

static const struct {
	const char *set;
	bool is_uid;
	const char *indexes; /* NULL: beyond */
} sets[] = {
    {"1:*", false, "0-2 "},
    {"2", false, "1-1 "},
    {"4", false, NULL},
    {"9:*", false, "2-2 "},
    {"1:*", true, "0-2 "},
    {"1", true, ""},
    {"3:7", true, "1-1 "},
    {"9:*", true, "2-2 "},
    {"1:4294967295", true, "0-2 "},
    {"4294967295", true, ""},
    {"8,2", true, "0-0 2-2 "},
};

Test(view, resolves_numbers_and_uids)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct imap_view v = {0};
		struct imap_set set;
		struct buf out = {0};
		bool holds;

		fill(&v);
		cr_assert(imap_set_parse(&set, slice_of(sets[i].set)));
		holds = imap_view_resolve(&v, &set, sets[i].is_uid);
		cr_assert_eq(holds, sets[i].indexes != NULL, "%s", sets[i].set);
		for (size_t n = 0; holds && n < set.count; n++)
			buf_printf(&out, "%u-%u ", set.ranges[n].first, set.ranges[n].last);
		if (holds)
			cr_slice_eq(buf_slice(&out), sets[i].indexes);
		buf_fini(&out);
		imap_set_fini(&set);
		imap_view_fini(&v);
	}
}

Test(view, packs_what_one_request_takes)
{
	struct imap_view v = {0};
	struct imap_range ranges[IMAP_RANGES + 1] = {{0, 1}, {2, 2}};
	struct imap_set set = {ranges, 2};
	struct buf out = {0};

	fill(&v);
	cr_assert(imap_view_pack_set(&v, &set, &out));
	cr_assert(slice_equal(buf_slice(&out), SLICE("\0\0\0\2\0\0\0\4\0\0\0\10\0\0\0\10")));
	buf_clear(&out);
	set.count = IMAP_RANGES;
	cr_assert(imap_view_pack_set(&v, &set, &out));
	cr_assert_eq(out.len, 8 * IMAP_RANGES);
	buf_clear(&out);
	set.count++;
	cr_assert_not(imap_view_pack_set(&v, &set, &out));
	cr_assert_eq(out.len, 0);
	buf_fini(&out);
	imap_view_fini(&v);
}

Test(view, names_flags_and_keywords)
{
	struct imap_view v = {0};
	struct buf list = {0}, out = {0};

	ipc_list_add(&list, SLICE("$Work"));
	ipc_list_add(&list, SLICE("later"));
	imap_view_keywords(&v, 7, buf_slice(&list));
	imap_view_keywords(&v, 7, buf_slice(&list));
	record(&v, 1, 7, FLAG_SEEN | FLAG_RECENT);
	imap_view_flags(&v, &v.messages[0], &out);
	cr_slice_eq(buf_slice(&out), "(\\Seen \\Recent $Work later)");
	buf_clear(&out);
	imap_view_all_flags(&v, true, &out);
	cr_slice_eq(
	    buf_slice(&out), "(\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work later \\*)");
	cr_assert_eq(v.name_count, 2);
	keywords(&v, 8, "$WORK", "new");
	cr_assert_eq(v.name_count, 3, "a keyword has one name in any case");
	buf_fini(&list);
	buf_fini(&out);
	imap_view_fini(&v);
}

/* A mailbox may have had more in its time than are named at once. */
Test(view, names_so_many_keywords)
{
	struct imap_view v = {0};
	char first[16], second[16];

	for (uint32_t i = 0; i < LIMIT_KEYWORDS; i++) {
		snprintf(first, sizeof(first), "k%u", i);
		snprintf(second, sizeof(second), "k%u", i + 1);
		keywords(&v, i + 1, first, second);
	}
	cr_assert_eq(v.name_count, LIMIT_KEYWORDS);
	imap_view_fini(&v);
}
