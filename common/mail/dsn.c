#include "common/mail/dsn.h"

#include "common/base/ascii.h"
#include "common/base/encode.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/mail/reply.h"

enum {
	BOUNDARY = 80,
	SHOWN = 800, /* octets of somebody else's words on one line */
};

/* A body part before it is assembled. */
struct part {
	const char *type;
	struct buf octets;
};

static const struct {
	const char *action, *status, *subject, *before, *after;
} kinds[] = {
    [DSN_FAILED] = {"failed", "5.0.0", "Your message could not be delivered",
	"your message could not be delivered to:", "It will not be tried again."},
    [DSN_DELAYED] = {"delayed", "4.0.0", "Your message is delayed",
	"your message could not be delivered yet to:",
	"It will be tried again; you need not send it once more."},
    [DSN_DELIVERED] = {"delivered", "2.0.0", "Your message was delivered",
	"your message was delivered to:", "You asked for this confirmation."},
    [DSN_RELAYED] = {"relayed", "2.0.0", "Your message was passed on",
	"your message was passed on to a server that sends no confirmations, for:",
	"Whether it arrives will not be reported; failures may be."},
};

/* Appends text on one line: UTF-8 stays, what is neither text nor UTF-8 becomes a blank or
 * a "?". */
static void
add_line_text(struct buf *out, struct slice s)
{
	s = slice_sub(s, 0, SHOWN);
	while (s.len > 0) {
		size_t taken;
		bool wrong;
		uint32_t code = utf8_next(s, &taken, &wrong);

		if (wrong)
			buf_add_char(out, '?');
		else if (code < ' ' || (code >= 127 && code < 0xA0))
			buf_add_char(out, ' ');
		else
			buf_add_slice(out, slice_sub(s, 0, taken));
		s = slice_from(s, taken);
	}
}

/* The same, in ASCII only: a delivery-status part has nothing else (RFC 3464 2.1). */
static void
add_ascii(struct buf *out, struct slice s)
{
	struct buf text = {0};

	add_line_text(&text, s);
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(out, (unsigned char)text.data[i] < 127 ? text.data[i] : '?');
	buf_fini(&text);
}

static void
add_date(struct buf *out, const char *name, int64_t seconds)
{
	struct buf text = {0};

	if (seconds == 0)
		return;
	date_format(&text, (struct date){.seconds = seconds});
	header_add(out, name, buf_slice(&text));
	buf_fini(&text);
}

/* "Name: type; value", where the value is in ASCII and not empty. */
static void
add_typed(struct buf *out, const char *name, const char *type, struct slice value)
{
	struct buf text = {0};

	if (value.len == 0)
		return;
	buf_printf(&text, "%s; ", type);
	add_ascii(&text, value);
	header_add(out, name, buf_slice(&text));
	buf_fini(&text);
}

/* An address field; one above ASCII is written as RFC 6533 3 does, so the part stays ASCII. */
static void
add_recipient_address(struct buf *out, const char *name, const char *type, struct slice address)
{
	struct buf escaped = {0};

	if (slice_equal_text_nocase(slice_of(type), "utf-8") || !utf8_is_ascii(address)) {
		unitext_encode(&escaped, address);
		add_typed(out, name, "utf-8", buf_slice(&escaped));
	} else {
		add_typed(out, name, type, address);
	}
	buf_fini(&escaped);
}

/* ORCPT's "type;address". Without a sane type it is taken for a mail address. */
static void
add_original(struct buf *out, struct slice orcpt)
{
	char type[24] = "rfc822";
	ptrdiff_t semicolon = slice_find(orcpt, ';');

	if (semicolon > 0) {
		struct slice word = slice_sub(orcpt, 0, (size_t)semicolon);
		bool is_word = word.len < sizeof(type);

		for (size_t i = 0; i < word.len; i++)
			is_word = is_word && word.data[i] > ' ' && word.data[i] < 127;
		if (is_word)
			slice_copy(word, type, sizeof(type));
		orcpt = slice_from(orcpt, word.len + 1);
	}
	add_recipient_address(out, "Original-Recipient", type, slice_trim(orcpt));
}

/* Words with a reply code before them were said in SMTP; others are our own. */
static bool
is_reply(struct slice text)
{
	return text.len >= 3 && text.data[0] >= '2' && text.data[0] <= '5' &&
	       ascii_is_digit(text.data[1]) && ascii_is_digit(text.data[2]);
}

