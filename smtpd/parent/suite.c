#include "smtpd/parent/suite.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/edges.h"
#include "common/ipc/parent_any.h"
#include "common/net/netaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USERS "_kurir"

enum { BACKLOG = 1024, STOP_SECONDS = 10, DELAY_MOST = 10000, DELAY_READY = 1000 };

struct suite suite;

/* What each kind of process is, and how much of the configuration it sees. */
static const struct {
	enum sandbox_role role;
	const char *folder;
	unsigned sees;
	int services; /* bits of enum conf_service whose sockets it gets */
	bool is_many;
} kinds[] = {
    {SANDBOX_KEYHOLDER, "smtpd/keyholder", CONF_SEES_LISTENS | CONF_SEES_PKI, 0, false},
    {SANDBOX_RESOLVER, "smtpd/resolver", 0, 0, false},
    {SANDBOX_LOOKUP, "smtpd/lookup",
	CONF_SEES_LISTENS | CONF_SEES_TABLES | CONF_SEES_ACTIONS | CONF_SEES_MATCHES, 0, false},
    {SANDBOX_MAILBOX, "deliver/mailbox", 0, 0, true},
    {SANDBOX_RELAY, "deliver/relay", CONF_SEES_ACTIONS | CONF_SEES_CA, 0, true},
    {SANDBOX_QUEUE, "queue", CONF_SEES_ACTIONS, 0, false},
    {SANDBOX_LISTENER, "smtpd/listener", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA,
	1 << SERVICE_SMTP | 1 << SERVICE_SUBMISSION, true},
    {SANDBOX_IMAPD, "imapd", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA, 1 << SERVICE_IMAP,
	true},
    {SANDBOX_POP3D, "pop3d", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA, 1 << SERVICE_POP3,
	true},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct {
	enum sandbox_role asker, answerer;
} edges[] = {
#define E(a, b) {SANDBOX_##a, SANDBOX_##b},
    IPC_EDGES(E)
#undef E
};

enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

/* A bound socket, kept over reloads while its line stays. */
static struct bound {
	struct netaddr address;
	bool local;
	int fd;
	uint32_t id;
} bounds[256];
static size_t bound_count;

static size_t
kind_of(enum sandbox_role role)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].role == role)
			return i;
	}
	return KINDS;
}

static int
instances_of(enum sandbox_role role)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!kinds[kind_of(role)].is_many)
		return 1;
	if (suite.many != 0)
		return suite.many;
	if (cpus <= 2)
		return 1;
	return cpus / 2 > 4 ? 4 : (int)(cpus / 2);
}

struct process *
suite_find(enum sandbox_role role, int instance)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].role == role && suite.processes[i].instance == instance)
			return &suite.processes[i];
	}
	return NULL;
}

struct process *
suite_of_channel(const struct channel *c)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].channel == c)
			return &suite.processes[i];
	}
	return NULL;
}

/* Folders. */

static bool
make_folder(struct slice path, enum sandbox_role owner, mode_t mode, struct error *why)
{
	char name[64];
	const char *ending = sandbox_user(owner);
	struct passwd *pw;

	if (mkdir(path.data, mode) < 0 && errno != EEXIST)
		return error_errno(why, "cannot make the folder %s", path.data);
	if (!suite.is_root || owner == SANDBOX_PARENT)
		return chmod(path.data, mode) == 0 ||
		       error_errno(why, "cannot set the mode of %s", path.data);
	snprintf(name, sizeof(name), "%s%s", USERS, ending == NULL ? "" : ending);
	pw = getpwnam(name);
	if (pw == NULL)
		return error_set(why,
		    "there is no user %s; make the users of the processes with: sh etc/dev/users",
		    name);
	if (chown(path.data, pw->pw_uid, pw->pw_gid) < 0 || chmod(path.data, mode) < 0)
		return error_errno(why, "cannot give %s to %s", path.data, name);
	return true;
}

