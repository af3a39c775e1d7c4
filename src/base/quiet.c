/*
 * quiet.c - a word a runner that says whether it is in translated code, and waiting for it to change.
 *
 * Owns the words. Must not know vCPUs. A word: bit 0 in translated code, bit 1 paused there, above a count of departures.
 */
#include "base/quiet.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSIDE 1u
#define PAUSED 2u
#define ONE 4u
#define SPINS 200                                 /* before the waiter sleeps: a runner on a CPU leaves within a microsecond or two */

static struct runner {
    uint32_t word;                                /* written by the runner only */
    uint32_t waiters;
    uint32_t *exit_req;
} __attribute__((aligned(64))) runner[QUIET_MAX];
static unsigned n_runners;

void quiet_add(unsigned i, uint32_t *exit_req)
{
    if (i >= QUIET_MAX)
        bug("runner %u", i);
    runner[i].exit_req = exit_req;
    n_runners = MAX(n_runners, i + 1);
}

unsigned quiet_runners(void) { return n_runners; }

static uint32_t load(const struct runner *r) { return __atomic_load_n(&r->word, __ATOMIC_RELAXED); }

static void set(struct runner *r, uint32_t v)
{
    __atomic_exchange_n(&r->word, v, __ATOMIC_SEQ_CST);
    if (unlikely(__atomic_load_n(&r->waiters, __ATOMIC_RELAXED)) && (!(v & INSIDE) || v & PAUSED))
        syscall(SYS_futex, &r->word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void quiet_enter(unsigned i)
{
    if (n_runners > 1)
        set(&runner[i], load(&runner[i]) | INSIDE);
}

void quiet_leave(unsigned i)
{
    if (n_runners > 1)
        set(&runner[i], (load(&runner[i]) & ~(INSIDE | PAUSED)) + ONE);
}

void quiet_pause(unsigned i)
{
    if (n_runners > 1)
        set(&runner[i], load(&runner[i]) | PAUSED);
}

void quiet_resume(unsigned i)
{
    if (n_runners > 1)
        set(&runner[i], load(&runner[i]) & ~PAUSED);
}

void quiet_kick(uint32_t mask)
{
    for (; mask; mask &= mask - 1)
        __atomic_store_n(runner[__builtin_ctz(mask)].exit_req, 1, __ATOMIC_RELEASE);
}

static bool done(uint32_t first, uint32_t now, bool code)
{
    return !(now & INSIDE) || (now ^ first) / ONE || (!code && now & PAUSED);
}

static void wait_for(struct runner *r, bool code)
{
    uint32_t first = __atomic_load_n(&r->word, __ATOMIC_SEQ_CST), now = first;
    for (unsigned n = 0; n < SPINS; n++) {
        if (done(first, now, code))
            return;
        __builtin_ia32_pause();
        now = __atomic_load_n(&r->word, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&r->waiters, 1, __ATOMIC_SEQ_CST);
    while (!done(first, now = __atomic_load_n(&r->word, __ATOMIC_SEQ_CST), code))
        syscall(SYS_futex, &r->word, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    __atomic_fetch_sub(&r->waiters, 1, __ATOMIC_SEQ_CST);
}

void quiet_wait(uint32_t mask, bool code)
{
    if (!mask || n_runners < 2)
        return;
    quiet_kick(mask);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (; mask; mask &= mask - 1)
        wait_for(&runner[__builtin_ctz(mask)], code);
}
