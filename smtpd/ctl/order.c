#include "smtpd/ctl/order.h"

#include "common/base/mem.h"
#include "common/base/whole.h"
#include "common/ipc/ctl_parent.h"
#include "common/ipc/frame.h"
#include "smtpd/ctl/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST = 1, BLOCK = 64 * 1024 };

/* A connected socket; -1, and *code, when there is nobody. */
static int
connect_to(const char *path, int *code)
{
	int fd = local_connect(path);

	if (fd >= 0)
		return fd;
	if (errno == ENAMETOOLONG)
		*code = ctl_fail(CTL_USAGE, "the socket's path is longer than %zu octets: %s",
		    local_path_most(), path);
	else if (errno == EACCES || errno == EPERM)
		*code =
		    ctl_fail(CTL_FORBIDDEN, "you may not give orders here (%s); use root", path);
	else
		*code = ctl_fail(CTL_NOT_RUNNING,
		    "the mail suite is not running (%s: %s); start it, with "
		    "smtpd or your system's "
		    "service command, or name another socket with -s",
		    path, strerror(errno));
	return -1;
}

/* The order as a frame. A password may be in it. */
static bool
pack(const struct ctl *ctl, const char *verb, const struct slice *arguments, size_t n,
    struct buf *out)
{
	struct cp_order m = {.verb = slice_of(verb), .json = ctl->json};
	struct buf list = {.is_secret = true};
	const char *wrong;

	for (size_t i = 0; i < n; i++)
		ipc_list_add(&list, arguments[i]);
	m.arguments = buf_slice(&list);
	buf_room(out, FRAME_HEADER);
	buf_grew(out, FRAME_HEADER);
	wrong = ipc_pack(out, &cp_order_schema, &m);
	buf_fini(&list);
	if (wrong != NULL)
		return false;
	frame_put(out->data,
	    &(struct frame){
		.length = (uint32_t)out->len, .type = cp_order_schema.type, .id = REQUEST});
	return true;
}

/* What a frame says; false at the end of the order, with *code. */
static bool
take_frame(const struct frame *f, struct slice body, int *code)
{
	struct cp_line line;
	struct cp_done done;

	if (f->type == cp_line_schema.type && ipc_unpack(body, &cp_line_schema, &line) == NULL) {
		fwrite(line.text.data, 1, line.text.len, stdout);
		putchar('\n');
		return true;
	}
	*code = CTL_FAILED;
	if (f->type != cp_done_schema.type || ipc_unpack(body, &cp_done_schema, &done) != NULL) {
		ctl_fail(CTL_FAILED, "the answer is not understood; is smtpctl of the same "
				     "version as smtpd?");
		return false;
	}
	fflush(stdout);
	*code = done.code;
	if (done.error.len > 0)
		ctl_fail(CTL_FAILED, "%.*s", SLICE_FMT(done.error));
	else if (done.code != 0)
		ctl_fail(CTL_FAILED, "the order failed");
	return false;
}

/* The socket ended before the answer: who may not give orders is hung up on. */
static int
hung_up(void)
{
	if (geteuid() != 0)
		return ctl_fail(CTL_FORBIDDEN,
		    "only root, or the user that the suite runs as, may give orders");
	return ctl_fail(CTL_FAILED, "the suite hung up before it answered; its log may say why");
}

static int
receive(int fd)
{
	struct frame_fds fds = {.count = 0};
	struct buf in = {0};
	int code = CTL_OK;
	bool goes_on = true, fits;

	while (goes_on) {
		struct frame f;
		ssize_t n = frame_receive(fd, buf_room(&in, BLOCK), BLOCK, &fds, &fits);

		frame_fds_close(&fds);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			code = hung_up();
			break;
		}
		buf_grew(&in, (size_t)n);
		while (goes_on && frame_get(buf_slice(&in), &f) == FRAME_WHOLE) {
			goes_on = take_frame(&f,
			    slice_sub(buf_slice(&in), FRAME_HEADER, f.length - FRAME_HEADER),
			    &code);
			buf_consume(&in, f.length);
		}
		fflush(stdout); /* monitor and trace: what is there is shown at once */
		if (goes_on && in.len > 0 && frame_get(buf_slice(&in), &f) == FRAME_BAD) {
			code = ctl_fail(CTL_FAILED, "the answer is not understood");
			break;
		}
	}
	buf_fini(&in);
	return code;
}

int
order_give(const struct ctl *ctl, const char *verb, const struct slice *arguments, size_t n)
{
	struct buf out = {.is_secret = true};
	int code = CTL_USAGE, fd;

	if (!pack(ctl, verb, arguments, n, &out)) {
		buf_fini(&out);
		return ctl_fail(CTL_USAGE, "the arguments are too long");
	}
	fd = connect_to(ctl->socket, &code);
	if (fd >= 0) {
		code = whole_send(fd, buf_slice(&out)) ? receive(fd) : hung_up();
		close(fd);
	}
	buf_fini(&out);
	return fflush(stdout) == 0
		   ? code
		   : ctl_fail(CTL_FAILED, "cannot write the answer: %s", strerror(errno));
}
