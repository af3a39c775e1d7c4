/*
 * pci.c - the root bus: ECAM, decoding of BARs in the bus's windows, INTx, messages.
 *
 * Owns struct pci_bus. Must not know what devices do. An access that nobody answers reads as all ones.
 */
#include "hw/pci.h"

#include <string.h>

#include "base/log.h"
#include "mem/mem.h"

#define STATUS 0x06u
#define STATUS_INTX 0x08u                        /* of the low byte */
#define STATUS_CAPS 0x10u
#define BAR0 0x10u
#define CAP_POINTER 0x34u
#define INTERRUPT_LINE 0x3cu
#define INTERRUPT_PIN 0x3du
#define FIRST_CAP 0x40u
#define BAR_64 0x4u
#define BAR_PREFETCH 0x8u

struct window { struct pci_bus *bus; uint64_t base; };

struct pci_bus {
    struct device dev;                           /* first */
    struct pci_map map;
    struct pci_dev *slot[PCI_SLOTS];
    struct pci_dev bridge;
    struct window mem32, mem64;
    uint32_t line[4];                            /* slots that pull each INTx */
};

/* ---- INTx ---- */

static void update_intx(struct pci_dev *d)
{
    struct pci_bus *b = d->bus;
    if (!b || !d->config[INTERRUPT_PIN])
        return;
    unsigned pin = (d->slot + d->config[INTERRUPT_PIN] - 1) & 3;       /* the usual swizzle */
    bool off = pci_get16(d->config + PCI_COMMAND) & PCI_COMMAND_NO_INTX;
    if (d->intx && !off)
        b->line[pin] |= 1u << d->slot;
    else
        b->line[pin] &= ~(1u << d->slot);
    irq_set(&b->map.intx[pin], b->line[pin] != 0);
}

void pci_set_intx(struct pci_dev *d, bool level)
{
    d->intx = level;
    d->config[STATUS] = (uint8_t)((d->config[STATUS] & ~STATUS_INTX) | (level ? STATUS_INTX : 0));
    update_intx(d);
}

void pci_message(struct pci_dev *d, uint64_t addr, uint32_t data)
{
    if (d->bus && d->bus->map.message && pci_get16(d->config + PCI_COMMAND) & PCI_COMMAND_MASTER)
        d->bus->map.message(d->bus->map.message_opaque, addr, data);
}

/* ---- configuration space ---- */

static struct pci_dev *addressed(struct pci_bus *b, uint64_t off)
{
    unsigned bus = (unsigned)(off >> 20), slot = off >> 15 & 31, function = off >> 12 & 7;
    return bus || function ? NULL : b->slot[slot];
}

static uint64_t ecam_read(void *opaque, uint64_t off, unsigned size)
{
    struct pci_dev *d = addressed(opaque, off);
    unsigned reg = off & 0xfff;
    if (!d)
        return UINT64_MAX;
    if (reg >= PCI_CONFIG || size > PCI_CONFIG - reg)
        return 0;
    if (d->ops->config_read)
        d->ops->config_read(d, reg, size);
    uint64_t v = 0;
    memcpy(&v, d->config + reg, size);
    return v;
}

static void ecam_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct pci_dev *d = addressed(opaque, off);
    unsigned reg = off & 0xfff;
    if (!d || reg >= PCI_CONFIG || size > PCI_CONFIG - reg)
        return;
    for (unsigned i = 0; i < size; i++) {
        uint8_t w = d->writable[reg + i];
        d->config[reg + i] = (uint8_t)((d->config[reg + i] & ~w) | (v >> 8 * i & w));
    }
    if (reg <= PCI_COMMAND + 1 && reg + size > PCI_COMMAND)
        update_intx(d);
    if (d->ops->config_written)
        d->ops->config_written(d, reg, size);
}

static const struct mmio_ops ecam_ops = { .name = "pci-ecam", .read = ecam_read, .write = ecam_write, .max_size = 4 };

/* ---- the windows ---- */

static uint64_t bar_address(const struct pci_dev *d, unsigned bar)
{
    const uint8_t *p = d->config + BAR0 + 4 * bar;
    uint64_t a = pci_get32(p) & ~15u;
    return d->bar_64[bar] ? a | (uint64_t)pci_get32(p + 4) << 32 : a;
}

