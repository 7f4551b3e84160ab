#include "tests/unit/unit.h"

#include "pop3d/retrieve.h"

#include <unistd.h>

UNIT_SUITE(retrieve);

static const struct {
	const char *in;
	uint64_t lines;
	const char *out;
} cases[] = {
    {"a: b\r\n\r\nbody\r\n", UINT64_MAX, "a: b\r\n\r\nbody\r\n.\r\n"},
    {"a: b\r\n\r\n.\r\n..x\r\n", UINT64_MAX, "a: b\r\n\r\n..\r\n...x\r\n.\r\n"},
    {"a: b\r\n\r\nno end", UINT64_MAX, "a: b\r\n\r\nno end\r\n.\r\n"},
    {"", UINT64_MAX, ".\r\n"},
    {"a: b\r\n\r\n1\r\n2\r\n3\r\n", 2, "a: b\r\n\r\n1\r\n2\r\n.\r\n"},
    {"a: b\r\n\r\n1\r\n2\r\n", 0, "a: b\r\n\r\n.\r\n"},
    {"a: b\r\n\r\n1\r\n", 99, "a: b\r\n\r\n1\r\n.\r\n"},
    {"a: b\r\n", 5, "a: b\r\n.\r\n"},
    {"a: b\n\n.\nx\n", UINT64_MAX, "a: b\r\n\r\n..\r\nx\r\n.\r\n"},
    {"x\na: b\n\n1\n2\n", 1, "x\r\na: b\r\n\r\n1\r\n.\r\n"},
    {"a: b\n\n1\n2\n", 1, "a: b\r\n\r\n1\r\n.\r\n"},
    {"\n\r\nx\r", UINT64_MAX, "\r\n\r\nx\r\r\n.\r\n"},
};

static void
run(struct pop3_retrieve *r, const char *want)
{
	struct buf out = {0};
	bool failed;

	while (pop3_retrieve_next(r, &out, &failed))
		continue;
	cr_assert_not(failed);
	cr_slice_eq(buf_slice(&out), want);
	pop3_retrieve_stop(r);
	buf_fini(&out);
}

Test(retrieve, doubles_dots_and_ends_with_one)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pop3_retrieve r;

		pop3_retrieve_start(&r, slice_of(cases[i].in), -1, 0, cases[i].lines);
		run(&r, cases[i].out);
	}
}

Test(retrieve, reads_a_file_block_by_block)
{
	char name[] = "/tmp/kurir-retrieve-XXXXXX";
	static char big[100000], want[200000];
	size_t n = 0;
	int fd = mkstemp(name);
	struct pop3_retrieve r;

	unlink(name);
	for (size_t i = 0; i < sizeof(big); i += 4)
		memcpy(big + i, ".x\r\n", 4);
	for (size_t i = 0; i < sizeof(big); i += 4, n += 5)
		memcpy(want + n, "..x\r\n", 5);
	memcpy(want + n, ".\r\n", 4);
	cr_assert_eq(write(fd, big, sizeof(big)), (ssize_t)sizeof(big));
	pop3_retrieve_start(&r, SLICE(""), fd, sizeof(big), UINT64_MAX);
	run(&r, want);
}

Test(retrieve, ends_a_line_at_the_edge_of_a_block)
{
	static char big[32 * 1024 + 1], want[sizeof(big) + 5];
	struct pop3_retrieve r;

	memset(big, 'x', sizeof(big));
	for (int has_cr = 0; has_cr < 2; has_cr++) {
		char name[] = "/tmp/kurir-retrieve-XXXXXX";
		int fd = mkstemp(name);

		unlink(name);
		memcpy(big + sizeof(big) - 2, has_cr ? "\r\n" : "x\n", 2);
		memcpy(want, big, sizeof(big));
		strcpy(want + sizeof(big) - 1 - has_cr, "\r\n.\r\n");
		cr_assert_eq(write(fd, big, sizeof(big)), (ssize_t)sizeof(big));
		pop3_retrieve_start(&r, SLICE(""), fd, sizeof(big), UINT64_MAX);
		run(&r, want);
	}
}

Test(retrieve, tells_when_the_file_is_shorter_than_promised)
{
	char name[] = "/tmp/kurir-retrieve-XXXXXX";
	int fd = mkstemp(name);
	struct pop3_retrieve r;
	struct buf out = {0};
	bool failed;

	unlink(name);
	pop3_retrieve_start(&r, SLICE(""), fd, 10, UINT64_MAX);
	cr_assert_not(pop3_retrieve_next(&r, &out, &failed));
	cr_assert(failed);
	pop3_retrieve_stop(&r);
	buf_fini(&out);
}
