#include "tests/fuzz/memory_stream.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/line.h"
#include "common/net/loop.h"
#include "common/net/stream.h"
#include "tests/fuzz/fuzz.h"

#include <stdarg.h>

const struct netaddr memory_peer = {.family = AF_INET, .port = 12345, .octets = {127, 0, 0, 1}};

/* One at a time. */
struct stream {
	void (*wake)(void *owner);
	void *owner;
	struct slice view; /* what has come and was not taken */
	size_t to_come;    /* octets behind the view */
	struct buf *said;
	struct line_skip skip;
	bool is_ended;    /* nothing is to come any more */
	bool is_wanted;   /* the session waits for input */
	bool is_finished; /* the session is gone */
};

static struct stream stream;
static struct service *service;

struct stream *
stream_new(int fd, void (*wake)(void *owner), void *owner)
{
	stream.wake = wake;
	stream.owner = owner;
	return &stream;
}

void
stream_finish(struct stream *s)
{
	s->is_finished = true;
}

void
stream_close(struct stream *s)
{
	s->is_finished = true;
}

static enum stream_result
lacking(struct stream *s)
{
	if (s->is_ended)
		return STREAM_CLOSED;
	s->is_wanted = true;
	return STREAM_AGAIN;
}

enum stream_result
stream_line(struct stream *s, size_t max, struct slice *line)
{
	enum stream_result result = line_take(&s->skip, &s->view, max, line);

	return result == STREAM_AGAIN ? lacking(s) : result;
}

enum stream_result
stream_peek(struct stream *s, struct slice *octets)
{
	if (s->view.len == 0)
		return lacking(s);
	*octets = s->view;
	return STREAM_OK;
}

void
stream_consume(struct stream *s, size_t n)
{
	ASSERT(n <= s->view.len);
	s->view = slice_from(s->view, n);
}

void
stream_write(struct stream *s, struct slice octets)
{
	buf_add_slice(s->said, octets);
}

void
stream_printf(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(s->said, fmt, ap);
	va_end(ap);
}

void
stream_wipe(struct stream *s)
{
}

size_t
stream_pending(const struct stream *s)
{
	return 0;
}

bool
stream_is_handshaking(const struct stream *s)
{
	return false;
}

const char *
stream_failure(const struct stream *s)
{
	return "";
}

void
stream_start_tls_server(struct stream *s, struct tls_server *server)
{
	PANIC("a service without certificates went over to TLS");
}

void
service_enter(struct service *s)
{
	s->sessions++;
}

void
service_leave(struct service *s, const struct netaddr *peer)
{
	s->sessions--;
}

const char *
service_hostname(const struct service *s)
{
	return s->conf->global.hostname.data;
}

static void
free_service(void)
{
	conf_free(service->conf);
	free(service);
}

struct service *
memory_service(enum conf_service which)
{
	struct conf_global g = {.hostname = SLICE("mail.example.org"), .max_message = 1024 * 1024};
	struct conf_listen l = {.id = 1, .service = which};

	if (service == NULL) {
		service = mem_zero(sizeof(*service));
		service->conf = conf_new();
		conf_set_global(service->conf, &g);
		conf_add_listen(service->conf, &l);
		service->listen = &service->conf->listens[0];
		atexit(free_service);
	}
	return service;
}

static void
drop_log(struct slice lines)
{
}

static void
on_stop(void *owner)
{
	loop_stop();
}

/* Turns of the loop until the session waits for input, or is gone; how many. */
static size_t
settle(size_t most)
{
	struct task stop;
	size_t turns = 0;

	task_init(&stop, on_stop, NULL);
	while (!stream.is_wanted && !stream.is_finished) {
		PROPERTY(turns++ <= most);
		task_queue(&stop);
		loop_run();
	}
	return turns;
}

static void
wake(void)
{
	stream.is_wanted = false;
	stream.wake(stream.owner);
}

void
memory_stream_run(void (*start)(void), struct slice input, size_t piece, struct buf *said)
{
	static bool is_ready;
	size_t most = input.len + 16;

	if (!is_ready) {
		loop_init();
		atexit(loop_fini);
		log_divert(drop_log);
	}
	is_ready = true;
	stream = (struct stream){.view = {input.data, 0}, .to_come = input.len, .said = said};
	start();
	most -= settle(most);
	while (!stream.is_finished) {
		size_t n = stream.to_come < piece ? stream.to_come : piece;

		stream.is_ended = n == 0;
		stream.view.len += n;
		stream.to_come -= n;
		wake();
		most -= settle(most);
	}
	PROPERTY(memory_service(0)->sessions == 0);
}