/* Who answers at ADDR, all SIZE bytes of it? */
static struct pci_dev *decode(struct pci_bus *b, uint64_t addr, unsigned size, unsigned *bar, uint32_t *off)
{
    for (unsigned s = 0; s < PCI_SLOTS; s++) {
        struct pci_dev *d = b->slot[s];
        if (!d || !(d->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
            continue;
        for (unsigned i = 0; i < PCI_BARS; i++) {
            if (!d->bar_size[i])
                continue;
            uint64_t o = addr - bar_address(d, i);
            if (o < d->bar_size[i] && size <= d->bar_size[i] - o) {
                *bar = i;
                *off = (uint32_t)o;
                return d;
            }
        }
    }
    return NULL;
}

static uint64_t mem_read(void *opaque, uint64_t off, unsigned size)
{
    const struct window *w = opaque;
    unsigned bar;
    uint32_t o;
    struct pci_dev *d = decode(w->bus, w->base + off, size, &bar, &o);
    return d ? d->ops->bar_read(d, bar, o, size) : UINT64_MAX;
}

static void mem_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    const struct window *w = opaque;
    unsigned bar;
    uint32_t o;
    struct pci_dev *d = decode(w->bus, w->base + off, size, &bar, &o);
    if (d)
        d->ops->bar_write(d, bar, o, (uint32_t)v, size);
    else
        log_to(guest_errors, "pci: write to 0x%llx, where no BAR is\n", (unsigned long long)(w->base + off));
}

static const struct mmio_ops mem_ops = { .name = "pci-memory", .read = mem_read, .write = mem_write, .max_size = 4 };

static uint64_t pio_read(void *opaque, uint64_t off, unsigned size) { return UINT64_MAX; }
static void pio_write(void *opaque, uint64_t off, uint64_t v, unsigned size) { }
static const struct mmio_ops pio_ops = { .name = "pci-io", .read = pio_read, .write = pio_write };

/* ---- set-up ---- */

void pci_init(struct pci_dev *d, const struct pci_ops *ops, uint16_t vendor, uint16_t device, uint32_t class_rev,
              uint16_t subsystem)
{
    d->ops = ops;
    pci_put16(d->config + 0x00, vendor);
    pci_put16(d->config + 0x02, device);
    pci_put32(d->config + 0x08, class_rev);
    pci_put16(d->config + 0x2c, vendor);
    pci_put16(d->config + 0x2e, subsystem);
    pci_put16(d->writable + PCI_COMMAND, 0x0546);        /* memory, master, parity, SERR#, INTx disable */
    d->writable[0x0c] = 0xff;                            /* cache line size */
    d->writable[INTERRUPT_LINE] = 0xff;
    d->next_cap = FIRST_CAP;
}

void pci_set_bar(struct pci_dev *d, unsigned bar, uint32_t size, bool is64)
{
    if (bar + is64 >= PCI_BARS || size < 16 || size & (size - 1))
        bug("%s: bad BAR %u", d->ops->name, bar);
    uint8_t *reg = d->config + BAR0 + 4 * bar, *mask = d->writable + BAR0 + 4 * bar;
    d->bar_size[bar] = size;
    d->bar_64[bar] = is64;
    pci_put32(reg, is64 ? BAR_64 | BAR_PREFETCH : 0);
    pci_put32(mask, ~(size - 1));
    if (is64)
        pci_put32(mask + 4, UINT32_MAX);
}

unsigned pci_add_cap(struct pci_dev *d, uint8_t id, unsigned len)
{
    unsigned at = d->next_cap;
    if (at + len > PCI_CONFIG)
        bug("%s: no room for capabilities", d->ops->name);
    d->config[d->last_cap ? d->last_cap + 1 : CAP_POINTER] = (uint8_t)at;
    d->config[STATUS] |= STATUS_CAPS;
    d->config[at] = id;
    d->last_cap = at;
    d->next_cap = ALIGN_UP(at + len, 4u);
    return at;
}

unsigned pci_add(struct pci_bus *b, struct pci_dev *d, int slot)
{
    if (slot >= (int)PCI_SLOTS)
        die("%s: there is no PCI device number %d", d->ops->name, slot);
    for (unsigned i = 1; slot < 0 && i < PCI_SLOTS; i++)
        if (!b->slot[i])
            slot = (int)i;
    if (slot < 0)
        die("%s: no place left on the PCI bus", d->ops->name);
    if (b->slot[slot])
        die("%s: PCI device number %d is taken", d->ops->name, slot);
    d->bus = b;
    d->slot = (unsigned)slot;
    b->slot[slot] = d;
    memcpy(d->initial, d->config, sizeof d->initial);
    return d->slot;
}

static void reset(struct device *dev)
{
    struct pci_bus *b = (struct pci_bus *)dev;
    for (unsigned i = 0; i < PCI_SLOTS; i++) {
        struct pci_dev *d = b->slot[i];
        if (!d)
            continue;
        pci_set_intx(d, false);
        memcpy(d->config, d->initial, sizeof d->config);
        if (d->ops->reset)
            d->ops->reset(d);
    }
}

static uint32_t no_bar_read(struct pci_dev *d, unsigned bar, uint32_t off, unsigned size) { return UINT32_MAX; }
static void no_bar_write(struct pci_dev *d, unsigned bar, uint32_t off, uint32_t v, unsigned size) { }
static const struct pci_ops bridge_ops = { .name = "pci-host", .bar_read = no_bar_read, .bar_write = no_bar_write };

struct pci_bus *pci_bus_new(const struct pci_map *map)
{
    struct pci_bus *b = xcalloc(1, sizeof *b);
    b->dev = (struct device){ .name = "pci", .reset = reset };
    b->map = *map;
    b->mem32 = (struct window){ b, map->mem32 };
    b->mem64 = (struct window){ b, map->mem64 };
    /* The identity of QEMU's generic host bridge. */
    pci_init(&b->bridge, &bridge_ops, 0x1b36, 0x0008, 0x06000000, 0x1100);
    pci_put16(b->bridge.config + 0x2c, 0x1af4);
    pci_add(b, &b->bridge, 0);
    mem_add_mmio(map->ecam, map->ecam_size, &ecam_ops, b);
    mem_add_mmio(map->pio, map->pio_size, &pio_ops, b);
    mem_add_mmio(map->mem32, map->mem32_size, &mem_ops, &b->mem32);
    if (map->mem64_size)
        mem_add_mmio(map->mem64, map->mem64_size, &mem_ops, &b->mem64);
    return b;
}

struct device *pci_bus_device(struct pci_bus *b)
{
    return &b->dev;
}
