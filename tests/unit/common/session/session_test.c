#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/base/mem.h"
#include "common/session/login.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(session);

/*
 * A protocol of three commands: LOGIN and PLAIN begin a login, SPIN steps for ever, and any other
 * line is said back. Test and session are one process, with one loop; the test is lookup too.
 */
enum state { TALKING, INPUT, ASKING, CLOSING };

static const unsigned moves[] = {
    1U << INPUT | 1U << ASKING | 1U << CLOSING,
    1U << TALKING | 1U << ASKING | 1U << CLOSING,
    1U << TALKING | 1U << CLOSING,
    0,
};

static struct {
	struct service *service;
	struct channel *lookup, *answerer;
	int client;
	uint32_t asked; /* the request that lookup has not answered */
	enum al_login_result answer;
	bool is_mute; /* lookup says nothing */
	bool is_taking, is_spinning, is_silent, is_freed, is_often;
	size_t spins;
	struct session *session;
	int64_t patience;
} t;

static void
say(struct session *s, const char *text)
{
	stream_printf(s->stream, "%s\r\n", text);
}

static void
granted(struct session *s, const struct al_login_is *is)
{
	say(s, "granted");
	session_move(s, TALKING);
}

static void
refused(struct session *s, enum login_refusal why, const char *form)
{
	static const char *const words[] = {[REFUSED_WRONG] = "wrong",
	    [REFUSED_NOT_NOW] = "not now",
	    [REFUSED_MALFORMED] = "malformed",
	    [REFUSED_LINE] = "no line",
	    [REFUSED_TOO_LONG] = "too long",
	    [REFUSED_GIVEN_UP] = "given up"};

	say(s, words[why]);
	if (s->state != TALKING)
		session_move(s, TALKING);
}

static void
too_often(struct session *s)
{
	t.is_often = true;
	session_move(s, CLOSING);
}

static const struct login_kind login = {.lookup = &t.lookup,
    .input = INPUT,
    .asking = ASKING,
    .challenge = "? ",
    .granted = granted,
    .refused = refused,
    .too_often = too_often};

static enum session_next
talk(struct session *s)
{
	struct slice line;

	if (t.is_spinning) {
		t.spins++;
		return SESSION_GO_ON;
	}
	switch (stream_line(s->stream, 100, &line)) {
	case STREAM_OK:
		session_heard(s);
		t.is_spinning = slice_equal_text(line, "SPIN");
		if (!t.is_spinning && !login_begin(s, line, NULL))
			stream_printf(s->stream, "%.*s\r\n", SLICE_FMT(line));
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	session_move(s, CLOSING);
	return SESSION_GO_ON;
}

/* Octets as they come, line ends and all. */
static enum session_next
take(struct session *s)
{
	struct slice octets;
	enum session_next next;

	if (!session_peek(s, &octets, &next))
		return next;
	stream_printf(s->stream, "<%.*s>", SLICE_FMT(octets));
	stream_consume(s->stream, octets.len);
	return SESSION_GO_ON;
}

static enum session_next
step(struct session *s)
{
	switch ((enum state)s->state) {
	case TALKING:
		return t.is_taking ? take(s) : talk(s);
	case INPUT:
		return login_when_input(s);
	case ASKING:
		return SESSION_WAIT;
	case CLOSING:
		break;
	}
	return SESSION_END;
}

static struct span
patience(const struct session *s)
{
	return SPAN_MS(t.patience);
}

static void
silent(struct session *s)
{
	t.is_silent = true;
	session_move(s, CLOSING);
}

static void
free_session(struct session *s)
{
	session_fini(s);
	free(s);
	t.is_freed = true;
	t.session = NULL;
}

static const struct session_kind kind = {.moves = moves,
    .login = &login,
    .asking = 1U << ASKING,
    .open = 1U << ASKING,
    .closing = CLOSING,
    .step = step,
    .patience = patience,
    .silent = silent,
    .free = free_session};

static void
on_accepted(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	t.session = mem_zero(sizeof(*t.session));
	session_init(t.session, &kind, service, fd, peer);
	session_step(t.session);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct al_login_is is = {.result = t.answer, .account = SLICE("alice")};

	t.asked = m->id;
	if (!t.is_mute)
		al_login_is_send(t.answerer, m->id, &is, -1);
}

static void
connect_client(const struct sockaddr_in *to)
{
	t.client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(t.client, (const struct sockaddr *)to, sizeof(*to)), 0);
	turns_for(50);
	cr_assert_not_null(t.session);
}

static void
nothing_is_left(void)
{
}

