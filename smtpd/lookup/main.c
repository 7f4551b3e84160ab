/*
 * lookup: tables, accounts and rules. It answers who somebody is and where mail goes, and lets
 * mailbox know who may open which account.
 */
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/hash.h"
#include "common/conf/child.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/lookup_mailbox.h"
#include "common/ipc/lookup_parent.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/authenticate.h"
#include "smtpd/lookup/route.h"
#include "smtpd/lookup/table.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INSTANCES = 64, GRANT_SECONDS = 60 };

static struct channel *peers[SANDBOX_ROLE_COUNT][INSTANCES];
static int mailboxes = 1;

/* A login whose answer waits for the hash, and then for mailbox. */
struct login {
	struct channel **place;      /* where the asker's line stands */
	struct channel *asker;
	uint32_t id;
	bool wants_token;
	char *account;
	unsigned char token[TOKEN_OCTETS];
	struct channel *mailbox;
	uint32_t request;
	uint8_t instance;
};

static void
answer(struct login *l, enum al_login_result result)
{
	struct al_login_is m = {.result = (uint8_t)result, .mailbox = l->instance};

	if (result == LOGIN_OK) {
		m.account = slice_of(l->account);
		if (l->wants_token)
			m.token = slice_make((const char *)l->token, sizeof(l->token));
	}
	if (*l->place == l->asker)
		al_login_is_send(l->asker, l->id, &m, -1);
	explicit_bzero(l->token, sizeof(l->token));
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
on_authenticated(void *owner, enum al_login_result result, struct slice account)
{
	struct login *l = owner;
	struct channel_request r = {.answer = on_granted, .ended = on_grant_ended, .owner = l,
	    .deadline = SPAN_SECONDS(GRANT_SECONDS)};
	struct lm_grant grant = {.account = account, .seconds = GRANT_SECONDS};

	l->account = slice_text(account);
	if (result != LOGIN_OK || !l->wants_token) {
		answer(l, result);
		return;
	}
	l->instance = conf_mailbox_of(account, mailboxes);
	l->mailbox = peers[SANDBOX_MAILBOX][l->instance];
	token_make(l->token);
	grant.token = slice_make((const char *)l->token, sizeof(l->token));
	l->request = channel_request(l->mailbox, &r);
	if (l->request == 0)
		answer(l, LOGIN_TEMPORARY);
	else
		lm_grant_send(l->mailbox, l->request, &grant, -1);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	const struct al_login *q = m->body;
	struct login *l = mem_zero(sizeof(*l));

	l->place = owner;
	l->asker = m->channel;
	l->id = m->id;
	l->wants_token = q->service == SERVICE_IMAP || q->service == SERVICE_POP3;
	authenticate(q, on_authenticated, l);
}

struct answer_route {
	struct channel *channel;
	uint32_t id;
};

static void
on_recipient(void *owner, const struct al_recipient *r)
{
	struct answer_route *a = owner;

	al_recipient_send(a->channel, a->id, r, -1);
}

static void
on_route(void *owner, struct ipc_message *m)
{
	struct answer_route a = {.channel = m->channel, .id = m->id};
	struct route r = {.conf = child_conf(), .question = m->body, .recipient = on_recipient, .owner = &a,
	    .mailboxes = mailboxes};
	struct al_route_is is = {.result = (uint8_t)route_find(&r)};

	is.reply = slice_of(r.reply);
	al_route_is_send(m->channel, m->id, &is, -1);
}

static void
on_sender(void *owner, struct ipc_message *m)
{
	const struct al_sender *q = m->body;
	struct buf list = {0};
	enum table_result found = table_find(q->table, q->user, &list);
	struct al_sender_is is = {.temporary = found == TABLE_TEMPORARY};
	struct slice rest = buf_slice(&list), one;

	while (slice_split(&rest, ',', &one)) {
		one = slice_trim(one);
		is.allowed |= slice_equal_nocase(one, q->sender) ||
		    (one.len > 1 && one.data[0] == '@' && slice_has_suffix_nocase(q->sender, one));
	}
	buf_fini(&list);
	al_sender_is_send(m->channel, m->id, &is, -1);
}

static void
on_fetch(void *owner, struct ipc_message *m)
{
	const struct al_fetch *q = m->body;
	struct buf value = {0};
	enum table_result found = q->key.len == 0 ? table_next(q->table, &value) : table_find(q->table, q->key, &value);
	struct al_value v = {.found = found == TABLE_FOUND, .temporary = found == TABLE_TEMPORARY, .value = buf_slice(&value)};

	al_value_send(m->channel, m->id, &v, -1);
	buf_fini(&value);
}

static void
on_down(void *owner)
{
	struct channel **c = owner;

	channel_close(*c);
	*c = NULL;
}

static void
on_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_handler all[] = {{&al_login_schema, on_login}, {&al_route_schema, on_route},
	    {&al_sender_schema, on_sender}, {NULL, NULL}};
	static const struct ipc_handler of_queue[] = {{&al_route_schema, on_route}, {NULL, NULL}};
	static const struct ipc_handler of_relay[] = {{&al_fetch_schema, on_fetch}, {NULL, NULL}};
	static const struct ipc_handler of_readers[] = {{&al_login_schema, on_login}, {NULL, NULL}};
	static const struct ipc_schema *const of_mailbox[] = {&lm_granted_schema, NULL};
	struct channel **c = &peers[role][instance];
	struct channel_options o = {.peer = sandbox_title(role), .down = on_down, .owner = c};

	if (role == SANDBOX_MAILBOX) {
		o.answers = of_mailbox;
		mailboxes = instances;
	} else if (role == SANDBOX_LISTENER) {
		o.handlers = all;
	} else if (role == SANDBOX_QUEUE) {
		o.handlers = of_queue;
	} else {
		o.handlers = role == SANDBOX_RELAY ? of_relay : of_readers;
	}
	channel_close(*c);
	*c = NULL;
	*c = channel_new(fd, &o);
}

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	static const char *rw[2], *ro[64];
	static char folder[1024];
	size_t n = 0;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", c->global.accounts_path.data);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	rw[0] = folder;
	ro[n++] = "/etc";
	for (size_t i = 0; i < c->table_count && n < 60; i++) {
		if (c->tables[i].table.path.len > 0)
			ro[n++] = c->tables[i].table.path.data;
	}
	paths->rw = rw;
	paths->ro = ro;
	getpwnam("root");      /* loads what the name service needs, while files can still be opened */
	return true;
}

