#include "smtpd/parent/child/restart.h"

enum { FIRST = 20, MOST = 10000, MOST_READY = 1000, A_WHILE = 1000 };

int64_t
restart_delay(int64_t before_ms, bool was_ready, int64_t lived_ms)
{
	int64_t most = was_ready ? MOST_READY : MOST;

	if (before_ms <= 0 || (was_ready && lived_ms > A_WHILE))
		return FIRST;
	return before_ms >= most / 2 ? most : before_ms * 2;
}
