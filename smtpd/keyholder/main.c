/*
 * keyholder: has the private keys, and signs TLS handshakes for those who speak TLS. It has no
 * files and no network; no key ever leaves it.
 */
#include "common/base/log.h"
#include "common/conf/child.h"
#include "common/conf/status.h"
#include "common/net/loop.h"
#include "smtpd/keyholder/keys.h"
#include "smtpd/keyholder/serve.h"

#include <unistd.h>

/* As long as a session may wait before it says STARTTLS (RFC 5321 4.5.3.2.7). */
enum { REPLACED_SECONDS = 300 };

static struct timer forget;
static bool is_root; /* when it started: what its key files are held to */
static bool failed;
static struct error first_failure;

static void
on_key(struct slice pki, int fd)
{
	struct error why = {""};

	if (keys_load(pki, fd, is_root, &why))
		return;
	log_error("%s", why.text);
	if (!failed)
		first_failure = why;
	failed = true;
}

static void
on_forget(void *owner)
{
	keys_forget();
}

static bool
start(const struct conf *c, struct error *why)
{
	timer_init(&forget, on_forget, NULL);
	if (failed)
		return error_set(why, "%s", first_failure.text);
	return keys_apply(c, why);
}

/* A key that cannot be used leaves its pki with the key it had; on_key() has said so. */
static void
apply(const struct conf *c)
{
	struct error why = {""};

	if (!keys_apply(c, &why))
		log_error("%s", why.text);
	timer_start(&forget, SPAN_SECONDS(REPLACED_SECONDS));
	failed = false;
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count counts[] = {
	    {"keys", "key", "keys", keys_count()},
	    {"signed", "handshake signed", "handshakes signed", serve_signed()},
	    {"refused", "refused", NULL, serve_refused()},
	};

	status_control(order, verb, json, counts, sizeof(counts) / sizeof(counts[0]));
}

int
main(int argc, char **argv)
{
	static const struct child keyholder = {
	    .name = "keyholder",
	    .role = SANDBOX_KEYHOLDER,
	    .start = start,
	    .apply = apply,
	    .neighbours = serve_neighbours,
	    .key = on_key,
	    .control = on_control,
	};
	int code;

	is_root = geteuid() == 0;
	serve_init();
	code = child_main(argc, argv, &keyholder);
	keys_fini();
	return code;
}
