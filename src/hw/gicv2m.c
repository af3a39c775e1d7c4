/*
 * gicv2m.c - the GICv2m frame (Arm Server Base System Architecture, appendix on GICv2m).
 *
 * Owns nothing but which SPIs are its. Has no state to reset.
 */
#include "hw/gicv2m.h"

#include "base/log.h"
#include "mem/mem.h"

#define MAX_SPIS 64u
#define TYPER 0x008u
#define SETSPI 0x040u
#define IIDR 0xfccu

struct gicv2m {
    uint64_t base;
    unsigned first, n;
    struct irq line[MAX_SPIS];
};

static void set_spi(struct gicv2m *m, uint32_t id)
{
    uint32_t i = id - (m->first + 32);
    if (i >= m->n) {
        log_to(guest_errors, "gicv2m: message for interrupt %u, which is not the frame's\n", id);
        return;
    }
    irq_set(&m->line[i], true);
    irq_set(&m->line[i], false);
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    const struct gicv2m *m = opaque;
    switch (off) {
    case TYPER: return (m->first + 32) << 16 | m->n;
    case IIDR: return 0x53u << 20;
    }
    return 0;
}

static void reg_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    if (off == SETSPI)
        set_spi(opaque, size == 2 ? v & 0xffff : (uint32_t)v & 0x3ff);
}

static const struct mmio_ops ops = { .name = "gicv2m", .read = reg_read, .write = reg_write, .max_size = 4 };

void gicv2m_message(void *opaque, uint64_t addr, uint32_t data)
{
    struct gicv2m *m = opaque;
    if (addr == m->base + SETSPI)
        set_spi(m, data & 0x3ff);
    else
        log_to(guest_errors, "gicv2m: message to 0x%llx, which is not its register\n", (unsigned long long)addr);
}

struct gicv2m *gicv2m_new(struct gic_core *g, uint64_t base, unsigned first, unsigned n)
{
    struct gicv2m *m = xcalloc(1, sizeof *m);
    if (n > MAX_SPIS)
        bug("gicv2m with %u interrupts", n);
    *m = (struct gicv2m){ .base = base, .first = first, .n = n };
    for (unsigned i = 0; i < n; i++)
        m->line[i] = gic_spi(g, first + i);
    mem_add_mmio(base, GICV2M_SIZE, &ops, m);
    return m;
}
