/*
 * gic_core.c - interrupt state common to GICv2 and GICv3.
 *
 * Owns the state of each interrupt. Must not know registers or CPU interfaces.
 */
#include "hw/gic_core.h"

#include <string.h>

#define PPI_LINE 0x1000u                         /* irq.n of a private line: PPI_LINE | cpu << 5 | id */

static void set_line(void *opaque, unsigned n, bool level)
{
    struct gic_core *g = opaque;
    unsigned cpu = 0, id;
    if (n & PPI_LINE) {
        cpu = n >> 5 & (GIC_MAX_CPUS - 1);
        id = n & 31;
    } else {
        id = n + 32;
    }
    struct gic_word *w = gic_word(g, cpu, id / 32);
    uint32_t bit = 1u << id % 32;
    if (!!(w->line & bit) == level)
        return;
    w->line ^= bit;
    if (level && (w->edge & bit))
        w->latch |= bit;
    if (id < 32) {
        g->update(g, cpu);
        return;
    }
    for (unsigned i = 0; i < g->ncpu; i++)
        if (g->route[i][id / 32 - 1] & bit)
            g->update(g, i);
}

struct irq gic_spi(struct gic_core *g, unsigned spi)
{
    if (spi >= GIC_SPIS)
        bug("SPI %u does not exist", spi);
    return (struct irq){ set_line, g, spi };
}

struct irq gic_ppi(struct gic_core *g, unsigned cpu, unsigned id)
{
    if (cpu >= g->ncpu || id < 16 || id > 31)
        bug("PPI %u of CPU %u does not exist", id, cpu);
    return (struct irq){ set_line, g, PPI_LINE | cpu << 5 | id };
}

void gic_connect(struct gic_core *g, unsigned cpu, struct irq irq, struct irq fiq)
{
    g->out[cpu].irq = irq;
    g->out[cpu].fiq = fiq;
}

struct gic_best gic_best(struct gic_core *g, unsigned cpu, unsigned groups)
{
    struct gic_best best = { .id = GIC_SPURIOUS, .prio = GIC_IDLE };
    for (unsigned w = 0; w < GIC_WORDS; w++) {
        const struct gic_word *s = gic_word(g, cpu, w);
        uint32_t cand = gic_pending(s) & s->enabled & ~s->active;
        if (w)
            cand &= g->route[cpu][w - 1];
        cand &= (groups & 1 ? ~s->group1 : 0) | (groups & 2 ? s->group1 : 0);
        for (; cand; cand &= cand - 1) {
            unsigned id = 32 * w + (unsigned)__builtin_ctz(cand);
            unsigned prio = *gic_prio(g, cpu, id);
            if (prio < best.prio)
                best = (struct gic_best){ id, prio, s->group1 >> id % 32 & 1 };
        }
    }
    return best;
}

void gic_activate(struct gic_core *g, unsigned cpu, unsigned id, bool keep)
{
    struct gic_word *w = gic_word(g, cpu, id / 32);
    uint32_t bit = 1u << id % 32;
    w->active |= bit;
    if (!keep)
        w->latch &= ~bit;
}

uint32_t gic_bits_read(struct gic_core *g, unsigned cpu, unsigned w, enum gic_bits which)
{
    const struct gic_word *s = gic_word(g, cpu, w);
    switch (which) {
    case GIC_B_GROUP: return s->group1;
    case GIC_B_ISENABLE:
    case GIC_B_ICENABLE: return s->enabled;
    case GIC_B_ISPEND:
    case GIC_B_ICPEND: return gic_pending(s);
    case GIC_B_ISACTIVE:
    case GIC_B_ICACTIVE: return s->active;
    case GIC_B_COUNT: break;
    }
    return 0;
}

void gic_bits_write(struct gic_core *g, unsigned cpu, unsigned w, enum gic_bits which, uint32_t v)
{
    struct gic_word *s = gic_word(g, cpu, w);
    switch (which) {
    case GIC_B_GROUP: s->group1 = v; break;
    case GIC_B_ISENABLE: s->enabled |= v; break;
    case GIC_B_ICENABLE: s->enabled &= ~v; break;
    case GIC_B_ISPEND: s->latch |= v; break;
    case GIC_B_ICPEND: s->latch &= ~v; break;
    case GIC_B_ISACTIVE: s->active |= v; break;
    case GIC_B_ICACTIVE: s->active &= ~v; break;
    case GIC_B_COUNT: break;
    }
}

uint32_t gic_cfg_read(struct gic_core *g, unsigned cpu, unsigned n)
{
    uint32_t edge = gic_word(g, cpu, n / 2)->edge >> (n & 1 ? 16 : 0), v = 0;
    for (unsigned i = 0; i < 16; i++)
        v |= (edge >> i & 1) << (2 * i + 1);
    return v;
}

void gic_cfg_write(struct gic_core *g, unsigned cpu, unsigned n, uint32_t v)
{
    if (n == 0)
        return;                                  /* SGIs: fixed */
    uint32_t edge = 0, shift = n & 1 ? 16 : 0;
    for (unsigned i = 0; i < 16; i++)
        edge |= (v >> (2 * i + 1) & 1) << i;
    struct gic_word *w = gic_word(g, cpu, n / 2);
    w->edge = (w->edge & ~(0xffffu << shift)) | edge << shift;
}

void gic_set_out(struct gic_core *g, unsigned cpu, bool irq, bool fiq)
{
    struct gic_out *o = &g->out[cpu];
    if (o->irq_level != irq) {
        o->irq_level = irq;
        irq_set(&o->irq, irq);
    }
    if (o->fiq_level != fiq) {
        o->fiq_level = fiq;
        irq_set(&o->fiq, fiq);
    }
}

void gic_update_all(struct gic_core *g)
{
    for (unsigned i = 0; i < g->ncpu; i++)
        g->update(g, i);
}

static void reset_word(struct gic_word *w, bool priv)
{
    *w = (struct gic_word){ .line = w->line, .edge = priv ? 0xffffu : 0, .enabled = 0 };
}

void gic_core_reset(struct gic_core *g)
{
    for (unsigned i = 0; i < g->ncpu; i++) {
        reset_word(&g->priv[i], true);
        gic_set_out(g, i, false, false);
    }
    for (unsigned w = 0; w < GIC_WORDS - 1; w++)
        reset_word(&g->spi[w], false);
    memset(g->route, 0, sizeof g->route);
    memset(g->prio_priv, 0, sizeof g->prio_priv);
    memset(g->prio_spi, 0, sizeof g->prio_spi);
}
