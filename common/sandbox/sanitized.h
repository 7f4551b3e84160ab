/*
 * Builds with AddressSanitizer or ThreadSanitizer carry a runtime that reads /proc, maps
 * terabytes, and at exit stops its own threads with ptrace to look for leaks. There the
 * filter turns around: it lets everything pass except what the role is forbidden; only
 * opening for reading is left to Landlock, with what the runtime needs let through.
 */
#ifndef COMMON_SANDBOX_SANITIZED_H
#define COMMON_SANDBOX_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* gcc */
#define SANITIZED 1
#elif defined(__has_feature) /* clang; libbsd defines it as 0 elsewhere */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
