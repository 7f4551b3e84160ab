#include "smtpd/ctl/compose.h"

#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

#include <string.h>

/* What is done with a field. */
enum treatment { KEEP, DROP, ADDRESSES };

static const struct {
	const char *name;
	enum treatment treatment;
	bool is_recipient;
} fields[] = {
    {"Bcc", DROP, true},
    {"Cc", ADDRESSES, true},
    {"From", ADDRESSES, false},
    {"Reply-To", ADDRESSES, false},
    {"Resent-Bcc", DROP, true},
    {"Resent-Cc", ADDRESSES, true},
    {"Resent-From", ADDRESSES, false},
    {"Resent-Sender", ADDRESSES, false},
    {"Resent-To", ADDRESSES, true},
    {"Return-Path", DROP, false},
    {"Sender", ADDRESSES, false},
    {"To", ADDRESSES, true},
};

/* What a message must have (RFC 5322 3.6), and what it must have to be sent on (3.6.6). */
static const struct must {
	const char *from, *date, *id;
} first = {"From", "Date", "Message-ID"},
  again = {"Resent-From", "Resent-Date", "Resent-Message-ID"};

static void
add_line(struct buf *out, struct slice line)
{
	size_t in_line = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '\0')
			continue;
		if (in_line++ == LIMIT_COMPOSED_LINE) {
			buf_add_text(out, "\r\n");
			in_line = 1;
		}
		buf_add_char(out, line.data[i]);
	}
	buf_add_text(out, "\r\n");
}

/* Takes a line that ends in LF, CRLF or a CR alone. */
static bool
take_line(struct slice *rest, struct slice *line)
{
	size_t n = 0;

	if (rest->len == 0)
		return false;
	while (n < rest->len && rest->data[n] != '\n' && rest->data[n] != '\r')
		n++;
	*line = slice_sub(*rest, 0, n);
	if (n + 1 < rest->len && rest->data[n] == '\r' && rest->data[n + 1] == '\n')
		n++;
	*rest = slice_from(*rest, n + 1);
	return true;
}

void
compose_lines(struct buf *out, struct slice input, bool dot_ends)
{
	struct slice line;

	while (take_line(&input, &line) && !(dot_ends && slice_equal_text(line, ".")))
		add_line(out, line);
}

void
compose_address(struct buf *out, struct slice address, struct slice hostname)
{
	buf_add_slice(out, address);
	if (address.len > 0 && slice_find(address, '@') < 0)
		buf_printf(out, "@%.*s", SLICE_FMT(hostname));
}

/* A local part by its meaning: quoted only when it must be. */
static void
add_local(struct buf *out, struct slice local)
{
	struct address a = {.local = local};

	if (local.len > 0 && local.data[0] == '"')
		buf_add_quoted(out, local);
	else
		address_local_canonical(out, &a);
}

static void
add_mailbox(struct buf *out, const struct address_item *item, struct slice hostname)
{
	struct slice domain = item->domain.len > 0 ? item->domain : hostname;

	if (item->name.len > 0) {
		address_name_write(out, item->name);
		buf_add_text(out, " <");
	}
	add_local(out, item->local);
	buf_printf(out, "@%.*s%s", SLICE_FMT(domain), item->name.len > 0 ? ">" : "");
}

/* Whether one of the addresses lacks a domain: only then is the field written
 * anew. */
static bool
is_bare(struct slice value)
{
	struct address_list list;
	struct address_item item;
	bool bare = false;

	address_list_init(&list, value);
	while (address_list_next(&list, &item))
		bare |=
		    item.kind == ADDRESS_ITEM_MAILBOX && item.domain.len == 0 && item.local.len > 0;
	address_list_fini(&list);
	return bare;
}

static void
add_addresses(struct buf *out, struct slice value, struct slice hostname)
{
	struct address_list list;
	struct address_item item;
	const char *sign = "";

	address_list_init(&list, value);
	while (address_list_next(&list, &item)) {
		if (item.kind == ADDRESS_ITEM_GROUP_END) {
			buf_add_char(out, ';');
			continue;
		}
		buf_add_text(out, sign);
		sign = ", ";
		if (item.kind == ADDRESS_ITEM_MAILBOX) {
			add_mailbox(out, &item, hostname);
		} else {
			address_name_write(out, item.name);
			buf_add_text(out, ": ");
			sign = "";
		}
	}
	address_list_fini(&list);
}

static void
take_recipients(struct buf *recipients, struct slice value, struct slice hostname)
{
	struct address_list list;
	struct address_item item;

	address_list_init(&list, value);
	while (address_list_next(&list, &item)) {
		if (item.kind != ADDRESS_ITEM_MAILBOX || item.local.len == 0)
			continue;
		item.name = SLICE("");
		add_mailbox(recipients, &item, hostname);
		buf_add_char(recipients, '\n');
	}
	address_list_fini(&list);
}

/* Whether nothing in it parts, names or comments: it is an address, or none. */
static bool
is_plain(struct slice text)
{
	struct address a;

	if (address_parse(text, ADDRESS_ALLOW_UTF8, &a) == ADDRESS_OK)
		return true;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '\0' && strchr(" \t,;:<>()\"", text.data[i]) != NULL)
			return false;
	}
	return true;
}

