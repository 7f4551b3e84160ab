#include "common/mail/srs.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/mail/address.h"

#include <string.h>

enum {
	TAG = 8,
	DAYS = 1024,
	LOCAL_PART = 64, /* octets that every server takes, RFC 5321 4.5.3.1.1 */
};

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* The tag of a text of a kind, signed without regard to case: servers on the way may change it. */
static void
make_tag(struct slice key, char kind, struct slice text, char tag[TAG])
{
	static const uint64_t left[2] = {0x6b7572697220737aULL, 0x72732d6c65667420ULL};
	static const uint64_t right[2] = {0x6b7572697220737aULL, 0x72732d7269676874ULL};
	uint64_t pair[2] = {hash_keyed(left, key), hash_keyed(right, key)}, hash;
	struct buf lower = {0};

	buf_add_char(&lower, kind);
	buf_add_lower(&lower, text);
	hash = hash_keyed(pair, buf_slice(&lower));
	buf_fini(&lower);
	for (int i = 0; i < TAG; i++, hash >>= 5)
		tag[i] = base32[hash & 31];
}

/* The value of a letter of base32; -1: it is none. */
static int
value_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 32);
	at = c == '\0' ? NULL : strchr(base32, c);
	return at == NULL ? -1 : (int)(at - base32);
}

/* "SRS0" or "SRS1" and one of the three signs that may stand behind. */
static bool
is_kind(struct slice local, const char *kind)
{
	return slice_has_prefix_nocase(local, slice_of(kind)) && local.len > 4 &&
	       strchr("=+-", local.data[4]) != NULL && local.data[4] != '\0';
}

static bool
cut(struct slice *rest, struct slice *part)
{
	ptrdiff_t at = slice_find(*rest, '=');

	if (at <= 0)
		return false;
	*part = slice_sub(*rest, 0, (size_t)at);
	*rest = slice_from(*rest, (size_t)at + 1);
	return true;
}

/* Takes host and local part of the first rewriting out of one like SRS1; false: it
 * leads nowhere. */
static bool
cut_second(struct slice local, struct slice *host, struct slice *first)
{
	struct slice tag;

	*first = slice_from(local, 5);
	return is_kind(local, "SRS1") && cut(first, &tag) && cut(first, host) &&
	       domain_is_valid(*host, false) && first->len > 1 &&
	       strchr("=+-", first->data[0]) != NULL;
}

/* What a tag of ours is to stand before: of whatever kind the sender is. */
static const char *
write_signed(struct buf *text, const struct srs *s, const struct address *sender)
{
	struct slice host, first;

	if (cut_second(sender->local, &host, &first)) {
		buf_printf(text, "%.*s=%.*s", SLICE_FMT(host), SLICE_FMT(first));
		return "SRS1";
	}
	if (is_kind(sender->local, "SRS0")) {
		buf_printf(text, "%.*s=%.*s", SLICE_FMT(sender->domain),
		    SLICE_FMT(slice_from(sender->local, 4)));
		return "SRS1";
	}
	buf_printf(text, "%c%c=%.*s=%.*s", base32[s->today % DAYS >> 5], base32[s->today & 31],
	    SLICE_FMT(sender->domain), SLICE_FMT(sender->local));
	return "SRS0";
}

bool
srs_encode(struct buf *out, const struct srs *s, struct slice sender, struct slice domain)
{
	struct address from, made;
	struct buf text = {0}, all = {0};
	const char *kind;
	char tag[TAG];
	bool ok;

	if (address_parse(sender, 0, &from) != ADDRESS_OK ||
	    slice_equal_nocase(from.domain, domain))
		return false;
	kind = write_signed(&text, s, &from);
	make_tag(s->key, kind[3], buf_slice(&text), tag);
	buf_printf(&all, "%s=%.*s=%s@%.*s", kind, TAG, tag, buf_text(&text), SLICE_FMT(domain));
	ok = address_parse(buf_slice(&all), 0, &made) == ADDRESS_OK && made.local.len <= LOCAL_PART;
	if (ok)
		buf_add_slice(out, buf_slice(&all));
	buf_fini(&text);
	buf_fini(&all);
	return ok;
}

static bool
is_signed_by(struct slice key, char kind, struct slice tag, struct slice text)
{
	char right[TAG];
	int wrong = 0;

	if (key.len == 0 || tag.len != TAG)
		return false;
	make_tag(key, kind, text, right);
	for (int i = 0; i < TAG; i++)
		wrong |= value_of(tag.data[i]) ^ value_of(right[i]);
	return wrong == 0;
}

static enum srs_result
open_first(struct buf *out, const struct srs *s, struct slice text)
{
	struct slice stamp, domain;
	unsigned day;

	if (!cut(&text, &stamp) || !cut(&text, &domain) || text.len == 0 || stamp.len != 2 ||
	    value_of(stamp.data[0]) < 0 || value_of(stamp.data[1]) < 0)
		return SRS_FORGED;
	day = (unsigned)(value_of(stamp.data[0]) << 5 | value_of(stamp.data[1]));
	if ((s->today % DAYS + DAYS - day) % DAYS > s->days)
		return SRS_OLD;
	buf_printf(out, "%.*s@%.*s", SLICE_FMT(text), SLICE_FMT(domain));
	return SRS_OK;
}

static enum srs_result
open_second(struct buf *out, struct slice text)
{
	struct slice host;

	if (!cut(&text, &host) || text.len == 0)
		return SRS_FORGED;
	buf_printf(out, "SRS0%.*s@%.*s", SLICE_FMT(text), SLICE_FMT(host));
	return SRS_OK;
}

enum srs_result
srs_decode(struct buf *out, const struct srs *s, struct slice address)
{
	ptrdiff_t at = slice_find_last(address, '@');
	struct slice local = slice_sub(address, 0, at < 0 ? 0 : (size_t)at), rest, tag;
	bool is_first = is_kind(local, "SRS0");
	char kind = is_first ? '0' : '1';

	if (!is_first && !is_kind(local, "SRS1"))
		return SRS_NONE;
	rest = slice_from(local, 5);
	if (!cut(&rest, &tag) ||
	    !(is_signed_by(s->key, kind, tag, rest) || is_signed_by(s->backup, kind, tag, rest)))
		return SRS_FORGED;
	return is_first ? open_first(out, s, rest) : open_second(out, rest);
}
