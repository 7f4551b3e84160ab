#include "imapd/fetch_response.h"

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/mail/bodystructure.h"
#include "common/mail/date.h"
#include "common/mail/envelope.h"
#include "imapd/response.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	INLINE_CUT = 64 * 1024, /* octets; more are read from the file as the client takes them */
};

static void
write_section(
    struct imap_session *s, const struct imap_section *section, struct imap_fetch_response *r)
{
	struct buf name = {0};
	struct slice cut;

	imap_section_name(section, &name);
	if (!imap_section_cut(section, r->octets, &r->tree, &r->made, &cut)) {
		imap_printf(s, "%s NIL", buf_text(&name));
	} else {
		bool is_in_file = r->file != NULL && cut.data >= r->octets.data &&
				  cut.data < r->octets.data + r->octets.len;

		imap_printf(s, "%s {%zu}\r\n", buf_text(&name), cut.len);
		if (is_in_file && cut.len > INLINE_CUT)
			imap_output_file(
			    &s->output, r->file, (uint64_t)(cut.data - r->octets.data), cut.len);
		else
			imap_output_octets(&s->output, s->base.stream, cut);
	}
	buf_fini(&name);
}

/* Whether what mailbox sent may be cut, and can be made of the octets. */
static bool
may_be_cut(const struct imap_fetch_response *r, struct slice sent)
{
	return sent.len > AM_INDEX_WHOLE && r->octets.len == r->message.size;
}

static void
write_envelope(struct imap_session *s, const struct imap_fetch_response *r)
{
	struct buf text = {0};

	if (!may_be_cut(r, r->message.envelope)) {
		imap_write(s, r->message.envelope);
		return;
	}
	envelope_write(&text, r->octets, LIMIT_FETCH_INDEX);
	imap_write(s, buf_slice(&text));
	buf_fini(&text);
}

/* am_message has one field for BODY and BODYSTRUCTURE: of both, BODY is made here. */
static void
write_structure(struct imap_session *s, const struct imap_fetch_items *items,
    struct imap_fetch_response *r, enum bodystructure_form form)
{
	bool is_sent = form == BODYSTRUCTURE_FULL || !(items->wants & WANT_STRUCTURE);
	struct buf text = {0};

	if (is_sent && !may_be_cut(r, r->message.structure)) {
		imap_write(s, r->message.structure);
		return;
	}
	if (r->tree.count == 0)
		mime_init(&r->tree, r->octets);
	bodystructure_write(&text, &r->tree, form, LIMIT_FETCH_INDEX);
	imap_write(s, buf_slice(&text));
	buf_fini(&text);
}

static void
write_date(struct imap_session *s, int64_t seconds)
{
	struct buf text = {0};

	date_internal_format(&text, (struct date){.seconds = seconds});
	imap_printf(s, "INTERNALDATE \"%s\"", buf_text(&text));
	buf_fini(&text);
}

static void
write_flags(struct imap_session *s, const struct imap_message *known)
{
	struct buf text = {0};

	imap_view_flags(s->view, known, &text);
	imap_printf(s, "FLAGS %s", buf_text(&text));
	buf_fini(&text);
}

static void
write_item(struct imap_session *s, const struct imap_fetch_items *items,
    const struct imap_fetch_item *it, const struct imap_message *known,
    struct imap_fetch_response *r)
{
	const struct am_message *m = &r->message;

	switch (it->item) {
	case IMAP_ITEM_UID:
		imap_printf(s, "UID %u", known->uid);
		break;
	case IMAP_ITEM_FLAGS:
		write_flags(s, known);
		break;
	case IMAP_ITEM_DATE:
		write_date(s, m->date);
		break;
	case IMAP_ITEM_SIZE:
		imap_printf(s, "RFC822.SIZE %llu", (unsigned long long)m->size);
		break;
	case IMAP_ITEM_ENVELOPE:
		imap_write(s, SLICE("ENVELOPE "));
		write_envelope(s, r);
		break;
	case IMAP_ITEM_BODY:
		imap_write(s, SLICE("BODY "));
		write_structure(s, items, r, BODYSTRUCTURE_BODY);
		break;
	case IMAP_ITEM_STRUCTURE:
		imap_write(s, SLICE("BODYSTRUCTURE "));
		write_structure(s, items, r, BODYSTRUCTURE_FULL);
		break;
	case IMAP_ITEM_SECTION:
		write_section(s, &it->section, r);
		break;
	}
}

