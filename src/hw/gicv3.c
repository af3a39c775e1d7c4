/*
 * gicv3.c - GICv3: distributor, redistributors, and the CPU interfaces behind the ICC_* system registers.
 *
 * Owns all of GICv3's registers. Interrupt state is gic_core's. Must not know vCPUs beyond their number.
 * One security state (GICD_CTLR.DS = 1) and affinity routing always on, as in a machine without EL3; group 0 signals
 * FIQ, group 1 IRQ. 32 priority levels. Source: Arm IHI 0069.
 */
#include "hw/gicv3.h"

#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "mem/mem.h"

#define PRIO_MASK 0xf8u                          /* 5 bits implemented */
#define BPR0_MIN 2u
#define BPR1_MIN 3u

#define GICD_CTLR_FIXED 0x50u                    /* ARE, DS */
#define GICD_CTLR_RW 0x83u                       /* E1NWF, EnableGrp1, EnableGrp0 */

#define ICC_CTLR_CBPR 0x01u
#define ICC_CTLR_EOIMODE 0x02u
#define ICC_CTLR_PMHE 0x40u
#define ICC_CTLR_FIXED (4u << 8 | 1u << 15)      /* PRIbits = 5, IDbits = 16, A3V */

struct cpu_if {
    uint32_t ctlr;
    uint8_t pmr, bpr[2];
    bool enable[2];
    uint32_t apr[2];                             /* 32 preemption levels: one word a group */
};

struct gicv3;
struct redist {
    struct gicv3 *g;
    unsigned cpu;
    bool asleep;                                 /* GICR_WAKER.ProcessorSleep: kept, but interrupts come as on QEMU and KVM (EDK2 counts on it) */
};

struct gicv3 {
    struct gic_core core;                        /* first */
    uint32_t dist_ctlr;
    uint64_t router[GIC_SPIS];
    struct redist redist[GIC_MAX_CPUS];
    struct cpu_if cpu[GIC_MAX_CPUS];
};

/* ---- priorities and signalling ---- */

static unsigned group_mask(const struct cpu_if *c, bool group1)
{
    unsigned shift = c->bpr[0] + 1u;
    if (group1 && !(c->ctlr & ICC_CTLR_CBPR))
        shift = c->bpr[1];                       /* group 1 splits one bit lower for the same value */
    return 0xffu << shift & PRIO_MASK;
}

static unsigned running_prio(const struct cpu_if *c)
{
    uint32_t v = c->apr[0] | c->apr[1];
    return v ? (unsigned)__builtin_ctz(v) << 3 : GIC_IDLE;
}

static struct gic_best highest(struct gicv3 *g, unsigned cpu)
{
    const struct cpu_if *c = &g->cpu[cpu];
    unsigned groups = (c->enable[0] ? 1u : 0) | (c->enable[1] ? 2u : 0);
    return gic_best(&g->core, cpu, g->dist_ctlr & groups);
}

static bool can_signal(const struct cpu_if *c, const struct gic_best *b)
{
    if (b->id == GIC_SPURIOUS || b->prio >= c->pmr)
        return false;
    unsigned run = running_prio(c);
    return run == GIC_IDLE || (b->prio & group_mask(c, b->group1)) < run;
}

static void update(struct gic_core *core, unsigned cpu)
{
    struct gicv3 *g = (struct gicv3 *)core;
    struct gic_best b = highest(g, cpu);
    bool sig = can_signal(&g->cpu[cpu], &b);
    gic_set_out(core, cpu, sig && b.group1, sig && !b.group1);
}

/* ---- CPU interface ---- */

static uint32_t acknowledge(struct gicv3 *g, unsigned cpu, bool group1)
{
    struct cpu_if *c = &g->cpu[cpu];
    struct gic_best b = highest(g, cpu);
    if (!can_signal(c, &b) || b.group1 != group1)
        return GIC_SPURIOUS;
    c->apr[group1] |= 1u << ((b.prio & group_mask(c, group1)) >> 3);
    gic_activate(&g->core, cpu, b.id, false);
    update(&g->core, cpu);
    return b.id;
}

static void deactivate(struct gicv3 *g, unsigned cpu, uint64_t v)
{
    unsigned id = v & 0xffffff;
    if (id >= GIC_IRQS)
        return;
    gic_word(&g->core, cpu, id / 32)->active &= ~(1u << id % 32);
    if (id < 32)
        update(&g->core, cpu);
    else
        gic_update_all(&g->core);
}

