#include "smtpd/parent/orders/client.h"

#include "common/ipc/ctl_parent.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/orders/status.h"

#include <sysexits.h>

void
client_forget(struct client *c)
{
	buf_fini(&c->passed.verb);
	buf_fini(&c->passed.arguments);
	c->passed.after = 0;
}

void
client_done(struct client *c, int code, const char *error)
{
	struct cp_done m = {.code = (uint8_t)code, .error = slice_of(error)};

	cp_done_send(c->channel, c->order, &m, -1);
	c->order = 0;
	c->asked = NULL;
	client_forget(c);
}

void
client_text(struct client *c, struct slice text)
{
	struct cp_line m = {.text = text};

	cp_line_send(c->channel, c->order, &m, -1);
}

void
client_line(struct client *c, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	client_text(c, buf_slice(&text));
	buf_fini(&text);
}

static void on_answer(void *owner, struct ipc_message *m);
static void on_ended(void *owner, enum channel_end why);

static bool
ask(struct client *c)
{
	struct channel_request r = {
	    .answer = on_answer, .ended = on_ended, .owner = c, .deadline = c->passed.deadline};
	struct pa_control m = {.verb = buf_slice(&c->passed.verb),
	    .arguments = buf_slice(&c->passed.arguments),
	    .json = c->json,
	    .after = c->passed.after};

	c->request = c->asked == NULL ? 0 : pa_control_ask(c->asked->channel, &r, &m);
	return c->request != 0;
}

/* smtpctl has read what there was: the next part. */
static void
on_drained(void *owner)
{
	struct client *c = owner;

	if (c->passed.after != 0 && c->request == 0 && !ask(c))
		on_ended(c, CHANNEL_DOWN);
}

static void
next_part(struct client *c)
{
	if (channel_pending(c->channel) > CHANNEL_HIGH)
		channel_when_drained(c->channel, on_drained, c);
	else
		on_drained(c);
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct client *c = owner;

	if (m->schema == &pa_line_schema) {
		struct slice text = ((const struct pa_line *)m->body)->text;

		if (c->is_status)
			status_on_line(c, text);
		else
			client_text(c, text);
	} else if (m->schema == &pa_control_done_schema) {
		const struct pa_control_done *d = m->body;
		char error[LIMIT_ANSWER_ERROR + 1];

		slice_copy(d->error, error, sizeof(error));
		channel_done(m->channel, m->id);
		c->request = 0;
		c->passed.after = d->after;
		if (d->after != 0)
			next_part(c);
		else if (c->is_status)
			status_on_done(c, true);
		else
			client_done(c, d->code, error);
	}
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct client *c = owner;

	c->request = 0;
	if (c->is_status)
		status_on_done(c, false);
	else
		client_done(
		    c, EX_TEMPFAIL, "the process that knows does not answer now; try again");
}

bool
client_ask(struct client *c, struct process *p, struct slice verb, struct slice arguments,
    struct span deadline)
{
	client_forget(c);
	buf_add_slice(&c->passed.verb, verb);
	c->passed.arguments.is_secret = true;
	buf_add_slice(&c->passed.arguments, arguments);
	c->passed.deadline = deadline;
	c->asked = p;
	return ask(c);
}
