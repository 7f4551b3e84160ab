#include "smtpd/parent/status.h"

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
print(struct client *c, const struct process *p, const char *state)
{
	char user[64], since[32];
	struct tm tm = {0};
	int64_t up = moment_between(p->started, loop_now()).ms / 1000;

	user_of(p->role, user);
	localtime_r(&p->since, &tm);
	if (!c->json) {
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &tm);
		client_line(c, "%-9s %2d %7d %-10s %s %8u  %s%s%.*s", sandbox_title(p->role),
		    p->instance, (int)p->pid, user, since, p->restarts, state,
		    c->answer.len == 0 ? "" : "; ", SLICE_FMT(buf_slice(&c->answer)));
		return;
	}
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%S%z", &tm);
	client_line(c,
	    "{\"process\":\"%s\",\"instance\":%d,\"pid\":%d,\"user\":\"%s\",\"since\":\"%s\","
	    "\"up\":%lld,\"restarts\":%u,\"state\":\"%s\"%.*s}",
	    sandbox_title(p->role), p->instance, (int)p->pid, user, since, (long long)up,
	    p->restarts, state, SLICE_FMT(buf_slice(&c->answer)));
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

/* Without what is said already: its name, in text "name: ", in JSON {"process":"name" and the }. */
static struct slice
without_name(struct client *c, struct slice line)
{
	char begins[64];
	const char *title = sandbox_title(suite.processes[c->next].role);

	snprintf(begins, sizeof(begins), c->json ? "{\"process\":\"%s\"" : "%s: ", title);
	if (!slice_has_prefix(line, slice_of(begins)))
		return c->json ? SLICE("") : line;
	line = slice_from(line, strlen(begins));
	return c->json ? slice_sub(line, 0, line.len - 1) : line;
}

void
status_on_line(struct client *c, struct slice text)
{
	struct slice line;

	while (slice_split(&text, '\n', &line)) {
		line = without_name(c, line);
		if (c->answer.len + line.len > ANSWER_MOST)
			return;
		if (!c->json && c->answer.len > 0)
			buf_add_text(&c->answer, "; ");
		buf_add_slice(&c->answer, line);
	}
}

void
status_on_done(struct client *c, bool answered)
{
	struct process *p = &suite.processes[c->next];

	print(c, p, answered || !p->is_ready ? state_of(p) : "does not answer");
	c->next++;
	ask_next(c);
}
