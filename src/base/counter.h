/*
 * counter.h - a count that goes at a fixed rate from CLOCK_MONOTONIC, cheap to read and readable by translated code.
 *
 * Where the kernel keeps its own time by the time stamp counter (invariant, the same on all CPUs) the count is a line over it, which
 * any thread reads without a call; counter_follow() gives it a new slope now and then, so that it stays with
 * CLOCK_MONOTONIC. Elsewhere, and while it stands still, counter_read() alone knows. One writer at a time.
 */
#ifndef GNOMON_BASE_COUNTER_H
#define GNOMON_BASE_COUNTER_H

#include "base/base.h"

#define COUNTER_CALL 1u                          /* bit of .seq: there is no line, or it is being changed */

struct counter {
    uint32_t seq;                                /* read before and after the rest; other than before: read again */
    uint8_t how;                                 /* counter.c's */
    bool tsc_usable;
    uint64_t tsc, base, rate;                    /* line: base + ((TSC - tsc) * rate >> 64); no line where the TSC is below tsc */
    uint64_t unit;                               /* nanoseconds a tick */
    /* What the line follows: count ideal at ideal_ns, as CLOCK_MONOTONIC goes. */
    uint64_t ideal, ideal_ns;
    uint64_t sample_tsc, sample_ns;              /* both clocks at one time: the slope is made from two of these */
};

/* A pair of clocks read at (almost) one time. */
struct counter_sample { uint64_t tsc, ns; };

/* Begins at 0 and goes. UNIT: nanoseconds a tick. TSC: counter_tsc_usable(), or false for a count without a line. */
void counter_init(struct counter *c, uint64_t unit, bool tsc);
/* The kernel itself trusts the TSC: invariant, and its clock source. */
bool counter_tsc_usable(void);
/* Ticks. Never less than what any thread has read before. Any thread. */
uint64_t counter_read(const struct counter *c);
/* Stand still, or go on from there. */
void counter_run(struct counter *c, bool on);
/* Now and then, at no cost mostly: makes the line, later corrects it. */
void counter_follow(struct counter *c);
/* The same for clocks that the caller has read; for tests. */
void counter_follow_at(struct counter *c, struct counter_sample s);

#endif
