/* Orders about envelopes: several ids are several orders, one after the other. */
#include "smtpd/ctl/command.h"
#include "smtpd/ctl/order.h"

#include "common/base/id.h"

#include <string.h>

/* "all", or a property and its value. */
static bool
is_property(int argc, char **argv)
{
	static const char *const properties[] = {"from", "to", "domain"};

	if (argc == 1 && strcmp(argv[0], "all") == 0)
		return true;
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if (argc == 2 && strcmp(argv[0], properties[i]) == 0)
			return true;
	return false;
}

/* The first of several that is no id; NULL: all are. */
static const char *
find_no_id(int argc, char **argv)
{
	uint64_t id;

	for (int i = 0; i < argc; i++) {
		if (!id_parse(slice_of(argv[i]), &id))
			return argv[i];
	}
	return NULL;
}

int
command_each(const struct ctl *ctl, const struct command *c, int argc, char **argv)
{
	int step = is_property(argc, argv) ? argc : 1, worst = CTL_OK;
	const char *no_id = argc > 1 && step == 1 ? find_no_id(argc, argv) : NULL;

	/* Before anything is done: "remove all example.net" must not remove all. */
	if (no_id != NULL)
		return ctl_fail(CTL_USAGE,
		    "\"%s\" is no id, so nothing is done; write ids alone, or one of: all, from "
		    "address, to address, domain name",
		    no_id);
	for (int i = 0; i < argc; i += step) {
		struct slice arguments[2] = {slice_of(argv[i]), SLICE("")};
		int code;

		if (step == 2)
			arguments[1] = slice_of(argv[i + 1]);
		code = order_give(ctl, c->words, arguments, (size_t)step);
		if (code == CTL_NOT_RUNNING || code == CTL_FORBIDDEN)
			return code;
		if (code != CTL_OK)
			worst = code;
	}
	return worst;
}
