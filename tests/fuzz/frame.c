/* Frames between processes, and what a load balancer says before a connection. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/ipc/frame.h"
#include "common/net/proxy.h"

static void
check_frame(struct slice in)
{
	struct frame f, again;
	char header[FRAME_HEADER];
	enum frame_result result = frame_get(in, &f);

	if (in.len < FRAME_HEADER) {
		PROPERTY(result == FRAME_MORE);
		return;
	}
	if (result == FRAME_BAD) {
		PROPERTY(f.length < FRAME_HEADER || f.length > LIMIT_FRAME);
		return;
	}
	PROPERTY((result == FRAME_WHOLE) == (f.length <= in.len));
	frame_put(header, &f);
	frame_get(slice_make(header, sizeof(header)), &again);
	PROPERTY(again.length == f.length && again.type == f.type && again.has_fd == f.has_fd &&
		 again.id == f.id);
}

static void
check_proxy(struct slice in)
{
	struct netaddr client = {0}, server = {0};
	char text[NETADDR_TEXT];
	size_t need = proxy_need(in);

	PROPERTY(need <= LIMIT_PROXY);
	if (proxy_parse(in, &client, &server)) {
		PROPERTY(need == in.len);
		PROPERTY(client.family == server.family);
		if (client.family != 0)
			PROPERTY(strlen(netaddr_format(&client, text)) < NETADDR_TEXT);
	}
}

static void
check_address(struct slice in)
{
	struct netaddr a, again;
	char text[NETADDR_TEXT];

	if (!netaddr_parse(in, &a))
		return;
	netaddr_format(&a, text);
	PROPERTY(netaddr_parse(slice_of(text), &again) && netaddr_equal(&a, &again));
	PROPERTY(netaddr_in_prefix(&a, slice_of(text)));
	netaddr_in_prefix(&a, in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);

	check_frame(in);
	check_proxy(in);
	check_address(in);
	return 0;
}
