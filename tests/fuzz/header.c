/* The header of any octets: fields in order, inside, apart; and a value that is written is one field. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/mail/header.h"

static void
check_field(const struct header_field *f, struct slice in, size_t after)
{
	struct buf line = {0};

	PROPERTY(f->start >= after && f->start < f->end && f->end <= in.len);
	PROPERTY(f->whole.data == in.data + f->start && f->whole.len == f->end - f->start);
	PROPERTY(f->name.len > 0 && fuzz_lies_in(f->name, f->whole));
	PROPERTY(fuzz_lies_in(f->value, f->whole));
	header_unfold(&line, f->value);
	PROPERTY(line.len <= f->value.len && fuzz_is_one_line(buf_slice(&line)));
	buf_fini(&line);
}

/* A value written with header_add() is read as that field and no other. */
static void
check_written(struct slice value)
{
	struct buf out = {0};
	struct header_walk w;
	struct header_field f;
	struct slice rest, line;

	header_add(&out, "X-Test", value);
	PROPERTY(out.len <= 2 * value.len + 32);
	buf_add_text(&out, "\r\nbody");
	w = header_walk(buf_slice(&out));
	PROPERTY(header_next(&w, &f) && slice_equal_text(f.name, "X-Test"));
	PROPERTY(!header_next(&w, &f));
	PROPERTY(header_body(buf_slice(&out)) == out.len - 4);
	rest = buf_slice(&out);
	while (slice_split(&rest, '\n', &line))
		PROPERTY(line.len <= 999);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size), value = {NULL, 0};
	struct header_walk w = header_walk(in);
	struct header_field f;
	size_t after = 0, end = header_end(in), body = header_body(in);
	unsigned fields = 0, subjects = 0;

	PROPERTY(end <= body && body <= in.len && body - end <= 2);
	while (header_next(&w, &f)) {
		check_field(&f, in, after);
		PROPERTY(f.end <= end);
		after = f.end;
		subjects += slice_equal_text_nocase(f.name, "subject");
		PROPERTY(++fields <= LIMIT_FIELDS);
	}
	PROPERTY(header_count(in, SLICE("Subject")) == subjects);
	PROPERTY(header_find(in, SLICE("SUBJECT"), &value) == (subjects > 0));
	check_written(in);
	return 0;
}
