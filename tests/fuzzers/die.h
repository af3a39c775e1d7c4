/*
 * die.h - for targets whose input a user's mistake may be: die() ends the input, not the process, and what was allocated goes with it.
 *
 * Owns the wrapped die() and allocator: the target's "// flags:" has --wrap for die, malloc, calloc, realloc and free. Not for
 * targets with threads.
 */
#ifndef GNOMON_FUZZ_DIE_H
#define GNOMON_FUZZ_DIE_H

#include <setjmp.h>
#include <stdlib.h>

#include "base/base.h"

#define DIE_MAX 4096u

static jmp_buf die_to;
static void *die_held[DIE_MAX];
static unsigned die_n;
static bool die_watched;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
NORETURN void __wrap_die(const char *fmt, ...);

static void *die_hold(void *p)
{
    if (die_watched && p && die_n < DIE_MAX)
        die_held[die_n++] = p;
    return p;
}

static void die_let_go(const void *p)
{
    for (unsigned i = die_n; die_watched && p && i-- > 0;)
        if (die_held[i] == p) {
            die_held[i] = die_held[--die_n];
            return;
        }
}

void *__wrap_malloc(size_t n) { return die_hold(__real_malloc(n)); }
void *__wrap_calloc(size_t n, size_t size) { return die_hold(__real_calloc(n, size)); }

void *__wrap_realloc(void *p, size_t n)
{
    die_let_go(p);
    return die_hold(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
    die_let_go(p);
    __real_free(p);
}

void __wrap_die(const char *fmt, ...)
{
    longjmp(die_to, 1);
}

/* Run F on the input; what it has not freed is freed, whether it returned or died. */
static void die_run(void (*f)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
    die_n = 0;
    die_watched = true;
    if (!setjmp(die_to))
        f(data, size);
    die_watched = false;
    while (die_n)
        __real_free(die_held[--die_n]);
}

#endif
