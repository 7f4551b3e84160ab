#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/unit.h"

#include "common/net/loop.h"
#include "common/net/stream.h"

#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(stream_tls);

static struct {
	struct stream *s;
	struct tls_signature *asked;
	int wakes;
} t;

static void
sign(void *owner, struct tls_signature *s, const unsigned char key[32], uint16_t scheme,
    struct slice octets)
{
	t.asked = s;
	loop_stop();
}

/* A session that has nothing more to say when its handshake fails. */
static void
step(void *owner)
{
	t.wakes++;
	stream_finish(t.s);
	t.s = NULL;
}

static void
wait_for_failure(void *owner)
{
	if (stream_failure(t.s)[0] != '\0')
		loop_stop();
}

static struct tls_server *
server_new(const struct test_certificate *c)
{
	static const struct tls_server_options options = {.context = {"test", 4}};
	struct tls_signer signer = {.sign = sign};
	struct error why = {""};
	struct tls_server *server = tls_server_new(&options, &signer, &why);

	cr_assert_not_null(server, "%s", why.text);
	cr_assert(tls_server_add(server, c->pem, &why), "%s", why.text);
	return server;
}

/* Keyholder's refusal wakes the session, which lets go of the stream there and then. */
Test(stream_tls, a_session_may_end_when_the_signer_refuses)
{
	struct test_certificate c = certificate_make(KEY_P256, "mail.example");
	struct tls_server *server = server_new(&c);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(ctx);
	int ends[2];

	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	SSL_set_fd(client, ends[1]);
	cr_assert_neq(SSL_connect(client), 1, "it waits for the server");
	t.s = stream_new(ends[0], step, NULL);
	stream_start_tls_server(t.s, server);
	loop_run();
	cr_assert_not_null(t.asked);
	tls_signed(t.asked, false, SLICE(""));
	cr_assert_eq(t.wakes, 1);
	cr_assert_null(t.s);
	loop_fini();
	SSL_free(client);
	SSL_CTX_free(ctx);
	close(ends[1]);
	tls_server_free(server);
	certificate_fini(&c);
}

/* A reload takes the configuration's client away while a session is on its way to the handshake. */
Test(stream_tls, a_client_may_go_before_the_handshake_begins)
{
	struct tls_client_options options = {.verify = false};
	struct error why = {""};
	struct tls_client *client = tls_client_new(&options, &why);
	int ends[2];

	cr_assert_not_null(client, "%s", why.text);
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.s = stream_new(ends[0], wait_for_failure, NULL);
	stream_start_tls_client(t.s, client, "mail.example");
	tls_client_free(client);
	cr_assert_eq(write(ends[1], "no TLS\r\n", 8), 8);
	loop_run();
	cr_assert_neq(stream_failure(t.s)[0], '\0');
	stream_close(t.s);
	loop_fini();
	close(ends[1]);
}

/* Nor does one that never begins keep it. */
Test(stream_tls, a_handshake_that_never_begins_lets_its_client_go)
{
	struct tls_client_options options = {.verify = false};
	struct error why = {""};
	struct tls_client *client = tls_client_new(&options, &why);
	int ends[2];

	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.s = stream_new(ends[0], wait_for_failure, NULL);
	stream_start_tls_client(t.s, client, "mail.example");
	stream_close(t.s);
	tls_client_free(client);
	loop_fini();
	close(ends[1]);
}
