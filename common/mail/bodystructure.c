/*
 * Parts are written in order, and a container's end when its last child is written, so the only
 * state is the part in hand. There are two ways to write: in full, given up when it gets longer
 * than max, and sparing. When sparing, every end has a longest form (END_LONGEST) for which room
 * is kept, so that whatever is left out, what was begun is ended within max.
 */
#include "common/mail/bodystructure.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/mail/envelope.h"
#include "common/mail/header.h"
#include "common/mail/imap_string.h"
#include "common/mail/param.h"

enum {
	SPARING_TEXT = 200, /* octets of one text */
	SPARING_NAME = 64,  /* of a type, a subtype or a parameter's name */
	SPARING_PARAMS = 8,
	END_LONGEST = 2 * SPARING_NAME + IMAP_STRING_FRAME + 48,
	STUB_LONGEST = 128,
};

struct writer {
	struct buf *out;
	const struct mime *m;
	size_t start, max;
	size_t open; /* containers that are begun and not ended */
	bool full, sparing;
	struct param_field params;
	struct buf line;
};

static bool
has_room(const struct writer *w, size_t more)
{
	return w->out->len - w->start + w->open * END_LONGEST + more <= w->max;
}

static struct slice
clip(const struct writer *w, struct slice s, size_t len)
{
	return slice_sub(s, 0, w->sparing ? len : LIMIT_FIELD_PARSED);
}

