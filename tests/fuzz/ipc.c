/*
 * Every message between processes: what a body unpacks to packs to that body, is within the ranges
 * its list says, and can be printed; a bad one is refused with the name of the field.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/conf/conf.h"
#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "common/ipc/any_resolver.h"
#include "common/ipc/ctl_parent.h"
#include "common/ipc/listener_queue.h"
#include "common/ipc/lookup_mailbox.h"
#include "common/ipc/lookup_parent.h"
#include "common/ipc/parent_any.h"
#include "common/ipc/queue_agent.h"
#include "common/ipc/queue_mailbox.h"
#include "common/ipc/queue_relay.h"

/* clang-format off */
#define SCHEMA(m, number, fields, fd) &m##_schema,
static const struct ipc_schema *const schemas[] = {
    ANY_KEYHOLDER(SCHEMA)
    ANY_LOOKUP(SCHEMA)
    ANY_MAILBOX(SCHEMA)
    ANY_RESOLVER(SCHEMA)
    CTL_PARENT(SCHEMA)
    LISTENER_QUEUE(SCHEMA)
    LOOKUP_MAILBOX(SCHEMA)
    LOOKUP_PARENT(SCHEMA)
    PARENT_ANY(SCHEMA)
    QUEUE_AGENT(SCHEMA)
    QUEUE_MAILBOX(SCHEMA)
    QUEUE_RELAY(SCHEMA)
    CONF_SECTIONS(SCHEMA)
};
/* clang-format on */

enum { SCHEMAS = sizeof(schemas) / sizeof(schemas[0]) };

static bool
has_length(const struct ipc_field *f)
{
	return f->kind == IPC_TEXT || f->kind == IPC_OCTETS || f->kind == IPC_SECRET;
}

static void
check_field(const struct ipc_field *f, const void *message, struct slice body)
{
	struct slice s;

	if (!has_length(f))
		return;
	memcpy(&s, (const char *)message + f->offset, sizeof(s));
	PROPERTY(fuzz_lies_in(s, body) && s.len >= f->least && s.len <= f->most);
	PROPERTY(f->kind != IPC_TEXT || (utf8_is_valid(s) && slice_find(s, '\0') < 0));
	if (f->kind == IPC_OCTETS) {
		struct slice item;
		size_t before = s.len;

		while (ipc_list_next(&s, &item)) {
			PROPERTY(s.len < before && fuzz_lies_in(item, body));
			before = s.len;
		}
	}
}

static bool
is_field(const struct ipc_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (schema->fields[i].name == name)
			return true;
	}
	return strcmp(name, "end") == 0;
}

static void
check_message(const struct ipc_schema *schema, struct slice body)
{
	void *message = calloc(1, schema->size);
	const char *wrong = ipc_unpack(body, schema, message);
	struct buf out = {0};

	if (wrong != NULL) {
		PROPERTY(is_field(schema, wrong));
	} else {
		for (size_t i = 0; i < schema->count; i++)
			check_field(&schema->fields[i], message, body);
		PROPERTY(ipc_pack(&out, schema, message) == NULL);
		PROPERTY(slice_equal(buf_slice(&out), body));
		buf_clear(&out);
		ipc_print(&out, schema, message);
		PROPERTY(out.len <= 2 * body.len + 64 * (schema->count + 2));
	}
	buf_fini(&out);
	free(message);
}

/* The smallest message there is: every number and length its least, texts of the letter a. */
static void
check_least(const struct ipc_schema *schema)
{
	struct buf body = {0};
	void *message = calloc(1, schema->size);

	for (size_t i = 0; i < schema->count; i++) {
		const struct ipc_field *f = &schema->fields[i];
		bool is_long = f->kind == IPC_U64 || f->kind == IPC_I64;
		size_t octets = is_long                               ? 8
				: has_length(f) || f->kind == IPC_U32 ? 4
				: f->kind == IPC_U16                  ? 2
								      : 1;

		for (size_t k = octets; k-- > 0;)
			buf_add_char(&body, (char)(f->least >> (8 * k)));
		for (uint64_t k = 0; has_length(f) && k < f->least; k++)
			buf_add_char(&body, 'a');
	}
	PROPERTY(ipc_unpack(buf_slice(&body), schema, message) == NULL);
	check_message(schema, buf_slice(&body));
	buf_add_char(&body, 'x');
	PROPERTY(strcmp(ipc_unpack(buf_slice(&body), schema, message), "end") == 0);
	buf_fini(&body);
	free(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool done;
	struct slice in = fuzz_slice(data, size);
	unsigned which = fuzz_octet(&in);

	for (size_t i = 0; !done && i < SCHEMAS; i++)
		check_least(schemas[i]);
	done = true;
	which = which << 8 | fuzz_octet(&in);
	check_message(schemas[which % SCHEMAS], in);
	return 0;
}
