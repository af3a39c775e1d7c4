/*
 * msix.h - MSI-X of one PCI function: the capability, table and pending bits in a BAR of their own.
 *
 * Owns the table. Source: PCI Local Bus 3.0, 6.8.2.
 */
#ifndef GNOMON_HW_MSIX_H
#define GNOMON_HW_MSIX_H

#include "hw/pci.h"

#define MSIX_MAX 32u
#define MSIX_NONE 0xffffu
#define MSIX_BAR_SIZE 0x1000u

struct msix {
    struct pci_dev *d;
    unsigned n, cap;
    uint32_t table[MSIX_MAX][4];                 /* address low and high, data, control (bit 0: masked) */
    uint32_t pending;                            /* a bit each */
};

void msix_init(struct msix *m, struct pci_dev *d, unsigned n, unsigned bar);
bool msix_enabled(const struct msix *m);
void msix_notify(struct msix *m, unsigned vector);       /* vectors that do not exist are ignored */
void msix_reset(struct msix *m);
uint32_t msix_read(struct msix *m, uint32_t off, unsigned size);
void msix_write(struct msix *m, uint32_t off, uint32_t v, unsigned size);
void msix_config_written(struct msix *m);                /* after the capability may have changed */

#endif
