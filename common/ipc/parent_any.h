/*
 * parent ─▶ every process: its setting, its neighbours, its sockets, orders from smtpctl.
 *
 *	pa_setup ─▶ conf_* (common/conf/conf.h) ─▶ pa_socket* pa_key* pa_peer* ─▶ pa_start ─▶ (pa_ready back)
 *	later:  pa_peer           a neighbour was restarted: here is the new line to it
 *	        conf_* ─▶ pa_apply ─▶ pa_applied      a reload; pa_socket and pa_key for what is new come
 *	                                              before pa_apply
 *	        pa_control ─▶ pa_line* ─▶ pa_control_done      smtpctl asks; for a long answer again and again,
 *	                                                       as fast as smtpctl reads
 *	        pa_stop           finish what is in hand, then exit
 *	        pa_suspect (back) a neighbour spoke nonsense: the line to it is cut
 *	        pa_count (back)   how often an event came to pass since the process began
 *	        pa_trace ─▶ pa_trace_line* (back)      its log's lines, for as long as somebody wants them
 *
 * The order of the first line is fixed; a process serves nobody before pa_start.
 */
#ifndef COMMON_IPC_PARENT_ANY_H
#define COMMON_IPC_PARENT_ANY_H

#include "common/ipc/protocol.h"

/* clang-format off */
#define PA_SETUP(F, m)           /* kind  name       least most */ \
	F(m, u8,     verbose,   0, 1) \
	F(m, u8,     stamp,     0, 1)       /* put the time on log lines */ \
	F(m, u8,     instance,  0, LIMIT_INSTANCES - 1) /* which of the processes of this kind it is */ \
	F(m, u8,     mailboxes, 1, LIMIT_INSTANCES) /* how many processes share the mail store */ \
	F(m, text,   users,     1, 32)      /* what the names of our users begin with */ \
	F(m, text,   empty,     1, LIMIT_FILE_PATH) /* the empty folder that roles without files are locked into */
#define PA_SOCKET(F, m) \
	F(m, u32,    listen,    1, 0xffff)  /* the conf_listen it serves */
#define PA_KEY(F, m) \
	F(m, text,   pki,       1, LIMIT_HOSTNAME)
#define PA_PEER(F, m) \
	F(m, u8,     role,      0, 31)      /* enum sandbox_role of the neighbour */ \
	F(m, u8,     instance,  0, LIMIT_INSTANCES - 1)
#define PA_CONTROL(F, m) \
	F(m, text,   verb,      1, 64) \
	F(m, octets, arguments, 0, LIMIT_ORDER) /* an ipc_list */ \
	F(m, u8,     json,      0, 1) \
	F(m, u64,    after,     0, INT64_MAX) /* where the answer stood; 0: from its beginning */
#define PA_LINE(F, m) \
	F(m, octets, text,      0, LIMIT_ANSWER) /* one line or many, without the last line end */
#define PA_CONTROL_DONE(F, m) \
	F(m, u8,     code,      0, 127)     /* exit code for smtpctl */ \
	F(m, text,   error,     0, LIMIT_ANSWER_ERROR) \
	F(m, u64,    after,     0, INT64_MAX) /* there is more: ask again, with this; 0: that was all */
#define PA_VERBOSE(F, m) \
	F(m, u8,     verbose,   0, 1)
#define PA_SUSPECT(F, m) \
	F(m, u8,     role,      0, 31)      /* enum sandbox_role */ \
	F(m, u8,     instance,  0, LIMIT_INSTANCES - 1)
#define PA_COUNT(F, m) \
	F(m, text,   name,      1, 32)      /* an event of common/base/log_events.h, or "deferred" */ \
	F(m, u64,    count,     0, UINT64_MAX)
#define PA_TRACE(F, m) \
	F(m, u8,     on,        0, 1) \
	F(m, octets, ids,       0, 4096)    /* an ipc_list; only lines with one of them, if there is any */
#define PA_TRACE_LINE(F, m) \
	F(m, octets, text,      0, LIMIT_ANSWER)
#define PA_READY(F, m) \
	F(m, u8,     ok,        0, 1) \
	F(m, text,   error,     0, LIMIT_ANSWER_ERROR) /* why not */
#define PARENT_ANY(M)            /* name  number  fields  descriptor */ \
	M(pa_setup,        0x0101, PA_SETUP,        FD_NONE) \
	M(pa_socket,       0x0102, PA_SOCKET,       FD_SOCKET) \
	M(pa_key,          0x0103, PA_KEY,          FD_FILE) \
	M(pa_peer,         0x0104, PA_PEER,         FD_SOCKET) \
	M(pa_start,        0x0105, IPC_EMPTY,       FD_NONE) \
	M(pa_apply,        0x0106, IPC_EMPTY,       FD_NONE) \
	M(pa_stop,         0x0107, IPC_EMPTY,       FD_NONE) \
	M(pa_ready,        0x0108, PA_READY,        FD_NONE) \
	M(pa_control,      0x0109, PA_CONTROL,      FD_NONE) \
	M(pa_line,         0x010a, PA_LINE,         FD_NONE) \
	M(pa_control_done, 0x010b, PA_CONTROL_DONE, FD_NONE) \
	M(pa_verbose,      0x010c, PA_VERBOSE,      FD_NONE) \
	M(pa_suspect,      0x010d, PA_SUSPECT,      FD_NONE) \
	M(pa_count,        0x010e, PA_COUNT,        FD_NONE) \
	M(pa_trace,        0x010f, PA_TRACE,        FD_NONE) \
	M(pa_trace_line,   0x0110, PA_TRACE_LINE,   FD_NONE) \
	M(pa_applied,      0x0111, IPC_EMPTY,       FD_NONE)
/* clang-format on */

IPC_DECLARE(PARENT_ANY)

#endif
