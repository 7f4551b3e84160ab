/*
 * The walker holds the chain of open parts: a part is open from its header on until a boundary
 * of an ancestor, or the end of the message, closes it. Invariants:
 *  1. current is the innermost open part; its ancestors are those that parent leads to.
 *  2. boundaries[] has one entry for each open multipart that waits for a boundary, outermost
 *     first, so it never holds more than LIMIT_MIME_DEPTH.
 *  3. Each step takes a whole line, so time is linear in the octets, but for the comparison of
 *     a hash with each boundary on lines that begin with "--".
 */
#include "common/mail/mime.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/mail/param.h"

#include <string.h>

enum { PARTS_FIRST = 8 };

struct boundary {
	uint32_t part;
	size_t len;
	char text[MIME_BOUNDARY];
};

struct walker {
	struct mime *m;
	size_t capacity;
	size_t at;     /* where the line in hand begins */
	size_t lines;  /* line ends before it */
	size_t ending; /* octets of the line end before it */
	uint32_t current;
	bool in_header;
	bool full;             /* no more parts: the last one takes all that is left */
	enum mime_field field; /* which field's value the last header line was part of */
	size_t depth;          /* entries of boundaries */
	uint32_t hashes[LIMIT_MIME_DEPTH]; /* of the boundaries, together: they are read often */
	struct boundary *boundaries;
	size_t boundaries_capacity;
	struct param_field params;
};

static const struct {
	const char *name;
	size_t len;
} field_names[MIME_FIELDS] = {
    [MIME_TYPE] = {"type", 4},
    [MIME_ENCODING] = {"transfer-encoding", 17},
    [MIME_DISPOSITION] = {"disposition", 11},
    [MIME_ID] = {"id", 2},
    [MIME_DESCRIPTION] = {"description", 11},
    [MIME_LANGUAGE] = {"language", 8},
    [MIME_LOCATION] = {"location", 8},
    [MIME_MD5] = {"md5", 3},
};

static uint32_t
hash_of(struct slice s)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.data[i]) * 16777619U;
	return hash;
}

/* Adds a part whose header begins here, under parent and after its other children. */
static struct mime_part *
part_add(struct walker *w, uint32_t parent, uint32_t sibling)
{
	struct mime *m = w->m;
	uint32_t index = (uint32_t)m->count;
	struct mime_part *p;

	if (m->count == w->capacity) {
		w->capacity = w->capacity == 0 ? PARTS_FIRST : 2 * w->capacity;
		m->parts = mem_resize(m->parts, w->capacity * sizeof(m->parts[0]));
	}
	m->count++;
	p = &m->parts[index];
	*p = (struct mime_part){
	    .type = SLICE("text"),
	    .subtype = SLICE("plain"),
	    .header = w->at,
	    .body = w->at,
	    .parent = parent,
	    .child = MIME_NONE,
	    .next = MIME_NONE,
	    .implied = true,
	};
	if (parent != MIME_NONE) {
		p->depth = m->parts[parent].depth + 1;
		if (sibling == MIME_NONE)
			m->parts[parent].child = index;
		else
			m->parts[sibling].next = index;
	}
	w->current = index;
	w->in_header = true;
	w->field = MIME_FIELDS;
	return p;
}

/* Makes part the leaf that nobody looks into. */
static void
make_opaque(struct mime_part *p)
{
	p->kind = MIME_LEAF;
	p->implied = true;
	p->type = SLICE("application");
	p->subtype = SLICE("octet-stream");
}

/* A multipart in which no part was found shows its text. */
static void
make_plain(struct mime_part *p)
{
	p->kind = MIME_LEAF;
	p->implied = true;
	p->type = SLICE("text");
	p->subtype = SLICE("plain");
}

static void
boundary_push(struct walker *w, struct slice text)
{
	struct boundary *b;

	if (w->depth == w->boundaries_capacity) {
		w->boundaries_capacity =
		    w->boundaries_capacity == 0 ? 4 : 2 * w->boundaries_capacity;
		w->boundaries =
		    mem_resize(w->boundaries, w->boundaries_capacity * sizeof(w->boundaries[0]));
	}
	ASSERT(w->depth < LIMIT_MIME_DEPTH);
	w->hashes[w->depth] = hash_of(text);
	b = &w->boundaries[w->depth++];
	b->part = w->current;
	b->len = text.len;
	memcpy(b->text, text.data, text.len);
}

/* The boundary of a multipart's Content-Type, trimmed; empty: it has none that can be used. */
static struct slice
read_boundary(struct walker *w)
{
	const struct param *p = param_find(&w->params, "boundary");
	struct slice text = p == NULL ? SLICE("") : p->value;

	while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	/* An extended value names a charset first, which for a boundary says nothing. */
	for (int quotes = 0; p != NULL && p->extended && quotes < 2; quotes++) {
		ptrdiff_t quote = slice_find(text, '\'');

		text = quote < 0 ? text : slice_from(text, (size_t)quote + 1);
	}
	return text.len > MIME_BOUNDARY ? SLICE("") : text;
}

static bool
mime_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return slice_equal_text_nocase(p->type, type) &&
	       slice_equal_text_nocase(p->subtype, subtype);
}

