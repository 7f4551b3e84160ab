#include "common/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
assert_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "event=bug at=%s:%d what=\"%s\"\n", file, line, what);
	abort();
}
