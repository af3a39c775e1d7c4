/*
 * pci.h - one PCI Express root bus behind a generic ECAM host bridge: configuration space, BARs, INTx, messages.
 *
 * Owns the bus and its windows in guest physical memory. Must not know the devices on it. Machine lock held throughout.
 * Sources: PCI Local Bus 3.0; PCI Express 3.0, 7.2.2 (ECAM).
 */
#ifndef GNOMON_HW_PCI_H
#define GNOMON_HW_PCI_H

#include "hw/device.h"
#include "hw/irq.h"

#define PCI_SLOTS 32u                            /* slot 0 is the host bridge */
#define PCI_BARS 6u
#define PCI_CONFIG 256u                          /* no extended capabilities: what lies behind reads as 0 */

/* Offsets and bits of configuration space that devices need. */
#define PCI_COMMAND 0x04u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_NO_INTX 0x0400u
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX 0x11u

struct pci_bus;
struct pci_dev;

struct pci_ops {
    const char *name;
    /* An access inside BAR (SIZE is 1, 2 or 4; it does not cross the BAR's end). */
    uint32_t (*bar_read)(struct pci_dev *d, unsigned bar, uint32_t off, unsigned size);
    void (*bar_write)(struct pci_dev *d, unsigned bar, uint32_t off, uint32_t v, unsigned size);
    /* Before configuration bytes are read, and after they were written (masked); may be NULL. */
    void (*config_read)(struct pci_dev *d, unsigned off, unsigned size);
    void (*config_written)(struct pci_dev *d, unsigned off, unsigned size);
    void (*reset)(struct pci_dev *d);            /* after configuration space was; may be NULL */
};

struct pci_dev {
    const struct pci_ops *ops;
    struct pci_bus *bus;
    unsigned slot;
    uint8_t config[PCI_CONFIG];
    uint8_t writable[PCI_CONFIG];                /* bits that software may change */
    uint8_t initial[PCI_CONFIG];                 /* what a reset restores */
    uint32_t bar_size[PCI_BARS];                 /* a power of 2; 0: no BAR */
    bool bar_64[PCI_BARS];                       /* takes the next one too */
    bool intx;                                   /* what the device wants of its line */
    unsigned next_cap, last_cap;                 /* where capabilities end */
};

/* Where the bus lies in guest physical memory; each window is seen by devices at the same address. */
struct pci_map {
    uint64_t ecam, ecam_size;                    /* 1 MiB a bus */
    uint64_t pio, pio_size;                      /* I/O ports: nobody answers */
    uint64_t mem32, mem32_size, mem64, mem64_size;       /* mem64_size 0: there is none */
    struct irq intx[4];
    /* A message-signalled interrupt written to ADDR. */
    void (*message)(void *opaque, uint64_t addr, uint32_t data);
    void *message_opaque;
};

struct pci_bus *pci_bus_new(const struct pci_map *map);
struct device *pci_bus_device(struct pci_bus *b);
/* Put D on the bus; SLOT -1: the first free one from 1 on. Ends the set-up of D. Returns its slot; die()s when there is no place. */
unsigned pci_add(struct pci_bus *b, struct pci_dev *d, int slot);

/* ---- set-up of a device, before pci_add() ---- */
void pci_init(struct pci_dev *d, const struct pci_ops *ops, uint16_t vendor, uint16_t device, uint32_t class_rev,
              uint16_t subsystem);
void pci_set_bar(struct pci_dev *d, unsigned bar, uint32_t size, bool is64);   /* memory; 64-bit ones prefetchable */
/* Append a capability of LEN bytes (header included); returns its offset. */
unsigned pci_add_cap(struct pci_dev *d, uint8_t id, unsigned len);

/* ---- for devices ---- */
static inline uint16_t pci_get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t pci_get32(const uint8_t *p) { return pci_get16(p) | (uint32_t)pci_get16(p + 2) << 16; }
static inline void pci_put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void pci_put32(uint8_t *p, uint32_t v) { pci_put16(p, (uint16_t)v); pci_put16(p + 2, (uint16_t)(v >> 16)); }
void pci_set_intx(struct pci_dev *d, bool level);
void pci_message(struct pci_dev *d, uint64_t addr, uint32_t data);     /* dropped unless bus mastering is on */

#endif
