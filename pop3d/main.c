/*
 * pop3d: accepts POP3, speaks the protocol, and asks mailbox for the mail. It has no files, no
 * keys and no passwords.
 */
#include "pop3d/server.h"

int
main(int argc, char **argv)
{
	static const struct child pop3d = {
	    .name = "pop3d",
	    .role = SANDBOX_POP3D,
	    .start = services_start,
	    .apply = services_apply,
	    .neighbours = pop3_neighbours,
	    .socket = services_socket,
	    .control = services_control,
	    .drain = pop3_server_drain,
	};

	pop3_server_init();
	return child_main(argc, argv, &pop3d);
}