static void end_of_interrupt(struct gicv3 *g, unsigned cpu, bool group1, uint64_t v)
{
    struct cpu_if *c = &g->cpu[cpu];
    unsigned id = v & 0xffffff;
    if (id >= GIC_IRQS)
        return;                                  /* special numbers are ignored */
    c->apr[group1] &= c->apr[group1] - 1;        /* priority drop: the lowest set bit is the highest priority */
    if (!(c->ctlr & ICC_CTLR_EOIMODE))
        deactivate(g, cpu, id);
    else
        update(&g->core, cpu);
}

/* ICC_SGI0R, ICC_SGI1R: only targets that hold the SGI in the register's group get it. */
static void send_sgi(struct gicv3 *g, unsigned from, bool group1, uint64_t v)
{
    unsigned id = bits(v, 24, 4);
    bool all_but_self = bits(v, 40, 1);
    uint32_t list = 0;
    if (!all_but_self) {
        /* Affinities 3.2.1 are all zero here; RS moves the list up by 16. */
        if (bits(v, 48, 8) || bits(v, 32, 8) || bits(v, 16, 8) || bits(v, 44, 4))
            return;
        list = (uint32_t)bits(v, 0, 16);
    }
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        if (!(all_but_self ? i != from : list >> i & 1))
            continue;
        struct gic_word *w = &g->core.priv[i];
        if ((w->group1 >> id & 1) != group1)
            continue;
        w->latch |= 1u << id;
        update(&g->core, i);
    }
}

#define ICC(crm, op2) A64_SYSREG(3u, 0u, 12u, (unsigned)(crm), (unsigned)(op2))
#define ICC_PMR A64_SYSREG(3u, 0u, 4u, 6u, 0u)

static uint64_t icc_read_locked(struct gicv3 *g, unsigned cpu, uint32_t reg)
{
    struct cpu_if *c = &g->cpu[cpu];
    switch (reg) {
    case ICC_PMR: return c->pmr;
    case ICC(8, 0): return acknowledge(g, cpu, false);
    case ICC(12, 0): return acknowledge(g, cpu, true);
    case ICC(8, 2):
    case ICC(12, 2): {
        struct gic_best b = highest(g, cpu);
        return b.group1 == (reg == ICC(12, 2)) ? b.id : GIC_SPURIOUS;
    }
    case ICC(8, 3): return c->bpr[0];
    case ICC(12, 3): return c->ctlr & ICC_CTLR_CBPR ? MIN(c->bpr[0] + 1u, 7u) : c->bpr[1];
    case ICC(8, 4): return c->apr[0];
    case ICC(9, 0): return c->apr[1];
    case ICC(8, 5): case ICC(8, 6): case ICC(8, 7): case ICC(9, 1): case ICC(9, 2): case ICC(9, 3): return 0;
    case ICC(11, 3): {
        unsigned run = running_prio(c);
        return run == GIC_IDLE ? 0xff : run;
    }
    case ICC(12, 4): return c->ctlr | ICC_CTLR_FIXED;
    case ICC(12, 5): return 7;                   /* system registers only, no bypass */
    case ICC(12, 6): return c->enable[0];
    case ICC(12, 7): return c->enable[1];
    default:
        log_to(guest_errors, "gicv3: read of system register 0x%x\n", reg);
        return 0;
    }
}

static void icc_write_locked(struct gicv3 *g, unsigned cpu, uint32_t reg, uint64_t v)
{
    struct cpu_if *c = &g->cpu[cpu];
    switch (reg) {
    case ICC_PMR: c->pmr = v & PRIO_MASK; break;
    case ICC(8, 1): end_of_interrupt(g, cpu, false, v); return;
    case ICC(12, 1): end_of_interrupt(g, cpu, true, v); return;
    case ICC(8, 3): c->bpr[0] = (uint8_t)MAX(v & 7, BPR0_MIN); break;
    case ICC(12, 3):
        if (!(c->ctlr & ICC_CTLR_CBPR))
            c->bpr[1] = (uint8_t)MAX(v & 7, BPR1_MIN);
        break;
    case ICC(8, 4): c->apr[0] = (uint32_t)v; break;
    case ICC(9, 0): c->apr[1] = (uint32_t)v; break;
    case ICC(8, 5): case ICC(8, 6): case ICC(8, 7): case ICC(9, 1): case ICC(9, 2): case ICC(9, 3): return;
    case ICC(11, 1):
        if (c->ctlr & ICC_CTLR_EOIMODE)
            deactivate(g, cpu, v);
        return;
    case ICC(11, 5): send_sgi(g, cpu, true, v); return;
    case ICC(11, 6): return;                     /* ASGI1R: the other security state, which is not there */
    case ICC(11, 7): send_sgi(g, cpu, false, v); return;
    case ICC(12, 4): c->ctlr = v & (ICC_CTLR_CBPR | ICC_CTLR_EOIMODE | ICC_CTLR_PMHE); break;
    case ICC(12, 5): return;
    case ICC(12, 6): c->enable[0] = v & 1; break;
    case ICC(12, 7): c->enable[1] = v & 1; break;
    default:
        log_to(guest_errors, "gicv3: write of system register 0x%x\n", reg);
        return;
    }
    update(&g->core, cpu);
}

