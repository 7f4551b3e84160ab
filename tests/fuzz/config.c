/* smtpd.conf: read or refused with a sentence; what is read is written in one form that reads the same. */
#include "tests/fuzz/fuzz.h"

#include "common/base/error.h"
#include "smtpd/parent/config/config.h"

#include <unistd.h>

/* What the lexer opens is a file: one for what comes in, one for what was written. */
static char paths[2][32] = {"/tmp/kurir-fuzz-XXXXXX", "/tmp/kurir-fuzz-XXXXXX"};
static int fds[2] = {-1, -1};

static void
remove_files(void)
{
	for (int i = 0; i < 2; i++)
		unlink(paths[i]);
}

static const char *
put_in_file(int which, struct slice text)
{
	if (fds[0] < 0) {
		fds[0] = mkstemp(paths[0]);
		fds[1] = mkstemp(paths[1]);
		atexit(remove_files);
	}
	PROPERTY(fds[which] >= 0 && ftruncate(fds[which], 0) == 0);
	PROPERTY(pwrite(fds[which], text.data, text.len, 0) == (ssize_t)text.len);
	return paths[which];
}

static char *
print(const struct conf *c, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	PROPERTY(f != NULL);
	config_print(c, f);
	fclose(f);
	return text;
}

static void
check_printed(const struct conf *c)
{
	struct config_options o = {0};
	struct error why = {{0}};
	size_t len, again_len;
	char *text = print(c, &len), *again_text;
	struct conf *again;

	o.path = put_in_file(1, slice_make(text, len));
	again = config_read(&o, &why);
	if (again == NULL)
		fprintf(stderr, "%s\n%s\n", why.text, text);
	PROPERTY(again != NULL);
	again_text = print(again, &again_len);
	PROPERTY(slice_equal(slice_make(text, len), slice_make(again_text, again_len)));
	conf_free(again);
	free(text);
	free(again_text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_options o = {.path = put_in_file(0, fuzz_slice(data, size))};
	struct error why = {{0}};
	struct conf *c = config_read(&o, &why);

	if (c == NULL)
		PROPERTY(why.text[0] != '\0');
	else
		check_printed(c);
	conf_free(c);
	return 0;
}
