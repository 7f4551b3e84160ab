#include "imapd/fetch_response.h"

#include "common/mail/bodystructure.h"
#include "common/mail/date.h"
#include "imapd/response.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	INLINE_CUT = 64 * 1024, /* octets; more are read from the file as the client takes them */
	BODY_MOST = 60000,      /* octets of a BODY made here */
};

/* What mailbox has sent of a message, and where its octets are. */
struct source {
	const struct am_message *message;
	struct slice octets;
	struct imap_file *file; /* NULL: they came inline */
	struct mime tree;
	struct buf made;
};

static void
write_section(struct imap_session *s, const struct imap_section *section, struct source *src)
{
	struct buf name = {0};
	struct slice cut;

	imap_section_name(section, &name);
	if (!imap_section_cut(section, src->octets, &src->tree, &src->made, &cut)) {
		imap_printf(s, "%s NIL", buf_text(&name));
	} else {
		bool is_in_file = src->file != NULL && cut.data >= src->octets.data &&
				  cut.data < src->octets.data + src->octets.len;

		imap_printf(s, "%s {%zu}\r\n", buf_text(&name), cut.len);
		if (is_in_file && cut.len > INLINE_CUT)
			imap_output_file(&s->output, src->file,
			    (uint64_t)(cut.data - src->octets.data), cut.len);
		else
			imap_output_octets(&s->output, s->base.stream, cut);
	}
	buf_fini(&name);
}

/* am_message has one field for BODY and BODYSTRUCTURE: of both, BODY is made here. */
static void
write_body(struct imap_session *s, const struct imap_fetch_items *items, struct source *src)
{
	struct buf text = {0};

	if (!(items->wants & WANT_STRUCTURE)) {
		imap_write(s, src->message->structure);
		return;
	}
	if (src->tree.count == 0)
		mime_init(&src->tree, src->octets);
	bodystructure_write(&text, &src->tree, BODYSTRUCTURE_BODY, BODY_MOST);
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
    const struct imap_fetch_item *it, const struct imap_message *known, struct source *src)
{
	const struct am_message *m = src->message;

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
		imap_write(s, m->envelope);
		break;
	case IMAP_ITEM_BODY:
		imap_write(s, SLICE("BODY "));
		write_body(s, items, src);
		break;
	case IMAP_ITEM_STRUCTURE:
		imap_write(s, SLICE("BODYSTRUCTURE "));
		imap_write(s, m->structure);
		break;
	case IMAP_ITEM_SECTION:
		write_section(s, &it->section, src);
		break;
	}
}

/* Of a UID command the UID is a part in any case (RFC 3501 6.4.8). */
static void
write_response(struct imap_session *s, const struct imap_fetch_items *items,
    struct imap_message *known, struct source *src)
{
	const char *blank = "";

	imap_printf(s, "* %zu FETCH (", (size_t)(known - s->view->messages) + 1);
	if (s->command.is_uid && !imap_fetch_items_has(items, IMAP_ITEM_UID)) {
		imap_printf(s, "UID %u", known->uid);
		blank = " ";
	}
	for (size_t i = 0; i < items->count; i++) {
		imap_write(s, slice_of(blank));
		write_item(s, items, &items->items[i], known, src);
		blank = " ";
	}
	if ((known->marks & IMAP_TELL) && items->sets_seen) {
		if (!imap_fetch_items_has(items, IMAP_ITEM_FLAGS)) {
			imap_write(s, SLICE(" "));
			write_flags(s, known);
		}
		known->marks &= (uint8_t)~IMAP_TELL;
	}
	imap_write(s, SLICE(")\r\n"));
}

/* Takes fd. One that was lost must not pass for an empty one. */
static bool
source_open(struct source *src, int fd, bool is_whole)
{
	const struct am_message *m = src->message;
	off_t size;
	void *octets;

	src->octets = m->octets;
	if (fd < 0)
		return !is_whole || m->octets.len == m->size;
	src->file = imap_file_new(fd);
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || (uint64_t)size != m->size)
		return false;
	octets = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (octets == MAP_FAILED)
		return false;
	src->octets = slice_make(octets, (size_t)size);
	return true;
}

static void
source_close(struct source *src)
{
	mime_fini(&src->tree);
	buf_fini(&src->made);
	if (src->file == NULL)
		return;
	if (src->octets.data != src->message->octets.data)
		munmap((void *)(uintptr_t)src->octets.data, src->octets.len);
	imap_file_release(src->file);
}

bool
imap_fetch_response(
    struct imap_session *s, const struct imap_fetch_items *items, const struct ipc_message *m)
{
	struct source src = {.message = m->body};
	struct imap_message *known = imap_view_find(s->view, src.message->uid);
	bool is_open = source_open(&src, m->fd, items->wants & WANT_OCTETS);

	if (is_open && known != NULL)
		write_response(s, items, known, &src);
	source_close(&src);
	return is_open;
}

void
imap_fetch_response_known(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_message *known)
{
	static const struct am_message nothing;
	struct source src = {.message = &nothing};

	write_response(s, items, known, &src);
	source_close(&src);
}
