#include "deliver/mailbox/search/text.h"

#include "common/base/mem.h"
#include "common/mail/charset.h"
#include "common/mail/decode.h"
#include "common/mail/envelope.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mail/param.h"
#include "common/mail/word.h"
#include "deliver/mailbox/search/signature.h"

#include <string.h>

struct search_needle {
	const char *of; /* where the text stands in the program */
	struct buf folded;
};

void
search_fold(struct slice text, struct buf *out)
{
	size_t start = out->len;

	charset_casemap(text, out);
	for (size_t i = start; i < out->len; i++) {
		if (out->data[i] == '\t')
			out->data[i] = ' ';
	}
}

static void
add_needle(struct search_needles *n, struct slice text)
{
	n->list = mem_resize(n->list, (n->count + 1) * sizeof(*n->list));
	n->list[n->count] = (struct search_needle){.of = text.data};
	search_fold(text, &n->list[n->count++].folded);
}

void
search_needles_init(struct search_needles *n, struct slice program)
{
	struct search_node node;

	*n = (struct search_needles){0};
	while (search_unpack(&program, &node)) {
		if (node.op == SEARCH_HEADER || node.op == SEARCH_ENVELOPE)
			add_needle(n, node.value);
		else if (node.op == SEARCH_BODY || node.op == SEARCH_TEXT)
			add_needle(n, node.text);
	}
}

void
search_needles_fini(struct search_needles *n)
{
	for (size_t i = 0; i < n->count; i++)
		buf_fini(&n->list[i].folded);
	free(n->list);
}

struct slice
search_needle(const struct search_needles *n, struct slice text)
{
	for (size_t i = 0; i < n->count; i++) {
		if (n->list[i].of == text.data)
			return buf_slice(&n->list[i].folded);
	}
	return text;
}

bool
search_text_holds(struct slice text, struct slice needle)
{
	struct buf folded = {0};
	bool found;

	if (needle.len == 0)
		return true;
	search_fold(text, &folded);
	found = slice_search(buf_slice(&folded), needle) >= 0;
	buf_fini(&folded);
	return found;
}

static bool
raw_holds(struct slice raw, struct slice needle)
{
	struct buf text = {0};
	bool found;

	word_decode(raw, &text);
	found = search_text_holds(buf_slice(&text), needle);
	buf_fini(&text);
	return found;
}

bool
search_header_holds(struct slice message, struct slice name, struct slice needle)
{
	struct header_walk walk = header_walk(message);
	struct header_field f;

	while (header_next(&walk, &f)) {
		if (slice_equal_nocase(f.name, name) && raw_holds(f.value, needle))
			return true;
	}
	return false;
}

/* A field with its name. That and the value are read apart, so that the value is read as alone. */
static void
add_line(const struct header_field *f, struct buf *out)
{
	size_t lead = f->value.len > 0 ? (size_t)(f->value.data - f->whole.data) : f->whole.len;

	word_decode(slice_sub(f->whole, 0, lead), out);
	word_decode(f->value, out);
}

/* Whether a line of the header holds it. */
static bool
header_says(struct slice message, struct slice needle)
{
	struct header_walk walk = header_walk(message);
	struct header_field f;
	bool found = false;

	while (!found && header_next(&walk, &f)) {
		struct buf line = {0};

		add_line(&f, &line);
		found = search_text_holds(buf_slice(&line), needle);
		buf_fini(&line);
	}
	return found;
}

/* What is no text says nothing, and is most of what is large. A message/… that is not taken apart
 * is text: what a bounce says of a recipient stands in one. */
static bool
is_text(const struct mime_part *p)
{
	return p->kind == MIME_LEAF && (slice_equal_text_nocase(p->type, "text") ||
					   slice_equal_text_nocase(p->type, "message"));
}

/* The part as UTF-8, whatever it was written in. */
static void
add_text(struct slice body, const struct mime_part *p, struct buf *out)
{
	struct buf octets = {0};
	struct param_field type;
	const struct param *charset;
	struct buf name = {0};

	decode_all(p->encoding, body, &octets);
	param_init(&type);
	param_parse(&type, p->fields[MIME_TYPE]);
	charset = p->implied ? NULL : param_find(&type, "charset");
	if (charset != NULL)
		param_text(charset, &name);
	if (charset != NULL && charset_is_known(buf_slice(&name)))
		charset_to_utf8(buf_slice(&name), buf_slice(&octets), out);
	else
		charset_guess_to_utf8(buf_slice(&octets), out);
	buf_fini(&name);
	param_fini(&type);
	buf_fini(&octets);
}

