#include "tests/unit/unit.h"

#include "common/ipc/listener_queue.h"

UNIT_SUITE(schema);

static struct lq_rcpt
sample(void)
{
	return (struct lq_rcpt){.transport = 1,
	    .action = SLICE("out"),
	    .address = SLICE("b@example.test"),
	    .original = SLICE("b@example.test"),
	    .orcpt = SLICE("rfc822;b@example.test"),
	    .notify = 6};
}

Test(schema, unpacks_what_it_packed)
{
	struct lq_rcpt in = sample(), out;
	struct buf packed = {0};

	cr_assert_null(ipc_pack(&packed, &lq_rcpt_schema, &in));
	cr_assert_null(ipc_unpack(buf_slice(&packed), &lq_rcpt_schema, &out));
	cr_assert_eq(out.transport, 1);
	cr_assert_eq(out.notify, 6);
	cr_slice_eq(out.address, "b@example.test");
	cr_slice_eq(out.user, "");
	buf_fini(&packed);
}

Test(schema, names_the_field_that_is_out_of_range)
{
	struct buf packed = {0};
	struct lq_rcpt m = sample();

	m.transport = 3;
	cr_assert_str_eq(ipc_pack(&packed, &lq_rcpt_schema, &m), "transport");
	m = sample();
	m.address = SLICE("");
	cr_assert_str_eq(ipc_pack(&packed, &lq_rcpt_schema, &m), "address");
	m = sample();
	m.user = SLICE("a\0b");
	cr_assert_str_eq(ipc_pack(&packed, &lq_rcpt_schema, &m), "user");
	m = sample();
	m.user = SLICE("\xc0\xaf");
	cr_assert_str_eq(ipc_pack(&packed, &lq_rcpt_schema, &m), "user");
	buf_fini(&packed);
}

/* Every cut of a good body, and every octet of it changed, is refused or read within bounds. */
Test(schema, survives_every_cut_and_every_changed_octet)
{
	struct lq_rcpt in = sample(), out;
	struct buf packed = {0};

	ipc_pack(&packed, &lq_rcpt_schema, &in);
	for (size_t cut = 0; cut < packed.len; cut++) {
		char *copy = malloc(cut + 1);

		memcpy(copy, packed.data, cut);
		cr_assert_not_null(ipc_unpack(slice_make(copy, cut), &lq_rcpt_schema, &out));
		free(copy);
	}
	for (size_t i = 0; i < packed.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			const char *wrong;

			packed.data[i] ^= (char)(1 << bit);
			wrong = ipc_unpack(buf_slice(&packed), &lq_rcpt_schema, &out);
			if (wrong == NULL)
				cr_assert_leq(out.address.len, LIMIT_PATH);
			packed.data[i] ^= (char)(1 << bit);
		}
	}
	buf_add_char(&packed, 'x');
	cr_assert_str_eq(ipc_unpack(buf_slice(&packed), &lq_rcpt_schema, &out), "end");
	buf_fini(&packed);
}

Test(schema, lists_end_where_they_are_cut)
{
	struct buf list = {0};
	struct slice rest, item;

	ipc_list_add(&list, SLICE("one"));
	ipc_list_add(&list, SLICE(""));
	rest = buf_slice(&list);
	cr_assert(ipc_list_next(&rest, &item));
	cr_slice_eq(item, "one");
	cr_assert(ipc_list_next(&rest, &item));
	cr_slice_eq(item, "");
	cr_assert_not(ipc_list_next(&rest, &item));
	rest = slice_make(list.data, 6);
	cr_assert_not(ipc_list_next(&rest, &item));
	buf_fini(&list);
}
