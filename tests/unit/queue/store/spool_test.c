#include "tests/unit/queue/queue_test.h"
#include "tests/unit/sync.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

UNIT_SUITE(spool);

static size_t walked;
static uint64_t last;

static void
on_body(uint64_t id)
{
	walked++;
	last = id;
}

static void
set_up(void)
{
	struct error why = {""};

	test_make_folder();
	cr_assert(spool_open(test_folder, &why), "%s", why.text);
}

static void
tear_down(void)
{
	spool_close();
	test_remove_folder();
}

static void
write_file(uint32_t number, const char *text)
{
	int fd = spool_create(number);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	close(fd);
}

Test(spool, a_file_becomes_a_body)
{
	char octets[8];
	int fd;

	set_up();
	write_file(1, "hello");
	cr_assert(spool_keep(1, 0x1234, 5));
	fd = spool_open_body(0x1234, 5);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(read(fd, octets, sizeof(octets)), 5);
	close(fd);
	cr_assert_eq(spool_open_body(0x1234, 6), -1, "another size");
	spool_walk_bodies(0x34, on_body);
	cr_assert_eq(walked, 1);
	cr_assert_eq(last, 0x1234);
	spool_remove_body(0x1234);
	cr_assert_eq(spool_open_body(0x1234, 5), -1);
	tear_down();
}

Test(spool, what_is_wrong_is_not_kept)
{
	set_up();
	write_file(1, "hello");
	cr_assert_not(spool_keep(1, 7, 4), "the size");
	cr_assert_not(spool_keep(2, 7, 5), "no such file");
	cr_assert_eq(spool_create(1), -1, "the number is taken");
	write_file(3, "other");
	cr_assert(spool_keep(1, 7, 5));
	cr_assert_not(spool_keep(3, 7, 5), "the id has a body");
	tear_down();
}

/* So that the next descriptor is the last one that there is. */
static struct rlimit
leave_one_descriptor(void)
{
	struct rlimit before, one;
	int next = dup(0);

	cr_assert_geq(next, 0);
	close(next);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	one = before;
	one.rlim_cur = (rlim_t)next + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &one), 0);
	return before;
}

Test(spool, a_body_whose_folder_cannot_be_synced_is_in_the_spool_only)
{
	struct rlimit before;

	set_up();
	write_file(1, "hello");
	before = leave_one_descriptor();
	cr_assert_not(spool_keep(1, 7, 5));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	spool_walk_bodies(7, on_body);
	cr_assert_eq(walked, 0);
	cr_assert(spool_keep(1, 7, 5), "it is still there");
	tear_down();
}

/* A file and the folder with its name; without one of them it would be an empty promise. */
Test(spool, what_does_not_reach_the_disk_is_not_kept)
{
	set_up();
	write_file(1, "hello");
	for (unsigned n = 1; n <= 2; n++) {
		sync_fail_at(n);
		cr_assert_not(spool_keep(1, 7, 5), "sync %u", n);
		sync_fail_at(n);
		cr_assert_not(spool_write_body(7, SLICE("report")), "sync %u", n);
		spool_walk_bodies(7, on_body);
		cr_assert_eq(walked, 0, "sync %u", n);
	}
	cr_assert(spool_keep(1, 7, 5));
	tear_down();
}

Test(spool, folders_that_do_not_reach_the_disk_are_not_used)
{
	struct error why;

	set_up();
	cr_assert(sync_was(test_folder));
	for (unsigned n = 1; n <= 2; n++) {
		spool_close();
		sync_fail_at(n);
		cr_assert_not(spool_open(test_folder, &why), "sync %u", n);
	}
	tear_down();
}

Test(spool, a_link_is_not_followed)
{
	char path[96];

	set_up();
	snprintf(path, sizeof(path), "%s/spool/9", test_folder);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert_not(spool_keep(9, 7, 5));
	cr_assert_eq(spool_create(9), -1);
	tear_down();
}

Test(spool, the_start_sweeps_the_spool_only)
{
	struct error why;

	set_up();
	write_file(1, "hello");
	cr_assert(spool_write_body(0x99, SLICE("body")));
	cr_assert_not(spool_write_body(0x99, SLICE("again")));
	spool_close();
	cr_assert(spool_open(test_folder, &why));
	write_file(1, "free again");
	spool_walk_bodies(0x99, on_body);
	cr_assert_eq(walked, 1);
	tear_down();
}