static bool
part_holds(const struct mime *mime, uint32_t part, struct slice needle)
{
	struct buf text = {0};
	bool found;

	if (!is_text(&mime->parts[part]))
		return false;
	add_text(mime_body(mime, part), &mime->parts[part], &text);
	found = search_text_holds(buf_slice(&text), needle);
	buf_fini(&text);
	return found;
}

bool
search_body_holds(struct slice message, struct slice needle)
{
	struct mime mime;
	bool found = false;

	mime_init(&mime, message);
	for (uint32_t i = 0; i < mime.count && !found; i++)
		found = part_holds(&mime, i, needle);
	mime_fini(&mime);
	return found;
}

bool
search_message_holds(struct slice message, struct slice needle)
{
	struct mime mime;
	bool found = false;

	mime_init(&mime, message);
	for (uint32_t i = 0; i < mime.count && !found; i++)
		found = header_says(mime_header(&mime, i), needle) || part_holds(&mime, i, needle);
	mime_fini(&mime);
	return found;
}

/* The fields that an envelope has. */
static const struct {
	const char *name;
	enum envelope_field field;
	bool is_text; /* the envelope has it as it stood */
} enveloped[] = {{"Subject", ENVELOPE_SUBJECT, true}, {"From", ENVELOPE_FROM, false},
    {"To", ENVELOPE_TO, false}, {"Cc", ENVELOPE_CC, false}, {"Bcc", ENVELOPE_BCC, false},
    {"Message-ID", ENVELOPE_MESSAGE_ID, true}};

enum {
	ENVELOPED = sizeof(enveloped) / sizeof(enveloped[0]),
	/* Octets: one that was cut to fit its place is longer, unless by a single address
	 * of KiBs. */
	ENVELOPE_WHOLE = 2048,
};

static void
sign_text(struct signature *s, struct slice text)
{
	struct buf folded = {0};

	search_fold(text, &folded);
	signature_add(s, buf_slice(&folded));
	buf_fini(&folded);
}

static void
sign_raw(struct signature *s, struct slice raw)
{
	struct buf text = {0};

	word_decode(raw, &text);
	sign_text(s, buf_slice(&text));
	buf_fini(&text);
}

static void
sign_header(struct signature *s, struct slice header)
{
	struct header_walk walk = header_walk(header);
	struct header_field f;

	while (header_next(&walk, &f)) {
		struct buf line = {0};

		add_line(&f, &line);
		sign_text(s, buf_slice(&line));
		buf_fini(&line);
	}
}

static void
sign_parts(struct signature *s, struct slice message)
{
	struct mime mime;

	mime_init(&mime, message);
	for (uint32_t i = 0; i < mime.count; i++) {
		struct buf text = {0};

		sign_header(s, mime_header(&mime, i));
		if (!is_text(&mime.parts[i]))
			continue;
		add_text(mime_body(&mime, i), &mime.parts[i], &text);
		sign_text(s, buf_slice(&text));
		buf_fini(&text);
	}
	mime_fini(&mime);
}

void
search_signature(struct slice message, struct slice envelope, struct buf *bits)
{
	struct signature s = {{0}};

	for (size_t i = 0; i < ENVELOPED; i++) {
		struct buf raw = {0};

		if (envelope_read(envelope, enveloped[i].field, &raw))
			sign_raw(&s, buf_slice(&raw));
		buf_fini(&raw);
	}
	sign_parts(&s, message);
	signature_write(&s, bits);
}

/* Where these stand, an address of the envelope and one of the header are not the same. */
static bool
has_odd_sign(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '\0' && strchr("\"\\(),:;<>", text.data[i]) != NULL)
			return true;
	}
	return false;
}

bool
search_envelope_holds(
    struct slice envelope, struct slice name, struct slice text, struct slice needle, bool *known)
{
	bool is_odd = has_odd_sign(text);

	*known = false;
	/* Of a field without a value the envelope may say as of none. */
	if (needle.len == 0)
		return false;
	for (size_t i = 0; i < ENVELOPED; i++) {
		struct buf raw = {0};
		bool found;

		if (!slice_equal_text_nocase(name, enveloped[i].name) ||
		    (!enveloped[i].is_text && is_odd))
			continue;
		*known = envelope.len > 0;
		found = envelope_read(envelope, enveloped[i].field, &raw) &&
			raw_holds(buf_slice(&raw), needle);
		buf_fini(&raw);
		if (!found && envelope.len > ENVELOPE_WHOLE)
			*known = false;
		return found;
	}
	return false;
}
