/*
 * Assertions that stay in release builds. They guard our own invariants and are never
 * applied to data from outside: the process aborts, and the parent restarts it alone.
 */
#ifndef COMMON_BASE_ASSERT_H
#define COMMON_BASE_ASSERT_H

#define ASSERT(x) ((x) ? (void)0 : assert_failed(__FILE__, __LINE__, #x))
#define PANIC(why) assert_failed(__FILE__, __LINE__, (why))

/* Says what broke and where on standard error, then aborts. */
_Noreturn void assert_failed(const char *file, int line, const char *what);

#endif