/* Who wrote to a list or to somebody who forwards knows that address, and not where it leads. */
static bool
is_led_on(const struct dsn_recipient *r)
{
	return r->given.len > 0 && !slice_equal_nocase(r->given, r->final);
}

static void
add_status_of(struct buf *out, const struct dsn *d, const struct dsn_recipient *r)
{
	struct slice status = reply_find_status(r->status);

	buf_add_text(out, "\r\n");
	if (r->original.len > 0)
		add_original(out, r->original);
	else if (is_led_on(r))
		add_recipient_address(out, "Original-Recipient", "rfc822", r->given);
	add_recipient_address(out, "Final-Recipient", "rfc822", r->final);
	header_add(out, "Action", slice_of(kinds[d->kind].action));
	header_add(out, "Status", status.len > 0 ? status : slice_of(kinds[d->kind].status));
	add_typed(out, "Remote-MTA", "dns", r->remote_mta);
	add_typed(
	    out, "Diagnostic-Code", is_reply(r->diagnostic) ? "smtp" : "x-kurir", r->diagnostic);
	add_date(out, "Last-Attempt-Date", r->last_attempt);
	if (d->kind == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", r->will_retry_until);
}

/* For programs (RFC 3464 2). */
static void
write_status(struct buf *out, const struct dsn *d)
{
	struct buf envid = {0};

	add_typed(out, "Reporting-MTA", "dns", d->reporting_mta);
	if (d->envid.len > 0) {
		add_ascii(&envid, d->envid);
		header_add(out, "Original-Envelope-Id", buf_slice(&envid));
	}
	add_date(out, "Arrival-Date", d->arrival);
	for (size_t i = 0; i < d->count; i++)
		add_status_of(out, d, &d->recipients[i]);
	buf_fini(&envid);
}

static void
write_text_of(struct buf *out, const struct dsn *d, const struct dsn_recipient *r)
{
	buf_add_text(out, "\r\n    <");
	add_line_text(out, r->final);
	buf_add_text(out, ">\r\n");
	if (is_led_on(r)) {
		buf_add_text(out, "        reached through <");
		add_line_text(out, r->given);
		buf_add_text(out, ">\r\n");
	}
	if (r->diagnostic.len > 0) {
		buf_add_text(out, "        ");
		if (r->remote_mta.len > 0) {
			add_line_text(out, slice_sub(r->remote_mta, 0, LIMIT_HOSTNAME / 2));
			buf_add_text(out, is_reply(r->diagnostic) ? " said: " : ": ");
		}
		add_line_text(out, r->diagnostic);
		buf_add_text(out, "\r\n");
	}
	if (d->kind == DSN_DELAYED && r->will_retry_until != 0) {
		buf_add_text(out, "        It will be tried until ");
		date_format(out, (struct date){.seconds = r->will_retry_until});
		buf_add_text(out, ".\r\n");
	}
}

/* For people. */
static void
write_text(struct buf *out, const struct dsn *d, bool has_body)
{
	buf_add_text(out, "Hello,\r\n\r\n");
	buf_printf(out, "%s\r\n", kinds[d->kind].before);
	for (size_t i = 0; i < d->count; i++)
		write_text_of(out, d, &d->recipients[i]);
	buf_printf(out, "\r\n%s\r\n", kinds[d->kind].after);
	buf_add_text(out, "Below are the same facts for programs");
	if (d->original.len > 0)
		buf_add_text(
		    out, has_body ? ", and your message" : ", and the header of your message");
	buf_add_text(out, ".\r\n\r\n-- \r\nThe mail server ");
	add_line_text(out, d->reporting_mta);
	buf_add_text(out, "\r\n");
}

/* Copies lines, whatever they end in, as lines that end in CRLF. */
static void
add_lines(struct buf *out, struct slice s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] != '\r' && s.data[i] != '\n')
			continue;
		buf_add_slice(out, slice_sub(s, from, i - from));
		buf_add_text(out, "\r\n");
		if (s.data[i] == '\r' && i + 1 < s.len && s.data[i + 1] == '\n')
			i++;
		from = i + 1;
	}
	if (from < s.len) {
		buf_add_slice(out, slice_from(s, from));
		buf_add_text(out, "\r\n");
	}
}

