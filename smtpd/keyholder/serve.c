/*
 * Invariants:
 * 1. A job is in its peer's queue or in the pool, never in both; it is freed when answered.
 * 2. A job whose peer was replaced meanwhile is answered to nobody.
 * 3. A peer is in the round if and only if its queue is not empty.
 */
#include "smtpd/keyholder/serve.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/ipc/any_keyholder.h"
#include "common/ipc/asker.h"
#include "common/net/loop.h"
#include "smtpd/keyholder/keys.h"
#include "smtpd/keyholder/sign_tls.h"

#include <sys/queue.h>

enum { IN_POOL = 4 };

struct job {
	STAILQ_ENTRY(job) link;
	struct ipc_asker asker;
	EVP_PKEY *key;
	uint16_t scheme;
	struct buf tbs;
	unsigned char signature[TLS_SIGNATURE];
	size_t len;
};

/* One neighbour's turn and allowance; its line is kept at the same index. */
struct peer {
	TAILQ_ENTRY(peer) link;
	struct channel *const *line;
	unsigned services; /* what this kind of process serves */
	STAILQ_HEAD(, job) queue;
	size_t queued;
	int64_t allowance;     /* signatures, in thousandths */
	struct moment counted; /* when the allowance was last made up */
	struct moment warned;
};

/* Who asks. The places of a kind, one for each instance, are behind those of the kind before. */
enum { LISTENERS, IMAPDS, POP3DS, KINDS, PEERS = KINDS * LIMIT_INSTANCES };

static const unsigned services[KINDS] = {
    [LISTENERS] = 1U << SERVICE_SMTP | 1U << SERVICE_SUBMISSION,
    [IMAPDS] = 1U << SERVICE_IMAP,
    [POP3DS] = 1U << SERVICE_POP3,
};

static struct {
	struct channel *lines[PEERS];
	struct peer peers[PEERS];
	TAILQ_HEAD(, peer) round;
	size_t in_pool;
	uint64_t made, refused;
} serve;

static void start_jobs(void);

static void
job_free(struct job *j)
{
	EVP_PKEY_free(j->key);
	buf_fini(&j->tbs);
	free(j);
}

static void
answer(const struct ipc_asker *a, const unsigned char *signature, size_t len)
{
	struct ak_signed m = {.ok = len > 0, .signature = slice_make((const char *)signature, len)};

	if (len > 0)
		serve.made++;
	else
		serve.refused++;
	ak_signed_send(ipc_asker_channel(a), a->id, &m, -1);
}

static void
run_job(void *arg)
{
	struct job *j = arg;

	j->len = sign_tls(j->key, j->scheme, buf_slice(&j->tbs), j->signature, TLS_SIGNATURE);
}

static void
on_job_done(void *arg)
{
	struct job *j = arg;

	serve.in_pool--;
	answer(&j->asker, j->signature, j->len);
	job_free(j);
	start_jobs();
}

static struct job *
next_job(void)
{
	struct peer *p = TAILQ_FIRST(&serve.round);
	struct job *j = STAILQ_FIRST(&p->queue);

	STAILQ_REMOVE_HEAD(&p->queue, link);
	p->queued--;
	TAILQ_REMOVE(&serve.round, p, link);
	if (p->queued > 0)
		TAILQ_INSERT_TAIL(&serve.round, p, link);
	return j;
}

static void
start_jobs(void)
{
	while (serve.in_pool < IN_POOL && !TAILQ_EMPTY(&serve.round)) {
		serve.in_pool++;
		work_start(run_job, on_job_done, next_job());
	}
}

static void
add_job(struct peer *p, const struct ipc_message *m, EVP_PKEY *key)
{
	const struct ak_sign *s = m->body;
	struct job *j = mem_zero(sizeof(*j));

	j->asker = ipc_asker_of(p->line, m);
	j->key = key;
	EVP_PKEY_up_ref(key);
	j->scheme = s->scheme;
	buf_add_slice(&j->tbs, s->tbs);
	STAILQ_INSERT_TAIL(&p->queue, j, link);
	if (p->queued++ == 0)
		TAILQ_INSERT_TAIL(&serve.round, p, link);
	start_jobs();
}

