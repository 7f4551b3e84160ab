#include "common/mail/envelope.h"

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "common/mail/imap_string.h"

#include <string.h>

/* The fields, in the order in which they are sent. */
/* clang-format off */
enum field {
	FIELD_DATE, FIELD_SUBJECT, FIELD_FROM, FIELD_SENDER, FIELD_REPLY_TO, FIELD_TO, FIELD_CC,
	FIELD_BCC, FIELD_IN_REPLY_TO, FIELD_MESSAGE_ID, FIELDS,
};
/* clang-format on */

struct writer {
	struct buf *out;
	size_t share;    /* octets that the field in hand may take */
	struct buf line; /* a value without its folds */
	struct slice values[FIELDS];
	size_t lengths[FIELDS]; /* octets of each as it was written last */
	size_t from, from_len;  /* where the written addresses of From are */
};

static const char group_end[] = "(NIL NIL NIL NIL)";

static enum field
field_of(struct slice name)
{
	static const char *const names[FIELDS] = {
	    [FIELD_DATE] = "date",
	    [FIELD_SUBJECT] = "subject",
	    [FIELD_FROM] = "from",
	    [FIELD_SENDER] = "sender",
	    [FIELD_REPLY_TO] = "reply-to",
	    [FIELD_TO] = "to",
	    [FIELD_CC] = "cc",
	    [FIELD_BCC] = "bcc",
	    [FIELD_IN_REPLY_TO] = "in-reply-to",
	    [FIELD_MESSAGE_ID] = "message-id",
	};

	for (enum field f = 0; name.len > 0 && f < FIELDS; f++) {
		if ((name.data[0] | 0x20) == names[f][0] && slice_equal_text_nocase(name, names[f]))
			return f;
	}
	return FIELDS;
}

static void
find_values(struct writer *w, struct slice message)
{
	struct header_walk walk = header_walk(message);
	struct header_field field;

	while (header_next(&walk, &field)) {
		enum field f = field_of(field.name);

		/* NULL says that the field is not there, so an empty value must not be NULL. */
		if (f != FIELDS && w->values[f].data == NULL)
			w->values[f] = field.value.data == NULL ? SLICE("") : field.value;
	}
}

static void
write_text(struct writer *w, struct slice value)
{
	size_t room = w->share / 2 - IMAP_STRING_FRAME;

	if (value.data == NULL) {
		imap_nstring(w->out, value);
		return;
	}
	value = slice_sub(value, 0, LIMIT_FIELD_PARSED);
	if (slice_find(value, '\n') >= 0) {
		buf_clear(&w->line);
		header_unfold(&w->line, value);
		/* A value may begin with a fold: many write Message-ID on a line of its own. */
		value = slice_trim(buf_slice(&w->line));
	}
	imap_string(w->out, slice_sub(value, 0, room));
}

/* A mailbox without a part has "" there: NIL as host would begin or end a group. */
static void
write_item(struct buf *out, const struct address_item *item)
{
	if (item->kind == ADDRESS_ITEM_GROUP_END) {
		buf_add_text(out, group_end);
		return;
	}
	if (item->kind == ADDRESS_ITEM_GROUP) {
		buf_add_text(out, "(NIL NIL ");
		imap_string(out, item->name);
		buf_add_text(out, " NIL)");
		return;
	}
	buf_add_char(out, '(');
	imap_nstring(out, item->name);
	buf_add_char(out, ' ');
	imap_nstring(out, item->route);
	buf_add_char(out, ' ');
	imap_string(out, item->local);
	buf_add_char(out, ' ');
	imap_string(out, item->domain);
	buf_add_char(out, ')');
}

/* Writes the addresses of a value, or NIL; false: NIL. */
static bool
write_addresses(struct writer *w, struct slice value)
{
	struct buf *out = w->out;
	size_t start = out->len;
	struct address_list list;
	struct address_item item;
	bool any = false, in_group = false;

	buf_add_char(out, '(');
	address_list_init(&list, value);
	while (value.len > 0 && address_list_next(&list, &item)) {
		size_t before = out->len;

		write_item(out, &item);
		if (out->len - start + sizeof(group_end) > w->share) {
			buf_truncate(out, before);
			break;
		}
		any = true;
		if (item.kind != ADDRESS_ITEM_MAILBOX)
			in_group = item.kind == ADDRESS_ITEM_GROUP;
	}
	address_list_fini(&list);
	if (!any) {
		buf_truncate(out, start);
		buf_add_text(out, "NIL");
		return false;
	}
	if (in_group)
		buf_add_text(out, group_end);
	buf_add_char(out, ')');
	return true;
}

/* Sender and Reply-To, where they are missing or empty, are what From is (RFC 9051 7.5.2). */
static void
write_as_from(struct writer *w)
{
	char *room = buf_room(w->out, w->from_len);

	if (room == NULL)
		return;
	memcpy(room, w->out->data + w->from, w->from_len);
	buf_grew(w->out, w->from_len);
}

static void
write_field(struct writer *w, enum field f)
{
	size_t start = w->out->len;

	switch (f) {
	case FIELD_DATE:
	case FIELD_SUBJECT:
	case FIELD_IN_REPLY_TO:
	case FIELD_MESSAGE_ID:
		write_text(w, w->values[f]);
		break;
	case FIELD_FROM:
		write_addresses(w, w->values[f]);
		w->from = start;
		w->from_len = w->out->len - start;
		break;
	case FIELD_SENDER:
	case FIELD_REPLY_TO:
		if (!write_addresses(w, w->values[f])) {
			buf_truncate(w->out, start);
			write_as_from(w);
		}
		break;
	case FIELD_TO:
	case FIELD_CC:
	case FIELD_BCC:
		write_addresses(w, w->values[f]);
		break;
	case FIELDS:
		break;
	}
}

/* Writes all fields, those of more octets than share in no more. */
static void
write_all(struct writer *w, size_t share)
{
	for (enum field f = 0; f < FIELDS; f++) {
		size_t start;

		buf_add_char(w->out, f == 0 ? '(' : ' ');
		start = w->out->len;
		w->share = w->lengths[f] <= share ? SIZE_MAX : share;
		write_field(w, f);
		w->lengths[f] = w->out->len - start;
	}
	buf_add_char(w->out, ')');
}

/* What a field may take so that all fit in room: what the short ones leave is for the long ones. */
static size_t
fair_share(const struct writer *w, size_t room)
{
	size_t share = room / FIELDS, last;

	do {
		size_t rest = room, count = 0;

		for (enum field f = 0; f < FIELDS; f++) {
			if (w->lengths[f] <= share)
				rest -= w->lengths[f];
			else
				count++;
		}
		last = share;
		share = count > 0 ? rest / count : share;
	} while (share > last);
	return last;
}

void
envelope_write(struct buf *out, struct slice message, size_t max)
{
	struct writer w = {.out = out};
	size_t start = out->len;

	ASSERT(max >= ENVELOPE_LEAST && !buf_overflowed(out));
	find_values(&w, message);
	write_all(&w, SIZE_MAX);
	if (out->len - start > max) {
		buf_truncate(out, start);
		write_all(&w, fair_share(&w, max - (FIELDS + 1)));
	}
	buf_fini(&w.line);
}
