/* NOOP, CHECK, ID, ENABLE, NAMESPACE, LOGOUT: what asks mailbox for nothing. */
#include "imapd/command.h"

IMAP_COMMAND(noop)
{
	imap_done(s, "OK nothing else happened");
}

/* Mailbox has everything stable already; the rest is NOOP's (RFC 3501 6.4.1). */
IMAP_COMMAND(check)
{
	imap_done(s, "OK all is stored");
}

static bool
parse_id(struct imap_parse *p)
{
	struct slice key, value;

	if (!imap_parse_char(p, ' '))
		return false;
	if (imap_parse_keyword(p, "NIL"))
		return imap_parse_is_end(p);
	if (!imap_parse_char(p, '('))
		return false;
	for (unsigned pairs = 0; !imap_parse_char(p, ')'); pairs++) {
		if (pairs == LIMIT_ID_PAIRS || (pairs > 0 && !imap_parse_char(p, ' ')) ||
		    !imap_parse_string(p, &key) || key.len > LIMIT_ID_KEY ||
		    !imap_parse_char(p, ' ') || !imap_parse_nstring(p, &value) ||
		    value.len > LIMIT_ID_VALUE)
			return false;
	}
	return imap_parse_is_end(p);
}

/* RFC 2971. What the client says of itself is checked and forgotten. */
IMAP_COMMAND(id)
{
	if (!parse_id(p)) {
		imap_bad(s, "ID takes NIL or a short list of pairs");
		return;
	}
	imap_write(s, SLICE("* ID (\"name\" \"Kurir\")\r\n"));
	imap_done(s, "OK pleased to meet you");
}

/* RFC 5161. No extension here needs it yet, so the list of what is now enabled is empty. */
IMAP_COMMAND(enable)
{
	struct slice word;
	unsigned words = 0;

	while (imap_parse_char(p, ' ') && imap_parse_word(p, IMAP_ATOM, &word))
		words++;
	if (words == 0 || !imap_parse_is_end(p)) {
		imap_bad(s, "ENABLE takes the names of extensions");
		return;
	}
	imap_write(s, SLICE("* ENABLED\r\n"));
	imap_done(s, "OK nothing had to be enabled");
}

/* RFC 2342: the account's own mailboxes are all there are. */
IMAP_COMMAND(namespace)
{
	imap_write(s, SLICE("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
	imap_done(s, "OK that is all");
}

IMAP_COMMAND(logout)
{
	imap_unselect(s);
	imap_write(s, SLICE("* BYE until next time\r\n"));
	imap_done(s, "OK logged out");
	imap_move(s, IMAP_CLOSING);
}
