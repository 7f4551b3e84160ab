/*
 * keyholder: has the private keys, and signs TLS handshakes for those who speak TLS. It has no
 * files and no network; no key ever leaves it.
 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/child.h"
#include "common/ipc/any_keyholder.h"
#include "common/net/loop.h"
#include "smtpd/keyholder/keys.h"
#include "smtpd/keyholder/sign_tls.h"


enum { PEERS = 4, INSTANCES = 64, SIGNATURE = 1024, IN_HAND = 256 };

/* A line to one process, and how many signatures it waits for. */
struct peer {
	struct channel *channel;
	unsigned in_hand;
};

struct job {
	struct peer *peer;
	struct channel *channel;      /* as it was when the question came */
	uint32_t id;
	EVP_PKEY *key;
	uint16_t scheme;
	struct buf tbs;
	unsigned char signature[SIGNATURE];
	size_t len;
};

static struct peer peers[PEERS][INSTANCES];
static bool failed;

static void
answer(struct channel *c, uint32_t id, const unsigned char *signature, size_t len)
{
	struct ak_signed m = {.ok = len > 0, .signature = slice_make((const char *)signature, len)};

	ak_signed_send(c, id, &m, -1);
}

static void
run_job(void *arg)
{
	struct job *j = arg;

	j->len = sign_tls(j->key, j->scheme, buf_slice(&j->tbs), j->signature, sizeof(j->signature));
}

static void
on_job_done(void *arg)
{
	struct job *j = arg;

	if (j->peer->channel == j->channel) {
		j->peer->in_hand--;
		answer(j->channel, j->id, j->signature, j->len);
	}
	EVP_PKEY_free(j->key);
	buf_fini(&j->tbs);
	free(j);
}

static void
on_sign(void *owner, struct ipc_message *m)
{
	struct peer *p = owner;
	const struct ak_sign *s = m->body;
	EVP_PKEY *key = keys_find(s->key);
	struct job *j;

	if (!sign_tls_is_handshake(s->tbs)) {
		channel_violation(m->channel, "tbs");
		return;
	}
	if (key == NULL || !sign_tls_fits(key, s->scheme) || p->in_hand >= IN_HAND) {
		answer(m->channel, m->id, NULL, 0);
		return;
	}
	j = mem_zero(sizeof(*j));
	j->peer = p;
	j->channel = m->channel;
	j->id = m->id;
	j->scheme = s->scheme;
	j->key = key;
	EVP_PKEY_up_ref(key);
	buf_add_slice(&j->tbs, s->tbs);
	p->in_hand++;
	work_start(run_job, on_job_done, j);
}

static void
on_down(void *owner)
{
	struct peer *p = owner;

	channel_close(p->channel);
	p->channel = NULL;
	p->in_hand = 0;
}

static void
on_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_handler handlers[] = {{&ak_sign_schema, on_sign}, {NULL, NULL}};
	int row = role == SANDBOX_LISTENER ? 0 : role == SANDBOX_IMAPD ? 1 : role == SANDBOX_POP3D ? 2 : 3;
	struct peer *p = &peers[row][instance];
	struct channel_options o = {
	    .peer = sandbox_title(role), .handlers = handlers, .down = on_down, .owner = p};

	if (p->channel != NULL)
		on_down(p);
	p->channel = channel_new(fd, &o);
}

static void
on_key(struct slice pki, int fd)
{
	struct error why = {""};

	if (!keys_load(pki, fd, &why)) {
		log_error("%s", why.text);
		failed = true;
	}
}

static bool
start(const struct conf *c, struct error *why)
{
	if (failed)
		return error_set(why, "a private key cannot be used; the log says which and why");
	keys_apply();
	return true;
}

static void
apply(const struct conf *c)
{
	if (!failed)
		keys_apply();
	failed = false;
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	if (!slice_equal_text(verb, "show status")) {
		control_done(order, 1, "keyholder does not know this order");
		return;
	}
	if (json)
		control_line(order, "{\"process\":\"keyholder\",\"keys\":%zu}", keys_count());
	else
		control_line(order, "keyholder: %zu keys", keys_count());
	control_done(order, 0, "");
}

int
main(int argc, char **argv)
{
	static const struct child keyholder = {
	    .name = "keyholder",
	    .role = SANDBOX_KEYHOLDER,
	    .start = start,
	    .apply = apply,
	    .peer = on_peer,
	    .key = on_key,
	    .control = on_control,
	};

	return child_main(argc, argv, &keyholder);
}
