/*
 * pl031.c - Arm PrimeCell real time clock (PL031): seconds since 1970, one alarm.
 *
 * Owns the offset from the host's clock. Source: Arm DDI 0224.
 */
#include "hw/pl031.h"

#include <time.h>

#include "base/log.h"
#include "base/loop.h"
#include "mem/mem.h"

#define NS 1000000000ull

struct pl031 {
    struct device dev;                           /* first */
    struct irq irq;
    struct loop_timer timer;
    uint32_t offset;                             /* guest's seconds minus host's, modulo 2^32 */
    uint32_t match, load, imsc, ris;
};

static uint64_t host_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static uint32_t seconds(const struct pl031 *s)
{
    return (uint32_t)(host_ns() / NS) + s->offset;
}

static void update(struct pl031 *s)
{
    irq_set(&s->irq, (s->ris & s->imsc) != 0);
}

static void set_alarm(struct pl031 *s)
{
    uint64_t t = host_ns();
    uint32_t left = s->match - ((uint32_t)(t / NS) + s->offset);
    if (!left) {
        loop_timer_cancel(&s->timer);
        s->ris = 1;
        update(s);
        return;
    }
    loop_timer_arm(&s->timer, now_ns() + left * NS - t % NS);
}

static void alarm_due(void *opaque)
{
    struct pl031 *s = opaque;
    /* The host's wall clock may have been set back meanwhile. */
    if ((int32_t)(seconds(s) - s->match) < 0) {
        set_alarm(s);
        return;
    }
    s->ris = 1;
    update(s);
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t id[8] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl031 *s = opaque;
    if (off >= 0xfe0)
        return id[(off - 0xfe0) / 4];
    switch (off) {
    case 0x00: return seconds(s);
    case 0x04: return s->match;
    case 0x08: return s->load;
    case 0x0c: return 1;                         /* always running */
    case 0x10: return s->imsc;
    case 0x14: return s->ris;
    case 0x18: return s->ris & s->imsc;
    default:
        log_to(guest_errors, "pl031: read of 0x%llx\n", (unsigned long long)off);
        return 0;
    }
}

static void reg_write(void *opaque, uint64_t off, uint64_t v64, unsigned size)
{
    struct pl031 *s = opaque;
    uint32_t v = (uint32_t)v64;
    switch (off) {
    case 0x04:
        s->match = v;
        set_alarm(s);
        break;
    case 0x08:
        s->load = v;
        s->offset += v - seconds(s);
        set_alarm(s);
        break;
    case 0x0c: break;                            /* once started it cannot be stopped */
    case 0x10:
        s->imsc = v & 1;
        update(s);
        break;
    case 0x1c:
        s->ris &= ~v;
        update(s);
        break;
    default:
        log_to(guest_errors, "pl031: write of 0x%llx\n", (unsigned long long)off);
    }
}

static const struct mmio_ops ops = { .name = "pl031", .read = reg_read, .write = reg_write, .max_size = 4 };

static void reset(struct device *d)
{
    /* The time runs on through a reset, as with a battery. */
    struct pl031 *s = (struct pl031 *)d;
    loop_timer_cancel(&s->timer);
    s->match = s->load = s->imsc = s->ris = 0;
    update(s);
}

struct device *pl031_new(uint64_t base, struct irq irq, int64_t offset)
{
    struct pl031 *s = xcalloc(1, sizeof *s);
    s->dev = (struct device){ .name = "pl031", .reset = reset };
    s->irq = irq;
    s->offset = (uint32_t)offset;
    loop_timer_init(&s->timer, alarm_due, s);
    mem_add_mmio(base, 0x1000, &ops, s);
    return &s->dev;
}
