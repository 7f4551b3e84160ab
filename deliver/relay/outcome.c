#include "deliver/relay/outcome.h"

#include <stdio.h>

static const struct {
	int code;
	const char *status;
} known[] = {
    {421, "4.3.2"},
    {450, "4.2.0"},
    {451, "4.3.0"},
    {452, "4.3.1"},
    {454, "4.7.0"},
    {455, "4.5.4"},
    {500, "5.5.2"},
    {501, "5.5.4"},
    {503, "5.5.1"},
    {504, "5.5.4"},
    {521, "5.3.2"},
    {530, "5.7.0"},
    {535, "5.7.8"},
    {550, "5.1.1"},
    {551, "5.1.6"},
    {552, "5.2.2"},
    {553, "5.1.3"},
    {554, "5.0.0"},
    {556, "5.1.10"},
};

enum outcome
outcome_of(int code)
{
	if (code / 100 == 2)
		return OUTCOME_RELAYED;
	return code / 100 == 5 ? OUTCOME_PERMANENT : OUTCOME_TEMPORARY;
}

const char *
outcome_status(int code, struct slice enhanced, char out[REPLY_STATUS])
{
	int class = code / 100 == 2 || code / 100 == 5 ? code / 100 : 4;

	if (enhanced.len >= 5 && enhanced.data[0] == '0' + class &&
	    slice_copy(enhanced, out, REPLY_STATUS))
		return out;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].code == code) {
			snprintf(out, REPLY_STATUS, "%s", known[i].status);
			return out;
		}
	}
	snprintf(out, REPLY_STATUS, "%d.0.0", class);
	return out;
}
