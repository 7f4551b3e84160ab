#include "tests/unit/unit.h"

#include "smtpd/parent/child/keyfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

UNIT_SUITE(keyfile);

static char path[] = "/tmp/kurir-key-XXXXXX";

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
write_key(const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void
is_given(const char *text)
{
	int fd;
	char got[16] = "";

	cr_assert(keyfiles_give(0, &fd));
	cr_assert_geq(fd, 0);
	cr_assert_geq(pread(fd, got, sizeof(got) - 1, 0), 0);
	cr_assert_str_eq(got, text);
	close(fd);
}

static void
is_none(size_t pki, const char *why)
{
	int fd;

	cr_assert(keyfiles_give(pki, &fd), "%s", why);
	cr_assert_eq(fd, -1, "%s", why);
}

/* That is another thing than a key that is none: whoever lacks it must ask again. */
static void
is_refused_without_descriptors(void)
{
	struct rlimit was, few = {.rlim_cur = 0};
	int fd;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	few.rlim_max = was.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_not(keyfiles_give(0, &fd));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* A renewal puts another file in the place of a key, whose certificate is not in force yet. */
Test(keyfile, is_of_the_configuration_in_force)
{
	struct conf_pki pkis[] = {{.name = SLICE("a"), .key_path = slice_of(path)},
	    {.name = SLICE("b"), .key_path = SLICE("/nonexistent/key")}};
	struct conf c = {.pkis = pkis, .pki_count = 1}, none = {.pki_count = 0};
	struct conf half = {.pkis = pkis, .pki_count = 2};
	struct error why = {""};
	int before;

	close(mkstemp(path));
	before = open_descriptors();
	write_key("one");
	cr_assert(keyfiles_open(&c, &why));
	keyfiles_hold();
	unlink(path);
	write_key("two");
	is_given("one");
	is_given("one");
	is_none(1, "there is none");
	is_refused_without_descriptors();
	cr_assert_not(keyfiles_open(&half, &why), "a configuration has all its keys or is refused");
	cr_assert_str_eq(why.text, "cannot open /nonexistent/key: No such file or directory");
	is_given("one");
	cr_assert_eq(open_descriptors(), before + 1);
	cr_assert(keyfiles_open(&c, &why));
	keyfiles_drop();
	is_given("one");
	for (int i = 0; i < 10; i++) {
		cr_assert(keyfiles_open(&c, &why));
		keyfiles_hold();
	}
	is_given("two");
	cr_assert_eq(open_descriptors(), before + 1, "one for each key, however often");
	cr_assert(keyfiles_open(&none, &why));
	keyfiles_hold();
	cr_assert_eq(open_descriptors(), before);
	unlink(path);
}