static bool
is_edge(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Writes a field's value on one line, or NIL. */
static void
write_text(struct writer *w, struct slice value)
{
	while (value.len > 0 && is_edge(value.data[0]))
		value = slice_from(value, 1);
	while (value.len > 0 && is_edge(value.data[value.len - 1]))
		value.len--;
	value = clip(w, value, SPARING_TEXT);
	buf_add_char(w->out, ' ');
	if (slice_find(value, '\n') >= 0) {
		buf_clear(&w->line);
		header_unfold(&w->line, value);
		value = buf_slice(&w->line);
	}
	imap_nstring(w->out, value);
}

/* Writes the parameters that were read last; an extended one keeps its asterisk (RFC 2231). */
static void
write_params(struct writer *w)
{
	size_t written = 0;

	for (size_t i = 0; i < w->params.count; i++) {
		const struct param *p = &w->params.params[i];

		if (w->sparing && (written == SPARING_PARAMS || p->value.len > SPARING_TEXT ||
				      p->name.len > SPARING_NAME))
			continue;
		buf_add_text(w->out, written++ == 0 ? " (" : " ");
		if (p->extended) {
			buf_clear(&w->line);
			buf_add_slice(&w->line, p->name);
			buf_add_char(&w->line, '*');
			imap_string(w->out, buf_slice(&w->line));
		} else {
			imap_string(w->out, p->name);
		}
		buf_add_char(w->out, ' ');
		imap_string(w->out, p->value);
	}
	buf_add_text(w->out, written == 0 ? " NIL" : ")");
}

/* The parameters of Content-Type, if the type is what it says. */
static void
write_type_params(struct writer *w, const struct mime_part *p)
{
	if (p->implied) {
		buf_add_text(w->out,
		    slice_equal_text(p->type, "text") ? " (\"charset\" \"us-ascii\")" : " NIL");
		return;
	}
	param_parse(&w->params, p->fields[MIME_TYPE]);
	write_params(w);
}

static void
write_disposition(struct writer *w, struct slice value)
{
	param_parse(&w->params, value);
	if (w->params.type.len == 0) {
		buf_add_text(w->out, " NIL");
		return;
	}
	buf_add_text(w->out, " (");
	imap_string(w->out, clip(w, w->params.type, SPARING_NAME));
	write_params(w);
	buf_add_char(w->out, ')');
}

/* One language is a string, several are a list (RFC 3282). */
static void
write_language(struct writer *w, struct slice value)
{
	struct slice rest = clip(w, value, SPARING_TEXT), part, first = {0};
	size_t count = 0, start;

	buf_add_char(w->out, ' ');
	start = w->out->len;
	while (count < LIMIT_PARAMETERS && slice_split(&rest, ',', &part)) {
		struct slice language = param_word(part);

		if (language.len == 0)
			continue;
		if (count == 0)
			first = language;
		buf_add_char(w->out, count++ == 0 ? '(' : ' ');
		imap_string(w->out, language);
	}
	if (count > 1) {
		buf_add_char(w->out, ')');
		return;
	}
	buf_truncate(w->out, start);
	imap_nstring(w->out, first);
}

static void
write_extension(struct writer *w, const struct mime_part *p)
{
	if (!w->full)
		return;
	if (w->sparing) {
		buf_add_text(w->out, " NIL NIL NIL");
		return;
	}
	write_disposition(w, p->fields[MIME_DISPOSITION]);
	write_language(w, p->fields[MIME_LANGUAGE]);
	write_text(w, p->fields[MIME_LOCATION]);
}

static void
write_md5(struct writer *w, const struct mime_part *p)
{
	struct slice md5 = p->fields[MIME_MD5];

	if (w->full)
		write_text(
		    w, md5.data == NULL || w->sparing ? slice_make(NULL, 0) : param_word(md5));
}

/* From the opening parenthesis to the size: what all parts but multiparts have. */
static void
write_basic(struct writer *w, const struct mime_part *p)
{
	struct slice encoding = param_word(p->fields[MIME_ENCODING]);

	buf_add_char(w->out, '(');
	imap_string(w->out, clip(w, p->type, SPARING_NAME));
	buf_add_char(w->out, ' ');
	imap_string(w->out, clip(w, p->subtype, SPARING_NAME));
	write_type_params(w, p);
	write_text(w, p->fields[MIME_ID]);
	write_text(w, p->fields[MIME_DESCRIPTION]);
	write_text(w, encoding.len > 0 ? encoding : SLICE("7bit"));
	buf_add_char(w->out, ' ');
	buf_add_number(w->out, p->body_len);
}

/* The shortest true thing to say about a part. */
static void
write_stub(struct writer *w, const struct mime_part *p)
{
	buf_add_text(w->out, "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" ");
	buf_add_number(w->out, p->body_len);
	buf_add_text(w->out, w->full ? " NIL NIL NIL NIL)" : ")");
}

static void
write_leaf(struct writer *w, const struct mime_part *p)
{
	write_basic(w, p);
	if (slice_equal_text_nocase(p->type, "text")) {
		buf_add_char(w->out, ' ');
		buf_add_number(w->out, p->lines);
	}
	write_md5(w, p);
	write_extension(w, p);
	buf_add_char(w->out, ')');
}

static void
begin_container(struct writer *w, const struct mime_part *p)
{
	if (p->kind == MIME_MULTIPART) {
		buf_add_char(w->out, '(');
	} else {
		write_basic(w, p);
		buf_add_char(w->out, ' ');
		envelope_write(
		    w->out, mime_header(w->m, p->child), w->sparing ? ENVELOPE_LEAST : w->max);
		buf_add_char(w->out, ' ');
	}
	w->open++;
}

static void
end_container(struct writer *w, const struct mime_part *p)
{
	w->open--;
	buf_add_char(w->out, ' ');
	if (p->kind == MIME_MULTIPART) {
		imap_string(w->out, clip(w, p->subtype, SPARING_NAME));
		if (w->full && w->sparing)
			buf_add_text(w->out, " NIL");
		else if (w->full)
			write_type_params(w, p);
	} else {
		buf_add_number(w->out, p->lines);
		write_md5(w, p);
	}
	write_extension(w, p);
	buf_add_char(w->out, ')');
}

/* Writes a part, or the beginning of a container (*inside). False: there was no room for it. */
static bool
write_part(struct writer *w, const struct mime_part *p, bool *inside)
{
	size_t before = w->out->len;

	*inside = p->kind != MIME_LEAF;
	if (*inside)
		begin_container(w, p);
	else
		write_leaf(w, p);
	if (has_room(w, *inside ? STUB_LONGEST : 0))
		return true;
	w->open -= *inside;
	*inside = false;
	buf_truncate(w->out, before);
	return false;
}

/* Writes all parts; false: it was to be in full, and has no room. */
static bool
write_all(struct writer *w)
{
	const struct mime_part *parts = w->m->parts;
	uint32_t part = 0;

	for (;;) {
		bool inside, written = write_part(w, &parts[part], &inside);

		if (!written && !w->sparing)
			return false;
		if (inside) {
			part = parts[part].child;
			continue;
		}
		/* A container must have one child; later ones can be left out. */
		if (!written && (part == 0 || parts[parts[part].parent].child == part))
			write_stub(w, &parts[part]);
		while (part != 0 && (!written || parts[part].next == MIME_NONE)) {
			part = parts[part].parent;
			end_container(w, &parts[part]);
			written = true;
		}
		if (part == 0)
			return w->sparing || has_room(w, 0);
		part = parts[part].next;
	}
}

void
bodystructure_write(struct buf *out, const struct mime *m, enum bodystructure_form form, size_t max)
{
	struct writer w = {.out = out, .m = m, .start = out->len, .max = max};

	ASSERT(max >= BODYSTRUCTURE_LEAST && !buf_overflowed(out));
	w.full = form == BODYSTRUCTURE_FULL;
	param_init(&w.params);
	if (!write_all(&w)) {
		buf_truncate(out, w.start);
		w.open = 0;
		w.sparing = true;
		write_all(&w);
	}
	param_fini(&w.params);
	buf_fini(&w.line);
}
