/*
 * irq.h - the interrupt controller for the suite's tests (gic.c), GICv2 or GICv3 by ID_AA64PFR0_EL1.GIC.
 */
#ifndef SUITE_IRQ_H
#define SUITE_IRQ_H

#include "suite.h"

#define GICD (KBASE + 0x08000000ull)
#define GICC (KBASE + 0x08010000ull)
#define GICR (KBASE + 0x080a0000ull)
static inline u32 mmio_r(u64 va) { u32 v; __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(va) : "memory"); return v; }
static inline void mmio_w(u64 va, u32 v) { __asm__ volatile("str %w0, [%1]" : : "r"(v), "r"(va) : "memory"); }

unsigned gic_version(void);
void gic_init(void);
void gic_enable(unsigned id, bool on);
void gic_pend(unsigned id, bool on);
bool gic_pending(unsigned id);
bool gic_active(unsigned id);
void gic_prio(unsigned id, u8 p);
void gic_pmr(u8 p);
u32 gic_ack(void);
void gic_eoi(u32 id);
u32 gic_rpr(void);
void gic_sgi(unsigned id);

/* What irq_simple() acknowledged. */
extern volatile u32 irq_log[64];
extern volatile unsigned irq_n;
void irq_simple(struct frame *f);
void irq_begin(void);
void irq_unmask(void);
void irq_mask(void);
bool irq_wait(unsigned n);

#endif
