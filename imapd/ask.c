#include "imapd/ask.h"

#include "imapd/response.h"

#include <unistd.h>

enum { WAITS = TO(OPEN_ASK) | TO(ASK) | TO(SPOOL_ASK) | TO(SYNC_ASK) };

static void
answer_is_missing(struct imap_session *s, const struct imap_answers *answers)
{
	if (answers->missing != NULL)
		answers->missing(s);
	else
		imap_unavailable(s);
}

static void
on_ask_ended(void *owner, enum channel_end why)
{
	struct imap_session *s = owner;

	s->base.request = 0;
	answer_is_missing(s, s->answers);
	session_again(&s->base);
}

static const struct imap_answer *
find_part(const struct imap_answers *answers, const struct ipc_schema *schema)
{
	enum { PARTS = sizeof(answers->parts) / sizeof(answers->parts[0]) };

	for (size_t i = 0; i < PARTS; i++) {
		if (answers->parts[i].schema == schema)
			return &answers->parts[i];
	}
	return NULL;
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct imap_session *s = owner;
	const struct imap_answers *answers = s->answers;
	const struct imap_answer *part = find_part(answers, m->schema);

	if (part != NULL) {
		part->take(s, m);
		return;
	}
	if (m->schema != answers->last.schema && m->schema != &am_no_schema) {
		if (m->fd >= 0)
			close(m->fd);
		channel_violation(m->channel, m->schema->name);
		return;
	}
	session_request_done(&s->base);
	if (m->schema == answers->last.schema)
		answers->last.take(s, m);
	else if (answers->refused != NULL)
		answers->refused(s, m->body);
	else
		imap_no(s, m->body);
	session_again(&s->base);
}

void
imap_ask_mailbox(struct imap_session *s, const struct ipc_schema *schema, const void *message,
    const struct imap_answers *answers)
{
	struct channel_request r = {.answer = on_answer,
	    .ended = on_ask_ended,
	    .deadline = answers->is_paced ? SPAN_MS(0) : SPAN_SECONDS(IMAP_ASK_SECONDS)};

	if (!(WAITS & 1U << s->base.state))
		imap_move(s, IMAP_ASK);
	s->answers = answers;
	if (!session_ask(&s->base, s->mailbox, &r, schema, message))
		answer_is_missing(s, answers);
}
