/*
 * imapd: accepts IMAP, speaks the protocol, and asks mailbox for the mail. It has no files, no
 * keys and no passwords.
 */
#include "common/sandbox/privdrop.h"
#include "imapd/server.h"

/* Of what mailbox lends it to write an APPEND into, not even a captured imapd makes more than a
 * message. */
static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	return privdrop_bound_files(c->global.max_message, why);
}

int
main(int argc, char **argv)
{
	static const struct child imapd = {
	    .name = "imapd",
	    .role = SANDBOX_IMAPD,
	    .prepare = prepare,
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
