#include "smtpd/resolver/reverse.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "smtpd/resolver/query.h"
#include "smtpd/resolver/rdata.h"

#include <string.h>

struct reverse {
	struct ipc_asker asker;
	unsigned char address[16];
	size_t len;
	char name[LIMIT_DOMAIN + 1];
};

static size_t open_count; /* names that are looked for */

static void
finish(struct reverse *r, enum ar_status status, bool confirmed)
{
	struct ar_name n = {
	    .status = (uint8_t)status, .name = slice_of(r->name), .confirmed = confirmed};

	ar_name_send(ipc_asker_channel(&r->asker), r->asker.id, &n, -1);
	open_count--;
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
	finish(r, a->status == QUERY_FAILED || a->status == QUERY_BOGUS ? DNS_TEMPORARY : DNS_NONE,
	    false);
}

void
reverse_answer(struct ipc_asker asker, const struct ar_ptr *q)
{
	struct reverse *r = mem_zero(sizeof(*r));
	char name[LIMIT_DOMAIN + 1];

	r->asker = asker;
	r->len = q->address.len;
	memcpy(r->address, q->address.data, q->address.len);
	if (open_count++ >= LIMIT_POINTERS)
		finish(r, DNS_TEMPORARY, false);
	else if (rdata_reverse(q->address, name))
		query_ask(name, QUERY_PTR, on_ptr, r);
	else
		finish(r, DNS_NONE, false);
}
