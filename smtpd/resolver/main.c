/*
 * resolver: the only process that speaks to the DNS. It answers listener and relay, and knows
 * nothing of mail. It has no way to other name servers than to begin anew: libunbound asks those
 * that it began with.
 */
#include "common/base/log.h"
#include "common/conf/child.h"
#include "common/conf/status.h"
#include "common/ipc/any_resolver.h"
#include "smtpd/resolver/hosts.h"
#include "smtpd/resolver/query.h"
#include "smtpd/resolver/reverse.h"

#include <stdint.h>
#include <stdlib.h>

static struct channel *listeners[LIMIT_INSTANCES], *relays[LIMIT_INSTANCES];
static char *servers; /* those of smtpd.conf that are asked; "": the system's */
static uintmax_t mx_count, address_count, ptr_count; /* questions of our neighbours */

static void
on_mx(void *owner, struct ipc_message *m)
{
	mx_count++;
	hosts_for_domain(ipc_asker_of(owner, m), m->body);
}

static void
on_address(void *owner, struct ipc_message *m)
{
	address_count++;
	hosts_for_name(ipc_asker_of(owner, m), m->body);
}

static void
on_ptr(void *owner, struct ipc_message *m)
{
	ptr_count++;
	reverse_answer(ipc_asker_of(owner, m), m->body);
}

static const struct ipc_handler from_listener[] = {{&ar_ptr_schema, on_ptr}, {NULL, NULL}};
static const struct ipc_handler from_relay[] = {
    {&ar_mx_schema, on_mx}, {&ar_address_schema, on_address}, {NULL, NULL}};

/* clang-format off */
static const struct neighbour neighbours[] = {
	{.role = SANDBOX_LISTENER, .lines = listeners, .most = LIMIT_INSTANCES, .handlers = from_listener},
	{.role = SANDBOX_RELAY, .lines = relays, .most = LIMIT_INSTANCES, .handlers = from_relay},
	{0}
};
/* clang-format on */

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	servers = slice_text(c->global.dns_server);
	return query_init(c->global.dns_server, c->global.dns_trust_anchor, why);
}

static bool
start(const struct conf *c, struct error *why)
{
	return query_start_serving(why);
}

/* Who waits for an answer asks again. */
static void
apply(const struct conf *c)
{
	if (slice_equal_text(c->global.dns_server, servers))
		return;
	log_event(NULL, EV_configuration, WORD("text", "other name servers, begins anew"));
	child_exit();
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count counts[] = {
	    {"mx", "domain asked for", "domains asked for", mx_count},
	    {"address", "host", "hosts", address_count},
	    {"ptr", "address", "addresses", ptr_count},
	};

	status_control(order, verb, json, counts, sizeof(counts) / sizeof(counts[0]));
}

int
main(int argc, char **argv)
{
	static const struct child resolver = {
	    .name = "resolver",
	    .role = SANDBOX_RESOLVER,
	    .prepare = prepare,
	    .start = start,
	    .apply = apply,
	    .neighbours = neighbours,
	    .control = on_control,
	};
	int code = child_main(argc, argv, &resolver);

	free(servers);
	return code;
}
