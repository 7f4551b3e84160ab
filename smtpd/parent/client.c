#include "smtpd/parent/client.h"

#include "common/ipc/ctl_parent.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/status.h"

#include <sysexits.h>

void
client_done(struct client *c, int code, const char *error)
{
	struct cp_done m = {.code = (uint8_t)code, .error = slice_of(error)};

	cp_done_send(c->channel, c->order, &m, -1);
	c->order = 0;
	c->asked = NULL;
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
		char error[1001];

		slice_copy(d->error, error, sizeof(error));
		channel_done(m->channel, m->id);
		c->request = 0;
		if (c->is_status)
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
	struct channel_request r = {
	    .answer = on_answer, .ended = on_ended, .owner = c, .deadline = deadline};
	struct pa_control m = {.verb = verb, .arguments = arguments, .json = c->json};

	c->request = p == NULL ? 0 : pa_control_ask(p->channel, &r, &m);
	c->asked = p;
	return c->request != 0;
}
