/*
 * virtio_mmio.c - the virtio MMIO transport, version 2 (OASIS virtio 1.2, 4.2).
 *
 * Owns the selector registers. An empty slot answers with device ID 0.
 */
#include "base/log.h"
#include "hw/virtio.h"
#include "mem/mem.h"

#define MAGIC 0x74726976u                        /* "virt" */
#define VENDOR 0x554d4551u                       /* what QEMU's devices say */
#define CONFIG 0x100u

struct virtio_mmio {
    struct device dev;                           /* first */
    struct virtio_dev *d;
    uint32_t dev_sel, drv_sel, queue_sel;
};

static struct virtqueue *selected(struct virtio_mmio *m)
{
    return m->queue_sel < m->d->ops->n_queues ? &m->d->vq[m->queue_sel] : NULL;
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_mmio *m = opaque;
    struct virtio_dev *d = m->d;
    if (off < 0x10) {
        switch (off) {
        case 0x00: return MAGIC;
        case 0x04: return 2;
        case 0x08: return d ? d->ops->id : 0;
        case 0x0c: return VENDOR;
        }
        return 0;
    }
    if (!d)
        return 0;
    if (off >= CONFIG)
        return virtio_config_read(d, off - CONFIG, size);
    if (size != 4) {
        log_to(guest_errors, "virtio-mmio: %u-byte read of 0x%llx\n", size, (unsigned long long)off);
        return 0;
    }
    const struct virtqueue *q = selected(m);
    switch (off) {
    case 0x10: return m->dev_sel < 2 ? virtio_offered(d) >> 32 * m->dev_sel & 0xffffffff : 0;
    case 0x34: return q ? q->max : 0;
    case 0x44: return q && q->ready;
    case 0x60: return d->isr;
    case 0x70: return d->status;
    case 0xb0: case 0xb4: case 0xb8: case 0xbc: return 0xffffffff;     /* no shared memory region */
    case 0xfc: return d->config_generation;
    default:
        log_to(guest_errors, "virtio-mmio: read of 0x%llx\n", (unsigned long long)off);
        return 0;
    }
}

/* Half of a 64-bit queue address. */
static void set_half(struct virtqueue *q, uint64_t *addr, bool high, uint32_t v)
{
    if (q && !q->ready)
        *addr = high ? (*addr & 0xffffffff) | (uint64_t)v << 32 : (*addr & ~0xffffffffull) | v;
}

static void reg_write(void *opaque, uint64_t off, uint64_t v64, unsigned size)
{
    struct virtio_mmio *m = opaque;
    struct virtio_dev *d = m->d;
    uint32_t v = (uint32_t)v64;
    if (!d)
        return;
    if (off >= CONFIG) {
        virtio_config_write(d, off - CONFIG, v64, size);
        return;
    }
    if (size != 4) {
        log_to(guest_errors, "virtio-mmio: %u-byte write of 0x%llx\n", size, (unsigned long long)off);
        return;
    }
    struct virtqueue *q = selected(m);
    switch (off) {
    case 0x14: m->dev_sel = v; break;
    case 0x20:
        if (m->drv_sel < 2 && !(d->status & VIRTIO_S_FEATURES_OK)) {
            unsigned shift = 32 * m->drv_sel;
            d->driver_features = (d->driver_features & ~(0xffffffffull << shift)) | (uint64_t)v << shift;
        }
        break;
    case 0x24: m->drv_sel = v; break;
    case 0x30: m->queue_sel = v; break;
    case 0x38:
        if (q && !q->ready)
            q->num = v;                          /* checked when the queue is made ready */
        break;
    case 0x44:
        if (q && (v & 1))
            virtio_queue_enable(d, m->queue_sel);
        else if (q)
            q->ready = false;
        break;
    case 0x50: virtio_kick(d, v); break;
    case 0x64: virtio_ack(d, v); break;
    case 0x70: virtio_set_status(d, (uint8_t)v); break;
    case 0x80: case 0x84: if (q) set_half(q, &q->desc, off & 4, v); break;
    case 0x90: case 0x94: if (q) set_half(q, &q->avail, off & 4, v); break;
    case 0xa0: case 0xa4: if (q) set_half(q, &q->used, off & 4, v); break;
    case 0xac: break;                            /* shared memory selector: there is none */
    default: log_to(guest_errors, "virtio-mmio: write of 0x%llx\n", (unsigned long long)off);
    }
}

static const struct mmio_ops ops = { .name = "virtio-mmio", .read = reg_read, .write = reg_write, .max_size = 4 };

static void reset(struct device *dev)
{
    struct virtio_mmio *m = (struct virtio_mmio *)dev;
    m->dev_sel = m->drv_sel = m->queue_sel = 0;
    if (m->d)
        virtio_reset(m->d);
}

struct device *virtio_mmio_new(uint64_t base, struct irq irq, struct virtio_dev *d)
{
    struct virtio_mmio *m = xcalloc(1, sizeof *m);
    m->dev = (struct device){ .name = "virtio-mmio", .reset = reset };
    m->d = d;
    if (d)
        d->irq = irq;
    mem_add_mmio(base, VIRTIO_MMIO_SIZE, &ops, m);
    return &m->dev;
}
