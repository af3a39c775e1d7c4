/*
 * irq.h - one interrupt line from a device to its controller.
 */
#ifndef GNOMON_HW_IRQ_H
#define GNOMON_HW_IRQ_H

#include "base/base.h"

struct irq {
    void (*set)(void *opaque, unsigned n, bool level);
    void *opaque;
    unsigned n;
};
/* Machine lock held. A line with no receiver is ignored. */
static inline void irq_set(const struct irq *q, bool level) { if (q->set) q->set(q->opaque, q->n, level); }

#endif