static bool
is_digest_child(const struct walker *w, const struct mime_part *p)
{
	return p->parent != MIME_NONE && mime_is(&w->m->parts[p->parent], "multipart", "digest");
}

/* Sets type and subtype from the fields; text/plain stays where they say nothing that holds. */
static void
read_type(struct walker *w, struct mime_part *p)
{
	struct slice value = p->fields[MIME_TYPE];

	param_parse(&w->params, value);
	if (p->fields[MIME_ENCODING].data != NULL)
		p->encoding = transfer_encoding_parse(p->fields[MIME_ENCODING]);
	if (value.data == NULL && is_digest_child(w, p)) {
		p->type = SLICE("message");
		p->subtype = SLICE("rfc822");
	} else if (w->params.type.len > 0 && w->params.subtype.len > 0) {
		p->type = w->params.type;
		p->subtype = w->params.subtype;
		p->implied = false;
	}
}

/* The header of the current part is over: what is in the body? */
static void
end_header(struct walker *w, size_t body, size_t lines)
{
	struct mime_part *p = &w->m->parts[w->current];
	bool may_hold = p->depth < LIMIT_MIME_DEPTH && w->m->count + 1 < LIMIT_MIME_PARTS;

	p->header_len = body - p->header;
	p->body = body;
	p->lines = lines;
	w->in_header = false;
	read_type(w, p);
	if (slice_equal_text_nocase(p->type, "multipart")) {
		struct slice boundary = read_boundary(w);

		if (boundary.len == 0)
			make_plain(p);
		else if (!may_hold)
			make_opaque(p);
		else {
			p->kind = MIME_MULTIPART;
			boundary_push(w, boundary);
		}
	} else if (mime_is(p, "message", "rfc822")) {
		if (may_hold)
			p->kind = MIME_MESSAGE;
		else
			make_opaque(p);
	}
}

/* A boundary or the end of the message came before the blank line: there is no body. */
static void
cut_header(struct walker *w, struct mime_part *p)
{
	p->header_len = w->at - p->header;
	p->body = w->at;
	p->lines = w->lines;
	w->in_header = false;
	read_type(w, p);
	if (slice_equal_text_nocase(p->type, "multipart") || mime_is(p, "message", "rfc822"))
		make_plain(p);
}

/*
 * Ends a part's body before the line in hand; a boundary owns the line end before it, unless that
 * belongs to the header of a part inside, which ends at *inner.
 */
static void
part_close(struct walker *w, struct mime_part *p, bool at_boundary, size_t *inner)
{
	size_t end = w->at, lines = w->lines;
	size_t least = *inner > p->body ? *inner : p->body;

	if (at_boundary && end - w->ending >= least) {
		end -= w->ending;
		lines -= w->ending > 0;
	}
	*inner = end;
	p->body_len = end - p->body;
	p->lines = lines > p->lines ? lines - p->lines : 0;
	if (p->kind == MIME_MULTIPART && p->child == MIME_NONE)
		make_plain(p);
}

/* Closes the open parts below ancestor; all of them when it is MIME_NONE. */
static void
close_below(struct walker *w, uint32_t ancestor, bool at_boundary)
{
	size_t inner = 0;

	while (w->current != ancestor) {
		struct mime_part *p = &w->m->parts[w->current];

		if (w->in_header)
			cut_header(w, p);
		part_close(w, p, at_boundary, &inner);
		w->current = p->parent;
	}
}

/* Which "Content-…" field a header line begins; the value is put into *value. */
static enum mime_field
read_field(struct slice line, struct slice *value)
{
	ptrdiff_t colon;
	struct slice name;

	if (line.len < 11 || (line.data[0] | 0x20) != 'c' ||
	    !slice_has_prefix_nocase(line, SLICE("content-")))
		return MIME_FIELDS;
	colon = slice_find(line, ':');
	if (colon < 0)
		return MIME_FIELDS;
	name = slice_trim(slice_sub(line, 8, (size_t)colon - 8));
	*value = slice_from(line, (size_t)colon + 1);
	for (enum mime_field f = 0; f < MIME_FIELDS; f++) {
		if (slice_equal_nocase(name, slice_make(field_names[f].name, field_names[f].len)))
			return f;
	}
	return MIME_FIELDS;
}

/* Takes a line of the current part's header. */
static void
header_line(struct walker *w, struct slice line, size_t next)
{
	struct mime_part *p = &w->m->parts[w->current];
	struct slice value;

	if (line.len == 0) {
		end_header(w, next, w->lines + (next > w->at));
		return;
	}
	if (line.data[0] == ' ' || line.data[0] == '\t') {
		if (w->field != MIME_FIELDS) {
			struct slice *folded = &p->fields[w->field];

			folded->len = (size_t)(line.data + line.len - folded->data);
		}
		return;
	}
	w->field = read_field(line, &value);
	if (w->field != MIME_FIELDS && p->fields[w->field].data != NULL)
		w->field = MIME_FIELDS;
	if (w->field != MIME_FIELDS)
		p->fields[w->field] = value;
}

