#include "common/ipc/request.h"

#include "common/base/mem.h"
#include "common/net/loop.h"

#include <stdlib.h>

struct request {
	struct requests *among;
	uint32_t id;
	struct channel_request r;
	struct timer timer;
};

void
requests_init(struct requests *t, size_t most)
{
	*t = (struct requests){.next_id = 1, .most = most};
	hash_init(&t->open);
}

void
requests_fini(struct requests *t)
{
	hash_fini(&t->open);
}

static void
end(struct request *r)
{
	hash_remove(&r->among->open, HASH_NUMBER(r->id));
	timer_stop(&r->timer);
	free(r);
}

static void
on_deadline(void *owner)
{
	struct request *r = owner;
	struct channel_request ended = r->r;

	end(r);
	ended.ended(ended.owner, CHANNEL_LATE);
}

/* An id that no open request has. */
static uint32_t
take_id(struct requests *t)
{
	uint32_t id;

	do {
		id = t->next_id++;
		if (t->next_id == 0) { /* four thousand million requests on: begin anew */
			t->next_id = 1;
			t->is_anew = true;
		}
	} while (t->is_anew && hash_find(&t->open, HASH_NUMBER(id)) != NULL);
	return id;
}

uint32_t
requests_open(struct requests *t, const struct channel_request *r)
{
	struct request *request;

	if (t->open.count >= t->most)
		return 0;
	request = mem_zero(sizeof(*request));
	request->among = t;
	request->id = take_id(t);
	request->r = *r;
	timer_init(&request->timer, on_deadline, request);
	hash_add(&t->open, HASH_NUMBER(request->id), request);
	if (r->deadline.ms > 0)
		timer_start(&request->timer, r->deadline);
	return request->id;
}

bool
requests_answer(struct requests *t, struct ipc_message *m)
{
	struct request *r = hash_find(&t->open, HASH_NUMBER(m->id));

	if (r == NULL)
		return false;
	r->r.answer(r->r.owner, m);
	return true;
}

bool
requests_had(const struct requests *t, uint32_t id)
{
	return id != 0 && (t->is_anew || id < t->next_id);
}

void
requests_done(struct requests *t, uint32_t id)
{
	struct request *r = hash_find(&t->open, HASH_NUMBER(id));

	if (r != NULL)
		end(r);
}

void
requests_fail(struct requests *t)
{
	while (t->open.count > 0) {
		struct hash_walk walk = {0};
		struct slice key;
		void *value;
		struct channel_request ended;

		hash_next(&t->open, &walk, &key, &value);
		ended = ((struct request *)value)->r;
		end(value);
		ended.ended(ended.owner, CHANNEL_DOWN);
	}
}
