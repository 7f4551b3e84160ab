#include "queue/store/row.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/ipc/listener_queue.h"
#include "queue/envelope.h"
#include "queue/schedule/destination.h"
#include "queue/schedule/expire.h"

#include <stddef.h>
#include <string.h>

enum kind { KIND_u8, KIND_u16, KIND_u64, KIND_i64, KIND_text, KIND_said };
enum written { KEPT, TRIED };

struct column {
	enum kind kind;
	size_t offset;
	int64_t least, most; /* of a number its value, of a text its octets */
	enum written written;
};

struct store_table {
	const struct column *columns;
	size_t count;
};

/* clang-format off */
#define OF_MESSAGE(kind, name, least, most, written) \
	{KIND_##kind, offsetof(struct store_message, name), least, most, written},
#define OF_ENVELOPE(kind, name, least, most, written) \
	{KIND_##kind, offsetof(struct store_envelope, name), least, most, written},
/* clang-format on */

static const struct column messages[] = {STORE_MESSAGE_COLUMNS(OF_MESSAGE)};
static const struct column envelopes[] = {STORE_ENVELOPE_COLUMNS(OF_ENVELOPE)};

const struct store_table store_messages = {messages, sizeof(messages) / sizeof(messages[0])};
const struct store_table store_envelopes = {envelopes, sizeof(envelopes) / sizeof(envelopes[0])};

static bool
is_text(const struct column *c)
{
	return c->kind == KIND_text || c->kind == KIND_said;
}

static struct slice
text_of(const struct column *c, const void *row)
{
	struct slice text;

	memcpy(&text, (const char *)row + c->offset, sizeof(text));
	return text;
}

static void
put_text(const struct column *c, void *row, struct slice text)
{
	memcpy((char *)row + c->offset, &text, sizeof(text));
}

static int64_t
number_of(const struct column *c, const void *row)
{
	const char *at = (const char *)row + c->offset;
	uint8_t u8;
	uint16_t u16;
	int64_t i64;

	if (c->kind == KIND_u8) {
		memcpy(&u8, at, sizeof(u8));
		return u8;
	}
	if (c->kind == KIND_u16) {
		memcpy(&u16, at, sizeof(u16));
		return u16;
	}
	memcpy(&i64, at, sizeof(i64));
	return i64;
}

static int64_t
at_most(int64_t n, int64_t most)
{
	return n < 0 || n > most ? most : n;
}

static void
put_number(const struct column *c, void *row, int64_t n)
{
	char *at = (char *)row + c->offset;
	uint8_t u8 = (uint8_t)at_most(n, UINT8_MAX);
	uint16_t u16 = (uint16_t)at_most(n, UINT16_MAX);

	if (c->kind == KIND_u8)
		memcpy(at, &u8, sizeof(u8));
	else if (c->kind == KIND_u16)
		memcpy(at, &u16, sizeof(u16));
	else
		memcpy(at, &n, sizeof(n));
}

static void
bind(struct statement *q, int n, const struct column *c, const void *row)
{
	if (is_text(c))
		statement_bind_text(q, n, text_of(c, row));
	else
		statement_bind_number(q, n, number_of(c, row));
}

int
store_row_bind(struct statement *q, int n, const struct store_table *table, const void *row)
{
	for (size_t i = 0; i < table->count; i++)
		bind(q, n++, &table->columns[i], row);
	return n;
}

int
store_row_bind_tried(struct statement *q, int n, const struct store_table *table, const void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->columns[i].written == TRIED)
			bind(q, n++, &table->columns[i], row);
	}
	return n;
}

int
store_row_read(struct statement *q, int n, const struct store_table *table, void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct column *c = &table->columns[i];

		if (is_text(c))
			put_text(c, row, statement_octets(q, n++));
		else
			put_number(c, row, statement_number(q, n++));
	}
	return n;
}

bool
store_row_is_sane(const struct store_table *table, const void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct column *c = &table->columns[i];
		int64_t n = is_text(c) ? (int64_t)text_of(c, row).len : number_of(c, row);

		if (n < c->least || n > c->most)
			return false;
		if (c->kind == KIND_text && !utf8_is_valid(text_of(c, row)))
			return false;
	}
	return true;
}

void
store_row_cut(const struct store_table *table, void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct column *c = &table->columns[i];

		if (is_text(c))
			put_text(c, row, slice_sub(text_of(c, row), 0, (size_t)c->most));
		else
			put_number(c, row, at_most(number_of(c, row), c->most));
	}
}

char *
store_row_copy(const struct store_table *table, void *row)
{
	size_t total = 1, at = 0;
	char *octets;

	for (size_t i = 0; i < table->count; i++) {
		if (is_text(&table->columns[i]))
			total += text_of(&table->columns[i], row).len;
	}
	octets = mem_zero(total);
	for (size_t i = 0; i < table->count; i++) {
		const struct column *c = &table->columns[i];
		struct slice text;

		if (!is_text(c))
			continue;
		text = text_of(c, row);
		if (text.len > 0)
			memcpy(octets + at, text.data, text.len);
		put_text(c, row, slice_make(octets + at, text.len));
		at += text.len;
	}
	return octets;
}
