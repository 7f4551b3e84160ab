/*
 * Mail addresses as SMTP writes them: Mailbox and Path of RFC 5321 4.1.2, with UTF-8 (RFC 6531)
 * where the caller allows it. Parsing is strict and bounded: 255 octets of local part, 255 of
 * domain. The slices lie in the text that was parsed. A source route is read and forgotten.
 */
#ifndef COMMON_MAIL_ADDRESS_H
#define COMMON_MAIL_ADDRESS_H

#include "common/base/buf.h"

/*
 * The local part stands as it was written, quotes and all; address_local() gives its meaning.
 * Both empty: the null path. Only the domain empty: <postmaster>, or a bare name.
 */
struct address {
	struct slice local, domain;
};

enum address_result {
	ADDRESS_OK,
	ADDRESS_SYNTAX,
	ADDRESS_TOO_LONG,   /* a part is over its limit (limits.h) */
	ADDRESS_UTF8,       /* octets above 127 where they are not allowed */
	ADDRESS_BAD_DOMAIN, /* neither a domain name nor an address literal */
};

/* What a caller allows beside an ordinary mailbox. */
enum address_allow {
	ADDRESS_ALLOW_UTF8 = 1,       /* RFC 6531: valid UTF-8 without controls; U-labels */
	ADDRESS_ALLOW_NULL = 2,       /* <> (paths only) */
	ADDRESS_ALLOW_POSTMASTER = 4, /* <postmaster> (paths only; RFC 5321 4.5.1) */
	ADDRESS_ALLOW_BARE = 8,       /* <ann>, a name that the caller completes (paths only) */
};

/* Local-part "@" domain, and nothing else. */
enum address_result address_parse(struct slice text, unsigned allow, struct address *a);

/* Takes a Path, angle brackets and all, off *rest; *rest and *a are untouched on failure. */
enum address_result address_path_parse(struct slice *rest, unsigned allow, struct address *a);

const char *address_result_name(enum address_result result);
bool address_is_null(const struct address *a);

/* Appends the local part without quotes or backslashes: what it means, for looking up. */
void address_local(struct buf *out, const struct address *a);

/* Appends the local part in its one canonical spelling: quoted only when it must be. */
void address_local_canonical(struct buf *out, const struct address *a);

/* Appends the domain in lower case and A-labels, so equal domains are equal octets. */
void address_domain_folded(struct buf *out, const struct address *a);

/* Appends canonical local part, @, and the domain with its ASCII letters lower; nothing for the
 * null path. */
void address_format(struct buf *out, const struct address *a);

/* Same mailbox: local parts by meaning and case (RFC 5321 2.4), domains without case. */
bool address_equal(const struct address *a, const struct address *b);

/* Splits a local part that is not quoted at the first delimiter behind its first octet; false:
 * there is none, and base is all of it. */
bool address_split_detail(
    struct slice local, char delimiter, struct slice *base, struct slice *detail);

/* Labels of 1 to 63 letters, digits, - and _ (which real senders have), the last not all digits;
 * U-labels if allowed. */
bool domain_is_valid(struct slice domain, bool utf8);

/* [192.0.2.1] or [IPv6:2001:db8::1] with an address that is one (RFC 5321 4.1.3). */
bool domain_is_literal(struct slice domain);

/* Appends the domain in A-labels and lower case; false, and nothing added, when IDNA refuses it. */
bool domain_to_ascii(struct buf *out, struct slice domain);

#endif