static void
begin(void)
{
	static const struct service_options o = {
	    .protocol = "test", .full = "", .accepted = on_accepted, .idle = nothing_is_left};
	static const struct ipc_handler requests[] = {{&al_login_schema, on_login}, {NULL, NULL}};
	static const struct ipc_schema *const answers[] = {&al_login_is_schema, NULL};
	struct channel_options asker = {.peer = "lookup", .answers = answers};
	struct channel_options answerer = {.peer = "asker", .handlers = requests};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	struct conf_listen l = {.id = 1, .service = SERVICE_POP3};
	struct conf *c = conf_new();
	int ends[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memset(&t, 0, sizeof(t));
	t.patience = 60000;
	loop_init();
	services_init(&o);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 8), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	conf_add_listen(c, &l);
	services_socket(1, fd);
	services_apply(c);
	conf_free(c);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.lookup = channel_new(ends[0], &asker);
	t.answerer = channel_new(ends[1], &answerer);
	connect_client(&at);
}

static void
finish(void)
{
	close(t.client);
	t.is_spinning = false;
	turns_for(50);
	cr_assert(t.is_freed);
	services_drain();
	channel_close(t.lookup);
	channel_close(t.answerer);
	loop_fini();
}

static void
send_line(const char *line)
{
	cr_assert_eq(dprintf(t.client, "%s\r\n", line), (int)strlen(line) + 2);
	turns_for(20);
}

/* What the client has got since it last looked. */
static void
expect(const char *want)
{
	char got[1000];
	ssize_t n = recv(t.client, got, sizeof(got), MSG_DONTWAIT);

	cr_slice_eq(slice_make(got, n < 0 ? 0 : (size_t)n), want);
}

Test(session, a_login)
{
	begin();
	send_line("LOGIN");
	expect("? VXNlcm5hbWU6\r\n");
	send_line("YWxpY2U=");
	expect("? UGFzc3dvcmQ6\r\n");
	send_line("eA==");
	expect("granted\r\n");
	send_line("and on");
	expect("and on\r\n");
	cr_assert_null(t.session->sasl);
	finish();
}

Test(session, octets_as_they_come)
{
	begin();
	t.is_taking = true;
	send_line("one");
	cr_assert_eq(t.session->state, TALKING);
	send_line("two");
	expect("<one\r\n><two\r\n>");
	shutdown(t.client, SHUT_WR);
	turns_for(50);
	cr_assert(t.is_freed, "the end of input leads to the closing state");
	finish();
}

Test(session, what_is_refused)
{
	begin();
	t.answer = LOGIN_TEMPORARY;
	send_line("PLAIN");
	send_line("AGFsaWNlAHg=");
	send_line("PLAIN");
	send_line("!");
	send_line("LOGIN");
	send_line("*");
	expect("? \r\nnot now\r\n? \r\nmalformed\r\n? VXNlcm5hbWU6\r\ngiven up\r\n");
	channel_close(t.lookup);
	t.lookup = NULL;
	send_line("PLAIN");
	send_line("AGFsaWNlAHg=");
	expect("? \r\nnot now\r\n");
	cr_assert_null(t.session->sasl);
	finish();
}

Test(session, wrong_too_often)
{
	begin();
	t.answer = LOGIN_WRONG;
	for (int i = 0; i < LIMIT_AUTH_FAILURES; i++) {
		cr_assert_not(t.is_often);
		send_line("PLAIN");
		send_line(i % 2 == 0 ? "AGFsaWNlAHg=" : "AAA=");
		expect("? \r\nwrong\r\n");
	}
	cr_assert(t.is_often);
	finish();
}

Test(session, while_it_asks_nothing_else_wakes_it)
{
	struct al_login_is is = {.result = LOGIN_OK};

	begin();
	t.is_mute = true;
	send_line("PLAIN");
	t.patience = 300;
	send_line("AGFsaWNlAHg=");
	send_line("later");
	turns_for(500);
	cr_assert_not(t.is_silent, "it is not the client who is late");
	expect("? \r\n");
	al_login_is_send(t.answerer, t.asked, &is, -1);
	turns_for(50);
	expect("granted\r\nlater\r\n");
	turns_for(500);
	cr_assert(t.is_silent);
	finish();
}

Test(session, one_that_is_freed_forgets_its_request)
{
	struct al_login_is is = {.result = LOGIN_OK};

	begin();
	t.is_mute = true;
	send_line("PLAIN");
	send_line("AGFsaWNlAHg=");
	session_request_done(t.session);
	session_move(t.session, CLOSING);
	session_again(t.session);
	turns_for(20);
	cr_assert(t.is_freed);
	al_login_is_send(t.answerer, t.asked, &is, -1);
	finish();
}

Test(session, one_that_steps_for_ever_lets_others_go_first)
{
	begin();
	send_line("SPIN");
	cr_assert_gt(t.spins, 64, "and goes on");
	finish();
}

Test(session, a_request_does_not_outlive_its_state, .signal = SIGABRT)
{
	begin();
	t.is_mute = true;
	send_line("PLAIN");
	send_line("AGFsaWNlAHg=");
	session_move(t.session, TALKING);
}

Test(session, a_move_that_is_not_listed, .signal = SIGABRT)
{
	begin();
	session_move(t.session, CLOSING);
	session_move(t.session, TALKING);
}
