#include "tests/unit/smtpd/lookup/world.h"

#include "common/net/loop.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

char *__real_crypt_rn(const char *secret, const char *setting, void *data, int size);
char *__wrap_crypt_rn(const char *secret, const char *setting, void *data, int size);

struct world_hashes world_hashes;
static char folder[64];

char *
__wrap_crypt_rn(const char *secret, const char *setting, void *data, int size)
{
	world_hashes.count++;
	snprintf(world_hashes.setting, sizeof(world_hashes.setting), "%s", setting);
	return __real_crypt_rn(secret, setting, data, size);
}

static void
on_broken(void)
{
	cr_assert(false, "the accounts broke");
}

static const char *
make_folder(void)
{
	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "/tmp/kurir-lookup-XXXXXX");
		cr_assert_not_null(mkdtemp(folder));
	}
	return folder;
}

struct conf *
world_conf(void)
{
	struct conf *c = conf_new();
	struct conf_global g = {.hostname = SLICE("mail.example.org"), .sub_addr_delim = '+'};

	conf_set_global(c, &g);
	return c;
}

void
world_begin(struct conf *c, const char *const names[], size_t count)
{
	struct error why = {""};
	char path[128];

	loop_init();
	snprintf(path, sizeof(path), "%s/accounts.db", make_folder());
	cr_assert(accounts_open(path, on_broken, &why), "%s", why.text);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(accounts_add(slice_of(names[i]), SLICE("*")), ACCOUNTS_OK);
	host_apply(c);
	tables_apply(c);
}

static void
remove_folder(void)
{
	static const char *const endings[] = {
	    "accounts.db", "accounts.db-wal", "accounts.db-shm", "file", "other"};
	char path[128];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, endings[i]);
		unlink(path);
	}
	rmdir(folder);
	folder[0] = '\0';
}

void
world_end(struct conf *c)
{
	tables_free();
	host_free();
	accounts_close();
	loop_fini();
	conf_free(c);
	remove_folder();
}

void
world_add_table(struct conf *c, const char *name, enum conf_backend backend, const char *path)
{
	struct conf_table t = {
	    .name = slice_of(name), .backend = (uint8_t)backend, .path = slice_of(path)};

	conf_add_table(c, &t);
}

void
world_add_entry(struct conf *c, const char *key, const char *value)
{
	struct conf_entry e = {
	    .key = slice_of(key), .value = slice_of(value), .has_value = value != NULL};

	conf_add_entry(c, &e);
}

static uint8_t
subject_of(struct slice words)
{
	static const char *const subjects[] = {"from any", "from local", "from socket", "from auth",
	    "from mail-from", "from rdns", "from src", "for any", "for local", "for domain",
	    "for rcpt-to", "auth", "helo", "mail-from", "rcpt-to", "tag", "tls"};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (slice_equal_text(words, subjects[i]))
			return (uint8_t)i;
	cr_assert(false, "no subject: %.*s", SLICE_FMT(words));
	return 0;
}

void
world_add_match(struct conf *c, const char *conditions, const char *action)
{
	struct conf_match m = {
	    .line = (uint32_t)c->match_count + 1, .reject = strcmp(action, "reject") == 0};
	struct slice rest = slice_of(conditions), one;

	if (!m.reject)
		m.action = slice_of(action);
	conf_add_match(c, &m);
	while (slice_split(&rest, ',', &one)) {
		struct conf_condition n = {0};
		ptrdiff_t open;

		one = slice_trim(one);
		n.negated = slice_has_prefix(one, SLICE("!"));
		one = slice_trim(slice_from(one, n.negated));
		open = slice_find(one, '<');
		if (open >= 0) {
			n.table = slice_sub(one, (size_t)open + 1, one.len - (size_t)open - 2);
			one = slice_trim(slice_sub(one, 0, (size_t)open));
		}
		n.regex = slice_has_suffix_nocase(one, SLICE(" regex"));
		n.subject = subject_of(n.regex ? slice_sub(one, 0, one.len - 6) : one);
		conf_add_condition(c, &n);
	}
}

const char *
world_file(const char *name, const char *content)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", make_folder(), name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(content, 1, strlen(content), f), strlen(content));
	cr_assert_eq(fclose(f), 0);
	return path;
}