/* LIMIT_SIGNATURES a second, and no more at once. */
static bool
is_allowed(struct peer *p)
{
	struct moment now = loop_now();
	int64_t most = (int64_t)LIMIT_SIGNATURES * 1000;

	p->allowance += moment_between(p->counted, now).ms * LIMIT_SIGNATURES;
	p->counted = now;
	if (p->allowance > most)
		p->allowance = most;
	if (p->allowance < 1000)
		return false;
	p->allowance -= 1000;
	return true;
}

static void
refuse(struct peer *p, const struct ipc_message *m, const char *reason)
{
	struct ipc_asker asker = ipc_asker_of(p->line, m);
	struct moment now = loop_now();

	if (moment_reached(p->warned, now)) {
		log_warning("%s", reason);
		p->warned = moment_after(now, SPAN_SECONDS(1));
	}
	answer(&asker, NULL, 0);
}

static struct peer *
peer_at(struct channel **place)
{
	return &serve.peers[place - serve.lines];
}

static void
on_sign(void *owner, struct ipc_message *m)
{
	struct peer *p = peer_at(owner);
	const struct ak_sign *s = m->body;
	enum sign_shape shape = sign_tls_shape(s->tbs);
	EVP_PKEY *key = keys_find(s->key, p->services);

	if (shape == SHAPE_NONE)
		channel_violation(m->channel, "tbs");
	else if (key == NULL)
		refuse(p, m,
		    "a neighbour asks for a key that is not here, or is none of its services'");
	else if (!sign_tls_fits(key, s->scheme, shape))
		channel_violation(m->channel, "scheme");
	else if (!is_allowed(p) || p->queued >= LIMIT_HANDSHAKES)
		refuse(p, m, "more TLS handshakes than can be signed; some are refused");
	else
		add_job(p, m, key);
}

static void
on_up(struct channel **place)
{
	struct peer *p = peer_at(place);

	p->allowance = (int64_t)LIMIT_SIGNATURES * 1000;
	p->counted = p->warned = loop_now();
}

static void
on_down(struct channel **place, struct channel *gone)
{
	struct peer *p = peer_at(place);

	if (p->queued > 0)
		TAILQ_REMOVE(&serve.round, p, link);
	while (!STAILQ_EMPTY(&p->queue)) {
		struct job *j = STAILQ_FIRST(&p->queue);

		STAILQ_REMOVE_HEAD(&p->queue, link);
		job_free(j);
	}
	p->queued = 0;
}

static const struct ipc_handler handlers[] = {{&ak_sign_schema, on_sign}, {NULL, NULL}};

/* clang-format off */
const struct neighbour serve_neighbours[] = {
	{.role = SANDBOX_LISTENER, .lines = serve.lines + LISTENERS * LIMIT_INSTANCES,
	    .most = LIMIT_INSTANCES, .handlers = handlers, .up = on_up, .down = on_down},
	{.role = SANDBOX_IMAPD, .lines = serve.lines + IMAPDS * LIMIT_INSTANCES,
	    .most = LIMIT_INSTANCES, .handlers = handlers, .up = on_up, .down = on_down},
	{.role = SANDBOX_POP3D, .lines = serve.lines + POP3DS * LIMIT_INSTANCES,
	    .most = LIMIT_INSTANCES, .handlers = handlers, .up = on_up, .down = on_down},
	{0}
};
/* clang-format on */

void
serve_init(void)
{
	TAILQ_INIT(&serve.round);
	for (size_t i = 0; i < PEERS; i++) {
		struct peer *p = &serve.peers[i];

		p->line = &serve.lines[i];
		p->services = services[i / LIMIT_INSTANCES];
		STAILQ_INIT(&p->queue);
	}
}

uint64_t
serve_signed(void)
{
	return serve.made;
}

uint64_t
serve_refused(void)
{
	return serve.refused;
}
