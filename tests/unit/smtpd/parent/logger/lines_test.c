#include "tests/unit/unit.h"

#include "smtpd/parent/logger/lines.h"

#include <stdio.h>

UNIT_SUITE(lines);

static struct buf seen;

/* Each line in brackets. */
static void
on_line(void *owner, struct slice line)
{
	buf_add_char(&seen, '[');
	buf_add_slice(&seen, line);
	buf_add_char(&seen, ']');
}

Test(lines, halves_are_joined_however_they_come)
{
	static const char text[] = "one\ntwo\n\nthree";

	for (size_t step = 1; step < sizeof(text); step++) {
		struct lines l = {0};

		for (size_t at = 0; at < sizeof(text) - 1; at += step)
			lines_add(&l, slice_sub(SLICE(text), at, step), on_line, NULL);
		cr_slice_eq(buf_slice(&seen), "[one][two]");
		lines_end(&l, on_line, NULL);
		cr_slice_eq(buf_slice(&seen), "[one][two][three]");
		buf_fini(&seen);
	}
}

Test(lines, a_line_without_an_end_is_bounded)
{
	struct lines l = {0};
	char block[1000];

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 1000; i++) {
		lines_add(&l, slice_make(block, sizeof(block)), on_line, NULL);
		cr_assert_leq(l.rest.len, LINES_MOST);
	}
	lines_add(&l, SLICE("\nnext\n"), on_line, NULL);
	cr_assert_eq(seen.len, LINES_MOST + 2 + strlen("[next]"));
	lines_end(&l, on_line, NULL);
	buf_fini(&seen);
}

static enum log_level
clean(const char *name, const char *line, const char *wanted)
{
	struct buf out = {0};
	enum log_level level = lines_clean(&out, name, slice_of(line));

	cr_slice_eq(buf_slice(&out), wanted);
	buf_fini(&out);
	return level;
}

Test(lines, the_level_is_that_of_the_event)
{
	cr_assert_eq(clean("queue", "queue: event=delivered to=a", "queue: event=delivered to=a"),
	    LOG_LEVEL_INFO);
	cr_assert_eq(clean("queue", "queue: event=bug", "queue: event=bug"), LOG_LEVEL_ERROR);
	cr_assert_eq(clean("queue", "queue: event=debug text=x", "queue: event=debug text=x"),
	    LOG_LEVEL_DEBUG);
	cr_assert_eq(
	    clean("queue", "queue: event=nosuch", "queue: event=nosuch"), LOG_LEVEL_WARNING);
}

Test(lines, nobody_speaks_in_anothers_name_or_to_the_terminal)
{
	cr_assert_eq(clean("imapd", "listener: event=auth_ok", "imapd: listener: event=auth_ok"),
	    LOG_LEVEL_WARNING, "what stands behind another's name is no event");
	clean("imapd", "imapdx: event=auth_ok", "imapd: imapdx: event=auth_ok");
	clean("imapd", "==7==ERROR: AddressSanitizer", "imapd: ==7==ERROR: AddressSanitizer");
	clean("imapd", "imapd: \033[2J\t\xff", "imapd: ?[2J??");
}
