/*
 * What every unit test includes. Criterion runs each test in a process of its own but lets a
 * leak pass; UNIT_SUITE makes a leak abort the test instead, so that it fails as it must.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "common/base/slice.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define UNIT_LEAKED() (__lsan_do_recoverable_leak_check() != 0)

/* Criterion's runner now and then loses some octets of its own. A test's leaks are looked for
 * when its suite ends, so nothing is missed where the runner's exit does not count. */
__attribute__((weak)) const char *
__lsan_default_options(void)
{
	return "leak_check_at_exit=0";
}

#else
#define UNIT_LEAKED() 0
#endif

#define UNIT_SUITE(name) \
	static void name##_suite_end(void) \
	{ \
		if (UNIT_LEAKED()) \
			abort(); \
	} \
	TestSuite(name, .fini = name##_suite_end)

/* Compares a slice with a C string, and shows both when they differ. */
#define cr_slice_eq(s, text) \
	cr_assert( \
	    slice_equal_text((s), (text)), "got \"%.*s\", wanted \"%s\"", SLICE_FMT(s), (text))

#endif
