/*
 * gicv2.h - GICv2 distributor and CPU interfaces, as GIC-400 without the Security Extensions.
 */
#ifndef GNOMON_HW_GICV2_H
#define GNOMON_HW_GICV2_H

#include "hw/gic_core.h"

/*
 * Makes the chip and maps its two frames (64 KiB each). CPU interfaces are banked by mem_master. Reset it before use.
 */
struct gic_core *gicv2_new(unsigned ncpu, uint64_t dist_base, uint64_t cpu_base);

#endif
