/* The methods themselves: what a delivery that died leaves behind, and a command without end. */
#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "deliver/agent/job.h"
#include "tests/unit/sync.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/kurir-agent-XXXXXX", box[64], lock[64];

static void
make_folder(void)
{
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(box, sizeof(box), "%s/box", folder);
	snprintf(lock, sizeof(lock), "%s/box.lock", folder);
}

static void
remove_folder(void)
{
	unlink(box);
	unlink(lock);
	cr_assert(rmdir(folder) == 0);
	if (UNIT_LEAKED())
		abort();
}

TestSuite(method, .init = make_folder, .fini = remove_folder, .timeout = 60);

static char user[] = "joe", none[] = "", sender[] = "ann@s.test", address[] = "joe@d.test",
	    hostname[] = "d.test", octets[] = "Subject: x\r\n\r\nFrom here\r\n";

static struct agent_job
job(char *argument)
{
	return (struct agent_job){.argument = argument,
	    .user = user,
	    .home = folder,
	    .shell = none,
	    .sender = sender,
	    .address = address,
	    .original = address,
	    .hostname = hostname,
	    .delim = '+',
	    .octets = octets,
	    .size = sizeof(octets) - 1,
	    .seconds = 60,
	    .fd = -1};
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static char *
get(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	cr_assert(f != NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* What a writer left that died half-way never swallows the message behind it. */
Test(method, mbox_after_a_cut_message)
{
	static const struct {
		const char *before, *closed;
	} cases[] = {
	    {"", ""},
	    {"From a\n\nwhole\n\n", "From a\n\nwhole\n\n"},
	    {"From a\n\ncut\n", "From a\n\ncut\n\n"},
	    {"From a\n\ncu", "From a\n\ncu\n\n"},
	    {"F", "F\n\n"},
	};
	struct agent_job j = job(box);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t closed = strlen(cases[i].closed);
		char *text;

		put(box, cases[i].before);
		cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_DELIVERED);
		text = get(box);
		cr_assert(strncmp(text, cases[i].closed, closed) == 0, "case %zu: %s", i, text);
		cr_assert(
		    strncmp(text + closed, "From ann@s.test ", 16) == 0, "case %zu: %s", i, text);
		cr_assert(strstr(text, "\n>From here\n\n") != NULL, "case %zu: %s", i, text);
	}
	cr_assert(access(lock, F_OK) < 0, "the lock file is gone");
}

Test(method, mbox_of_two_names_or_of_another)
{
	struct agent_job j = job(box);

	char other[64];

	put(box, "");
	snprintf(other, sizeof(other), "%s/other", folder);
	cr_assert_eq(link(box, other), 0);
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_TEMPORARY);
	unlink(other);
	if (chown(box, geteuid() + 1, getegid()) == 0)
		cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_TEMPORARY);
	cr_assert_str_eq(get(box), "");
}

Test(method, mbox_is_cut_back)
{
	static const char before[] = "From a\n\nwhole\n\n";
	struct agent_job j = job(box);
	struct rlimit limit = {sizeof(before) + 20, RLIM_INFINITY};

	put(box, before);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_TEMPORARY);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_str_eq(get(box), before);
}

Test(method, mbox_that_is_not_synced)
{
	static const char before[] = "From a\n\nwhole\n\n";
	struct agent_job j = job(box);

	put(box, before);
	sync_fail_at(1);
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_TEMPORARY);
	cr_assert_str_eq(get(box), before);
}

static int
count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int n = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* A detail names a folder that the user has made, and no path out of the Maildir. */
Test(method, maildir_details)
{
	static const char *const details[] = {"box", "none", ".", "..", "box/new", "./new"};
	char text[64], path[128];
	struct agent_job j = job(none);

	cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_DELIVERED);
	snprintf(path, sizeof(path), "%s/Maildir/.box", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		snprintf(text, sizeof(text), "joe+%s@d.test", details[i]);
		j.address = text;
		cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_DELIVERED);
	}
	strcat(path, "/new");
	cr_assert_eq(count_files(path), 1);
	snprintf(path, sizeof(path), "%s/Maildir/new", folder);
	cr_assert_eq(count_files(path), 6);
	cr_assert_eq(count_files(folder), 1);
	snprintf(path, sizeof(path), "rm -r %s/Maildir", folder);
	cr_assert_eq(system(path), 0);
}

