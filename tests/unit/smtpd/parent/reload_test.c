#include "tests/unit/unit.h"

#include "smtpd/parent/reload.h"

#include <signal.h>
#include <unistd.h>

UNIT_SUITE(reload);

/* In the place of config.c's: what it makes of the file where it opens the keys. */
struct conf *__wrap_config_read(const struct config_options *o, struct error *why);

static enum { FINE, WRONG, DIES } keys;
static pid_t reader;
static bool opens_here;

struct conf *
__wrap_config_read(const struct config_options *o, struct error *why)
{
	if (getpid() == reader) {
		opens_here |= o->opens_keys;
		return conf_new();
	}
	if (keys == DIES)
		raise(SIGKILL);
	if (keys == WRONG && o->opens_keys)
		error_set(why, "a key fits nothing");
	return keys == WRONG && o->opens_keys ? NULL : conf_new();
}

/* Who reads keys that somebody made wrong may break; whoever goes on must not. */
Test(reload, what_reads_the_keys_is_another_process)
{
	struct config_options o = {.path = "x"};
	struct error why = {""};
	struct conf *c;

	reader = getpid();
	c = reload_read(&o, &why);
	cr_assert_not_null(c, "%s", why.text);
	conf_free(c);
	keys = WRONG;
	cr_assert_null(reload_read(&o, &why));
	cr_assert_str_eq(why.text, "a key fits nothing");
	keys = DIES;
	why.text[0] = '\0';
	cr_assert_null(reload_read(&o, &why));
	cr_assert_str_neq(why.text, "");
	cr_assert_not(opens_here);
}
