#include "smtpd/lookup/login.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/conf/conf.h"
#include "common/ipc/lookup_mailbox.h"
#include "smtpd/lookup/authenticate.h"

enum { GRANT_SECONDS = 60, MAILBOX_SECONDS = 10 };

struct login {
	struct ipc_asker asker;
	bool needs_store;
	char *account; /* until it is known, the name that was given; NULL: no text */
	uint8_t mailbox;
	unsigned char token[TOKEN_OCTETS];
};

static void
answer(struct login *l, enum al_login_result result)
{
	struct al_login_is is = {.result = (uint8_t)result, .account = slice_of(l->account)};

	if (result == LOGIN_OK) {
		is.mailbox = l->mailbox;
		if (l->needs_store)
			is.token = slice_make((const char *)l->token, sizeof(l->token));
	}
	al_login_is_send(ipc_asker_channel(&l->asker), l->asker.id, &is, -1);
	free(l->account);
	free(l);
}

static void
on_granted(void *owner, struct ipc_message *m)
{
	channel_done(m->channel, m->id);
	answer(owner, LOGIN_OK);
}

static void
on_grant_ended(void *owner, enum channel_end why)
{
	answer(owner, LOGIN_TEMPORARY);
}

static void
grant(struct login *l)
{
	struct channel *mailbox = server_mailbox(l->mailbox);
	struct channel_request r = {.answer = on_granted,
	    .ended = on_grant_ended,
	    .owner = l,
	    .deadline = SPAN_SECONDS(MAILBOX_SECONDS)};
	struct lm_grant m = {.account = slice_of(l->account), .seconds = GRANT_SECONDS};

	token_make(l->token);
	m.token = slice_make((const char *)l->token, sizeof(l->token));
	if (lm_grant_ask(mailbox, &r, &m) == 0)
		answer(l, LOGIN_TEMPORARY);
}

static void
on_authenticated(void *owner, enum al_login_result result, struct slice account)
{
	struct login *l = owner;

	if (result != LOGIN_OK) {
		answer(l, result);
		return;
	}
	free(l->account);
	l->account = slice_text(account);
	l->mailbox = server_mailbox_of(account);
	if (l->needs_store)
		grant(l);
	else
		answer(l, LOGIN_OK);
}

void
login_answer(struct ipc_asker asker, const struct al_login *q)
{
	struct login *l = mem_zero(sizeof(*l));

	l->asker = asker;
	if (utf8_is_valid(q->user) && slice_find(q->user, '\0') < 0)
		l->account = slice_text(q->user);
	l->needs_store = q->service == SERVICE_IMAP || q->service == SERVICE_POP3;
	authenticate(q, on_authenticated, l);
}
