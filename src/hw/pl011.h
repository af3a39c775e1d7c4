/*
 * pl011.h - Arm PrimeCell UART (PL011).
 */
#ifndef GNOMON_HW_PL011_H
#define GNOMON_HW_PL011_H

#include "hw/chardev.h"
#include "hw/device.h"
#include "hw/irq.h"

/* Makes the chip, maps 4 KiB at BASE and attaches it to CHR. */
struct device *pl011_new(uint64_t base, struct irq irq, struct chardev *chr);

#endif
