#include "imapd/output.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <string.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct imap_piece {
	TAILQ_ENTRY(imap_piece) link;
	struct buf text; /* or, when file is set: */
	struct imap_file *file;
	uint64_t at, left;
};

static char block[BLOCK];

void
imap_output_init(struct imap_output *o)
{
	TAILQ_INIT(&o->pieces);
}

static void
drop_first(struct imap_output *o)
{
	struct imap_piece *p = TAILQ_FIRST(&o->pieces);

	TAILQ_REMOVE(&o->pieces, p, link);
	if (p->file != NULL)
		imap_file_release(p->file);
	buf_fini(&p->text);
	free(p);
}

void
imap_output_fini(struct imap_output *o)
{
	while (!imap_output_is_empty(o))
		drop_first(o);
}

bool
imap_output_is_empty(const struct imap_output *o)
{
	return TAILQ_EMPTY(&o->pieces);
}

struct imap_file *
imap_file_new(int fd)
{
	struct imap_file *f = mem_zero(sizeof(*f));

	*f = (struct imap_file){.fd = fd, .holds = 1};
	return f;
}

void
imap_file_release(struct imap_file *f)
{
	if (--f->holds > 0)
		return;
	close(f->fd);
	free(f);
}

static struct imap_piece *
add_piece(struct imap_output *o)
{
	struct imap_piece *p = mem_zero(sizeof(*p));

	TAILQ_INSERT_TAIL(&o->pieces, p, link);
	return p;
}

void
imap_output_text(struct imap_output *o, struct stream *s, struct slice text)
{
	struct imap_piece *last = TAILQ_LAST(&o->pieces, imap_pieces);

	if (last == NULL) {
		stream_write(s, text);
		return;
	}
	if (last->file != NULL)
		last = add_piece(o);
	buf_add_slice(&last->text, text);
}

static void
hide_nul(char *octets, size_t len)
{
	for (char *at = octets; (at = memchr(at, '\0', len - (size_t)(at - octets))) != NULL; at++)
		*at = (char)0x80;
}

void
imap_output_octets(struct imap_output *o, struct stream *s, struct slice octets)
{
	while (octets.len > 0) {
		struct slice part = slice_sub(octets, 0, BLOCK);

		octets = slice_from(octets, part.len);
		if (slice_find(part, '\0') >= 0) {
			memcpy(block, part.data, part.len);
			hide_nul(block, part.len);
			part.data = block;
		}
		imap_output_text(o, s, part);
	}
}

void
imap_output_file(struct imap_output *o, struct imap_file *f, uint64_t at, uint64_t size)
{
	struct imap_piece *p = add_piece(o);

	p->file = f;
	p->at = at;
	p->left = size;
	f->holds++;
}

static bool
pump_file(struct imap_piece *p, struct stream *s)
{
	size_t want = p->left < BLOCK ? (size_t)p->left : BLOCK;
	ssize_t got = pread(p->file->fd, block, want, (off_t)p->at);

	if (got <= 0)
		return false;
	hide_nul(block, (size_t)got);
	stream_write(s, slice_make(block, (size_t)got));
	p->at += (uint64_t)got;
	p->left -= (uint64_t)got;
	return true;
}

bool
imap_output_pump(struct imap_output *o, struct stream *s)
{
	struct imap_piece *p;

	while ((p = TAILQ_FIRST(&o->pieces)) != NULL && stream_pending(s) < STREAM_HIGH) {
		if (p->file == NULL)
			stream_write(s, buf_slice(&p->text));
		else if (p->left > 0 && !pump_file(p, s))
			return false;
		if (p->file == NULL || p->left == 0)
			drop_first(o);
	}
	return true;
}
