/*
 * base.h - the vocabulary every module shares: attributes, small macros, fatal errors.
 *
 * Owns nothing at run time. Must not depend on any other folder.
 */
#ifndef GNOMON_BASE_BASE_H
#define GNOMON_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN_UP(x, a) ALIGN_DOWN((x) + ((__typeof__(x))(a) - 1), a)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

typedef struct { uint64_t lo, hi; } u128;

/* A user's mistake (option, image, device tree): one line on stderr "gnomon: ...", exit status 1. */
NORETURN void die(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* A mistake of the emulator itself: names file and line, dumps the crash report if one is registered, aborts. */
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
NORETURN void bug_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What bug_at() calls, once, before it aborts (the run loop's dump of vCPU and block); NULL: nothing. */
void bug_set_reporter(void (*report)(void));

/*
 * What must still happen when gnomon crashes (buffered output, the terminal's mode): bug_at() and the handler of fatal
 * signals run the hooks, once. A hook may run in a signal handler on any thread: it must not lock or allocate.
 */
void crash_add_hook(void (*hook)(void));
void crash_run_hooks(void);

/* One line on stderr, "gnomon: warning: ...". */
void warn(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Zeroed memory, or die(). Free with free(). */
void *xcalloc(size_t n, size_t size) MUST_CHECK;
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);
/* The time stamp counter: a few ns to read, of an unknown but constant rate (compare with now_ns()). */
static inline uint64_t now_ticks(void) { return __builtin_ia32_rdtsc(); }

static inline uint64_t bits(uint64_t v, unsigned lo, unsigned len)
{
    return (v >> lo) & (len >= 64 ? ~0ull : (1ull << len) - 1);
}

static inline int64_t sextract(uint64_t v, unsigned lo, unsigned len)
{
    return (int64_t)(v << (64 - lo - len)) >> (64 - len);
}

#endif
