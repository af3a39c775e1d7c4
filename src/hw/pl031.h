/*
 * pl031.h - Arm PrimeCell real time clock (PL031).
 */
#ifndef GNOMON_HW_PL031_H
#define GNOMON_HW_PL031_H

#include "hw/device.h"
#include "hw/irq.h"

/* Makes the chip and maps 4 KiB at BASE. The time is the host's UTC and OFFSET seconds. */
struct device *pl031_new(uint64_t base, struct irq irq, int64_t offset);

#endif
