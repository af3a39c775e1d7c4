/*
 * gicv2.c - GICv2: distributor and CPU interfaces, without the Security Extensions (both groups visible to all).
 *
 * Owns the registers of both frames. Interrupt state is gic_core's. Must not know vCPUs: the accessing CPU is
 * mem_master. Source: Arm IHI 0048B. 8-bit priorities; the binary point goes down to 0, so there are 128 preemption
 * levels.
 */
#include "hw/gicv2.h"

#include <string.h>

#include "base/log.h"
#include "mem/mem.h"

#define NSGI 16
#define APRS 4                                   /* 128 preemption levels */

#define GICC_CTLR_GRP0 0x001u
#define GICC_CTLR_GRP1 0x002u
#define GICC_CTLR_ACKCTL 0x004u
#define GICC_CTLR_FIQEN 0x008u
#define GICC_CTLR_CBPR 0x010u
#define GICC_CTLR_EOIMODE 0x200u
#define GICC_CTLR_MASK 0x3ffu                    /* bypass bits 5-8 are kept and do nothing */

struct cpu_if {
    uint32_t ctlr;
    uint8_t pmr, bpr, abpr;
    uint32_t apr[2][APRS];                       /* active priorities: group 0, group 1 */
};

struct gicv2 {
    struct gic_core core;                        /* first */
    uint32_t dist_ctlr;                          /* bit 0 group 0, bit 1 group 1 */
    uint8_t target[GIC_SPIS];
    uint8_t sgi_src[GIC_MAX_CPUS][NSGI];         /* which CPUs have the SGI pending here */
    struct cpu_if cpu[GIC_MAX_CPUS];
};

static unsigned this_cpu(const struct gicv2 *g)
{
    return mem_master < g->core.ncpu ? mem_master : 0;
}

/* ---- priorities ---- */

/* Bits of a priority that take part in preemption. For group 1 ABPR n means what BPR n-1 would (IHI 0048B 3.3.3). */
static unsigned group_mask(const struct cpu_if *c, bool group1)
{
    unsigned n = c->bpr;
    if (group1 && !(c->ctlr & GICC_CTLR_CBPR))
        n = c->abpr ? c->abpr - 1u : 0;
    return 0xff << (n + 1) & 0xff;
}

static unsigned running_prio(const struct cpu_if *c)
{
    for (unsigned i = 0; i < APRS; i++) {
        uint32_t v = c->apr[0][i] | c->apr[1][i];
        if (v)
            return (32 * i + (unsigned)__builtin_ctz(v)) << 1;
    }
    return GIC_IDLE;
}

/* The interrupt that the CPU interface would signal, whatever its own group enables, mask and running priority. */
static struct gic_best highest(struct gicv2 *g, unsigned cpu)
{
    return gic_best(&g->core, cpu, g->dist_ctlr & 3);
}

static bool can_signal(const struct cpu_if *c, const struct gic_best *b)
{
    if (b->id == GIC_SPURIOUS || !(c->ctlr & (b->group1 ? GICC_CTLR_GRP1 : GICC_CTLR_GRP0)) || b->prio >= c->pmr)
        return false;
    unsigned run = running_prio(c);
    return run == GIC_IDLE || (b->prio & group_mask(c, b->group1)) < run;
}

static void update(struct gic_core *core, unsigned cpu)
{
    struct gicv2 *g = (struct gicv2 *)core;
    const struct cpu_if *c = &g->cpu[cpu];
    struct gic_best b = highest(g, cpu);
    bool sig = can_signal(c, &b);
    bool fiq = sig && !b.group1 && (c->ctlr & GICC_CTLR_FIQEN);
    gic_set_out(core, cpu, sig && !fiq, fiq);
}

/* ---- CPU interface ---- */

/* Group 1 as an access through the plain (not aliased) registers sees it. */
static bool plain_sees(const struct cpu_if *c, const struct gic_best *b)
{
    return !b->group1 || (c->ctlr & GICC_CTLR_ACKCTL);
}

