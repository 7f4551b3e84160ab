#include "smtpd/lookup/route.h"

#include "common/base/mem.h"
#include "common/conf/child.h"
#include "common/ipc/lookup_parent.h"
#include "common/net/loop.h"
#include "smtpd/lookup/expand.h"

enum { FORWARD_SECONDS = 30 };

struct route {
	struct ipc_asker asker;
	struct expansion *expansion;
	bool lasts; /* no file of a user's was read for it */
};

static void
on_done(void *owner)
{
	struct route *r = owner;
	struct channel *c = ipc_asker_channel(&r->asker);
	struct al_route_is is = {0};

	is.result = (uint8_t)expand_result(r->expansion, &is.reply);
	for (size_t i = 0; is.result == ROUTE_OK && i < expand_count(r->expansion); i++) {
		struct al_recipient to = expand_recipient(r->expansion, i);

		if (to.transport == TRANSPORT_MAILBOX)
			to.mailbox = server_mailbox_of(to.user);
		if (!al_recipient_send(c, r->asker.id, &to, -1))
			is.result = ROUTE_TEMPORARY;
	}
	is.lasts = is.result == ROUTE_OK && r->lasts && expand_count(r->expansion) == 1;
	al_route_is_send(c, r->asker.id, &is, -1);
	expand_free(r->expansion);
	free(r);
}

static void
on_forward(void *owner, struct ipc_message *m)
{
	struct route *r = owner;
	const struct lp_forward_is *is = m->body;

	if (m->schema != &lp_forward_is_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	channel_done(m->channel, m->id);
	expand_forward(r->expansion, child_conf(), (enum lp_forward_result)is->result, is->content);
}

static void
on_forward_ended(void *owner, enum channel_end why)
{
	struct route *r = owner;

	expand_forward(r->expansion, child_conf(), FORWARD_TEMPORARY, SLICE(""));
}

static bool
ask_forward(void *owner, struct slice user)
{
	struct route *route = owner;
	struct channel_request r = {.answer = on_forward,
	    .ended = on_forward_ended,
	    .owner = owner,
	    .deadline = SPAN_SECONDS(FORWARD_SECONDS)};
	struct lp_forward q = {.user = user};

	route->lasts = false;
	return lp_forward_ask(child_parent(), &r, &q) != 0;
}

void
route_answer(struct ipc_asker asker, const struct al_route *q)
{
	struct route *r = mem_zero(sizeof(*r));
	struct expand_options o = {.ask_forward = ask_forward, .done = on_done, .owner = r};

	r->asker = asker;
	r->lasts = true;
	r->expansion = expand_new(q, &o);
	expand_start(r->expansion, child_conf());
}