void
compose_addresses(struct buf *out, struct slice text, struct slice hostname)
{
	size_t before = out->len;

	if (!is_plain(text))
		take_recipients(out, text, hostname);
	if (out->len > before)
		return;
	compose_address(out, text, hostname);
	buf_add_char(out, '\n');
}

/* A message that is sent on has fields of its own for that, and goes to those whom they name, not
 * once more to those of the first time (RFC 5322 3.6.6). */
static bool
is_of_resending(struct slice name)
{
	return slice_has_prefix_nocase(name, SLICE("Resent-"));
}

static bool
is_resent(struct slice header)
{
	struct header_walk walk = header_walk(header);
	struct header_field f;

	while (header_next(&walk, &f)) {
		if (is_of_resending(f.name))
			return true;
	}
	return false;
}

static void
take_field(const struct compose *c, bool resent, const struct header_field *f, struct buf *out,
    struct buf *recipients)
{
	enum treatment treatment = KEEP;
	struct buf value = {0};
	char name[32];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!slice_equal_text_nocase(f->name, fields[i].name))
			continue;
		treatment = fields[i].treatment;
		if (fields[i].is_recipient && c->takes_recipients &&
		    is_of_resending(f->name) == resent)
			take_recipients(recipients, f->value, c->hostname);
	}
	if (treatment == ADDRESSES && is_bare(f->value) &&
	    slice_copy(f->name, name, sizeof(name))) {
		add_addresses(&value, f->value, c->hostname);
		header_add(out, name, buf_slice(&value));
		buf_fini(&value);
	} else if (treatment != DROP) {
		buf_add_slice(out, f->whole);
	}
}

static void
add_from(const struct compose *c, const char *name, struct buf *out)
{
	struct address_item item = {.name = c->full_name, .local = c->user, .domain = c->hostname};
	ptrdiff_t at = slice_find_last(c->sender, '@');
	struct buf value = {0};

	if (at > 0) {
		item.local = slice_sub(c->sender, 0, (size_t)at);
		item.domain = slice_from(c->sender, (size_t)at + 1);
	}
	add_mailbox(&value, &item, c->hostname);
	header_add(out, name, buf_slice(&value));
	buf_fini(&value);
}

static void
add_missing(const struct compose *c, const struct must *must, struct slice header, struct buf *out)
{
	struct buf value = {0};
	char id[ID_TEXT];
	struct slice unused;

	if (!header_find(header, slice_of(must->from), &unused))
		add_from(c, must->from, out);
	if (!header_find(header, slice_of(must->date), &unused)) {
		date_format(&value, (struct date){.seconds = c->now});
		header_add(out, must->date, buf_slice(&value));
		buf_clear(&value);
	}
	if (!header_find(header, slice_of(must->id), &unused)) {
		buf_printf(&value, "<%s@%.*s>", id_format(c->id, id), SLICE_FMT(c->hostname));
		header_add(out, must->id, buf_slice(&value));
	}
	buf_fini(&value);
}

static void
add_nobody(struct slice header, struct buf *out)
{
	struct slice unused;

	if (!header_find(header, SLICE("To"), &unused) &&
	    !header_find(header, SLICE("Cc"), &unused))
		header_add(out, "To", SLICE("undisclosed-recipients:;"));
}

/* Blanks may stand before the colon only (RFC 5322 4.5). */
static bool
is_name(struct slice name)
{
	name = slice_trim(name);
	return name.len > 0 && slice_find(name, ' ') < 0 && slice_find(name, '\t') < 0;
}

/* Where the body begins: at the first line that is no field, even without an
 * empty line before it. */
static size_t
body_of(struct slice message)
{
	struct slice rest = message, line;
	bool may_fold = false;

	while (rest.len > 0) {
		size_t at = message.len - rest.len;
		ptrdiff_t colon;

		take_line(&rest, &line);
		if (line.len == 0)
			return message.len - rest.len;
		colon = slice_find(line, ':');
		if (may_fold && (line.data[0] == ' ' || line.data[0] == '\t'))
			continue;
		if (colon <= 0 || !is_name(slice_sub(line, 0, (size_t)colon)))
			return at;
		may_fold = true;
	}
	return message.len;
}

void
compose(const struct compose *c, struct slice message, struct buf *out, struct buf *recipients)
{
	struct slice header, line, rest;
	struct header_walk walk;
	struct header_field f;
	size_t body;
	bool resent;

	if (slice_has_prefix(message, SLICE("From "))) { /* a mailbox file's line */
		rest = message;
		take_line(&rest, &line);
		message = rest;
	}
	body = body_of(message);
	header = slice_sub(message, 0, body);
	resent = is_resent(header);
	walk = header_walk(header);
	while (header_next(&walk, &f))
		take_field(c, resent, &f, out, recipients);
	if (resent)
		add_missing(c, &again, header, out);
	add_missing(c, &first, header, out);
	add_nobody(header, out);
	buf_add_text(out, "\r\n");
	buf_add_slice(out, slice_from(message, body));
}
