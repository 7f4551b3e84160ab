#include "smtpd/listener/submission.h"

#include "common/mail/address_list.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

#include <string.h>

/* The name that From has, with the address of the sender. */
static void
add_from(struct buf *out, struct slice value, struct slice sender)
{
	struct address_list list;
	struct address_item item = {.kind = ADDRESS_ITEM_GROUP};
	struct buf from = {0};

	address_list_init(&list, value);
	while (address_list_next(&list, &item) && item.kind != ADDRESS_ITEM_MAILBOX)
		item = (struct address_item){.kind = ADDRESS_ITEM_GROUP};
	if (item.kind == ADDRESS_ITEM_MAILBOX && item.name.len > 0) {
		address_name_write(&from, item.name);
		buf_add_char(&from, ' ');
	}
	buf_printf(&from, "<%.*s>", SLICE_FMT(sender));
	header_add(out, "From", buf_slice(&from));
	buf_fini(&from);
	address_list_fini(&list);
}

static void
add_missing(struct buf *out, struct slice message, const struct submission *s)
{
	struct buf value = {0};
	struct slice unused;

	if (s->sender.len > 0 && !header_find(message, SLICE("From"), &unused))
		add_from(out, SLICE(""), s->sender);
	if (!header_find(message, SLICE("Date"), &unused)) {
		date_format(&value, (struct date){.seconds = s->now});
		header_add(out, "Date", buf_slice(&value));
		buf_clear(&value);
	}
	if (!header_find(message, SLICE("Message-ID"), &unused)) {
		buf_printf(&value, "<%.*s@%.*s>", SLICE_FMT(s->id), SLICE_FMT(s->hostname));
		header_add(out, "Message-ID", buf_slice(&value));
	}
	buf_fini(&value);
}

/* A message that begins with its text gets the empty line that parts the two. */
static bool
begins_with_text(struct slice message)
{
	struct header_walk w = header_walk(message);
	struct header_field first;

	if (message.len == 0 || slice_has_prefix(message, SLICE("\r\n")))
		return false;
	return !header_next(&w, &first) || first.start > 0;
}

static bool
is_blind(struct slice name)
{
	return slice_equal_text_nocase(name, "Bcc") || slice_equal_text_nocase(name, "Resent-Bcc");
}

void
submission_complete(struct buf *message, size_t at, const struct submission *s)
{
	struct slice rest = slice_from(buf_slice(message), at);
	struct header_walk w = header_walk(rest);
	struct header_field field;
	struct buf out = {0};
	bool has_from = false;
	size_t done = 0;

	buf_room(&out, message->len + 1024);
	buf_add(&out, message->data, at);
	add_missing(&out, rest, s);
	if (out.len > at && begins_with_text(rest))
		buf_add_text(&out, "\r\n");
	while (header_next(&w, &field)) {
		bool is_from = s->masquerades && slice_equal_text_nocase(field.name, "From");

		if (!is_from && !is_blind(field.name))
			continue;
		buf_add_slice(&out, slice_sub(rest, done, field.start - done));
		if (is_from && !has_from) /* one is enough for anybody */
			add_from(&out, field.value, s->sender);
		has_from |= is_from;
		done = field.end;
	}
	buf_add_slice(&out, slice_from(rest, done));
	buf_fini(message);
	*message = out;
}
