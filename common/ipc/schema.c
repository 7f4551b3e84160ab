#include "common/ipc/schema.h"

#include "common/base/assert.h"
#include "common/base/pack.h"
#include "common/base/utf8.h"

#include <string.h>
#include <sys/stat.h>

static size_t
width(enum ipc_kind kind)
{
	switch (kind) {
	case IPC_U8:
		return 1;
	case IPC_U16:
		return 2;
	case IPC_U32:
	case IPC_TEXT:
	case IPC_OCTETS:
	case IPC_SECRET:
		return 4;
	case IPC_U64:
	case IPC_I64:
		return 8;
	}
	return 0;
}

static bool
is_text(struct slice s)
{
	return slice_find(s, '\0') < 0 && utf8_is_valid(s);
}

static uint64_t
load_number(const struct ipc_field *f, const void *message)
{
	const char *at = (const char *)message + f->offset;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (width(f->kind)) {
	case 1:
		memcpy(&u8, at, 1);
		return u8;
	case 2:
		memcpy(&u16, at, 2);
		return u16;
	case 4:
		memcpy(&u32, at, 4);
		return u32;
	default:
		memcpy(&u64, at, 8);
		return u64;
	}
}

static void
store_number(const struct ipc_field *f, void *message, uint64_t n)
{
	char *at = (char *)message + f->offset;
	uint8_t u8 = (uint8_t)n;
	uint16_t u16 = (uint16_t)n;
	uint32_t u32 = (uint32_t)n;

	switch (width(f->kind)) {
	case 1:
		memcpy(at, &u8, 1);
		break;
	case 2:
		memcpy(at, &u16, 2);
		break;
	case 4:
		memcpy(at, &u32, 4);
		break;
	default:
		memcpy(at, &n, 8);
		break;
	}
}

static bool
is_octets(const struct ipc_field *f)
{
	return f->kind == IPC_TEXT || f->kind == IPC_OCTETS || f->kind == IPC_SECRET;
}

static bool
in_range(const struct ipc_field *f, uint64_t n)
{
	return f->kind == IPC_I64 || (n >= f->least && n <= f->most);
}

const char *
ipc_pack(struct buf *out, const struct ipc_schema *schema, const void *message)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct ipc_field *f = &schema->fields[i];
		struct slice s = {NULL, 0};
		uint64_t n;

		if (is_octets(f)) {
			memcpy(&s, (const char *)message + f->offset, sizeof(s));
			n = s.len;
		} else {
			n = load_number(f, message);
		}
		if (!in_range(f, n) || (f->kind == IPC_TEXT && !is_text(s)))
			return f->name;
		pack_number(out, width(f->kind), n);
		if (s.len > 0)
			buf_add_slice(out, s);
	}
	return buf_overflowed(out) ? "size" : NULL;
}

const char *
ipc_unpack(struct slice body, const struct ipc_schema *schema, void *message)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct ipc_field *f = &schema->fields[i];
		struct slice s;
		uint64_t n;

		if (!unpack_number(&body, width(f->kind), &n) || !in_range(f, n))
			return f->name;
		if (!is_octets(f)) {
			store_number(f, message, n);
			continue;
		}
		if (!unpack_octets(&body, n, &s) || (f->kind == IPC_TEXT && !is_text(s)))
			return f->name;
		memcpy((char *)message + f->offset, &s, sizeof(s));
	}
	return body.len == 0 ? NULL : "end";
}

bool
ipc_takes_descriptor(const struct ipc_schema *schema, int fd)
{
	struct stat st;

	if (fd < 0)
		return schema->descriptor == FD_NONE || schema->descriptor == FD_MAYBE;
	if (schema->descriptor == FD_NONE || fstat(fd, &st) < 0)
		return false;
	return schema->descriptor == FD_SOCKET ? S_ISSOCK(st.st_mode) : S_ISREG(st.st_mode);
}

bool
ipc_is_secret(const struct ipc_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (schema->fields[i].kind == IPC_SECRET)
			return true;
	}
	return false;
}

void
ipc_print(struct buf *out, const struct ipc_schema *schema, const void *message)
{
	buf_printf(out, "%s{", schema->name);
	for (size_t i = 0; i < schema->count; i++) {
		const struct ipc_field *f = &schema->fields[i];

		buf_printf(out, "%s%s=", i == 0 ? "" : " ", f->name);
		if (is_octets(f)) {
			struct slice s;

			memcpy(&s, (const char *)message + f->offset, sizeof(s));
			if (f->kind == IPC_TEXT)
				buf_printf(out, "\"%.*s\"", SLICE_FMT(s));
			else
				buf_printf(out, "<%zu octets>", s.len);
		} else if (f->kind == IPC_I64) {
			buf_printf(out, "%lld", (long long)load_number(f, message));
		} else {
			buf_add_number(out, load_number(f, message));
		}
	}
	buf_add_char(out, '}');
}

void
ipc_list_add(struct buf *list, struct slice item)
{
	ASSERT(item.len <= UINT32_MAX);
	pack_slice(list, item);
}

bool
ipc_list_next(struct slice *list, struct slice *item)
{
	return unpack_slice(list, item);
}
