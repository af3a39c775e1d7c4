/*
 * counter.c - the count of counter.h: by CLOCK_MONOTONIC at first, then by a line over the time stamp counter.
 *
 * Owns the line's slope. What it must never do is go backwards, whoever reads on whatever CPU: the line changes between an odd
 * and an even sequence number, no read succeeds meanwhile, and the new line begins at the old one's value of then.
 */
#include "base/counter.h"

#include <cpuid.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { STOPPED, BY_CLOCK, BY_LINE };

#define WRITING 2u                               /* bits of seq below the number: this and COUNTER_CALL */
#define SEQ_STEP 4u
#define SPINS 100u                               /* of a reader before it lets the writer have its host CPU */
#define NS_PER_S 1000000000ull
#define FIRST_NS (NS_PER_S / 4)                  /* the first slope is made over so long, */
#define NEXT_NS NS_PER_S                         /* the others over that at least */
#define PAIR_TRIES 4
#define PAIR_TSC 2000                            /* a pair of clocks is good if read within so many cycles */
#define ODD_SLOPE 1024                           /* a slope that differs by this part of the last one is no slope: a clock stood still */
#define MAX_SLEW 2000                            /* the line is bent by this part at most, to meet CLOCK_MONOTONIC again */
#define MEET_S 4                                 /* ... in so many seconds */

/* Behind all loads before it, which lets a read on one CPU be compared with one on another. */
static uint64_t read_tsc(void)
{
    __builtin_ia32_lfence();
    return now_ticks();
}

static uint64_t get64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static void set64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }

/* a * b / 2^64 */
static uint64_t mul_high(uint64_t a, uint64_t b) { return (uint64_t)((unsigned __int128)a * b >> 64); }

bool counter_tsc_usable(void)
{
    unsigned a, b, c, d;
    char name[8] = "";
    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d >> 8 & 1))
        return false;
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!f)
        return false;
    bool is_tsc = fgets(name, sizeof name, f) && !strcmp(name, "tsc\n");
    fclose(f);
    return is_tsc;
}

uint64_t counter_read(const struct counter *c)
{
    for (unsigned n = 1;; n++) {
        uint32_t seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
        if (seq & WRITING) {                      /* for some 50 ns, unless the writer lost its host CPU */
            if (n % SPINS)
                __builtin_ia32_pause();
            else
                sched_yield();
            continue;
        }
        unsigned how = __atomic_load_n(&c->how, __ATOMIC_RELAXED);
        uint64_t base = get64(&c->base), v = base;
        if (how == BY_LINE) {
            uint64_t tsc = read_tsc(), from = get64(&c->tsc);
            if (tsc > from)
                v = base + mul_high(tsc - from, get64(&c->rate));
        } else if (how == BY_CLOCK) {
            uint64_t from = get64(&c->ideal_ns);
            v = base + (now_ns() - from) / c->unit;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&c->seq, __ATOMIC_RELAXED) == seq)
            return v;
    }
}

/* From here to end_write() no read succeeds. Returns the count of now, and begins the line there. */
static uint64_t begin_write(struct counter *c)
{
    uint64_t v;
    __atomic_store_n(&c->seq, c->seq | WRITING | COUNTER_CALL, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t tsc = read_tsc();
    switch (c->how) {
    /* One more: for the fractions cut off, and a TSC that was read a little later than the number behind it. */
    case BY_LINE: v = c->base + (tsc > c->tsc ? mul_high(tsc - c->tsc, c->rate) : 0) + 1; break;
    case BY_CLOCK: v = c->base + (now_ns() - c->ideal_ns) / c->unit + 1; break;
    default: v = c->base; break;
    }
    set64(&c->tsc, tsc);
    set64(&c->base, v);
    return v;
}

static void end_write(struct counter *c, unsigned how)
{
    __atomic_store_n(&c->how, (uint8_t)how, __ATOMIC_RELAXED);
    __atomic_store_n(&c->seq, (c->seq & ~(WRITING | COUNTER_CALL)) + SEQ_STEP + (how == BY_LINE ? 0 : COUNTER_CALL), __ATOMIC_RELEASE);
}

/* Both clocks at once. false: something came between them each time. */
static bool sample(struct counter_sample *s)
{
    for (unsigned n = 0; n < PAIR_TRIES; n++) {
        uint64_t before = read_tsc();
        s->ns = now_ns();
        uint64_t after = read_tsc();
        s->tsc = before + (after - before) / 2;
        if (after - before < PAIR_TSC)
            return true;
    }
    return false;
}

void counter_init(struct counter *c, uint64_t unit, bool tsc)
{
    struct counter_sample s = { 0, 0 };
    *c = (struct counter){ .seq = COUNTER_CALL, .how = BY_CLOCK, .unit = unit, .tsc_usable = tsc && sample(&s) };
    c->ideal_ns = now_ns();
    c->sample_tsc = s.tsc;
    c->sample_ns = s.ns;
}

void counter_run(struct counter *c, bool on)
{
    if (on == (c->how != STOPPED))
        return;
    begin_write(c);
    c->ideal = c->base;
    set64(&c->ideal_ns, now_ns());
    end_write(c, !on ? STOPPED : c->rate ? BY_LINE : BY_CLOCK);
}

void counter_follow_at(struct counter *c, struct counter_sample s)
{
    uint64_t ns = s.ns - c->sample_ns, tsc = s.tsc - c->sample_tsc;
    unsigned __int128 slope = tsc ? ((unsigned __int128)ns << 64) / c->unit / tsc : 0;
    c->sample_tsc = s.tsc;
    c->sample_ns = s.ns;
    if (!slope || slope >> 64)                   /* the TSC went backwards, or is slower than the count */
        return;
    uint64_t rate = (uint64_t)slope;
    if (c->rate && (rate > c->rate ? rate - c->rate : c->rate - rate) > c->rate / ODD_SLOPE)
        rate = c->rate;
    uint64_t v = begin_write(c), since = c->tsc > s.tsc ? mul_high(c->tsc - s.tsc, rate) : 0;
    int64_t second = (int64_t)(NS_PER_S / c->unit), behind = second + 1;
    if (c->how == BY_LINE)
        behind = (int64_t)(c->ideal + (s.ns - c->ideal_ns) / c->unit + since - v);
    if (behind > second || behind < -second) {   /* the first line, or the host slept: not to be made up for */
        c->ideal = v - since;
        set64(&c->ideal_ns, s.ns);
    } else {
        int64_t most = second * MEET_S / MAX_SLEW;
        behind = MAX(-most, MIN(most, behind));
        rate += (uint64_t)((__int128)rate * behind / (second * MEET_S));
    }
    set64(&c->rate, rate);
    end_write(c, BY_LINE);
}

void counter_follow(struct counter *c)
{
    struct counter_sample s;
    if (!c->tsc_usable || c->how == STOPPED || now_ns() - c->sample_ns < (c->rate ? NEXT_NS : FIRST_NS) || !sample(&s))
        return;
    counter_follow_at(c, s);
}
