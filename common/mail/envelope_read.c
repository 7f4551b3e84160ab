/* Reading back what envelope_write() wrote. */
#include "common/mail/envelope.h"

/* Takes one text off the front and appends it to out, if there is an out; false: NIL, or
 * no text. */
static bool
take_text(struct slice *at, struct buf *out)
{
	size_t i = 1;
	uint64_t size;
	ptrdiff_t end;

	if (at->len > 0 && at->data[0] == '"') {
		for (; i < at->len && at->data[i] != '"'; i++) {
			if (at->data[i] == '\\' && i + 1 < at->len)
				i++;
			if (out != NULL)
				buf_add_char(out, at->data[i]);
		}
		*at = slice_from(*at, i < at->len ? i + 1 : i);
		return true;
	}
	if (at->len > 0 && at->data[0] == '{' && (end = slice_find(*at, '}')) > 1 &&
	    slice_number(slice_sub(*at, 1, (size_t)end - 1), at->len, &size)) {
		*at = slice_from(*at, (size_t)end + 3); /* } CR LF */
		if (out != NULL)
			buf_add_slice(out, slice_sub(*at, 0, (size_t)size));
		*at = slice_from(*at, (size_t)size);
		return true;
	}
	*at = slice_from(*at, slice_has_prefix(*at, SLICE("NIL")) ? 3 : 1);
	return false;
}

/* Passes over one field: a text, NIL, or a list of addresses. */
static void
skip_field(struct slice *at)
{
	int depth = 0;

	do {
		if (at->len > 0 && (at->data[0] == '(' || at->data[0] == ')')) {
			depth += at->data[0] == '(' ? 1 : -1;
			*at = slice_from(*at, 1);
		} else {
			take_text(at, NULL);
		}
		if (at->len > 0 && at->data[0] == ' ')
			*at = slice_from(*at, 1);
	} while (depth > 0 && at->len > 0);
}

/* "(name route local domain)" as name <local@domain>; of a group's beginning its name. */
static void
take_address(struct slice *at, struct buf *out)
{
	struct buf local = {0}, domain = {0};
	bool has_local, has_domain;

	*at = slice_from(*at, 1);
	if (out->len > 0)
		buf_add_text(out, ", ");
	if (take_text(at, out))
		buf_add_char(out, ' ');
	*at = slice_from(*at, 1);
	take_text(at, NULL);
	*at = slice_from(*at, 1);
	has_local = take_text(at, &local);
	*at = slice_from(*at, 1);
	has_domain = take_text(at, &domain);
	*at = slice_from(*at, 1);
	if (has_local && has_domain)
		buf_printf(out, "<%.*s@%.*s>", SLICE_FMT(buf_slice(&local)),
		    SLICE_FMT(buf_slice(&domain)));
	else if (has_local)
		buf_add_slice(out, buf_slice(&local));
	buf_fini(&local);
	buf_fini(&domain);
}

bool
envelope_read(struct slice envelope, enum envelope_field field, struct buf *out)
{
	struct slice at = slice_from(envelope, 1);

	for (int i = 0; i < (int)field; i++)
		skip_field(&at);
	if (at.len == 0 || at.data[0] != '(')
		return take_text(&at, out);
	at = slice_from(at, 1);
	while (at.len > 0 && at.data[0] == '(')
		take_address(&at, out);
	return true;
}