/* Of a UID command the UID is a part in any case (RFC 3501 6.4.8). */
static void
write_beginning(
    struct imap_session *s, const struct imap_fetch_items *items, const struct imap_message *known)
{
	imap_printf(s, "* %zu FETCH (", (size_t)(known - s->view->messages) + 1);
	if (s->command.is_uid && !imap_fetch_items_has(items, IMAP_ITEM_UID))
		imap_printf(s, "UID %u ", known->uid);
}

static void
write_next(struct imap_session *s, const struct imap_fetch_items *items,
    const struct imap_message *known, struct imap_fetch_response *r)
{
	if (r->next == 0)
		write_beginning(s, items, known);
	else
		imap_write(s, SLICE(" "));
	write_item(s, items, &items->items[r->next++], known, r);
}

static void
write_end(struct imap_session *s, const struct imap_fetch_items *items, struct imap_message *known)
{
	if ((known->marks & IMAP_TELL) && items->sets_seen) {
		if (!imap_fetch_items_has(items, IMAP_ITEM_FLAGS)) {
			imap_write(s, SLICE(" "));
			write_flags(s, known);
		}
		known->marks &= (uint8_t)~IMAP_TELL;
	}
	imap_write(s, SLICE(")\r\n"));
}

/* Whether the message is looked into here, and not only handed on as the client takes it. */
static bool
looks_inside(const struct imap_fetch_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct imap_fetch_item *it = &items->items[i];
		const struct imap_section *section = &it->section;

		if (it->item == IMAP_ITEM_ENVELOPE || it->item == IMAP_ITEM_BODY ||
		    it->item == IMAP_ITEM_STRUCTURE ||
		    (it->item == IMAP_ITEM_SECTION &&
			(section->text != IMAP_WHOLE || section->part.len > 0 ||
			    section->is_partial)))
			return true;
	}
	return false;
}

/* Takes fd. One that was lost must not pass for an empty one. */
static bool
open_octets(struct imap_fetch_response *r, int fd, const struct imap_fetch_items *items)
{
	const struct am_message *m = &r->message;
	off_t size;
	void *octets;

	r->octets = m->octets;
	if (fd < 0)
		return !(items->wants & WANT_OCTETS) || m->octets.len == m->size;
	r->file = imap_file_new(fd);
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || (uint64_t)size != m->size)
		return false;
	octets = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (octets == MAP_FAILED)
		return false;
	r->octets = slice_make(octets, (size_t)size);
	return !looks_inside(items) || map_is_readable(r->octets);
}

bool
imap_fetch_response_init(struct imap_fetch_response *r, const struct imap_fetch_items *items,
    const struct ipc_message *m)
{
	*r = (struct imap_fetch_response){.message = *(const struct am_message *)m->body};
	return open_octets(r, m->fd, items);
}

void
imap_fetch_response_fini(struct imap_fetch_response *r)
{
	mime_fini(&r->tree);
	buf_fini(&r->made);
	if (r->file != NULL) {
		if (r->octets.data != r->message.octets.data)
			munmap((void *)(uintptr_t)r->octets.data, r->octets.len);
		imap_file_release(r->file);
	}
	buf_fini(&r->kept);
}

void
imap_fetch_response_keep(struct imap_fetch_response *r)
{
	struct am_message *m = &r->message;
	struct slice *const parts[] = {&m->envelope, &m->structure, &m->octets};
	size_t at = 0;

	for (size_t i = 0; i < 3; i++)
		buf_add_slice(&r->kept, *parts[i]);
	for (size_t i = 0; i < 3; i++) {
		*parts[i] = slice_sub(buf_slice(&r->kept), at, parts[i]->len);
		at += parts[i]->len;
	}
	if (r->file != NULL)
		return;
	/* A tree points into what it was made of. */
	mime_fini(&r->tree);
	r->tree = (struct mime){.count = 0};
	r->octets = m->octets;
}

bool
imap_fetch_response_tell(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_fetch_response *r)
{
	struct imap_message *known = imap_view_find(s->view, r->message.uid);

	if (known == NULL)
		return true;
	while (r->next < items->count) {
		if (imap_is_client_slow(s))
			return false;
		write_next(s, items, known, r);
	}
	write_end(s, items, known);
	return true;
}

void
imap_fetch_response_cut(struct imap_session *s, const struct imap_fetch_response *r)
{
	if (r->next > 0)
		imap_write(s, SLICE(")\r\n"));
}

void
imap_fetch_response_known(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_message *known)
{
	struct imap_fetch_response r = {.next = 0};

	while (r.next < items->count)
		write_next(s, items, known, &r);
	write_end(s, items, known);
	imap_fetch_response_fini(&r);
}
