#include "common/mail/trace.h"

#include "common/mail/date.h"

/* Octets of a word and of an address that are shown, so that no line passes 998. */
enum { WORD = 255, ADDRESS = 600 };

/* Printable octets that neither open nor close anything in a Received field. */
static void
add_word(struct buf *out, struct slice s)
{
	s = slice_sub(s, 0, WORD);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		bool is_harmful = c <= ' ' || c == 127 || c == '(' || c == ')' || c == '\\' ||
				  c == ';' || c == '"' || c == '<' || c == '>';

		buf_add_char(out, is_harmful ? '_' : (char)c);
	}
}

/* An address as it stands, for quoted local parts hold almost anything; but no control. */
static void
add_address(struct buf *out, struct slice s)
{
	s = slice_sub(s, 0, ADDRESS);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		buf_add_char(out, c < ' ' || c == 127 ? '_' : (char)c);
	}
}

const char *
trace_protocol(const struct trace_received *r)
{
	static const char *const words[2][2] = {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}};

	return r->extended ? words[r->tls][r->authenticated] : "SMTP";
}

/* "from" what the client calls itself "(" what we know of it ")" */
static void
add_from(struct buf *out, const struct trace_received *r)
{
	buf_add_text(out, "from ");
	add_word(out, r->helo.len > 0 ? r->helo : SLICE("localhost"));
	if (r->client.len == 0)
		return;
	buf_add_text(out, " (");
	add_word(out, r->rdns.len > 0 ? r->rdns : SLICE("unknown"));
	buf_add_char(out, ' ');
	add_word(out, r->client);
	buf_add_char(out, ')');
}

static void
add_comments(struct buf *out, const struct trace_received *r)
{
	if (r->tls) {
		buf_add_text(out, "\r\n\t(");
		add_word(out, r->tls_version.len > 0 ? r->tls_version : SLICE("TLS"));
		if (r->tls_cipher.len > 0) {
			buf_add_char(out, ' ');
			add_word(out, r->tls_cipher);
		}
		buf_add_char(out, ')');
	}
	if (r->user.len > 0) {
		buf_add_text(out, "\r\n\t(authenticated as ");
		add_word(out, r->user);
		buf_add_char(out, ')');
	}
}

void
trace_received(struct buf *out, const struct trace_received *r)
{
	buf_add_text(out, "Received: ");
	if (!r->masked) {
		add_from(out, r);
		buf_add_text(out, "\r\n\t");
	}
	buf_add_text(out, "by ");
	add_word(out, r->by);
	buf_printf(out, " with %s", trace_protocol(r));
	if (r->id.len > 0) {
		buf_add_text(out, " id ");
		add_word(out, r->id);
	}
	add_comments(out, r);
	if (r->recipient.len > 0) {
		buf_add_text(out, "\r\n\tfor <");
		add_address(out, r->recipient);
		buf_add_char(out, '>');
	}
	buf_add_text(out, ";\r\n\t");
	date_format(out, (struct date){.seconds = r->when});
	buf_add_text(out, "\r\n");
}

void
trace_return_path(struct buf *out, struct slice sender)
{
	buf_add_text(out, "Return-Path: <");
	add_address(out, sender);
	buf_add_text(out, ">\r\n");
}

void
trace_delivered_to(struct buf *out, struct slice address)
{
	buf_add_text(out, "Delivered-To: ");
	add_address(out, address);
	buf_add_text(out, "\r\n");
}
