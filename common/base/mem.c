#include "common/base/mem.h"

#include "common/base/assert.h"

#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void *
mem_zero(size_t size)
{
	return mem_array(1, size);
}

void *
mem_array(size_t n, size_t size)
{
	void *p = calloc(n, size == 0 ? 1 : size);

	if (p == NULL)
		PANIC("out of memory");
	return p;
}

void *
mem_resize(void *old, size_t size)
{
	void *p = realloc(old, size == 0 ? 1 : size);

	if (p == NULL)
		PANIC("out of memory");
	return p;
}

char *
mem_text(const char *data, size_t len)
{
	char *p = mem_zero(len + 1);

	if (len > 0)
		memcpy(p, data, len);
	return p;
}

void
mem_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
