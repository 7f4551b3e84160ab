#include "smtpd/parent/orders/status.h"

#include "common/base/json.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/suite.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 5, ANSWER_MOST = 4096 };

static const char *
user_of(enum sandbox_role role, char out[64])
{
	const char *ending = sandbox_user(role);
	const struct passwd *pw;

	if (suite.is_root && role != SANDBOX_PARENT) {
		snprintf(out, 64, "%s%s", FOLDER_USERS, ending == NULL ? "" : ending);
	} else {
		pw = getpwuid(geteuid());
		if (pw != NULL)
			snprintf(out, 64, "%s", pw->pw_name);
		else
			snprintf(out, 64, "%u", (unsigned)geteuid());
	}
	return out;
}

static void
print_plain(struct client *c, const struct process *p, const char *state)
{
	char user[64], since[32];
	struct tm tm = {0};

	strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", localtime_r(&p->since, &tm));
	client_line(c, "%-9s %2d %7d %-10s %s %8u  %s%s%.*s", sandbox_title(p->role), p->instance,
	    (int)p->pid, user_of(p->role, user), since, p->restarts, state,
	    c->answer.len == 0 ? "" : "; ", SLICE_FMT(buf_slice(&c->answer)));
}

static void
print_json(struct client *c, const struct process *p, const char *state)
{
	char user[64], since[32];
	struct tm tm = {0};
	struct buf line = {0};
	struct json j;

	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%S%z", localtime_r(&p->since, &tm));
	json_begin(&j, &line);
	json_string(&j, "process", slice_of(sandbox_title(p->role)));
	json_number(&j, "instance", p->instance);
	json_number(&j, "pid", p->pid);
	json_string(&j, "user", slice_of(user_of(p->role, user)));
	json_string(&j, "since", slice_of(since));
	json_number(&j, "up", moment_between(p->started, loop_now()).ms / 1000);
	json_count(&j, "restarts", p->restarts);
	json_string(&j, "state", slice_of(state));
	json_members(&j, buf_slice(&c->answer));
	json_end(&j);
	client_text(c, buf_slice(&line));
	buf_fini(&line);
}

static void
print(struct client *c, const struct process *p, const char *state)
{
	if (c->json)
		print_json(c, p, state);
	else
		print_plain(c, p, state);
}

static const char *
state_of(const struct process *p)
{
	if (p->pid == 0)
		return "down";
	return p->is_ready ? "runs" : "starts";
}

static void
ask_next(struct client *c)
{
	while (c->next < suite.count) {
		struct process *p = &suite.processes[c->next];

		buf_clear(&c->answer);
		if (p->is_ready &&
		    client_ask(c, p, SLICE("show status"), SLICE(""), SPAN_SECONDS(ANSWER_SECONDS)))
			return;
		print(c, p, state_of(p));
		c->next++;
	}
	c->is_status = false;
	buf_fini(&c->answer);
	client_done(c, 0, "");
}

void
status_begin(struct client *c)
{
	struct process parent = {.role = SANDBOX_PARENT,
	    .pid = getpid(),
	    .started = suite.started,
	    .since = suite.since};

	c->is_status = true;
	c->next = 0;
	if (!c->json)
		client_line(c, "%-9s %2s %7s %-10s %-19s %8s  %s", "process", "no", "pid", "user",
		    "since", "restarts", "state");
	print(c, &parent, suite.is_ready ? "runs" : "starts");
	ask_next(c);
}

/*
 * Without the name, which is said already: in text "name: ", in JSON the first member. An answer
 * in JSON that does not begin so is none.
 */
static struct slice
without_name(struct client *c, struct slice line)
{
	char begins[64];
	const char *title = sandbox_title(suite.processes[c->next].role);

	snprintf(begins, sizeof(begins), c->json ? "{\"process\":\"%s\"," : "%s: ", title);
	if (slice_has_prefix(line, slice_of(begins)))
		return slice_from(line, strlen(begins));
	return c->json ? SLICE("") : line;
}

static void
add_answer(struct client *c, struct slice line)
{
	if (line.len == 0 || c->answer.len + line.len > ANSWER_MOST)
		return;
	if (c->json)
		buf_add_char(&c->answer, '{');
	else if (c->answer.len > 0)
		buf_add_text(&c->answer, "; ");
	buf_add_slice(&c->answer, line);
}

void
status_on_line(struct client *c, struct slice text)
{
	struct slice line;

	if (c->json && c->answer.len > 0)
		return; /* it is one object */
	while (slice_split(&text, '\n', &line))
		add_answer(c, without_name(c, line));
}

void
status_on_done(struct client *c, bool answered)
{
	struct process *p = &suite.processes[c->next];

	print(c, p, answered || !p->is_ready ? state_of(p) : "does not answer");
	c->next++;
	ask_next(c);
}
