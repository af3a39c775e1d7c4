/*
 * base.c - fatal errors, warnings, allocation that cannot fail, the monotonic clock.
 *
 * Owns the crash reporter and the crash hooks. Must not depend on any other folder.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_HOOKS 8

static void (*crash_reporter)(void);
static void (*crash_hook[MAX_HOOKS])(void);

void bug_set_reporter(void (*report)(void))
{
    crash_reporter = report;
}

void crash_add_hook(void (*hook)(void))
{
    for (unsigned i = 0; i < MAX_HOOKS; i++)
        if (!crash_hook[i]) {
            crash_hook[i] = hook;
            return;
        }
    bug("more than %d crash hooks", MAX_HOOKS);
}

void crash_run_hooks(void)
{
    for (unsigned i = 0; i < MAX_HOOKS; i++) {
        void (*hook)(void) = __atomic_exchange_n(&crash_hook[i], NULL, __ATOMIC_SEQ_CST);
        if (hook)
            hook();
    }
}

/* One write for the whole line, so that lines of several threads do not mix. */
static void say(const char *prefix, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void say(const char *prefix, const char *fmt, va_list ap)
{
    char line[1024];
    int n = snprintf(line, sizeof(line), "gnomon: %s", prefix);
    vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    fprintf(stderr, "%s\n", line);
}

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
    exit(1);
}

void warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("warning: ", fmt, ap);
    va_end(ap);
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
    char prefix[256];
    snprintf(prefix, sizeof(prefix), "bug at %s:%d: ", file, line);
    va_list ap;
    va_start(ap, fmt);
    say(prefix, fmt, ap);
    va_end(ap);

    /* Taken out first: a reporter that fails itself must not be called again. */
    void (*report)(void) = __atomic_exchange_n(&crash_reporter, NULL, __ATOMIC_SEQ_CST);
    if (report)
        report();
    crash_run_hooks();
    abort();
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        die("out of memory (%zu x %zu bytes)", n, size);
    return p;
}

char *xasprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("out of memory");
    return s;
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