static uint32_t acknowledge(struct gicv2 *g, unsigned cpu, bool alias)
{
    struct cpu_if *c = &g->cpu[cpu];
    struct gic_best b = highest(g, cpu);
    if (!can_signal(c, &b) || (alias && !b.group1))
        return GIC_SPURIOUS;
    if (!alias && !plain_sees(c, &b))
        return 1022;
    unsigned level = (b.prio & group_mask(c, b.group1)) >> 1;
    c->apr[b.group1][level / 32] |= 1u << level % 32;
    uint32_t iar = b.id;
    bool keep = false;
    if (b.id < NSGI) {
        uint8_t *src = &g->sgi_src[cpu][b.id];
        if (*src) {
            unsigned from = (unsigned)__builtin_ctz(*src);
            *src &= (uint8_t)(*src - 1);
            iar |= from << 10;
        }
        keep = *src != 0;
    }
    gic_activate(&g->core, cpu, b.id, keep);
    if (b.id < 32)
        update(&g->core, cpu);
    else
        gic_update_all(&g->core);                /* it may have been offered to others too */
    return iar;
}

static void deactivate(struct gicv2 *g, unsigned cpu, unsigned id)
{
    if (id >= GIC_IRQS)
        return;
    gic_word(&g->core, cpu, id / 32)->active &= ~(1u << id % 32);
    if (id < 32)
        update(&g->core, cpu);
    else
        gic_update_all(&g->core);
}

static void end_of_interrupt(struct gicv2 *g, unsigned cpu, uint32_t v)
{
    struct cpu_if *c = &g->cpu[cpu];
    unsigned id = v & 0x3ff;
    if (id >= GIC_IRQS) {
        if (id < 1020)
            log_to(guest_errors, "gicv2: EOI of interrupt %u, which does not exist\n", id);
        return;
    }
    /* Priority drop: the highest active priority, whichever group it is in. */
    for (unsigned i = 0; i < APRS; i++) {
        uint32_t low = c->apr[0][i] | c->apr[1][i];
        if (low) {
            low &= -low;
            c->apr[0][i] &= ~low;
            c->apr[1][i] &= ~low;
            break;
        }
    }
    if (!(c->ctlr & GICC_CTLR_EOIMODE))
        deactivate(g, cpu, id);
    else
        update(&g->core, cpu);
}

static uint64_t cpu_read(void *opaque, uint64_t off, unsigned size)
{
    struct gicv2 *g = opaque;
    unsigned cpu = this_cpu(g);
    struct cpu_if *c = &g->cpu[cpu];
    if (size != 4) {
        log_to(guest_errors, "gicv2: %u-byte read of GICC+0x%llx\n", size, (unsigned long long)off);
        return 0;
    }
    switch (off) {
    case 0x00: return c->ctlr;
    case 0x04: return c->pmr;
    case 0x08: return c->bpr;
    case 0x0c: return acknowledge(g, cpu, false);
    case 0x14: {
        unsigned run = running_prio(c);
        return run == GIC_IDLE ? 0xff : run;
    }
    case 0x18: {
        struct gic_best b = highest(g, cpu);
        if (b.id == GIC_SPURIOUS)
            return GIC_SPURIOUS;
        if (!plain_sees(c, &b))
            return 1022;
        if (b.id < NSGI && g->sgi_src[cpu][b.id])
            return b.id | (unsigned)__builtin_ctz(g->sgi_src[cpu][b.id]) << 10;
        return b.id;
    }
    case 0x1c: return c->abpr;
    case 0x20: return acknowledge(g, cpu, true);
    case 0x28: {
        struct gic_best b = highest(g, cpu);
        return b.group1 ? b.id : GIC_SPURIOUS;
    }
    case 0xd0: case 0xd4: case 0xd8: case 0xdc: return c->apr[0][(off - 0xd0) / 4];
    case 0xe0: case 0xe4: case 0xe8: case 0xec: return c->apr[1][(off - 0xe0) / 4];
    case 0xfc: return 0x0202143b;                /* GIC-400 */
    default:
        log_to(guest_errors, "gicv2: read of GICC+0x%llx\n", (unsigned long long)off);
        return 0;
    }
}

