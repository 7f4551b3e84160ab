#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "smtpd/listener/message.h"

#include <stdio.h>
#include <unistd.h>

UNIT_SUITE(message);

static struct smtp_message m;

static void
begin(void)
{
	smtp_message_init(&m);
	smtp_data_init(&m.data, LIMIT_MESSAGE);
	buf_add_text(&m.octets, "Received: by us\r\n");
	m.trace = m.octets.len;
}

static void
end(void)
{
	smtp_message_fini(&m, NULL);
}

/* As it comes behind DATA. */
static void
feed(const char *text)
{
	smtp_data_feed(&m.data, slice_of(text), &m.octets);
}

static void
feed_to(size_t octets)
{
	while (m.octets.len < octets)
		feed("X-Field: filled with some octets\r\n");
}

Test(message, its_header_is_whole_when_a_line_is_empty_or_all_has_come, .fini = end)
{
	begin();
	feed("Subject: x\r\n");
	cr_assert_not(smtp_message_has_whole_header(&m));
	feed("\r\n");
	cr_assert(smtp_message_has_whole_header(&m));
	end();
	begin();
	feed("Subject: x\r\n.\r\n");
	cr_assert(smtp_message_has_whole_header(&m));
}

Test(message, our_own_trace_field_is_no_hop, .fini = end)
{
	begin();
	for (int i = 0; i < LIMIT_RECEIVED; i++)
		feed("Received: by another\r\n");
	cr_assert_not(smtp_message_has_too_many_hops(&m));
	feed("Received: by one more\r\n");
	cr_assert(smtp_message_has_too_many_hops(&m));
}

Test(message, what_goes_inline_is_not_outgrown, .fini = end)
{
	begin();
	feed("Subject: x\r\n\r\n");
	feed_to(LIMIT_INLINE);
	m.octets.len = LIMIT_INLINE;
	cr_assert_not(smtp_message_is_outgrown(&m, LIMIT_INLINE));
	feed("x");
	cr_assert(smtp_message_is_outgrown(&m, LIMIT_INLINE));
	smtp_message_give_up(&m);
	feed_to(LIMIT_INLINE + 1);
	cr_assert_not(smtp_message_is_outgrown(&m, LIMIT_INLINE), "no file is asked for again");
}

Test(message, a_header_is_waited_for_up_to_a_bound, .fini = end)
{
	begin();
	feed_to(2 * LIMIT_INLINE);
	cr_assert(smtp_message_is_outgrown(&m, LIMIT_INLINE));
	cr_assert_not(smtp_message_is_outgrown(&m, LIMIT_HEADER));
	feed("\r\ntext\r\n");
	cr_assert_not(smtp_message_is_outgrown(&m, LIMIT_HEADER), "it was looked for just now");
	feed_to(4 * LIMIT_INLINE);
	cr_assert(smtp_message_is_outgrown(&m, LIMIT_HEADER));
}

Test(message, a_file_has_all_that_came_and_where_it_ends_nothing_is_kept, .fini = end)
{
	char octets[64];
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	begin();
	feed("Subject: x\r\n");
	smtp_message_take_spool(&m, fd, 7);
	cr_assert_eq(m.octets.len, 0);
	feed("\r\n");
	smtp_message_spill(&m);
	cr_assert_eq(pread(fd, octets, sizeof(octets), 0), 31);
	cr_slice_eq(slice_make(octets, 31), "Received: by us\r\nSubject: x\r\n\r\n");
	cr_assert_eq(m.spooled, 31);
	cr_assert_not(m.has_no_place);
	feed("text\r\n");
	smtp_message_lose_spool(&m);
	cr_assert(m.has_no_place);
	cr_assert_eq(m.octets.len, 0);
	cr_assert_lt(m.spool, 0);
	fclose(f);
}