/* Cut somewhere, it would be that of another folder. */
Test(method, maildir_whose_path_is_too_long)
{
	char text[AGENT_PATH + 1] = "~/";
	struct agent_job j = job(text);
	struct agent_result r;

	for (size_t i = 2; i < AGENT_PATH; i++)
		text[i] = i % 100 == 0 ? '/' : 'x';
	r = agent_maildir(&j);
	cr_assert_eq(r.outcome, OUTCOME_TEMPORARY);
	cr_assert(strstr(r.text, "too long") != NULL, "%s", r.text);
	cr_assert_eq(count_files(folder), 0);
}

/* What is new has its name on the disk before anybody hears of success. */
Test(method, new_folders_and_files_are_synced)
{
	char path[64];
	struct agent_job j = job(none);

	snprintf(path, sizeof(path), "%s/Maildir", folder);
	cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_DELIVERED);
	cr_assert(sync_was(folder));
	cr_assert(sync_was(path));
	strcat(path, "/new");
	cr_assert(sync_was(path));
	snprintf(path, sizeof(path), "rm -r %s/Maildir", folder);
	cr_assert_eq(system(path), 0);
	sync_forget();
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_DELIVERED);
	cr_assert(sync_was(folder));
	sync_forget();
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_DELIVERED);
	cr_assert_not(sync_was(folder), "it was there already");
	sync_forget();
	cr_assert_eq(truncate(box, 0), 0);
	sync_fail_at(2);
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_TEMPORARY);
	cr_assert_str_eq(get(box), "");
	cr_assert_eq(unlink(box), 0);
}

/* The file before it has its name in new, the folder before anybody hears of success. */
Test(method, maildir_that_is_not_synced)
{
	char path[64];
	struct agent_job j = job(none);

	snprintf(path, sizeof(path), "%s/Maildir/new", folder);
	cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_DELIVERED);
	sync_fail_at(1);
	cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_TEMPORARY);
	cr_assert_eq(count_files(path), 1);
	sync_fail_at(2);
	cr_assert_eq(agent_maildir(&j).outcome, OUTCOME_TEMPORARY);
	snprintf(path, sizeof(path), "rm -r %s/Maildir", folder);
	cr_assert_eq(system(path), 0);
}

Test(method, mbox_lock_left_behind)
{
	struct agent_job j = job(box);
	struct timespec times[2] = {{.tv_sec = time(NULL) - LIMIT_LOCK_SECONDS - 5}};

	times[1] = times[0];
	put(lock, "4711\n");
	cr_assert(utimensat(AT_FDCWD, lock, times, 0) == 0);
	cr_assert_eq(agent_mbox(&j, box).outcome, OUTCOME_DELIVERED);
	cr_assert(access(lock, F_OK) < 0);
}

Test(method, mbox_lock_of_a_living_one)
{
	struct agent_job j = job(box);
	struct agent_result r;

	j.seconds = 20;
	put(lock, "4711\n");
	r = agent_mbox(&j, box);
	cr_assert_eq(r.outcome, OUTCOME_TEMPORARY);
	cr_assert(strstr(r.text, "locked") != NULL, "%s", r.text);
	cr_assert(access(lock, F_OK) == 0 && access(box, F_OK) < 0);
}

/* A command that goes on for ever ends with all that it started: nobody writes any more. */
Test(method, command_without_end)
{
	struct agent_job j = job(
	    (char[]){"sh -c 'while :; do date +%N >> box; sleep 0.05; done' & sleep 100; true"});
	struct stat before = {0}, after;
	struct agent_result r;
	char text[64];

	/* It must have begun, which on a busy machine may take its time. */
	for (j.seconds = 1; before.st_size == 0 && j.seconds < 100; j.seconds *= 3) {
		r = agent_command(&j);
		cr_assert_eq(r.outcome, OUTCOME_TEMPORARY);
		snprintf(
		    text, sizeof(text), "the command took more than %d seconds", (int)j.seconds);
		cr_assert_str_eq(r.text, text);
		(void)!stat(box, &before);
	}
	cr_assert_gt(before.st_size, 0);
	usleep(300000);
	cr_assert(stat(box, &after) == 0);
	cr_assert_eq(after.st_size, before.st_size, "what it started goes on");
}

