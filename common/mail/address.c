#include "common/mail/address.h"

#include "common/base/ascii.h"
#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>
#include <utf8proc.h>

enum {
	LABEL = 63, /* octets, RFC 1035 2.3.4 */
	ZERO_WIDTH_NON_JOINER = 0x200C,
	ZERO_WIDTH_JOINER = 0x200D,
};

static bool
is_atext(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Characters that show nothing, or turn the direction of what is shown, are in no
 * honest address. */
static bool
is_visible(uint32_t code)
{
	utf8proc_category_t category;

	if (code == ZERO_WIDTH_NON_JOINER || code == ZERO_WIDTH_JOINER)
		return true;
	category = utf8proc_category((utf8proc_int32_t)code);
	return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CF &&
	       category != UTF8PROC_CATEGORY_CS && category != UTF8PROC_CATEGORY_ZS &&
	       category != UTF8PROC_CATEGORY_ZL && category != UTF8PROC_CATEGORY_ZP;
}

/* The octets of the character above ASCII that s begins with, or 0 when it may not stand there. */
static size_t
utf8_character(struct slice s)
{
	size_t taken;
	bool wrong;
	uint32_t code = utf8_next(s, &taken, &wrong);

	return !wrong && is_visible(code) ? taken : 0;
}

/* Octets of the dot-string that s begins with (RFC 5321 4.1.2); 0: it begins with none. */
static size_t
dot_string(struct slice s, bool utf8)
{
	size_t n = 0;
	bool after_dot = true;

	while (n < s.len) {
		size_t taken = 1;

		if (s.data[n] == '.') {
			if (after_dot)
				return 0;
			after_dot = true;
			n++;
			continue;
		}
		if ((unsigned char)s.data[n] >= 0x80)
			taken = utf8 ? utf8_character(slice_from(s, n)) : 0;
		else if (!is_atext(s.data[n]))
			break;
		if (taken == 0)
			return 0;
		after_dot = false;
		n += taken;
	}
	return after_dot ? 0 : n;
}

/* Octets of the quoted string that s begins with, quotes included; 0: it is none, or empty. */
static size_t
quoted_string(struct slice s, bool utf8)
{
	size_t n = 1;

	while (n < s.len) {
		size_t taken = 1;

		if (s.data[n] == '"')
			return n > 1 ? n + 1 : 0;
		if (s.data[n] == '\\' && (++n >= s.len || (unsigned char)s.data[n] >= 0x80))
			return 0;
		if ((unsigned char)s.data[n] < ' ' || s.data[n] == 127)
			return 0;
		if ((unsigned char)s.data[n] >= 0x80)
			taken = utf8 ? utf8_character(slice_from(s, n)) : 0;
		if (taken == 0)
			return 0;
		n += taken;
	}
	return 0;
}

bool
domain_is_literal(struct slice domain)
{
	char text[64];
	unsigned char octets[16];

	if (domain.len < 3 || domain.data[0] != '[' || domain.data[domain.len - 1] != ']')
		return false;
	domain = slice_sub(domain, 1, domain.len - 2);
	if (slice_has_prefix_nocase(domain, SLICE("IPv6:")))
		return slice_copy(slice_from(domain, 5), text, sizeof(text)) &&
		       inet_pton(AF_INET6, text, octets) == 1;
	return slice_copy(domain, text, sizeof(text)) && inet_pton(AF_INET, text, octets) == 1;
}

static bool
is_label(struct slice label)
{
	if (label.len == 0 || label.len > LABEL)
		return false;
	if (label.data[0] == '-' || label.data[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!ascii_is_alnum(label.data[i]) && label.data[i] != '-' && label.data[i] != '_')
			return false;
	}
	return true;
}

static bool
is_number(struct slice label)
{
	for (size_t i = 0; i < label.len; i++) {
		if (!ascii_is_digit(label.data[i]))
			return false;
	}
	return true;
}

/* A name that ends in a number would be taken for an IPv4 address by those who connect to it. */
static bool
is_ascii_domain(struct slice domain)
{
	struct slice rest = domain, label = SLICE("");

	if (domain.len == 0 || domain.len > LIMIT_DOMAIN || domain.data[domain.len - 1] == '.')
		return false;
	while (slice_split(&rest, '.', &label)) {
		if (!is_label(label))
			return false;
	}
	return !is_number(label);
}

/* What is ASCII among the octets of U-labels; IDNA lets some others pass. */
static bool
has_label_octets(struct slice domain)
{
	for (size_t i = 0; i < domain.len; i++) {
		char c = domain.data[i];

		if ((unsigned char)c < 0x80 && !ascii_is_alnum(c) && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return true;
}

bool
domain_to_ascii(struct buf *out, struct slice domain)
{
	char text[LIMIT_DOMAIN + 1];
	char *ascii = NULL;
	bool ok = false;

	if (utf8_is_ascii(domain)) {
		if (!is_ascii_domain(domain))
			return false;
		buf_add_lower(out, domain);
		return true;
	}
	if (!utf8_is_valid(domain) || !has_label_octets(domain) ||
	    !slice_copy(domain, text, sizeof(text)))
		return false;
	if (idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES) ==
	    IDN2_OK)
		ok = is_ascii_domain(slice_of(ascii));
	if (ok)
		buf_add_text(out, ascii);
	idn2_free(ascii);
	return ok;
}

bool
domain_is_valid(struct slice domain, bool utf8)
{
	struct buf ascii = {0};
	bool ok;

	if (utf8_is_ascii(domain))
		return is_ascii_domain(domain);
	ok = utf8 && domain_to_ascii(&ascii, domain);
	buf_fini(&ascii);
	return ok;
}

/* Octets up to what can follow a domain in a path; a literal goes to its bracket. */
static size_t
domain_length(struct slice s)
{
	size_t n = 0;

	if (s.len > 0 && s.data[0] == '[') {
		ptrdiff_t close = slice_find(s, ']');

		return close < 0 ? s.len : (size_t)close + 1;
	}
	while (n < s.len && strchr(">,:", s.data[n]) == NULL)
		n++;
	return n;
}

static enum address_result
judge_domain(struct slice domain, bool utf8)
{
	if (domain.len > LIMIT_DOMAIN)
		return ADDRESS_TOO_LONG;
	if (!utf8 && !utf8_is_ascii(domain))
		return ADDRESS_UTF8;
	return domain_is_literal(domain) || domain_is_valid(domain, utf8) ? ADDRESS_OK
									  : ADDRESS_BAD_DOMAIN;
}

/* Why there is no local part at the start of s. */
static enum address_result
judge_failure(struct slice s, bool utf8)
{
	return !utf8 && !utf8_is_ascii(s) ? ADDRESS_UTF8 : ADDRESS_SYNTAX;
}

/* Takes Local-part "@" Domain off *rest. */
static enum address_result
take_mailbox(struct slice *rest, bool utf8, struct address *a)
{
	bool is_quoted = rest->len > 0 && rest->data[0] == '"';
	size_t n = is_quoted ? quoted_string(*rest, utf8) : dot_string(*rest, utf8);
	enum address_result result;

	if (n == 0 || n >= rest->len || rest->data[n] != '@')
		return judge_failure(*rest, utf8);
	if (n > LIMIT_LOCAL_PART)
		return ADDRESS_TOO_LONG;
	a->local = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n + 1);
	a->domain = slice_sub(*rest, 0, domain_length(*rest));
	result = judge_domain(a->domain, utf8);
	if (result == ADDRESS_OK)
		*rest = slice_from(*rest, a->domain.len);
	return result;
}

enum address_result
address_parse(struct slice text, unsigned allow, struct address *a)
{
	struct address found = {.local = {NULL, 0}};
	enum address_result result = take_mailbox(&text, (allow & ADDRESS_ALLOW_UTF8) != 0, &found);

	if (result == ADDRESS_OK && text.len > 0)
		result = ADDRESS_SYNTAX;
	if (result == ADDRESS_OK)
		*a = found;
	return result;
}

static bool
take(struct slice *rest, char c)
{
	if (rest->len == 0 || rest->data[0] != c)
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* "@a,@b:" in front of a mailbox: checked, then forgotten (RFC 5321 appendix C). */
static enum address_result
skip_route(struct slice *rest, bool utf8)
{
	if (rest->len == 0 || rest->data[0] != '@')
		return ADDRESS_OK;
	do {
		enum address_result result;
		size_t n;

		if (!take(rest, '@'))
			return ADDRESS_SYNTAX;
		n = domain_length(*rest);
		result = judge_domain(slice_sub(*rest, 0, n), utf8);
		if (result != ADDRESS_OK)
			return result;
		*rest = slice_from(*rest, n);
	} while (take(rest, ','));
	return take(rest, ':') ? ADDRESS_OK : ADDRESS_SYNTAX;
}

/* "ann>" */
static bool
take_bare(struct slice *rest, bool utf8, struct address *a)
{
	size_t n = dot_string(*rest, utf8);

	if (n == 0 || n > LIMIT_LOCAL_PART || n >= rest->len || rest->data[n] != '>')
		return false;
	a->local = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n + 1);
	return true;
}

static enum address_result
take_path(struct slice *rest, unsigned allow, struct address *a)
{
	bool utf8 = (allow & ADDRESS_ALLOW_UTF8) != 0;
	struct slice postmaster = SLICE("postmaster>");
	enum address_result result;

	if (!take(rest, '<'))
		return ADDRESS_SYNTAX;
	if (take(rest, '>'))
		return (allow & ADDRESS_ALLOW_NULL) != 0 ? ADDRESS_OK : ADDRESS_SYNTAX;
	if ((allow & ADDRESS_ALLOW_POSTMASTER) != 0 && slice_has_prefix_nocase(*rest, postmaster)) {
		a->local = slice_sub(*rest, 0, postmaster.len - 1);
		*rest = slice_from(*rest, postmaster.len);
		return ADDRESS_OK;
	}
	if ((allow & ADDRESS_ALLOW_BARE) != 0 && take_bare(rest, utf8, a))
		return ADDRESS_OK;
	result = skip_route(rest, utf8);
	if (result == ADDRESS_OK)
		result = take_mailbox(rest, utf8, a);
	if (result == ADDRESS_OK && !take(rest, '>'))
		result = ADDRESS_SYNTAX;
	return result;
}

enum address_result
address_path_parse(struct slice *rest, unsigned allow, struct address *a)
{
	struct slice left = *rest;
	struct address found = {.local = {NULL, 0}};
	enum address_result result = take_path(&left, allow, &found);

	if (result == ADDRESS_OK) {
		*a = found;
		*rest = left;
	}
	return result;
}

const char *
address_result_name(enum address_result result)
{
	switch (result) {
	case ADDRESS_OK:
		return "ok";
	case ADDRESS_SYNTAX:
		return "not an address";
	case ADDRESS_TOO_LONG:
		return "longer than an address may be";
	case ADDRESS_UTF8:
		return "characters above ASCII are not allowed here";
	case ADDRESS_BAD_DOMAIN:
		return "the part behind the @ is no domain";
	}
	PANIC("an address result that is not listed");
}

bool
address_is_null(const struct address *a)
{
	return a->local.len == 0 && a->domain.len == 0;
}

void
address_local(struct buf *out, const struct address *a)
{
	struct slice s = a->local;

	if (s.len < 2 || s.data[0] != '"') {
		buf_add_slice(out, s);
		return;
	}
	for (size_t i = 1; i < s.len - 1; i++) {
		if (s.data[i] == '\\' && i + 2 < s.len)
			i++;
		buf_add_char(out, s.data[i]);
	}
}

void
address_local_canonical(struct buf *out, const struct address *a)
{
	struct buf meaning = {0};
	struct slice s;

	address_local(&meaning, a);
	s = buf_slice(&meaning);
	if (s.len == 0 || dot_string(s, true) == s.len)
		buf_add_slice(out, s);
	else
		buf_add_quoted(out, s);
	buf_fini(&meaning);
}

void
address_domain_folded(struct buf *out, const struct address *a)
{
	if (!domain_to_ascii(out, a->domain))
		buf_add_lower(out, a->domain);
}

void
address_format(struct buf *out, const struct address *a)
{
	address_local_canonical(out, a);
	if (a->domain.len == 0)
		return;
	buf_add_char(out, '@');
	buf_add_lower(out, a->domain);
}

static bool
is_same(const struct address *a, const struct address *b,
    void (*part)(struct buf *out, const struct address *a))
{
	struct buf of_a = {0}, of_b = {0};
	bool same;

	part(&of_a, a);
	part(&of_b, b);
	same = slice_equal_nocase(buf_slice(&of_a), buf_slice(&of_b));
	buf_fini(&of_a);
	buf_fini(&of_b);
	return same;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return is_same(a, b, address_local) && is_same(a, b, address_domain_folded);
}

bool
address_split_detail(struct slice local, char delimiter, struct slice *base, struct slice *detail)
{
	ptrdiff_t at = slice_find(slice_from(local, 1), delimiter);

	*base = local;
	*detail = SLICE("");
	if (at < 0 || local.data[0] == '"')
		return false;
	*base = slice_sub(local, 0, (size_t)at + 1);
	*detail = slice_from(local, (size_t)at + 2);
	return true;
}
