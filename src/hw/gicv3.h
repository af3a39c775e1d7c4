/*
 * gicv3.h - GICv3 distributor, redistributors and system register CPU interfaces; no ITS, no LPIs.
 */
#ifndef GNOMON_HW_GICV3_H
#define GNOMON_HW_GICV3_H

#include "guest/a64/state.h"
#include "hw/gic_core.h"

/* Makes the chip; maps GICD (64 KiB) and one redistributor (128 KiB) a CPU. CPU i has affinity 0.0.0.i. */
struct gic_core *gicv3_new(unsigned ncpu, uint64_t dist_base, uint64_t redist_base);

/* ICC_* for the vCPUs; opaque is the struct gic_core. Takes the machine lock. */
extern const struct a64_gic_ops gicv3_sysregs;

#endif
