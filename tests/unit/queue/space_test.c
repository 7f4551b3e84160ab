#include "tests/unit/unit.h"

#include "queue/space.h"

UNIT_SUITE(space);

Test(space, a_twentieth_is_kept_free)
{
	static const uint64_t gib = 1024 * 1024 * 1024;
	static const struct {
		enum space_state was;
		uint64_t octets, free, files, free_files;
		enum space_state is;
	} cases[] = {
	    {SPACE_ENOUGH, 100 * gib, 50 * gib, 1000, 500, SPACE_ENOUGH},
	    {SPACE_ENOUGH, 100 * gib, 5 * gib, 1000, 500, SPACE_ENOUGH},
	    {SPACE_ENOUGH, 100 * gib, 4 * gib, 1000, 500, SPACE_SHORT},
	    {SPACE_SHORT, 100 * gib, 5 * gib, 1000, 500, SPACE_SHORT}, /* not at the very border */
	    {SPACE_SHORT, 100 * gib, 7 * gib, 1000, 500, SPACE_ENOUGH},
	    {SPACE_ENOUGH, 100 * gib, 50 * gib, 1000, 40, SPACE_SHORT},
	    {SPACE_ENOUGH, 100 * gib, 50 * gib, 1000, 3, SPACE_NONE},
	    {SPACE_ENOUGH, 100 * gib, 50 * gib, 0, 0, SPACE_ENOUGH}, /* inodes are not counted */
	    {SPACE_SHORT, 100 * gib, 1000, 1000, 500, SPACE_NONE},
	    {SPACE_NONE, 100 * gib, 50 * gib, 1000, 500, SPACE_ENOUGH},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(queue_space_judge(cases[i].was, cases[i].octets, cases[i].free,
				 cases[i].files, cases[i].free_files),
		    cases[i].is, "case %zu", i);
}
