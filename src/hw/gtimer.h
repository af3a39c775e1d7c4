/*
 * gtimer.h - the Arm generic timer: one count at 62.5 MHz, a physical and a virtual timer a CPU.
 */
#ifndef GNOMON_HW_GTIMER_H
#define GNOMON_HW_GTIMER_H

#include "guest/a64/state.h"
#include "hw/device.h"
#include "hw/irq.h"

#define GTIMER_HZ 62500000u                      /* what CNTFRQ_EL0 says: QEMU's default */
#define GTIMER_NS 16u                            /* nanoseconds a tick, exactly */

enum gtimer_which { GTIMER_PHYS, GTIMER_VIRT, GTIMER_KINDS };

struct gtimer *gtimer_new(unsigned ncpu);
struct device *gtimer_device(struct gtimer *t);
/* The count itself, for translated code. */
const struct counter *gtimer_counter(const struct gtimer *t);
/* Let the count go on, or stand still: a machine that is paused does not age. Machine lock held, no vCPU runs. */
void gtimer_run(struct gtimer *t, bool on);
void gtimer_connect(struct gtimer *t, unsigned cpu, enum gtimer_which which, struct irq irq);
/* For the vCPUs; opaque is the struct gtimer. changed() takes the machine lock, count() none. */
extern const struct a64_timer_ops gtimer_sysregs;

#endif