static uint64_t icc_read(void *opaque, unsigned cpu, uint32_t reg)
{
    struct gicv3 *g = opaque;
    if (cpu >= g->core.ncpu)
        bug("GICv3 CPU interface %u", cpu);
    machine_lock();
    uint64_t v = icc_read_locked(g, cpu, reg);
    machine_unlock();
    return v;
}

static void icc_write(void *opaque, unsigned cpu, uint32_t reg, uint64_t v)
{
    struct gicv3 *g = opaque;
    if (cpu >= g->core.ncpu)
        bug("GICv3 CPU interface %u", cpu);
    machine_lock();
    icc_write_locked(g, cpu, reg, v);
    machine_unlock();
}

const struct a64_gic_ops gicv3_sysregs = { .read = icc_read, .write = icc_write };

/* ---- registers common to GICD (SPIs) and the GICR's SGI frame (SGIs, PPIs) ---- */

/* PrimeCell identification at 0xffd0 of every frame. */
static uint32_t frame_id(unsigned off)
{
    static const uint8_t id[12] = { 0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    return id[(off - 0xffd0) / 4];
}

/* W0..W1-1: the words that this frame holds; priorities and configuration likewise. false: not such a register. */
static bool common_read(struct gicv3 *g, unsigned cpu, unsigned off, unsigned w0, unsigned w1, uint32_t *v)
{
    *v = 0;
    if (off >= 0x80 && off < 0x400) {
        unsigned w = (off & 0x7f) / 4;
        if (w >= w0 && w < w1)
            *v = gic_bits_read(&g->core, cpu, w, (enum gic_bits)(off / 0x80 - 1));
    } else if (off >= 0x400 && off < 0x800) {
        for (unsigned i = 0, id = off - 0x400; i < 4; i++, id++)
            if (id >= 32 * w0 && id < 32 * w1)
                *v |= (uint32_t)*gic_prio(&g->core, cpu, id) << 8 * i;
    } else if (off >= 0xc00 && off < 0xd00) {
        unsigned n = (off - 0xc00) / 4;
        if (n >= 2 * w0 && n < 2 * w1)
            *v = gic_cfg_read(&g->core, cpu, n);
    } else {
        return false;
    }
    return true;
}

static bool common_write(struct gicv3 *g, unsigned cpu, unsigned off, unsigned w0, unsigned w1, uint32_t v,
                         unsigned size)
{
    if (off >= 0x80 && off < 0x400) {
        unsigned w = (off & 0x7f) / 4;
        if (w >= w0 && w < w1 && size == 4)
            gic_bits_write(&g->core, cpu, w, (enum gic_bits)(off / 0x80 - 1), v);
    } else if (off >= 0x400 && off < 0x800) {
        for (unsigned i = 0, id = off - 0x400; i < size; i++, id++)
            if (id >= 32 * w0 && id < 32 * w1)
                *gic_prio(&g->core, cpu, id) = v >> 8 * i & PRIO_MASK;
    } else if (off >= 0xc00 && off < 0xd00) {
        unsigned n = (off - 0xc00) / 4;
        if (n >= 2 * w0 && n < 2 * w1 && size == 4)
            gic_cfg_write(&g->core, cpu, n, v);
    } else {
        return false;
    }
    return true;
}

/* ---- distributor ---- */

static void set_router(struct gicv3 *g, unsigned spi, uint64_t v)
{
    v &= 0xff80ffffffull;                        /* affinities and Interrupt_Routing_Mode */
    if (v >> 31 & 1)
        v &= ~(1ull << 31);                      /* 1-of-N is not implemented (GICD_TYPER.No1N) */
    g->router[spi] = v;
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        uint32_t *r = &g->core.route[i][spi / 32];
        *r = (*r & ~(1u << spi % 32)) | (uint32_t)(v == i) << spi % 32;
    }
}

static uint32_t dist_read32(struct gicv3 *g, unsigned off)
{
    uint32_t v;
    if (common_read(g, 0, off, 1, GIC_WORDS, &v))
        return v;
    if (off >= 0x6100 && off < 0x6000 + 8 * GIC_IRQS)
        return (uint32_t)(g->router[(off - 0x6100) / 8] >> (off & 4 ? 32 : 0));
    if (off >= 0xffd0)
        return frame_id(off);
    switch (off) {
    case 0x0000: return g->dist_ctlr | GICD_CTLR_FIXED;
    /* No1N, A3V, 16 bits of ID; CPUNumber is 0 as affinity routing is always on. */
    case 0x0004: return 1u << 25 | 1u << 24 | 15u << 19 | (GIC_IRQS / 32 - 1);
    case 0x0008: return 0x0000043b;
    default: return 0;
    }
}

