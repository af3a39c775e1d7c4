/*
 * pl061.h - Arm PrimeCell general purpose input/output (PL061): eight lines, and a key on one of them.
 */
#ifndef GNOMON_HW_PL061_H
#define GNOMON_HW_PL061_H

#include "hw/device.h"
#include "hw/irq.h"

struct device *pl061_new(uint64_t base, struct irq irq);
/* The level that the world puts on LINE (0..7). Machine lock held. */
void pl061_set_input(struct device *d, unsigned line, bool level);
/* A key between LINE and the supply is pressed, and let go a tenth of a second after the guest has read it. Machine lock held. */
void pl061_press(struct device *d, unsigned line);

#endif
