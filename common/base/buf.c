#include "common/base/buf.h"

#include "common/base/ascii.h"
#include "common/base/assert.h"
#include "common/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUF_FIRST = 64 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

static void
wipe(struct buf *b)
{
	if (b->is_secret && b->data != NULL)
		explicit_bzero(b->data, b->capacity);
}

void
buf_fini(struct buf *b)
{
	wipe(b);
	free(b->data);
	*b = (struct buf){.max = b->max, .is_secret = b->is_secret};
}

void
buf_clear(struct buf *b)
{
	wipe(b);
	b->len = 0;
	b->overflowed = false;
}

/* realloc(3) may leave what was there where it was. */
static void
move_secret(struct buf *b, size_t size)
{
	char *data = mem_resize(NULL, size);

	if (b->len > 0)
		memcpy(data, b->data, b->len);
	wipe(b);
	free(b->data);
	b->data = data;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->max != 0 && n > b->max - (b->len < b->max ? b->len : b->max)) {
		b->overflowed = true;
		return NULL;
	}
	ASSERT(n < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
	need = b->len + n + 1;
	if (need > b->capacity) {
		size_t size = b->capacity == 0 ? BUF_FIRST : b->capacity;

		while (size < need)
			size *= 2;
		if (b->is_secret)
			move_secret(b, size);
		else
			b->data = mem_resize(b->data, size);
		b->capacity = size;
	}
	return b->data + b->len;
}

void
buf_grew(struct buf *b, size_t n)
{
	ASSERT(n < b->capacity - b->len);
	b->len += n;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *room;

	if (len == 0)
		return;
	room = buf_room(b, len);
	if (room == NULL)
		return;
	memcpy(room, data, len);
	b->len += len;
}

void
buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.data, s.len);
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_add_lower(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_add_char(b, ascii_lower(s.data[i]));
}

void
buf_add_quoted(struct buf *b, struct slice s)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '"' || s.data[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.data[i]);
	}
	buf_add_char(b, '"');
}

void
buf_add_number(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;
	char *room;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	ASSERT(n >= 0);
	room = buf_room(b, (size_t)n);
	if (room == NULL)
		return;
	vsnprintf(room, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

bool
buf_add_file(struct buf *b, int fd, uint64_t size)
{
	struct stat st;
	size_t done = 0;
	char *room;

	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < size ||
	    (room = buf_room(b, (size_t)size)) == NULL)
		return false;
	while (done < size) {
		ssize_t n = pread(fd, room + done, (size_t)size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	buf_grew(b, done);
	return true;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_consume(struct buf *b, size_t n)
{
	ASSERT(n <= b->len);
	b->len -= n;
	if (b->len > 0 && n > 0)
		memmove(b->data, b->data + n, b->len);
	if (b->is_secret && n > 0)
		explicit_bzero(b->data + b->len, n);
}

void
buf_truncate(struct buf *b, size_t n)
{
	ASSERT(n <= b->len);
	if (b->is_secret && n < b->len)
		explicit_bzero(b->data + n, b->len - n);
	b->len = n;
}

struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

const char *
buf_text(struct buf *b)
{
	if (b->data == NULL)
		return "";
	b->data[b->len] = '\0';
	return b->data;
}

char *
buf_take(struct buf *b, size_t *len)
{
	char *data = b->data == NULL ? mem_text("", 0) : b->data;

	data[b->len] = '\0';
	if (len != NULL)
		*len = b->len;
	*b = (struct buf){.max = b->max, .is_secret = b->is_secret};
	return data;
}

bool
buf_overflowed(const struct buf *b)
{
	return b->overflowed;
}