static uint64_t dist_read(void *opaque, uint64_t off, unsigned size)
{
    return dist_read32(opaque, (unsigned)off & ~3u) >> 8 * (off & 3);
}

static void dist_write(void *opaque, uint64_t off64, uint64_t v, unsigned size)
{
    struct gicv3 *g = opaque;
    unsigned off = (unsigned)off64;
    if (common_write(g, 0, off, 1, GIC_WORDS, (uint32_t)v, size)) {
        gic_update_all(&g->core);
    } else if (off >= 0x6100 && off < 0x6000 + 8 * GIC_IRQS && size == 4) {
        unsigned spi = (off - 0x6100) / 8;
        uint64_t old = g->router[spi];
        set_router(g, spi, off & 4 ? (old & 0xffffffff) | v << 32 : (old & ~0xffffffffull) | (uint32_t)v);
        gic_update_all(&g->core);
    } else if (off == 0) {
        g->dist_ctlr = (uint32_t)v & GICD_CTLR_RW;
        gic_update_all(&g->core);
    } else if (off == 0x40 || off == 0x48) {     /* SETSPI_NSR, CLRSPI_NSR: TYPER.MBIS is 0 */
        log_to(guest_errors, "gicv3: message-based SPIs are not implemented\n");
    }
}

static const struct mmio_ops dist_ops = { .name = "gicv3-dist", .read = dist_read, .write = dist_write, .max_size = 4 };

/* ---- redistributor: RD frame at 0, SGI frame at 64 KiB ---- */

static uint64_t redist_read(void *opaque, uint64_t off64, unsigned size)
{
    struct redist *r = opaque;
    struct gicv3 *g = r->g;
    unsigned off = (unsigned)off64 & ~3u, shift = 8 * (off64 & 3);
    uint32_t v = 0;
    if (off >= 0x10000) {
        off -= 0x10000;
        if (common_read(g, r->cpu, off, 0, 1, &v))
            return v >> shift;
        return off >= 0xffd0 ? frame_id(off) >> shift : 0;
    }
    switch (off) {
    case 0x0004: v = 0x0000043b; break;
    case 0x0008: v = r->cpu << 8 | (r->cpu == g->core.ncpu - 1 ? 1u << 4 : 0); break;    /* Processor_Number, Last */
    case 0x000c: v = r->cpu; break;              /* affinity */
    case 0x0014: v = r->asleep ? 6 : 0; break;   /* ChildrenAsleep follows at once */
    default:
        if (off >= 0xffd0)
            v = frame_id(off);
    }
    return v >> shift;
}

static void redist_write(void *opaque, uint64_t off64, uint64_t v, unsigned size)
{
    struct redist *r = opaque;
    struct gicv3 *g = r->g;
    unsigned off = (unsigned)off64;
    if (off >= 0x10000)
        (void)common_write(g, r->cpu, off - 0x10000, 0, 1, (uint32_t)v, size);
    else if (off == 0x14 && size == 4)
        r->asleep = v >> 1 & 1;
    update(&g->core, r->cpu);
}

static const struct mmio_ops redist_ops = {
    .name = "gicv3-redist", .read = redist_read, .write = redist_write, .max_size = 4,
};

/* ---- life ---- */

static void reset(struct device *d)
{
    struct gicv3 *g = container_of(d, struct gicv3, core.dev);
    gic_core_reset(&g->core);
    g->dist_ctlr = 0;
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        g->redist[i].asleep = true;
        g->cpu[i] = (struct cpu_if){ .bpr = { BPR0_MIN, BPR1_MIN } };
    }
    for (unsigned n = 0; n < GIC_SPIS; n++)
        set_router(g, n, 0);
}

struct gic_core *gicv3_new(unsigned ncpu, uint64_t dist_base, uint64_t redist_base)
{
    if (ncpu < 1 || ncpu > GIC_MAX_CPUS)
        bug("GICv3 with %u CPUs", ncpu);
    struct gicv3 *g = xcalloc(1, sizeof *g);
    g->core.dev = (struct device){ .name = "gicv3", .reset = reset };
    g->core.ncpu = ncpu;
    g->core.update = update;
    mem_add_mmio(dist_base, 0x10000, &dist_ops, g);
    for (unsigned i = 0; i < ncpu; i++) {
        g->redist[i] = (struct redist){ .g = g, .cpu = i };
        mem_add_mmio(redist_base + i * 0x20000ull, 0x20000, &redist_ops, &g->redist[i]);
    }
    reset(&g->core.dev);
    return &g->core;
}
