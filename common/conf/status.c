#include "common/conf/status.h"

#include "common/base/json.h"

#include <inttypes.h>

static void
add_json(struct buf *out, const struct status_count *counts, size_t n)
{
	struct json j;

	json_begin(&j, out);
	json_string(&j, "process", slice_of(child_name()));
	for (size_t i = 0; i < n; i++)
		json_count(&j, counts[i].key, counts[i].n);
	json_end(&j);
}

static void
add_plain(struct buf *out, const struct status_count *counts, size_t n)
{
	buf_add_text(out, child_name());
	for (size_t i = 0; i < n; i++) {
		const struct status_count *c = &counts[i];

		buf_printf(out, "%s %" PRIu64 " %s", i == 0 ? ":" : ",", c->n,
		    c->n == 1 || c->many == NULL ? c->one : c->many);
	}
}

void
status_say(struct control *order, bool json, const struct status_count *counts, size_t n)
{
	struct buf line = {0};

	if (json)
		add_json(&line, counts, n);
	else
		add_plain(&line, counts, n);
	control_text(order, buf_slice(&line));
	buf_fini(&line);
}

void
status_control(struct control *order, struct slice verb, bool json,
    const struct status_count *counts, size_t n)
{
	struct buf text = {0};

	if (slice_equal_text(verb, "show status")) {
		status_say(order, json, counts, n);
		control_done(order, 0, "");
		return;
	}
	buf_printf(&text, "%s does not know this order", child_name());
	control_done(order, 1, buf_text(&text));
	buf_fini(&text);
}