static bool
make_folders(struct error *why)
{
	const struct conf_global *g = &suite.conf->global;
	char empty[1100], accounts[1100];
	char *slash;

	snprintf(empty, sizeof(empty), "%s/empty", g->run_path.data);
	snprintf(accounts, sizeof(accounts), "%s", g->accounts_path.data);
	slash = strrchr(accounts, '/');
	if (slash == NULL || slash == accounts)
		return error_set(why, "accounts path \"%s\" must lie in a folder of its own",
		    g->accounts_path.data);
	*slash = '\0';
	return make_folder(g->run_path, SANDBOX_PARENT, 0755, why) &&
	       make_folder(slice_of(empty), SANDBOX_PARENT, 0755, why) &&
	       make_folder(g->queue_path, SANDBOX_QUEUE, 0700, why) &&
	       make_folder(g->mail_path, SANDBOX_MAILBOX, 0700, why) &&
	       make_folder(slice_of(accounts), SANDBOX_LOOKUP, 0700, why);
}

/* Sockets. */

static int
bind_local(struct error *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/submission.sock",
	    suite.conf->global.run_path.data);
	unlink(un.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    chmod(un.sun_path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		error_errno(why, "cannot listen on %s", un.sun_path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
bind_inet(const struct conf_listen *l, const struct netaddr *a, struct error *why)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(a, &ss);
	int one = 1, fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (a->family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0) {
		error_errno(why, "cannot listen on %s port %u", l->address.data, l->port);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static struct bound *
find_bound(const struct conf_listen *l, const struct netaddr *a)
{
	for (size_t i = 0; i < bound_count; i++) {
		struct bound *b = &bounds[i];

		if (l->local
			? b->local
			: !b->local && b->address.port == a->port && netaddr_equal(&b->address, a))
			return b;
	}
	return NULL;
}

/* A socket for every line; a line whose socket is there keeps it, and its id with it. */
static bool
bind_all(struct conf *c, struct error *why)
{
	static uint32_t next_id;

	for (size_t i = 0; i < c->listen_count; i++) {
		struct conf_listen *l = &c->listens[i];
		struct netaddr a = {0};
		struct bound *b;
		int fd;

		if (!l->local && netaddr_parse(l->address, &a))
			a.port = l->port;
		b = find_bound(l, &a);
		if (b == NULL) {
			if (bound_count == sizeof(bounds) / sizeof(bounds[0]))
				return error_set(why, "more than %zu sockets", bound_count);
			fd = l->local ? bind_local(why) : bind_inet(l, &a, why);
			if (fd < 0 && a.family == AF_INET6 && errno == EAFNOSUPPORT) {
				log_warning("%s; going on without it", why->text);
				continue;
			}
			if (fd < 0)
				return false;
			b = &bounds[bound_count++];
			*b = (struct bound){
			    .address = a, .local = l->local, .fd = fd, .id = ++next_id};
		}
		l->id = b->id;
	}
	return true;
}

/* What a process is given. */

static const struct process *serving;

static bool
serves(const struct conf_listen *l)
{
	int services = kinds[kind_of(serving->role)].services;

	return services == 0 || ((l->local ? 1 << SERVICE_SMTP : 1 << l->service) & services) != 0;
}

static void
send_keys(struct process *p)
{
	for (size_t i = 0; i < suite.conf->pki_count; i++) {
		const struct conf_pki *pki = &suite.conf->pkis[i];
		struct pa_key m = {.pki = pki->name};
		int fd = open(pki->key_path.data, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			log_error("cannot open %s: %s", pki->key_path.data, strerror(errno));
		else
			pa_key_send(p->channel, 0, &m, fd);
	}
}

static void
send_conf(struct process *p)
{
	size_t kind = kind_of(p->role);

	serving = p;
	conf_send(suite.conf, p->channel, kinds[kind].sees, serves);
	for (size_t i = 0; kinds[kind].services != 0 && i < suite.conf->listen_count; i++) {
		const struct conf_listen *l = &suite.conf->listens[i];
		struct pa_socket m = {.listen = l->id};

		for (size_t k = 0; k < bound_count; k++) {
			if (bounds[k].id == l->id && serves(l))
				pa_socket_send(
				    p->channel, 0, &m, fcntl(bounds[k].fd, F_DUPFD_CLOEXEC, 0));
		}
	}
	if (p->role == SANDBOX_KEYHOLDER)
		send_keys(p);
}

/* A line for each edge between two processes that run. */
static void
join(struct process *a, struct process *b)
{
	int ends[2];
	struct pa_peer to_a = {.role = (uint8_t)b->role,
	    .instance = (uint8_t)b->instance,
	    .instances = (uint8_t)instances_of(b->role)};
	struct pa_peer to_b = {.role = (uint8_t)a->role,
	    .instance = (uint8_t)a->instance,
	    .instances = (uint8_t)instances_of(a->role)};

	if (a->channel == NULL || b->channel == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	pa_peer_send(a->channel, 0, &to_a, ends[0]);
	pa_peer_send(b->channel, 0, &to_b, ends[1]);
}

static void
join_all(struct process *p, bool only_with_earlier)
{
	for (size_t e = 0; e < EDGES; e++) {
		for (size_t i = 0; i < suite.count; i++) {
			struct process *other = &suite.processes[i];

			if (only_with_earlier && other >= p)
				break;
			if ((edges[e].asker == p->role && edges[e].answerer == other->role) ||
			    (edges[e].answerer == p->role && edges[e].asker == other->role))
				join(edges[e].asker == p->role ? p : other,
				    edges[e].asker == p->role ? other : p);
		}
	}
}

static _Noreturn void
exec_child(const struct process *p, int fd)
{
	char path[1200], *argv[] = {path, NULL};
	const char *title = sandbox_title(p->role);

	if (suite.build_root != NULL)
		snprintf(path, sizeof(path), "%s/%s/%s", suite.build_root,
		    kinds[kind_of(p->role)].folder, title);
	else
		snprintf(path, sizeof(path), KURIR_LIBEXEC "/%s", title);
	if (dup2(fd, 3) < 0)
		_exit(1);
	fcntl(3, F_SETFD, 0);
	closefrom(4);
	execv(path, argv);
	fprintf(stderr, "smtpd: cannot run %s: %s\n", path, strerror(errno));
	_exit(1);
}

static void on_down(void *owner);

static bool
spawn(struct process *p)
{
	int ends[2];
	struct channel_options o = {.peer = sandbox_title(p->role),
	    .handlers = suite_handlers,
	    .answers = suite_answers,
	    .down = on_down,
	    .owner = p};
	char empty[1024];
	struct pa_setup setup = {.version = 1,
	    .verbose = suite.verbose,
	    .stamp = suite.stamp,
	    .instance = (uint8_t)p->instance,
	    .instances = (uint8_t)instances_of(p->role),
	    .users = SLICE(USERS)};
	struct pa_start start = {0};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	log_flush();
	p->pid = fork();
	if (p->pid == 0)
		exec_child(p, ends[1]);
	close(ends[1]);
	if (p->pid < 0) {
		close(ends[0]);
		p->pid = 0;
		return false;
	}
	p->started = loop_now();
	p->is_ready = false;
	p->channel = channel_new(ends[0], &o);
	snprintf(empty, sizeof(empty), "%s/empty", suite.conf->global.run_path.data);
	setup.empty = slice_of(empty);
	pa_setup_send(p->channel, 0, &setup, -1);
	send_conf(p);
	join_all(p, !suite.is_ready && p->restarts == 0);
	pa_start_send(p->channel, 0, &start, -1);
	log_event(
	    NULL, EV_process_start, WORD("process", sandbox_title(p->role)), NUM("pid", p->pid));
	return true;
}

static void
on_again(void *owner)
{
	struct process *p = owner;

	if (suite.is_stopping || p->pid != 0)
		return;
	p->restarts++;
	if (!spawn(p)) {
		log_error("cannot start %s: %s", sandbox_title(p->role), strerror(errno));
		timer_start(&p->again, SPAN_MS(DELAY_MOST));
	}
}

static void
on_down(void *owner)
{
	struct process *p = owner;

	channel_close(p->channel);
	p->channel = NULL;
	if (p->pid != 0 && !suite.is_stopping) /* else it is on its way */
		kill(p->pid, SIGKILL);
}

static void
is_all_gone(void)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid != 0)
			return;
	}
	loop_stop();
}

static void
on_exit_of(struct process *p, int status)
{
	bool has_worked = p->is_ready && moment_between(p->started, loop_now()).ms > 1000;
	int64_t most = p->is_ready ? DELAY_READY : DELAY_MOST;

	p->pid = 0;
	if (p->channel != NULL) {
		channel_close(p->channel);
		p->channel = NULL;
	}
	if (suite.is_stopping) {
		is_all_gone();
		return;
	}
	log_event(NULL, EV_process_exit, WORD("process", sandbox_title(p->role)),
	    NUM("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    NUM("code", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
	/* What worked for a while starts again at once; what cannot even start waits ever longer. */
	p->delay_ms = has_worked || p->delay_ms == 0 ? 20 : p->delay_ms * 2;
	if (p->delay_ms > most)
		p->delay_ms = most;
	timer_start(&p->again, SPAN_MS(p->delay_ms));
}

void suite_on_helper_exit(pid_t pid, int status);

static void
on_child(void *owner)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool found = false;

		for (size_t i = 0; i < suite.count && !found; i++) {
			if (suite.processes[i].pid == pid) {
				found = true;
				on_exit_of(&suite.processes[i], status);
			}
		}
		if (!found)
			suite_on_helper_exit(pid, status);
	}
}

/* Tells systemd how it stands, when it asked to be told (sd_notify(3)). */
static void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warning("cannot tell the service manager: %s", strerror(errno));
	close(fd);
}

void
suite_on_ready(struct process *p, bool ok)
{
	p->is_ready = ok;
	for (size_t i = 0; i < suite.count; i++) {
		if (!suite.processes[i].is_ready)
			return;
	}
	if (!suite.is_ready) {
		suite.is_ready = true;
		notify("READY=1");
		log_event(NULL, EV_ready, WORD("hostname", suite.conf->global.hostname.data));
	}
}

bool
suite_start(struct error *why)
{
	suite.is_root = geteuid() == 0;
	suite.many = suite.conf->global.processes;
	if (!make_folders(why) || !bind_all(suite.conf, why))
		return false;
	loop_on_signal(SIGCHLD, on_child, NULL);
	for (size_t i = 0; i < KINDS; i++) {
		for (int k = 0; k < instances_of(kinds[i].role); k++) {
			struct process *p = &suite.processes[suite.count++];

			p->role = kinds[i].role;
			p->instance = k;
			timer_init(&p->again, on_again, p);
			if (!spawn(p))
				return error_errno(why, "cannot start %s", sandbox_title(p->role));
		}
	}
	return true;
}

bool
suite_reload(struct conf *c, struct error *why)
{
	struct pa_apply apply = {0};

	if (!bind_all(c, why)) {
		conf_free(c);
		return false;
	}
	conf_free(suite.conf);
	suite.conf = c;
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].channel == NULL)
			continue;
		send_conf(&suite.processes[i]);
		pa_apply_send(suite.processes[i].channel, 0, &apply, -1);
	}
	log_event(NULL, EV_configuration, WORD("text", "reloaded"));
	return true;
}

static void
on_patience(void *owner)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid != 0)
			kill(suite.processes[i].pid, SIGKILL);
	}
}

void
suite_stop(void)
{
	static struct timer patience;
	struct pa_stop stop = {0};
	char path[1100];

	if (suite.is_stopping)
		return;
	suite.is_stopping = true;
	notify("STOPPING=1");
	log_event(NULL, EV_stopping, WORD("why", "asked to"));
	for (size_t i = suite.count; i > 0; i--) {
		if (suite.processes[i - 1].channel != NULL)
			pa_stop_send(suite.processes[i - 1].channel, 0, &stop, -1);
	}
	snprintf(path, sizeof(path), "%s/submission.sock", suite.conf->global.run_path.data);
	unlink(path);
	timer_init(&patience, on_patience, NULL);
	timer_start(&patience, SPAN_SECONDS(STOP_SECONDS));
	is_all_gone();
}
