/*
 * FreeBSD: capability mode for those who live on the descriptors they hold: keyholder, listener,
 * imapd, pop3d and the agent that speaks LMTP. The others name paths or addresses, which
 * capability mode has no words for: lookup, queue, mailbox and the agent that writes files stand
 * behind their users, resolver and relay behind their chroots as well. A refused call fails with
 * ECAPMODE.
 */
#include "common/sandbox/sandbox.h"

#include <sys/capsicum.h>
#include <sys/procctl.h>
#include <unistd.h>

enum { MAY_IN_CAPABILITY_MODE = MAY_ACCEPT | MAY_SHARE };

static unsigned walls;

/* No debugger and no core dump reads our memory; no program gains privileges through us. */
static bool
process_close(struct error *e)
{
	int off = PROC_TRACE_CTL_DISABLE;

	if (procctl(P_PID, getpid(), PROC_TRACE_CTL, &off) != 0)
		return error_errno(e, "cannot keep debuggers out of the process");
#if defined(PROC_NO_NEW_PRIVS_CTL)
	int on = PROC_NO_NEW_PRIVS_ENABLE;

	if (procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, &on) != 0)
		return error_errno(e, "cannot renounce new privileges");
#endif
	return true;
}

bool
sandbox_enter(enum sandbox_role role, const struct sandbox_paths *paths, struct error *e)
{
	unsigned may = sandbox_granted(role, paths);

	if ((may & MAY_EVERYTHING) != 0)
		return true;
	if (!process_close(e))
		return false;
	if ((may & ~(unsigned)MAY_IN_CAPABILITY_MODE) != 0)
		return true;
	if (cap_enter() != 0)
		return error_errno(e, "the kernel refused capability mode");
	walls |= WALL_CALLS | WALL_FILES | WALL_TCP;
	return true;
}

unsigned
sandbox_walls(void)
{
	return walls;
}
