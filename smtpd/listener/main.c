/*
 * listener: accepts SMTP and submission, speaks the protocol, and hands messages to queue. It
 * has no files, no keys and no passwords; what it must know it asks.
 */
#include "smtpd/listener/server.h"

int
main(int argc, char **argv)
{
	static const struct child listener = {
	    .name = "listener",
	    .role = SANDBOX_LISTENER,
	    .start = services_start,
	    .apply = services_apply,
	    .neighbours = smtp_neighbours,
	    .socket = services_socket,
	    .control = services_control,
	    .drain = smtp_server_drain,
	};

	smtp_server_init();
	return child_main(argc, argv, &listener);
}
