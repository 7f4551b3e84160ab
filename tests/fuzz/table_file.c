/*
 * Files of tables and aliases: read or refused with a place and a reason; what is in a list or a
 * mapping is found again, and aliases name targets.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "smtpd/lookup/table.h"
#include "smtpd/lookup/target.h"

#include <unistd.h>

enum { FOUND = 200 }; /* entries that are looked up again; the rest is as they are */

static char path[] = "/tmp/kurir-fuzz-XXXXXX";
static int fd = -1;

static void
remove_file(void)
{
	unlink(path);
}

static void
put_in_file(struct slice text)
{
	if (fd < 0) {
		fd = mkstemp(path);
		atexit(remove_file);
	}
	PROPERTY(fd >= 0 && ftruncate(fd, 0) == 0);
	PROPERTY(pwrite(fd, text.data, text.len, 0) == (ssize_t)text.len);
}

static void
check_targets(struct slice value)
{
	struct target t;

	target_init(&t);
	while (target_next(&value, &t))
		PROPERTY(t.kind == TARGET_WRONG || t.text.len <= LIMIT_TARGET);
	target_fini(&t);
}

static size_t
check_entry(const struct content *c, size_t i)
{
	struct slice key, value, found = {NULL, 0};

	content_entry(c, i, &key, &value);
	PROPERTY(key.len > 0 && slice_find(key, '\n') < 0 && slice_find(key, '\0') < 0);
	PROPERTY(key.data[0] != ' ' && key.data[0] != '\t' && key.data[0] != '#');
	PROPERTY(slice_find(value, '\n') < 0 && slice_find(value, '\0') < 0);
	if (i < FOUND) {
		PROPERTY(content_find(c, key, &found) && slice_equal(found, value));
		check_targets(value);
	}
	return key.len + value.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table t = {.path = path};
	struct slice in = fuzz_slice(data, size);
	struct error why = {""};
	struct content *c;
	size_t octets = 0;

	put_in_file(in);
	c = table_file.load(&t, NULL, &why);
	PROPERTY((c == NULL) == (why.text[0] != '\0'));
	PROPERTY(c == NULL || slice_find(in, '\0') < 0);
	for (size_t i = 0; c != NULL && i < content_count(c); i++)
		octets += check_entry(c, i);
	PROPERTY(octets <= size);
	content_free(c);
	return 0;
}