/* Finds the innermost open multipart whose boundary the line is; *last: its closing one. */
static bool
find_boundary(const struct walker *w, struct slice line, size_t *found, bool *last)
{
	struct slice text = slice_from(line, 2), shorter;
	uint32_t hash, shorter_hash;

	while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	if (text.len == 0 || text.len > MIME_BOUNDARY + 2)
		return false;
	*last = slice_has_suffix_nocase(text, SLICE("--"));
	shorter = slice_sub(text, 0, text.len - (*last ? 2 : 0));
	hash = hash_of(text);
	shorter_hash = *last ? hash_of(shorter) : hash;
	for (size_t i = w->depth; i-- > 0;) {
		struct slice have;

		if (w->hashes[i] != hash && w->hashes[i] != shorter_hash)
			continue;
		have = slice_make(w->boundaries[i].text, w->boundaries[i].len);
		*found = i;
		if (slice_equal(have, text)) {
			*last = false;
			return true;
		}
		if (*last && slice_equal(have, shorter))
			return true;
	}
	return false;
}

/* A boundary line: closes what is open below its multipart, and opens the next part. */
static void
take_boundary(struct walker *w, size_t found, bool last, size_t next)
{
	struct boundary *b = &w->boundaries[found];
	uint32_t part = b->part, child = MIME_NONE;
	struct mime_part *p;

	for (uint32_t i = w->current; i != part; i = w->m->parts[i].parent)
		child = i;
	close_below(w, part, true);
	w->depth = last ? found : found + 1;
	if (last)
		return;
	w->ending = 0;
	w->at = next;
	w->lines++;
	p = part_add(w, part, child);
	if (w->m->count < LIMIT_MIME_PARTS)
		return;
	make_opaque(p);
	w->in_header = false;
	w->full = true;
	p->lines = w->lines;
}

/* Takes the line in hand and goes to the next. */
static void
step(struct walker *w)
{
	struct slice rest = slice_from(w->m->octets, w->at), line = rest;
	const char *end = memchr(rest.data, '\n', rest.len);
	size_t next = end == NULL ? w->m->octets.len : w->at + (size_t)(end - rest.data) + 1;
	size_t ending = end == NULL ? 0 : 1, found;
	bool last;

	line.len = next - w->at - ending;
	if (ending > 0 && line.len > 0 && line.data[line.len - 1] == '\r') {
		line.len--;
		ending++;
	}
	if (w->depth > 0 && line.len > 2 && line.data[0] == '-' && line.data[1] == '-' &&
	    find_boundary(w, line, &found, &last)) {
		take_boundary(w, found, last, next);
		if (!last)
			return;
	} else if (w->in_header) {
		header_line(w, line, next);
	}
	w->at = next;
	w->lines += end != NULL;
	w->ending = ending;
	if (!w->in_header && w->m->parts[w->current].kind == MIME_MESSAGE &&
	    w->m->parts[w->current].child == MIME_NONE) {
		w->ending = 0;
		part_add(w, w->current, MIME_NONE);
	}
}

void
mime_init(struct mime *m, struct slice message)
{
	struct walker w = {.m = m};

	*m = (struct mime){.octets = message};
	param_init(&w.params);
	part_add(&w, MIME_NONE, MIME_NONE);
	while (w.at < message.len && !w.full)
		step(&w);
	for (; w.full && w.at < message.len; w.at++)
		w.lines += message.data[w.at] == '\n';
	close_below(&w, MIME_NONE, false);
	param_fini(&w.params);
	free(w.boundaries);
}

void
mime_fini(struct mime *m)
{
	free(m->parts);
	*m = (struct mime){0};
}

struct slice
mime_header(const struct mime *m, uint32_t part)
{
	return slice_sub(m->octets, m->parts[part].header, m->parts[part].header_len);
}

struct slice
mime_body(const struct mime *m, uint32_t part)
{
	return slice_sub(m->octets, m->parts[part].body, m->parts[part].body_len);
}

/* The nth part of a message or a multipart. */
static uint32_t
nth(const struct mime *m, uint32_t part, uint64_t n)
{
	uint32_t child = m->parts[part].child;

	while (child != MIME_NONE && --n > 0)
		child = m->parts[child].next;
	return child;
}

uint32_t
mime_find(const struct mime *m, struct slice section)
{
	uint32_t part = 0;
	struct slice number;

	if (section.len > 0 && section.data[section.len - 1] == '.')
		return MIME_NONE;

	/* A message, the outer as well as one in a part, numbers the parts of its multipart, or
	 * is itself its part 1. So each step begins at a message or at a multipart. */
	for (bool is_message = true; slice_split(&section, '.', &number);) {
		uint64_t n;

		if (!slice_number(number, UINT32_MAX, &n) || n == 0)
			return MIME_NONE;
		if (!is_message && m->parts[part].kind == MIME_MESSAGE) {
			part = m->parts[part].child;
			is_message = true;
		}
		if (m->parts[part].kind == MIME_MULTIPART)
			part = nth(m, part, n);
		else if (!is_message || n != 1)
			part = MIME_NONE;
		if (part == MIME_NONE)
			return part;
		is_message = false;
	}
	return part;
}
