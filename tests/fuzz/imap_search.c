/* The keys of SEARCH: what is accepted makes one valid program, which is the same unpacked. */
#include "tests/fuzz/fuzz.h"

#include "common/ipc/any_mailbox.h"
#include "common/mail/search.h"
#include "imapd/search_key.h"

static void
fill(struct imap_view *v)
{
	char records[3 * AM_RECORD] = {0};

	for (size_t i = 0; i < 3; i++)
		records[i * AM_RECORD + 3] = (char)(1 + 4 * i);
	records[2 * AM_RECORD + 16] = FLAG_RECENT;
	imap_view_records(v, slice_make(records, sizeof(records)));
}

static void
check_program(struct slice program)
{
	struct slice rest = program;
	struct search_node node;
	struct buf again = {0};

	while (search_unpack(&rest, &node))
		search_pack(&again, &node);
	PROPERTY(rest.len == 0);
	PROPERTY(slice_equal(buf_slice(&again), program));
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf command = {0}, program = {0};
	struct imap_view view = {0};
	struct imap_parse p;

	/* What captured imapd could send. */
	if (search_is_valid(fuzz_slice(data, size)))
		check_program(fuzz_slice(data, size));

	fill(&view);
	buf_add(&command, data, size);
	p = imap_parse_of(&command);
	if (imap_search_parse(&p, &view, &program) == IMAP_SEARCH_OK) {
		PROPERTY(imap_parse_is_end(&p));
		PROPERTY(program.len <= AM_PROGRAM);
		PROPERTY(search_is_valid(buf_slice(&program)));
		check_program(buf_slice(&program));
	}
	PROPERTY(program.len <= 64 * size + 64 && program.len <= 2 * AM_PROGRAM);
	imap_view_fini(&view);
	buf_fini(&command);
	buf_fini(&program);
	return 0;
}
