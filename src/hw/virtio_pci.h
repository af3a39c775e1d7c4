/*
 * virtio_pci.h - a virtio device as a PCI function.
 */
#ifndef GNOMON_HW_VIRTIO_PCI_H
#define GNOMON_HW_VIRTIO_PCI_H

#include "hw/pci.h"
#include "hw/virtio.h"

/* For pci_add(); the bus resets it. */
struct pci_dev *virtio_pci_new(struct virtio_dev *d);

#endif
