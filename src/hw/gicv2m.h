/*
 * gicv2m.h - the GICv2m frame: message-signalled interrupts become edges on SPIs.
 */
#ifndef GNOMON_HW_GICV2M_H
#define GNOMON_HW_GICV2M_H

#include "hw/gic_core.h"

#define GICV2M_SIZE 0x1000u

struct gicv2m;
/* SPIs FIRST .. FIRST + N - 1 (numbers as in a device tree) of G are its; N at most 64. */
struct gicv2m *gicv2m_new(struct gic_core *g, uint64_t base, unsigned first, unsigned n);
/* A device's message; OPAQUE is the struct gicv2m. One that is not for the frame is logged and dropped. */
void gicv2m_message(void *opaque, uint64_t addr, uint32_t data);

#endif
