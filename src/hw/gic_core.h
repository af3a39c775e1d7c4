/*
 * gic_core.h - what GICv2 and GICv3 share: the state of each interrupt, and finding the one to signal.
 *
 * Owns the bitmaps of enabled, pending, active, ... and the priorities. Must not know registers. Machine lock held
 * throughout.
 *
 * Interrupt numbers: 0-15 SGI and 16-31 PPI, both private to a CPU; 32 and up SPI, shared. Source: Arm IHI 0048B, IHI
 * 0069.
 */
#ifndef GNOMON_HW_GIC_CORE_H
#define GNOMON_HW_GIC_CORE_H

#include "hw/device.h"
#include "hw/irq.h"

#define GIC_MAX_CPUS 8
#define GIC_IRQS 288                             /* as QEMU's virt: 256 SPIs */
#define GIC_SPIS (GIC_IRQS - 32)
#define GIC_WORDS (GIC_IRQS / 32)
#define GIC_SPURIOUS 1023u
#define GIC_IDLE 0x100u                          /* running priority when nothing is active */

/* 32 interrupts, a bit each. */
struct gic_word {
    uint32_t enabled;
    uint32_t latch;                              /* pending: edge seen, or set by software */
    uint32_t active;
    uint32_t line;                               /* input level */
    uint32_t edge;                               /* configured edge-triggered */
    uint32_t group1;
};

/* What the board connects: IRQ and FIQ of each CPU. */
struct gic_out {
    struct irq irq, fiq;
    bool irq_level, fiq_level;
};

struct gic_core {
    struct device dev;                           /* first */
    unsigned ncpu;
    struct gic_word priv[GIC_MAX_CPUS];          /* interrupts 0-31 of each CPU */
    struct gic_word spi[GIC_WORDS - 1];
    uint32_t route[GIC_MAX_CPUS][GIC_WORDS - 1]; /* SPIs that may go to this CPU */
    uint8_t prio_priv[GIC_MAX_CPUS][32];
    uint8_t prio_spi[GIC_SPIS];
    struct gic_out out[GIC_MAX_CPUS];
    void (*update)(struct gic_core *g, unsigned cpu);        /* the chip: recompute the CPU's lines */
};

/* The lines into the controller. */
struct irq gic_spi(struct gic_core *g, unsigned spi);                  /* SPI 0..255, as in a device tree */
struct irq gic_ppi(struct gic_core *g, unsigned cpu, unsigned id);     /* interrupt number 16..31 */
void gic_connect(struct gic_core *g, unsigned cpu, struct irq irq, struct irq fiq);

/* The word that holds interrupts 32*w .. 32*w+31 as CPU sees them; w < GIC_WORDS. */
static inline struct gic_word *gic_word(struct gic_core *g, unsigned cpu, unsigned w)
{
    return w ? &g->spi[w - 1] : &g->priv[cpu];
}
static inline uint8_t *gic_prio(struct gic_core *g, unsigned cpu, unsigned id)
{
    return id < 32 ? &g->prio_priv[cpu][id] : &g->prio_spi[id - 32];
}
static inline uint32_t gic_pending(const struct gic_word *w) { return w->latch | (w->line & ~w->edge); }

struct gic_best {
    unsigned id;                                 /* GIC_SPURIOUS: none */
    unsigned prio;
    bool group1;
};
/* The highest priority pending, enabled, inactive interrupt of CPU among the groups in GROUPS (bit 0, bit 1). */
struct gic_best gic_best(struct gic_core *g, unsigned cpu, unsigned groups);

/* Acknowledge: pending to active. KEEP: it stays pending (another SGI source). */
void gic_activate(struct gic_core *g, unsigned cpu, unsigned id, bool keep);

/* Bitmap registers of one word, common to GICD and the GICR's SGI frame. */
enum gic_bits {
    GIC_B_GROUP, GIC_B_ISENABLE, GIC_B_ICENABLE, GIC_B_ISPEND, GIC_B_ICPEND, GIC_B_ISACTIVE, GIC_B_ICACTIVE, GIC_B_COUNT
};
uint32_t gic_bits_read(struct gic_core *g, unsigned cpu, unsigned w, enum gic_bits which);
void gic_bits_write(struct gic_core *g, unsigned cpu, unsigned w, enum gic_bits which, uint32_t v);
/* ICFGR n (16 interrupts): two bits each, the high one says edge. SGIs are always edge. */
uint32_t gic_cfg_read(struct gic_core *g, unsigned cpu, unsigned n);
void gic_cfg_write(struct gic_core *g, unsigned cpu, unsigned n, uint32_t v);

void gic_set_out(struct gic_core *g, unsigned cpu, bool irq, bool fiq);
void gic_update_all(struct gic_core *g);
/* Interrupt state as after reset; input lines keep their level, outputs drop. */
void gic_core_reset(struct gic_core *g);

#endif
