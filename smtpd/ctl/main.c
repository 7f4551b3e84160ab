/*
 * smtpctl: an administrator's orders to a running suite. Also called as sendmail and mailq.
 */
#include "common/base/mem.h"
#include "common/ipc/ctl_parent.h"
#include "common/net/loop.h"
#include "smtpd/ctl/sendmail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

enum { SECRET = 1024 };

static struct {
	struct channel *channel;
	int code;
} ctl = {.code = EX_UNAVAILABLE};

static const struct {
	const char *words; /* what people type */
	const char *arguments;
	bool wants_secret;
	const char *help;
} verbs[] = {
    {"account add", "user@domain", true,
	"make an account; the password is asked for, or read from standard input"},
    {"account passwd", "user@domain", true, "give an account another password"},
    {"account del", "user@domain", false, "remove an account; its mail stays"},
    {"account list", "", false, "all accounts"},
    {"show queue", "", false, "what waits in the queue"},
    {"show message", "id", false, "a message of the queue"},
    {"show status", "", false, "the processes"},
    {"pause", "mta|mda|smtp|id", false, "stop sending, delivering, taking, or one message"},
    {"resume", "mta|mda|smtp|id", false, "undo pause"},
    {"schedule", "id|all", false, "try now"},
    {"remove", "id|all", false, "throw away; nobody is told"},
    {"reload", "", false, "read smtpd.conf again"},
    {"update table", "name", false, "read a table's file again"},
    {"log verbose", "", false, "log more"},
    {"log brief", "", false, "log less"},
    {"trace", "", false, "log every message between processes"},
    {"untrace", "", false, "undo trace"},
    {"stop", "", false, "end the suite"},
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int
usage(void)
{
	fprintf(stderr, "usage: smtpctl [-s socket] [--json] order …\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(stderr, "  %-15s %-16s %s\n", verbs[i].words, verbs[i].arguments,
		    verbs[i].help);
	return 2;
}

static void
on_line(void *owner, struct ipc_message *m)
{
	const struct cp_line *l = m->body;

	fwrite(l->text.data, 1, l->text.len, stdout);
	putchar('\n');
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	const struct cp_done *d = m->body;

	if (m->schema == &cp_line_schema) {
		on_line(owner, m);
		return;
	}
	if (d->error.len > 0)
		fprintf(stderr, "smtpctl: %.*s\n", SLICE_FMT(d->error));
	ctl.code = d->code;
	loop_stop();
}

static void
on_ended(void *owner, enum channel_end why)
{
	fprintf(stderr,
	    "smtpctl: the suite closed the line; orders need root or the suite's own user\n");
	ctl.code = EX_NOPERM;
	loop_stop();
}

static int
connect_to(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && strlcpy(un.sun_path, path, sizeof(un.sun_path)) < sizeof(un.sun_path) &&
	    connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	fprintf(stderr, "smtpctl: the suite does not run (%s: %s); start it with smtpd\n", path,
	    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Without echo from a terminal, else the first line of standard input. */
static bool
read_secret(char secret[SECRET])
{
	struct termios old, quiet;
	bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	bool ok;

	if (is_terminal) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "password: ");
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	ok = fgets(secret, SECRET, stdin) != NULL;
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fprintf(stderr, "\n");
	}
	secret[ok ? strcspn(secret, "\r\n") : 0] = '\0';
	return secret[0] != '\0';
}

/* Words may be cut short as long as they stay unique: "sh q" is show queue. */
static int
find_verb(char **words, int count, int *used)
{
	int found = -1;

	for (size_t i = 0; i < VERBS; i++) {
		struct slice rest = slice_of(verbs[i].words), word;
		int n = 0;

		while (slice_word(&rest, &word) && n < count &&
		       slice_has_prefix(word, slice_of(words[n])))
			n++;
		if (rest.len > 0 || n == 0 || n < (strchr(verbs[i].words, ' ') == NULL ? 1 : 2))
			continue;
		if (found >= 0)
			return -1;
		found = (int)i;
		*used = n;
	}
	return found;
}

static int
give_order(const char *path, bool json, int argc, char **argv)
{
	static const struct ipc_schema *const answers[] = {&cp_line_schema, &cp_done_schema, NULL};
	struct channel_options o = {.peer = "smtpd", .answers = answers};
	struct channel_request r = {.answer = on_answer, .ended = on_ended};
	struct buf arguments = {0};
	struct cp_order order = {.json = json};
	char secret[SECRET] = "";
	int used = 0, verb = find_verb(argv, argc, &used), fd;

	if (verb < 0 || (argc - used > 0) != (verbs[verb].arguments[0] != '\0'))
		return usage();
	for (int i = used; i < argc; i++)
		ipc_list_add(&arguments, slice_of(argv[i]));
	if (verbs[verb].wants_secret && !read_secret(secret)) {
		fprintf(stderr, "smtpctl: the password is empty\n");
		return 1;
	}
	if (verbs[verb].wants_secret)
		ipc_list_add(&arguments, slice_of(secret));
	fd = connect_to(path);
	if (fd < 0)
		return EX_UNAVAILABLE;
	loop_init();
	ctl.channel = channel_new(fd, &o);
	order.verb = slice_of(verbs[verb].words);
	order.arguments = buf_slice(&arguments);
	cp_order_send(ctl.channel, channel_request(ctl.channel, &r), &order, -1);
	loop_run();
	explicit_bzero(arguments.data == NULL ? secret : arguments.data,
	    arguments.data == NULL ? 1 : arguments.capacity);
	explicit_bzero(secret, sizeof(secret));
	buf_fini(&arguments);
	return ctl.code;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/'), *run = getenv("KURIR_RUN");
	char path[108];
	bool json = false;
	int at = 1;

	name = name == NULL ? argv[0] : name + 1;
	snprintf(path, sizeof(path), "%.90s/smtpd.sock", run == NULL ? KURIR_RUN_PATH : run);
	if (strcmp(name, "sendmail") == 0)
		return sendmail(run == NULL ? KURIR_RUN_PATH : run, argc, argv);
	if (strcmp(name, "mailq") == 0)
		return give_order(
		    path, false, 2, (char *[]){(char[]){"show"}, (char[]){"queue"}, NULL});
	if (strcmp(name, "newaliases") == 0)
		return 0; /* tables are read by smtpd itself */
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--json") == 0)
			json = true;
		else if (strcmp(argv[at], "-s") == 0 && at + 1 < argc)
			snprintf(path, sizeof(path), "%.107s", argv[++at]);
		else
			return usage();
	}
	return at == argc ? usage() : give_order(path, json, argc - at, argv + at);
}
