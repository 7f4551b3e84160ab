#include "smtpd/lookup/control.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/password.h"
#include "common/base/utf8.h"
#include "common/conf/status.h"
#include "common/net/loop.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/authenticate.h"
#include "smtpd/lookup/expand.h"
#include "smtpd/lookup/ruleset.h"
#include "smtpd/lookup/server.h"

#include <string.h>
#include <time.h>

enum { USAGE = 2 };

/* An account's new password, while it is hashed and while the disk takes it. */
struct change {
	struct control *order;
	bool is_new, is_hashed;
	char *account, *secret;
	struct buf hash;
};

static void fail(struct control *order, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
fail(struct control *order, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	control_done(order, 1, buf_text(&text));
	buf_fini(&text);
}

static void
free_change(struct change *c)
{
	if (c->secret != NULL)
		explicit_bzero(c->secret, strlen(c->secret));
	free(c->secret);
	free(c->account);
	buf_fini(&c->hash);
	free(c);
}

/* What an account is worth by the rules: whoever makes one expects it to get mail. */
static void
add_advice(const char *account, struct buf *text)
{
	const struct conf *c = child_conf();
	const char *domain = strrchr(account, '@');
	bool has_mailbox = false;

	if (ruleset_leads(c, slice_of(account), expand_uses_accounts))
		return;
	for (size_t i = 0; i < c->action_count; i++)
		has_mailbox |= expand_uses_accounts(&c->actions[i]);
	buf_printf(text,
	    "the account is made, but gets no mail: no rule of smtpd.conf delivers "
	    "mail for %s into the accounts; write there: %smatch from any for "
	    "domain \"%s\" action \"%s\", and then: smtpctl reload",
	    domain == NULL ? account : domain + 1,
	    has_mailbox ? "" : "action \"local\" mailbox, and ", domain == NULL ? "…" : domain + 1,
	    has_mailbox ? "…" : "local");
}

static void
on_durable(void *owner, bool ok)
{
	struct change *c = owner;
	struct buf advice = {0};

	if (ok && c->is_new)
		add_advice(c->account, &advice);
	if (ok)
		control_done(c->order, 0, buf_text(&advice));
	else
		fail(c->order, "the disk did not take the change; the log says why");
	buf_fini(&advice);
	free_change(c);
}

/* Says why a change was not made. */
static void
refuse(struct change *c, enum accounts_result result)
{
	if (result == ACCOUNTS_EXISTS)
		fail(c->order,
		    "the account %s is there already; smtpctl account passwd changes its password",
		    c->account);
	else if (result == ACCOUNTS_MISSING)
		fail(c->order, "there is no account %s", c->account);
	else
		fail(c->order, "the accounts cannot be changed now; the log says why");
	free_change(c);
}

static void
run_hash(void *arg)
{
	struct change *c = arg;

	c->is_hashed = password_hash(c->secret, &c->hash);
}

static void
on_hashed(void *arg)
{
	struct change *c = arg;
	struct slice name = slice_of(c->account), hash = buf_slice(&c->hash);
	enum accounts_result result;

	if (!c->is_hashed) {
		fail(c->order,
		    "crypt(3) cannot hash this password; it may be longer than 511 octets");
		free_change(c);
		return;
	}
	result = c->is_new ? accounts_add(name, hash) : accounts_change(name, hash);
	if (result == ACCOUNTS_OK)
		accounts_wait(on_durable, c);
	else
		refuse(c, result);
}

/* One that can be typed, sent and hashed. */
static bool
is_secret(struct slice secret, struct error *why)
{
	if (secret.len == 0)
		return error_set(why, "the password is empty");
	if (secret.len > LIMIT_SECRET || slice_find(secret, '\0') >= 0 ||
	    slice_find(secret, '\n') >= 0)
		return error_set(why,
		    "the password is longer than %d octets, or holds a line end or a NUL",
		    LIMIT_SECRET);
	return true;
}

static void
set_password(struct control *order, struct slice arguments, bool is_new)
{
	char delimiter = (char)child_conf()->global.sub_addr_delim;
	struct slice text = SLICE(""), secret = SLICE("");
	struct error why = {""};
	struct buf name = {0};
	struct change *c;

	if (!ipc_list_next(&arguments, &text) || !ipc_list_next(&arguments, &secret) ||
	    arguments.len > 0) {
		control_done(order, USAGE, "give an account and a password");
		return;
	}
	if (!account_name(text, delimiter, &name, &why) || !is_secret(secret, &why)) {
		fail(order, "%s", why.text);
		buf_fini(&name);
		return;
	}
	c = mem_zero(sizeof(*c));
	c->order = order;
	c->is_new = is_new;
	c->account = buf_take(&name, NULL);
	c->secret = slice_text(secret);
	work_start(run_hash, on_hashed, c);
}

static void
add(struct control *order, struct slice arguments, bool json)
{
	set_password(order, arguments, true);
}

static void
change_password(struct control *order, struct slice arguments, bool json)
{
	set_password(order, arguments, false);
}

static void
del(struct control *order, struct slice arguments, bool json)
{
	struct change *c = mem_zero(sizeof(*c));
	struct slice text = SLICE("");
	struct buf name = {0};
	enum accounts_result result = ACCOUNTS_MISSING;

	c->order = order;
	if (ipc_list_next(&arguments, &text) && account_fold(text, &name))
		result = accounts_remove(buf_slice(&name));
	c->account = name.len > 0 ? buf_take(&name, NULL) : slice_text(text);
	buf_fini(&name);
	if (result != ACCOUNTS_OK) {
		refuse(c, result);
		return;
	}
	if (!json)
		control_line(order,
		    "%s is removed; its mail stays in the mail store, in a folder of its name",
		    c->account);
	server_forget_verdicts();
	accounts_wait(on_durable, c);
}

enum { LISTED = 5000 }; /* accounts in a part of the answer */

struct listing {
	struct control *order;
	bool json;
	uint64_t count;
};

static void
list_one(void *owner, struct slice name, int64_t created)
{
	struct listing *l = owner;
	time_t when = (time_t)created;
	struct tm tm;
	char date[32];
	struct buf line = {0};
	struct json j;

	l->count++;
	if (!l->json) {
		control_text(l->order, name);
		return;
	}
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	json_begin(&j, &line);
	json_string(&j, "account", name);
	json_string(&j, "created", slice_of(date));
	json_end(&j);
	control_text(l->order, buf_slice(&line));
	buf_fini(&line);
}

static void
list(struct control *order, struct slice arguments, bool json)
{
	struct listing l = {.order = order, .json = json};
	struct slice domain = SLICE("");

	ipc_list_next(&arguments, &domain);
	if (!utf8_is_valid(domain) ||
	    !accounts_list(domain, control_after(order), LISTED, list_one, &l))
		fail(order, "the accounts cannot be read now; the log says why");
	else if (l.count == LISTED)
		control_more(order, control_after(order) + LISTED);
	else
		control_done(order, 0, "");
}

static void
update_table(struct control *order, struct slice arguments, bool json)
{
	struct slice name = SLICE("");
	struct error why = {""};

	ipc_list_next(&arguments, &name);
	authenticate_forget();
	server_forget_verdicts();
	if (tables_update(name, &why))
		control_done(order, 0, "");
	else
		fail(order, "%s", why.text);
}

static void
show_status(struct control *order, struct slice arguments, bool json)
{
	const struct status_count accounts = {"accounts", "account", "accounts", accounts_count()};

	status_say(order, json, &accounts, 1);
	control_done(order, 0, "");
}

void
lookup_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	static const struct {
		const char *verb;
		void (*run)(struct control *order, struct slice arguments, bool json);
	} verbs[] = {
	    {"account add", add},
	    {"account del", del},
	    {"account list", list},
	    {"account passwd", change_password},
	    {"show status", show_status},
	    {"update table", update_table},
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (slice_equal_text(verb, verbs[i].verb)) {
			verbs[i].run(order, arguments, json);
			return;
		}
	}
	control_done(order, USAGE, "lookup does not know this order");
}