static void cpu_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct gicv2 *g = opaque;
    unsigned cpu = this_cpu(g);
    struct cpu_if *c = &g->cpu[cpu];
    if (size != 4) {
        log_to(guest_errors, "gicv2: %u-byte write of GICC+0x%llx\n", size, (unsigned long long)off);
        return;
    }
    switch (off) {
    case 0x00: c->ctlr = (uint32_t)v & GICC_CTLR_MASK; break;
    case 0x04: c->pmr = (uint8_t)v; break;
    case 0x08: c->bpr = v & 7; break;
    case 0x10:
    case 0x24: end_of_interrupt(g, cpu, (uint32_t)v); return;
    case 0x1c: c->abpr = MAX(v & 7, 1); break;
    case 0xd0: case 0xd4: case 0xd8: case 0xdc: c->apr[0][(off - 0xd0) / 4] = (uint32_t)v; break;
    case 0xe0: case 0xe4: case 0xe8: case 0xec: c->apr[1][(off - 0xe0) / 4] = (uint32_t)v; break;
    case 0x1000:
        if (c->ctlr & GICC_CTLR_EOIMODE)
            deactivate(g, cpu, v & 0x3ff);
        return;
    default:
        log_to(guest_errors, "gicv2: write of GICC+0x%llx\n", (unsigned long long)off);
        return;
    }
    update(&g->core, cpu);
}

static const struct mmio_ops cpu_ops = { .name = "gicv2-cpu", .read = cpu_read, .write = cpu_write, .max_size = 4 };

/* ---- distributor ---- */

static void set_target(struct gicv2 *g, unsigned id, uint8_t mask)
{
    unsigned n = id - 32;
    if (g->core.ncpu == 1)
        mask = 1;                                /* uniprocessor: all SPIs go to the one CPU */
    g->target[n] = mask;
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        uint32_t *r = &g->core.route[i][n / 32];
        *r = (*r & ~(1u << n % 32)) | (uint32_t)(mask >> i & 1) << n % 32;
    }
}

static void send_sgi(struct gicv2 *g, unsigned from, uint32_t v)
{
    unsigned id = v & 15, list = v >> 16 & 0xff, all = (1u << g->core.ncpu) - 1;
    switch (v >> 24 & 3) {
    case 0: list &= all; break;
    case 1: list = all & ~(1u << from); break;
    case 2: list = 1u << from; break;
    default: return;
    }
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        if (!(list >> i & 1))
            continue;
        g->sgi_src[i][id] |= (uint8_t)(1u << from);
        g->core.priv[i].latch |= 1u << id;
        update(&g->core, i);
    }
}

/* One byte of the byte-accessible registers; false: OFF is not in one. */
static bool dist_byte_read(struct gicv2 *g, unsigned cpu, unsigned off, uint8_t *v)
{
    if (off >= 0x400 && off < 0x800) {
        unsigned id = off - 0x400;
        *v = id < GIC_IRQS ? *gic_prio(&g->core, cpu, id) : 0;
    } else if (off >= 0x800 && off < 0xc00) {
        unsigned id = off - 0x800;
        /* RAZ on a uniprocessor. */
        *v = id >= GIC_IRQS || g->core.ncpu == 1 ? 0 : id < 32 ? (uint8_t)(1u << cpu) : g->target[id - 32];
    } else if (off >= 0xf10 && off < 0xf30) {
        *v = g->sgi_src[cpu][off & 15];
    } else {
        return false;
    }
    return true;
}

static bool dist_byte_write(struct gicv2 *g, unsigned cpu, unsigned off, uint8_t v)
{
    if (off >= 0x400 && off < 0x800) {
        unsigned id = off - 0x400;
        if (id < GIC_IRQS)
            *gic_prio(&g->core, cpu, id) = v;
    } else if (off >= 0x800 && off < 0xc00) {
        unsigned id = off - 0x800;
        if (id >= 32 && id < GIC_IRQS)
            set_target(g, id, v);
    } else if (off >= 0xf10 && off < 0xf30) {
        uint8_t *src = &g->sgi_src[cpu][off & 15];
        *src = (uint8_t)(off < 0xf20 ? *src & ~v : *src | (v & ((1u << g->core.ncpu) - 1)));
        uint32_t bit = 1u << (off & 15), *latch = &g->core.priv[cpu].latch;
        *latch = *src ? *latch | bit : *latch & ~bit;
    } else {
        return false;
    }
    return true;
}

