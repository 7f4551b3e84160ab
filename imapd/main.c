/*
 * imapd: accepts IMAP, speaks the protocol, and asks mailbox for the mail. It has no files, no
 * keys and no passwords.
 */
#include "imapd/server.h"

int
main(int argc, char **argv)
{
	static const struct child imapd = {
	    .name = "imapd",
	    .role = SANDBOX_IMAPD,
	    .start = services_start,
	    .apply = services_apply,
	    .neighbours = imap_neighbours,
	    .socket = services_socket,
	    .control = services_control,
	    .drain = imap_server_drain,
	};

	imap_server_init();
	return child_main(argc, argv, &imapd);
}
