#include "tests/unit/queue/queue_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

char test_folder[64];

static void
on_broken(void *owner)
{
	cr_assert_fail("the store is broken");
}

static void
on_give_up(void)
{
	cr_assert_fail("the queue gave up");
}

static enum schedule_start
start_nothing(struct queue_destination *d)
{
	return START_BLOCKED;
}

static bool
never_aged(struct queue_envelope *e)
{
	return false;
}

struct store *
test_open_store(const char *folder)
{
	struct error why = {""};
	struct store *s = store_open(folder, on_broken, &why);

	cr_assert_not_null(s, "%s", why.text);
	return s;
}

void
test_make_folder(void)
{
	snprintf(test_folder, sizeof(test_folder), "/tmp/kurir-queue-XXXXXX");
	cr_assert_not_null(mkdtemp(test_folder));
}

void
test_remove_folder(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", test_folder);
	cr_assert_eq(system(command), 0);
}

int
test_descriptor_of(const char *path)
{
	struct stat wanted, st;

	cr_assert_eq(stat(path, &wanted), 0);
	for (int fd = 3; fd < 100; fd++) {
		if (fstat(fd, &st) == 0 && st.st_ino == wanted.st_ino && st.st_dev == wanted.st_dev)
			return fd;
	}
	cr_assert(false, "nobody has %s open", path);
	return -1;
}

void
test_open(const struct schedule_calls *calls)
{
	static const struct schedule_calls none = {start_nothing, never_aged};
	struct error why = {""};

	test_make_folder();
	loop_init();
	queue.give_up = on_give_up;
	snprintf(queue.hostname, sizeof(queue.hostname), "mail.x.test");
	queue.rules = (struct expire_rules){.ttl = 345600, .warnings = {14400}, .warning_count = 1};
	queue.mailbox_count = 1;
	queue_messages_init();
	queue_destinations_init(NULL);
	queue_schedule_init(calls == NULL ? &none : calls);
	cr_assert(spool_open(test_folder, &why), "%s", why.text);
	queue.store = test_open_store(test_folder);
	cr_assert(queue_ids_init(queue.store));
	turns_for(1); /* its clock stood still meanwhile */
}

void
test_close(void)
{
	queue_schedule_fini();
	queue_messages_fini();
	queue_destinations_fini();
	store_close(queue.store);
	spool_close();
	loop_fini();
	test_remove_folder();
}