static uint32_t dist_read32(struct gicv2 *g, unsigned cpu, unsigned off)
{
    /* PrimeCell identification of a GICv2, 0xfd0.. */
    static const uint8_t id[12] = { 0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    if (off >= 0x80 && off < 0x400) {
        unsigned w = (off & 0x7f) / 4;
        return w < GIC_WORDS ? gic_bits_read(&g->core, cpu, w, (enum gic_bits)(off / 0x80 - 1)) : 0;
    }
    if (off >= 0xc00 && off < 0xd00) {
        unsigned n = (off - 0xc00) / 4;
        return n < GIC_IRQS / 16 ? gic_cfg_read(&g->core, cpu, n) : 0;
    }
    if (off >= 0xfd0)
        return id[(off - 0xfd0) / 4];
    switch (off) {
    case 0x000: return g->dist_ctlr;
    case 0x004: return (GIC_IRQS / 32 - 1) | (g->core.ncpu - 1) << 5;
    case 0x008: return 0x0200043b;
    default: return 0;
    }
}

static void dist_write32(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v)
{
    if (off >= 0x80 && off < 0x400) {
        unsigned w = (off & 0x7f) / 4;
        enum gic_bits which = (enum gic_bits)(off / 0x80 - 1);
        if (w >= GIC_WORDS)
            return;
        /* SGIs are always enabled, and made pending only by SGIR and SPENDSGIR. */
        if (w == 0 && (which == GIC_B_ICENABLE || which == GIC_B_ISPEND || which == GIC_B_ICPEND))
            v &= 0xffff0000;
        gic_bits_write(&g->core, cpu, w, which, v);
        return;
    }
    if (off >= 0xc00 && off < 0xd00) {
        unsigned n = (off - 0xc00) / 4;
        if (n < GIC_IRQS / 16)
            gic_cfg_write(&g->core, cpu, n, v);
        return;
    }
    if (off == 0x000)
        g->dist_ctlr = v & 3;
    else if (off == 0xf00)
        send_sgi(g, cpu, v);
    else
        log_to(guest_errors, "gicv2: write of GICD+0x%x\n", off);
}

static uint64_t dist_read(void *opaque, uint64_t off64, unsigned size)
{
    struct gicv2 *g = opaque;
    unsigned cpu = this_cpu(g), off = (unsigned)off64;
    if (off >= 0x1000)
        return 0;
    uint8_t byte;
    if (dist_byte_read(g, cpu, off, &byte)) {
        uint32_t v = byte;
        for (unsigned i = 1; i < size && dist_byte_read(g, cpu, off + i, &byte); i++)
            v |= (uint32_t)byte << 8 * i;
        return v;
    }
    return dist_read32(g, cpu, off & ~3u) >> 8 * (off & 3);
}

static void dist_write(void *opaque, uint64_t off64, uint64_t v, unsigned size)
{
    struct gicv2 *g = opaque;
    unsigned cpu = this_cpu(g), off = (unsigned)off64;
    if (off >= 0x1000)
        return;
    if (dist_byte_write(g, cpu, off, (uint8_t)v)) {
        for (unsigned i = 1; i < size && dist_byte_write(g, cpu, off + i, (uint8_t)(v >> 8 * i)); i++)
            ;
    } else if (size == 4 && !(off & 3)) {
        dist_write32(g, cpu, off, (uint32_t)v);
    } else {
        log_to(guest_errors, "gicv2: %u-byte write of GICD+0x%x\n", size, off);
        return;
    }
    gic_update_all(&g->core);
}

static const struct mmio_ops dist_ops = { .name = "gicv2-dist", .read = dist_read, .write = dist_write, .max_size = 4 };

/* ---- life ---- */

static void reset(struct device *d)
{
    struct gicv2 *g = container_of(d, struct gicv2, core.dev);
    gic_core_reset(&g->core);
    g->dist_ctlr = 0;
    memset(g->sgi_src, 0, sizeof g->sgi_src);
    memset(g->cpu, 0, sizeof g->cpu);
    for (unsigned i = 0; i < g->core.ncpu; i++) {
        g->cpu[i].abpr = 1;
        g->core.priv[i].enabled = 0xffff;
    }
    for (unsigned id = 32; id < GIC_IRQS; id++)
        set_target(g, id, 0);
}

struct gic_core *gicv2_new(unsigned ncpu, uint64_t dist_base, uint64_t cpu_base)
{
    if (ncpu < 1 || ncpu > GIC_MAX_CPUS)
        bug("GICv2 with %u CPUs", ncpu);
    struct gicv2 *g = xcalloc(1, sizeof *g);
    g->core.dev = (struct device){ .name = "gicv2", .reset = reset };
    g->core.ncpu = ncpu;
    g->core.update = update;
    mem_add_mmio(dist_base, 0x10000, &dist_ops, g);
    mem_add_mmio(cpu_base, 0x10000, &cpu_ops, g);
    reset(&g->core.dev);
    return &g->core;
}