/* The whole lines within what is returned of an immense header. */
static struct slice
bounded_header(const struct dsn *d)
{
	struct slice header = slice_sub(d->original, 0, header_end(d->original));

	if (header.len <= LIMIT_RETURNED)
		return header;
	header = slice_sub(header, 0, LIMIT_RETURNED);
	return slice_sub(header, 0, (size_t)(slice_find_last(header, '\n') + 1));
}

/* Whether the body goes back too. */
static bool
is_full(const struct dsn *d)
{
	return d->kind == DSN_FAILED && d->full && d->is_whole && d->original.len <= LIMIT_RETURNED;
}

/* What was sent, with the type that says whether its header has UTF-8 (RFC 6532 3.7, 6533 4). */
static void
write_original(struct part *part, const struct dsn *d)
{
	struct slice header = bounded_header(d);
	bool is_global = !utf8_is_ascii(header);

	if (is_full(d)) {
		part->type = is_global ? "message/global" : "message/rfc822";
		add_lines(&part->octets, d->original);
	} else {
		part->type = is_global ? "message/global-headers" : "text/rfc822-headers";
		add_lines(&part->octets, header);
	}
}

/* A line that stands in nothing we enclose. */
static void
make_boundary(char boundary[BOUNDARY], const struct dsn *d)
{
	struct buf b;
	unsigned turn = 0;

	buf_init(&b, BOUNDARY - 1);
	do {
		buf_clear(&b);
		buf_printf(&b, "=_%u_", turn++);
		for (size_t i = 0; i < d->message_id.len && i < BOUNDARY / 2; i++) {
			char c = d->message_id.data[i];

			buf_add_char(&b, ascii_is_alnum(c) ? c : '_');
		}
	} while (slice_search(d->original, buf_slice(&b)) >= 0);
	slice_copy(buf_slice(&b), boundary, BOUNDARY);
	buf_fini(&b);
}

static const char *
encoding_of(struct slice octets)
{
	return utf8_is_ascii(octets) ? "7bit" : "8bit";
}

static void
add_address_field(
    struct buf *out, const char *name, const char *words, struct slice local, struct slice domain)
{
	struct buf value = {0};

	buf_printf(&value, "%s<", words);
	add_line_text(&value, local);
	if (domain.len > 0) {
		buf_add_char(&value, '@');
		add_line_text(&value, domain);
	}
	buf_add_char(&value, '>');
	header_add(out, name, buf_slice(&value));
	buf_fini(&value);
}

static void
write_header(struct buf *out, const struct dsn *d, const char *boundary, const char *encoding)
{
	add_address_field(
	    out, "From", "Mail Delivery System ", SLICE("MAILER-DAEMON"), d->reporting_mta);
	add_address_field(out, "To", "", d->to, SLICE(""));
	header_add(out, "Subject", slice_of(kinds[d->kind].subject));
	add_date(out, "Date", d->now);
	add_address_field(out, "Message-ID", "", d->message_id, d->reporting_mta);
	header_add(out, "Auto-Submitted", SLICE("auto-replied"));
	header_add(out, "MIME-Version", SLICE("1.0"));
	buf_printf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n",
	    boundary);
	header_add(out, "Content-Transfer-Encoding", slice_of(encoding));
	buf_add_text(out, "\r\nThis is a report in several parts, in MIME format.\r\n");
}

void
dsn_format(struct buf *out, const struct dsn *d)
{
	struct part parts[3] = {
	    {.type = "text/plain; charset=utf-8"}, {.type = "message/delivery-status"}};
	size_t count = d->original.len > 0 ? 3 : 2;
	const char *encoding = "7bit";
	char boundary[BOUNDARY];

	make_boundary(boundary, d);
	write_text(&parts[0].octets, d, is_full(d));
	write_status(&parts[1].octets, d);
	if (count == 3)
		write_original(&parts[2], d);
	for (size_t i = 0; i < count; i++) {
		if (!utf8_is_ascii(buf_slice(&parts[i].octets)))
			encoding = "8bit";
	}
	write_header(out, d, boundary, encoding);
	for (size_t i = 0; i < count; i++) {
		struct slice octets = buf_slice(&parts[i].octets);

		buf_printf(out,
		    "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		    boundary, parts[i].type, encoding_of(octets));
		buf_add_slice(out, octets);
		buf_fini(&parts[i].octets);
	}
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}

bool
dsn_is_8bit(struct slice report)
{
	return !utf8_is_ascii(report);
}
