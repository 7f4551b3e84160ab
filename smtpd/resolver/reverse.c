#include "smtpd/resolver/reverse.h"

#include "common/base/mem.h"
#include "common/ipc/any_resolver.h"
#include "smtpd/resolver/query.h"
#include "smtpd/resolver/rdata.h"

#include <string.h>
#include <sys/queue.h>

struct reverse {
	LIST_ENTRY(reverse) link;
	struct channel *channel;      /* NULL: nobody waits any more */
	uint32_t id;
	unsigned char address[16];
	size_t len;
	char name[LIMIT_DOMAIN + 1];
};

static LIST_HEAD(, reverse) reverses = LIST_HEAD_INITIALIZER(reverses);

static void
finish(struct reverse *r, enum ar_status status, bool confirmed)
{
	struct ar_name n = {.status = (uint8_t)status, .name = slice_of(r->name), .confirmed = confirmed};

	if (r->channel != NULL)
		ar_name_send(r->channel, r->id, &n, -1);
	LIST_REMOVE(r, link);
	free(r);
}

static void
on_forward(void *owner, const struct query_answer *a)
{
	struct reverse *r = owner;
	bool found = false;

	for (size_t i = 0; i < a->count; i++)
		found |= slice_equal(a->records[i], slice_make((const char *)r->address, r->len));
	finish(r, DNS_OK, found);
}

static void
on_ptr(void *owner, const struct query_answer *a)
{
	struct reverse *r = owner;

	if (a->status == QUERY_FOUND && a->count > 0 && rdata_name(a->records[0], r->name) &&
	    r->name[0] != '\0') {
		query_ask(r->name, r->len == 4 ? QUERY_A : QUERY_AAAA, on_forward, r);
		return;
	}
	r->name[0] = '\0';
	finish(r, a->status == QUERY_FAILED || a->status == QUERY_BOGUS ? DNS_TEMPORARY : DNS_NONE, false);
}

void
reverse_answer(struct ipc_message *m)
{
	const struct ar_ptr *p = m->body;
	struct reverse *r = mem_zero(sizeof(*r));
	char name[LIMIT_DOMAIN + 1];

	r->channel = m->channel;
	r->id = m->id;
	r->len = p->address.len;
	memcpy(r->address, p->address.data, p->address.len);
	LIST_INSERT_HEAD(&reverses, r, link);
	if (rdata_reverse(p->address, name))
		query_ask(name, QUERY_PTR, on_ptr, r);
	else
		finish(r, DNS_NONE, false);
}

void
reverse_forget(struct channel *c)
{
	struct reverse *r;

	LIST_FOREACH (r, &reverses, link) {
		if (r->channel == c)
			r->channel = NULL;
	}
}
