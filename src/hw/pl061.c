/*
 * pl061.c - Arm PrimeCell general purpose input/output (PL061): eight lines with edge or level interrupts.
 *
 * Owns the registers and the timer that lets a pressed key go. Lines that nothing drives read as 0. Source: Arm DDI 0190.
 */
#include "hw/pl061.h"

#include "base/log.h"
#include "base/loop.h"
#include "mem/mem.h"

/*
 * A key is held this long after the guest has looked at its line: longer than any debouncing, shorter than a long press. Until
 * then it stays pressed, so that a guest that is slow to answer the interrupt does not find it let go already; but not for ever,
 * since one that has no driver yet should not find it pressed long after.
 */
#define KEY_NS 100000000ull
#define KEY_UNSEEN_NS 30000000000ull

struct pl061 {
    struct device dev;                           /* first */
    struct irq irq;
    struct loop_timer let_go;
    uint8_t input;                               /* levels from outside */
    uint8_t key;                                 /* lines that let_go lowers */
    uint8_t unseen;                              /* those that the guest has not read since they were pressed */
    uint8_t out, dir, is, ibe, iev, ie, ris, afsel;
    uint8_t seen;                                /* levels when edges were last looked for */
};

/* GPIODATA: outputs read back what was written, inputs what is there. */
static uint8_t levels(const struct pl061 *s)
{
    return (uint8_t)((s->out & s->dir) | (s->input & ~s->dir));
}

static void update(struct pl061 *s)
{
    uint8_t now = levels(s), in = (uint8_t)~s->dir;
    uint8_t rise = now & (uint8_t)~s->seen, fall = s->seen & (uint8_t)~now;
    uint8_t edge = (uint8_t)((s->ibe & (rise | fall)) | (~s->ibe & ((s->iev & rise) | (~s->iev & fall))));
    s->seen = now;
    s->ris |= edge & ~s->is & in;
    /* A level interrupt stays as long as the level does. */
    s->ris = (uint8_t)((s->ris & ~s->is) | (s->is & in & ~(now ^ s->iev)));
    irq_set(&s->irq, (s->ris & s->ie) != 0);
}

static uint64_t data_read(struct pl061 *s, uint8_t mask)
{
    uint8_t v = levels(s) & mask;
    if (v & s->unseen) {
        s->unseen = 0;
        loop_timer_arm(&s->let_go, now_ns() + KEY_NS);
    }
    return v;
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t id[8] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl061 *s = opaque;
    if (off < 0x400)
        return data_read(s, (uint8_t)(off >> 2)); /* address bits 9:2 are a mask */
    if (off >= 0xfe0)
        return id[(off - 0xfe0) / 4];
    switch (off) {
    case 0x400: return s->dir;
    case 0x404: return s->is;
    case 0x408: return s->ibe;
    case 0x40c: return s->iev;
    case 0x410: return s->ie;
    case 0x414: return s->ris;
    case 0x418: return s->ris & s->ie;
    case 0x420: return s->afsel;
    default:
        log_to(guest_errors, "pl061: read of 0x%llx\n", (unsigned long long)off);
        return 0;
    }
}

static void reg_write(void *opaque, uint64_t off, uint64_t v64, unsigned size)
{
    struct pl061 *s = opaque;
    uint8_t v = (uint8_t)v64;
    if (off < 0x400) {
        uint8_t mask = (uint8_t)(off >> 2) & s->dir;
        s->out = (uint8_t)((s->out & ~mask) | (v & mask));
    } else {
        switch (off) {
        case 0x400: s->dir = v; break;
        case 0x404: s->is = v; break;
        case 0x408: s->ibe = v; break;
        case 0x40c: s->iev = v; break;
        case 0x410: s->ie = v; break;
        case 0x41c: s->ris &= (uint8_t)~v; break;
        case 0x420: s->afsel = v; break;
        default:
            log_to(guest_errors, "pl061: write of 0x%llx\n", (unsigned long long)off);
            return;
        }
    }
    update(s);
}

static const struct mmio_ops ops = { .name = "pl061", .read = reg_read, .write = reg_write, .max_size = 4 };

static void reset(struct device *d)
{
    struct pl061 *s = (struct pl061 *)d;
    loop_timer_cancel(&s->let_go);
    s->input &= (uint8_t)~s->key;
    s->key = s->unseen = s->out = s->dir = s->is = s->ibe = s->iev = s->ie = s->ris = s->afsel = 0;
    s->seen = levels(s);
    update(s);
    s->ris = 0;
}

void pl061_set_input(struct device *d, unsigned line, bool level)
{
    struct pl061 *s = (struct pl061 *)d;
    uint8_t bit = (uint8_t)(1u << (line & 7));
    s->input = (uint8_t)(level ? s->input | bit : s->input & ~bit);
    update(s);
}

static void let_go(void *opaque)
{
    struct pl061 *s = opaque;
    s->input &= (uint8_t)~s->key;
    s->key = s->unseen = 0;
    update(s);
}

void pl061_press(struct device *d, unsigned line)
{
    struct pl061 *s = (struct pl061 *)d;
    s->key |= (uint8_t)(1u << (line & 7));
    s->unseen |= (uint8_t)(1u << (line & 7));
    pl061_set_input(d, line, true);
    loop_timer_arm(&s->let_go, now_ns() + KEY_UNSEEN_NS);
}

struct device *pl061_new(uint64_t base, struct irq irq)
{
    struct pl061 *s = xcalloc(1, sizeof *s);
    s->dev = (struct device){ .name = "pl061", .reset = reset };
    s->irq = irq;
    loop_timer_init(&s->let_go, let_go, s);
    mem_add_mmio(base, 0x1000, &ops, s);
    return &s->dev;
}
