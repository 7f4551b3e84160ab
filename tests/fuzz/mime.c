/*
 * The tree of any message: parts inside their parents and in order, each found by the section that
 * names it; and what ENVELOPE, BODY and BODYSTRUCTURE say of it is in IMAP's grammar.
 */
#include "tests/fuzz/fuzz.h"

#define READ_FIRST(condition, ...) PROPERTY(condition)
#define READ_CHECK(...) READ_FIRST(__VA_ARGS__, "")
#include "common/mail/bodystructure.h"
#include "common/mail/envelope.h"
#include "common/mail/mime.h"
#include "tests/unit/common/mail/imap_reader.h"

static void
check_part(const struct mime *m, uint32_t i)
{
	const struct mime_part *p = &m->parts[i], *parent;

	PROPERTY(p->header + p->header_len == p->body);
	PROPERTY(p->body + p->body_len <= m->octets.len && p->depth <= LIMIT_MIME_DEPTH);
	PROPERTY(p->lines <= p->body_len);
	PROPERTY((p->kind == MIME_LEAF) == (p->child == MIME_NONE));
	PROPERTY(p->kind != MIME_MESSAGE || m->parts[p->child].next == MIME_NONE);
	for (int f = 0; f < MIME_FIELDS; f++)
		PROPERTY(fuzz_lies_in(p->fields[f], m->octets));
	if (p->next != MIME_NONE) {
		PROPERTY(p->next > i && p->next < m->count);
		PROPERTY(m->parts[p->next].parent == p->parent);
		PROPERTY(m->parts[p->next].header >= p->body + p->body_len);
	}
	if (i == 0) {
		PROPERTY(p->parent == MIME_NONE && p->depth == 0);
		return;
	}
	PROPERTY(p->parent < i);
	parent = &m->parts[p->parent];
	PROPERTY(p->depth == parent->depth + 1);
	PROPERTY(p->header >= parent->body);
	PROPERTY(p->body + p->body_len <= parent->body + parent->body_len);
}

static void
check_structure(const struct mime *m, enum bodystructure_form form, size_t max)
{
	struct buf out = {0};
	struct slice rest;

	bodystructure_write(&out, m, form, max);
	PROPERTY(out.len <= max);
	rest = buf_slice(&out);
	PROPERTY(read_body(&rest, form == BODYSTRUCTURE_FULL, 0) <= m->count);
	PROPERTY(rest.len == 0);
	buf_fini(&out);
}

static void
check_envelope(struct slice in, size_t max)
{
	struct buf out = {0}, field = {0};
	struct slice rest;

	envelope_write(&out, in, max);
	PROPERTY(out.len <= max);
	rest = buf_slice(&out);
	read_envelope(&rest);
	PROPERTY(rest.len == 0);
	for (int f = ENVELOPE_DATE; f <= ENVELOPE_MESSAGE_ID; f++) {
		size_t before = field.len;

		if (!envelope_read(buf_slice(&out), (enum envelope_field)f, &field))
			PROPERTY(field.len == before);
	}
	PROPERTY(field.len <= 2 * out.len);
	buf_fini(&field);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct mime m;

	mime_init(&m, in);
	PROPERTY(m.count >= 1 && m.count <= LIMIT_MIME_PARTS);
	for (uint32_t i = 0; i < m.count; i++) {
		check_part(&m, i);
		PROPERTY(fuzz_lies_in(mime_body(&m, i), in));
	}
	mime_find(&m, slice_sub(in, 0, 64));
	PROPERTY(mime_find(&m, SLICE("")) == 0);
	check_structure(&m, BODYSTRUCTURE_BODY, BODYSTRUCTURE_LEAST);
	check_structure(&m, BODYSTRUCTURE_FULL, BODYSTRUCTURE_LEAST);
	check_structure(&m, BODYSTRUCTURE_FULL, 8 * size + 256 * 1024);
	check_envelope(in, ENVELOPE_LEAST);
	check_envelope(in, 8 * size + 64 * 1024);
	mime_fini(&m);
	return 0;
}