Test(method, command_outcomes)
{
	static const struct {
		const char *command;
		enum outcome outcome;
		const char *status;
	} cases[] = {
	    {"cat > box", OUTCOME_DELIVERED, "2.0.0"},
	    {"exit 75", OUTCOME_TEMPORARY, "4.2.0"},
	    {"exit 67", OUTCOME_PERMANENT, "5.1.1"},
	    {"exit 77", OUTCOME_PERMANENT, "5.7.1"},
	    {"exit 1", OUTCOME_PERMANENT, "5.0.0"},
	    {"kill -9 $$", OUTCOME_TEMPORARY, "4.2.0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char command[32];
		struct agent_job j = job(command);
		struct agent_result r;

		strcpy(command, cases[i].command);
		r = agent_command(&j);
		cr_assert_eq(r.outcome, cases[i].outcome, "%s: %s", command, r.text);
		cr_assert_str_eq(r.status, cases[i].status, "%s", command);
	}
	cr_assert_str_eq(get(box),
	    "Return-Path: <ann@s.test>\nDelivered-To: joe@d.test\nSubject: x\n\nFrom here\n");
}

/* A server that says these replies, one for each line it gets outside the message, and hangs up. */
static _Noreturn void
serve(int fd, const char *replies)
{
	static char line[1000];
	FILE *in = fdopen(fd, "r");
	bool in_message = false;

	while (*replies != '\0') {
		size_t len = strcspn(replies, "|");

		if (write(fd, replies, len) != (ssize_t)len)
			_exit(1);
		in_message = strncmp(replies, "354", 3) == 0;
		replies += len + (replies[len] == '|');
		if (*replies == '\0')
			break;
		do {
			if (fgets(line, sizeof(line), in) == NULL)
				_exit(1);
		} while (in_message && strcmp(line, ".\r\n") != 0);
	}
	_exit(0);
}

static struct agent_result
deliver_job(struct agent_job j, const char *replies)
{
	struct agent_result r;
	int ends[2], status;
	pid_t pid;

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		serve(ends[1], replies);
	}
	close(ends[1]);
	r = agent_lmtp(&j, ends[0]);
	waitpid(pid, &status, 0);
	return r;
}

static struct agent_result
deliver_to(const char *replies)
{
	return deliver_job(job(none), replies);
}

/* Only the reply behind the message says that the server has it. */
Test(method, lmtp_outcomes)
{
#define HELLO "220 here\r\n|250-here\r\n250 PIPELINING\r\n|250 ok\r\n"
	static const struct {
		const char *replies;
		enum outcome outcome;
		const char *status;
	} cases[] = {
	    {HELLO "|250 ok\r\n|354 go\r\n|250 kept\r\n", OUTCOME_DELIVERED, "2.0.0"},
	    {HELLO "|251 will forward\r\n|354 go\r\n|250 kept\r\n", OUTCOME_DELIVERED, "2.0.0"},
	    {HELLO "|250 ok\r\n|354 go\r\n|552 5.2.2 full\r\n", OUTCOME_PERMANENT, "5.2.2"},
	    {HELLO "|250 ok\r\n|354 go\r\n|452 later\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {HELLO "|550 5.1.1 nobody\r\n", OUTCOME_PERMANENT, "5.1.1"},
	    {HELLO "|250 ok\r\n|250 what?\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {HELLO, OUTCOME_TEMPORARY, "4.2.0"},
	    {HELLO "|250 ok\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {HELLO "|250 ok\r\n|354 go\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {HELLO "|250 ok\r\n|354 go\r\n|250-half\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {"220 here\r\n|250-half\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {"220 here\r\n|500 what is LHLO?\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {"554 5.3.2 closed\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {"220-half\r\n", OUTCOME_TEMPORARY, "4.2.0"},
	    {"", OUTCOME_TEMPORARY, "4.2.0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct agent_result r = deliver_to(cases[i].replies);

		cr_assert_eq(r.outcome, cases[i].outcome, "case %zu: %s", i, r.text);
		cr_assert_str_eq(r.status, cases[i].status, "case %zu", i);
	}
}

/* The server is not to blame. */
Test(method, lmtp_of_a_message_that_cannot_be_read)
{
	struct agent_job j = job(none);
	struct agent_result r;

	put(box, "Subject: cut\r\n");
	j.octets = NULL;
	j.fd = open(box, O_RDONLY);
	j.size = 1000;
	r = deliver_job(j, HELLO "|250 ok\r\n|354 go\r\n|250 kept\r\n");
	cr_assert_eq(r.outcome, OUTCOME_TEMPORARY);
	cr_assert(strstr(r.text, "cannot read") != NULL, "%s", r.text);
	close(j.fd);
}
