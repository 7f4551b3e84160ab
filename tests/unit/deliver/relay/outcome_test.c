#include "tests/unit/unit.h"

#include "deliver/relay/outcome.h"

UNIT_SUITE(outcome);

Test(outcome, follows_the_class_of_the_code)
{
	static const struct {
		int code;
		const char *enhanced;
		enum outcome outcome;
		const char *status;
	} cases[] = {
	    {250, "2.1.5", OUTCOME_RELAYED, "2.1.5"},
	    {250, "", OUTCOME_RELAYED, "2.0.0"},
	    {550, "5.1.1", OUTCOME_PERMANENT, "5.1.1"},
	    {550, "4.1.1", OUTCOME_PERMANENT, "5.1.1"}, /* a class that contradicts the code */
	    {556, "", OUTCOME_PERMANENT, "5.1.10"},
	    {599, "", OUTCOME_PERMANENT, "5.0.0"},
	    {450, "", OUTCOME_TEMPORARY, "4.2.0"},
	    {354, "", OUTCOME_TEMPORARY, "4.0.0"}, /* out of place: nonsense waits */
	    {299, "2.0.0.0.0.0.0.0.0.0", OUTCOME_RELAYED, "2.0.0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char status[REPLY_STATUS];

		cr_assert_eq(outcome_of(cases[i].code), cases[i].outcome);
		outcome_status(cases[i].code, slice_of(cases[i].enhanced), status);
		cr_assert_str_eq(status, cases[i].status, "%d", cases[i].code);
	}
}
