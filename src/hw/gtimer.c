/*
 * gtimer.c - the Arm generic timer (Arm ARM DDI 0487, D11), driven by CLOCK_MONOTONIC.
 *
 * Owns the count (base/counter.h) and the deadlines. The registers are the vCPU's, which reports their changes. The interrupt is a
 * level: enabled, not masked, and the count has reached the compare value.
 */
#include "hw/gtimer.h"

#include "base/counter.h"
#include "base/loop.h"

#define CTL_ENABLE 1u
#define CTL_IMASK 2u

struct channel {
    struct gtimer *owner;
    uint64_t cval;
    uint32_t ctl;
    struct loop_timer timer;
    struct irq irq;
    bool level;
};

struct gtimer {
    struct device dev;                           /* first */
    unsigned ncpu;
    struct counter counter;
    bool stopped;
    struct channel ch[][GTIMER_KINDS];
};

static uint64_t count(void *opaque)
{
    const struct gtimer *t = opaque;
    return counter_read(&t->counter);
}

static void refresh(struct channel *c)
{
    struct gtimer *t = c->owner;
    bool level = false;
    uint64_t deadline = UINT64_MAX;
    if ((c->ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE) {
        /* Too early by a little, since the two clocks differ: then it is looked at again. */
        uint64_t count_now = count(t), now = now_ns();
        level = count_now >= c->cval;
        if (!level && !t->stopped && c->cval - count_now < (UINT64_MAX - now) / GTIMER_NS)
            deadline = now + (c->cval - count_now) * GTIMER_NS;
    }
    loop_timer_arm(&c->timer, deadline);
    if (level != c->level) {
        c->level = level;
        irq_set(&c->irq, level);
    }
}

static void refresh_all(struct gtimer *t)
{
    for (unsigned i = 0; i < t->ncpu; i++)
        for (unsigned k = 0; k < GTIMER_KINDS; k++)
            refresh(&t->ch[i][k]);
}

void gtimer_run(struct gtimer *t, bool on)
{
    if (on == !t->stopped)
        return;
    t->stopped = !on;
    counter_run(&t->counter, on);
    refresh_all(t);
}

static void expired(void *opaque)
{
    refresh(opaque);
}

static void changed(void *opaque, unsigned cpu, unsigned which, uint64_t cval, uint32_t ctl)
{
    struct gtimer *t = opaque;
    if (cpu >= t->ncpu || which >= GTIMER_KINDS)
        bug("generic timer %u of CPU %u", which, cpu);
    machine_lock();
    counter_follow(&t->counter);
    struct channel *c = &t->ch[cpu][which];
    c->cval = cval;
    c->ctl = ctl;
    refresh(c);
    machine_unlock();
}

const struct a64_timer_ops gtimer_sysregs = { .count = count, .changed = changed };

static void reset(struct device *d)
{
    struct gtimer *t = (struct gtimer *)d;
    for (unsigned i = 0; i < t->ncpu; i++)
        for (unsigned k = 0; k < GTIMER_KINDS; k++) {
            t->ch[i][k].ctl = 0;
            t->ch[i][k].cval = 0;
            refresh(&t->ch[i][k]);
        }
}

struct gtimer *gtimer_new(unsigned ncpu)
{
    struct gtimer *t = xcalloc(1, sizeof *t + ncpu * sizeof t->ch[0]);
    t->dev = (struct device){ .name = "generic-timer", .reset = reset };
    t->ncpu = ncpu;
    counter_init(&t->counter, GTIMER_NS, counter_tsc_usable());
    for (unsigned i = 0; i < ncpu; i++)
        for (unsigned k = 0; k < GTIMER_KINDS; k++) {
            t->ch[i][k].owner = t;
            loop_timer_init(&t->ch[i][k].timer, expired, &t->ch[i][k]);
        }
    return t;
}

const struct counter *gtimer_counter(const struct gtimer *t)
{
    return &t->counter;
}

struct device *gtimer_device(struct gtimer *t)
{
    return &t->dev;
}

void gtimer_connect(struct gtimer *t, unsigned cpu, enum gtimer_which which, struct irq irq)
{
    t->ch[cpu][which].irq = irq;
}
