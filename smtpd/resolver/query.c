#include "smtpd/resolver/query.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"

#include <stdio.h>
#include <string.h>
#include <unbound.h>

enum { CLASS_IN = 1, RCODE_NXDOMAIN = 3, SERVER_TEXT = 128 };
enum { HEADER = 12, TRUNCATED = 2 }; /* octets, and a bit of the third (RFC 1035 4.1.1) */

struct query {
	void (*answer)(void *owner, const struct query_answer *a);
	void *owner;
	struct task refused; /* tells the owner next turn that libunbound would not ask */
};

static struct ub_ctx *context;
static size_t open_queries;
static struct io *io;

static bool
use_servers(struct slice servers, struct error *why)
{
	struct slice server;

	while (slice_word(&servers, &server)) {
		char text[SERVER_TEXT];

		if (!slice_copy(server, text, sizeof(text)) || ub_ctx_set_fwd(context, text) != 0)
			return error_set(why,
			    "resolver: \"%.*s\" is not an address (write 192.0.2.1 or "
			    "192.0.2.1@5353)",
			    SLICE_FMT(server));
	}
	return true;
}

/* libunbound opens its files at the first question: this one, which needs no network. */
static bool
finalize(struct error *why)
{
	struct ub_result *result = NULL;
	char name[] = "localhost";
	int code = ub_resolve(context, name, QUERY_A, CLASS_IN, &result);

	ub_resolve_free(result);
	return code == 0 || error_set(why, "cannot start the resolver: %s", ub_strerror(code));
}

bool
query_init(struct slice servers, struct slice trust_anchor, struct error *why)
{
	char path[1024];

	context = ub_ctx_create();
	if (context == NULL)
		return error_set(why, "cannot create a resolver context");
	ub_ctx_async(context, 1);
	ub_ctx_set_option(context, "do-not-query-localhost:", "no");
	ub_ctx_set_option(context, "num-threads:", "1");
	/* A library's own 16 and 2 are soon taken by names whose servers say nothing. */
	ub_ctx_set_option(context, "outgoing-range:", "1024");
	ub_ctx_set_option(context, "outgoing-num-tcp:", "128");
	ub_ctx_set_option(context, "unblock-lan-zones:", "yes");
	if (servers.len > 0 && !use_servers(servers, why))
		return false;
	if (servers.len == 0)
		ub_ctx_resolvconf(context, NULL);
	ub_ctx_hosts(context, NULL);
	if (trust_anchor.len > 0 && (!slice_copy(trust_anchor, path, sizeof(path)) ||
					ub_ctx_add_ta_file(context, path) != 0))
		return error_set(
		    why, "cannot read the DNSSEC trust anchor %.*s", SLICE_FMT(trust_anchor));
	/* libunbound answers for test. itself (RFC 6761); an administrator's own server knows
	 * better. */
	if (servers.len > 0)
		ub_ctx_zone_add(context, "test.", "nodefault");
	return finalize(why);
}

static void
on_ready(void *owner, int events)
{
	ub_process(context);
}

bool
query_start_serving(struct error *why)
{
	int fd = ub_fd(context);

	if (fd < 0)
		return error_set(why, "the resolver has no descriptor to wait on");
	io = io_new(fd, on_ready, NULL);
	io_want(io, IO_READ);
	return true;
}

/* An answer that did not fit anywhere, and of which nothing is left but that it was cut (RFC 2181
 * 9). */
static bool
is_cut(const struct ub_result *r)
{
	const unsigned char *header = r->answer_packet;

	return !r->havedata && r->answer_len >= HEADER && (header[2] & TRUNCATED) != 0;
}

static enum query_status
status_of(int code, const struct ub_result *r)
{
	if (code != 0 || r == NULL || is_cut(r))
		return QUERY_FAILED;
	if (r->bogus)
		return QUERY_BOGUS;
	if (r->havedata)
		return QUERY_FOUND;
	if (r->nxdomain || r->rcode == RCODE_NXDOMAIN)
		return QUERY_NO_NAME;
	return r->rcode == 0 ? QUERY_NO_DATA : QUERY_FAILED;
}

static const char *
reason_of(enum query_status status, const struct ub_result *r)
{
	switch (status) {
	case QUERY_FOUND:
		return "";
	case QUERY_NO_DATA:
		return "no such records";
	case QUERY_NO_NAME:
		return "no such domain";
	case QUERY_BOGUS:
		return r->why_bogus != NULL ? r->why_bogus : "DNSSEC validation failed";
	case QUERY_FAILED:
		return "the DNS does not answer";
	}
	return "";
}

static void
on_result(void *arg, int code, struct ub_result *r)
{
	struct query *q = arg;
	struct slice records[LIMIT_RECORDS];
	struct query_answer a = {.status = status_of(code, r), .records = records};

	a.reason = reason_of(a.status, r);
	a.secure = r != NULL && r->secure;
	for (int i = 0; a.status == QUERY_FOUND && r->data[i] != NULL && a.count < LIMIT_RECORDS;
	     i++)
		records[a.count++] = slice_make(r->data[i], (size_t)r->len[i]);
	open_queries--;
	q->answer(q->owner, &a);
	ub_resolve_free(r);
	free(q);
}

static void
on_refused(void *owner)
{
	struct query *q = owner;
	struct query_answer a = {.status = QUERY_FAILED, .reason = "the resolver is busy"};

	q->answer(q->owner, &a);
	free(q);
}

void
query_ask(const char *name, enum query_type type,
    void (*answer)(void *owner, const struct query_answer *a), void *owner)
{
	struct query *q = mem_zero(sizeof(*q));
	char copy[256];

	q->answer = answer;
	q->owner = owner;
	task_init(&q->refused, on_refused, q);
	snprintf(copy, sizeof(copy), "%s", name);
	if (open_queries >= LIMIT_QUERIES ||
	    ub_resolve_async(context, copy, (int)type, CLASS_IN, q, on_result, NULL) != 0)
		task_queue(&q->refused);
	else
		open_queries++;
}
