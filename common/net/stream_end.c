/*
 * How a stream ends. A kernel that is told to close while input lies unread answers with a reset,
 * and a reset destroys at the peer what it has not read yet: the very reply that says why. So a
 * stream that finishes sends its last octets, says that it is at its end, and reads on for a
 * while, for nothing, until the peer is at its end too.
 */
#include "common/base/limits.h"
#include "common/net/stream_part.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Streams that only wait for their peers: no session counts them any more, thus a limit. */
static unsigned lingering;

void
stream_close(struct stream *s)
{
	if (s == NULL)
		return;
	if (!s->closed && !s->failed && s->phase != PHASE_LINGERING) {
		stream_flush(s);
		if (s->phase == PHASE_SECURE && !s->failed)
			tls_close_notify(s->tls);
	}
	s->closed = true;
	task_cancel(&s->flush);
	timer_stop(&s->patience);
	if (s->busy)
		return;
	if (s->phase == PHASE_LINGERING)
		lingering--;
	io_close(s->io);
	tls_free(s->tls);
	tls_client_free(s->client);
	close(s->fd);
	stream_discard_input(s);
	buf_fini(&s->out);
	free(s->name);
	free(s->failure);
	free(s);
}

static void
on_patience(void *owner)
{
	stream_close(owner);
}

/* The last word is with the kernel: now it is the peer's turn to end. */
static void
begin_lingering(struct stream *s)
{
	if (lingering >= LIMIT_LINGERING) {
		stream_close(s);
		return;
	}
	if (s->phase == PHASE_SECURE)
		tls_close_notify(s->tls);
	lingering++;
	s->phase = PHASE_LINGERING;
	tls_free(s->tls);
	s->tls = NULL;
	stream_discard_input(s);
	if (shutdown(s->fd, SHUT_WR) < 0)
		stream_close(s);
	else
		stream_watch(s);
}

void
stream_linger(struct stream *s)
{
	char nowhere[4096];
	ssize_t n = recv(s->fd, nowhere, sizeof(nowhere), 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0)
		s->discarded += (size_t)n;
	if (n <= 0 || s->discarded > LIMIT_LINGER_OCTETS)
		s->closed = true;
}

void
stream_end_if_finished(struct stream *s)
{
	if (s->closed || (s->finishing && (s->failed || (s->ended && s->out.len == 0))))
		stream_close(s);
	else if (s->finishing && s->out.len == 0 && s->phase != PHASE_LINGERING)
		begin_lingering(s);
}

void
stream_finish(struct stream *s)
{
	if (s == NULL)
		return;
	s->wake = NULL;
	if (s->failed || !stream_is_open(s)) {
		stream_close(s);
		return;
	}
	s->finishing = true;
	s->wanted = false;
	timer_init(&s->patience, on_patience, s);
	timer_start(&s->patience, SPAN_SECONDS(LIMIT_FINISH_SECONDS));
	task_queue(&s->flush);
}