static bool
start(const struct conf *c, struct error *why)
{
	if (!accounts_open(c->global.accounts_path, why))
		return false;
	tables_apply(c);
	return true;
}

static void
drain(void)
{
	accounts_close();
	child_exit();
}

static void
on_each(void *owner, struct slice account)
{
	control_text(owner, account);
}

static void
account_order(struct control *order, struct slice verb, struct slice arguments)
{
	struct slice name = SLICE(""), secret = SLICE("");
	struct buf hash = {0};
	struct error why = {""};
	bool ok = false;

	ipc_list_next(&arguments, &name);
	ipc_list_next(&arguments, &secret);
	if (slice_equal_text(verb, "account list")) {
		accounts_list(on_each, order);
		ok = true;
	} else if (slice_equal_text(verb, "account del")) {
		ok = accounts_remove(name, &why);
	} else if (secret.len == 0) {
		error_set(&why, "the password is empty");
	} else if (authenticate_hash(secret, &hash, &why)) {
		ok = slice_equal_text(verb, "account add") ? accounts_add(name, buf_slice(&hash), &why)
		                                           : accounts_change(name, buf_slice(&hash), &why);
	}
	authenticate_forget();
	buf_fini(&hash);
	control_done(order, ok ? 0 : 1, why.text);
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	struct error why = {""};
	struct slice name;

	if (slice_has_prefix(verb, SLICE("account "))) {
		account_order(order, verb, arguments);
	} else if (slice_equal_text(verb, "update table") && ipc_list_next(&arguments, &name)) {
		bool ok = tables_update(name, &why);

		control_done(order, ok ? 0 : 1, why.text);
	} else {
		control_done(order, 2, "lookup does not know this order");
	}
}

int
main(int argc, char **argv)
{
	static const struct ipc_schema *const answers[] = {&lp_checked_schema, &lp_forward_is_schema, NULL};
	static const struct child lookup = {
	    .name = "lookup",
	    .role = SANDBOX_LOOKUP,
	    .prepare = prepare,
	    .start = start,
	    .apply = tables_apply,
	    .peer = on_peer,
	    .control = on_control,
	    .drain = drain,
	    .answers = answers,
	};

	return child_main(argc, argv, &lookup);
}
