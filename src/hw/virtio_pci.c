/*
 * virtio_pci.c - the virtio PCI transport, modern only (OASIS virtio 1.2, 4.1), with MSI-X.
 *
 * Owns the selector registers and the vectors. BAR 1 holds MSI-X, BAR 4 the virtio structures, a page each, as QEMU lays
 * them out.
 */
#include <string.h>

#include "base/log.h"
#include "hw/msix.h"
#include "hw/virtio.h"
#include "hw/virtio_pci.h"

#define MSIX_BAR 1u
#define BAR 4u
#define BAR_SIZE 0x4000u
enum { COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000, PAGE = 0x1000 };
#define NOTIFY_STEP 4u

enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4, CFG_PCI = 5 };

struct virtio_pci {
    struct pci_dev pci;                          /* first */
    struct virtio_dev *d;
    struct msix msix;
    uint32_t dev_sel, drv_sel;
    uint16_t queue_sel, config_vector, vector[VIRTIO_MAX_QUEUES];
    unsigned window;                             /* offset of the capability through which BARs can be reached */
};

/* ---- interrupts ---- */

static void set_irq(void *opaque, unsigned n, bool level)
{
    struct virtio_pci *p = opaque;
    pci_set_intx(&p->pci, level && !msix_enabled(&p->msix));
}

static void notify(struct virtio_dev *d, int queue)
{
    struct virtio_pci *p = d->notify_opaque;
    msix_notify(&p->msix, queue < 0 ? p->config_vector : p->vector[queue]);
}

static uint16_t accepted_vector(const struct virtio_pci *p, uint32_t v)
{
    return v < p->msix.n ? (uint16_t)v : MSIX_NONE;
}

/* ---- the common configuration ---- */

static struct virtqueue *selected(struct virtio_pci *p)
{
    return p->queue_sel < p->d->ops->n_queues ? &p->d->vq[p->queue_sel] : NULL;
}

static uint32_t common_read(struct virtio_pci *p, uint32_t off)
{
    const struct virtio_dev *d = p->d;
    const struct virtqueue *q = selected(p);
    switch (off) {
    case 0x00: return p->dev_sel;
    case 0x04: return p->dev_sel < 2 ? (uint32_t)(virtio_offered(d) >> 32 * p->dev_sel) : 0;
    case 0x08: return p->drv_sel;
    case 0x0c: return p->drv_sel < 2 ? (uint32_t)(d->driver_features >> 32 * p->drv_sel) : 0;
    case 0x10: return p->config_vector;
    case 0x12: return d->ops->n_queues;
    case 0x14: return d->status;
    case 0x15: return d->config_generation & 0xff;
    case 0x16: return p->queue_sel;
    case 0x18: return !q ? 0 : q->num ? q->num : q->max;
    case 0x1a: return q ? p->vector[p->queue_sel] : MSIX_NONE;
    case 0x1c: return q && q->ready;
    case 0x1e: return q ? p->queue_sel : 0;
    case 0x20: return q ? (uint32_t)q->desc : 0;
    case 0x24: return q ? (uint32_t)(q->desc >> 32) : 0;
    case 0x28: return q ? (uint32_t)q->avail : 0;
    case 0x2c: return q ? (uint32_t)(q->avail >> 32) : 0;
    case 0x30: return q ? (uint32_t)q->used : 0;
    case 0x34: return q ? (uint32_t)(q->used >> 32) : 0;
    }
    return 0;
}

static void forget_vectors(struct virtio_pci *p)
{
    p->config_vector = MSIX_NONE;
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++)
        p->vector[i] = MSIX_NONE;
}

static void set_half(struct virtqueue *q, uint64_t *addr, bool high, uint32_t v)
{
    if (!q->ready)
        *addr = high ? (*addr & 0xffffffff) | (uint64_t)v << 32 : (*addr & ~0xffffffffull) | v;
}

static void queue_write(struct virtio_pci *p, struct virtqueue *q, uint32_t off, uint32_t v)
{
    switch (off) {
    case 0x18:
        if (!q->ready)
            q->num = v & 0xffff;                 /* checked when the queue is enabled */
        break;
    case 0x1a: p->vector[p->queue_sel] = accepted_vector(p, v & 0xffff); break;
    case 0x1c:
        if (!(v & 1) || q->ready)
            break;
        q->num = q->num ? q->num : q->max;
        virtio_queue_enable(p->d, p->queue_sel);
        break;
    case 0x20: case 0x24: set_half(q, &q->desc, off & 4, v); break;
    case 0x28: case 0x2c: set_half(q, &q->avail, off & 4, v); break;
    case 0x30: case 0x34: set_half(q, &q->used, off & 4, v); break;
    default: log_to(guest_errors, "virtio-pci: write of 0x%x\n", off);
    }
}

static void common_write(struct virtio_pci *p, uint32_t off, uint32_t v)
{
    struct virtio_dev *d = p->d;
    struct virtqueue *q = selected(p);
    switch (off) {
    case 0x00: p->dev_sel = v; break;
    case 0x08: p->drv_sel = v; break;
    case 0x0c:
        if (p->drv_sel < 2 && !(d->status & VIRTIO_S_FEATURES_OK)) {
            unsigned shift = 32 * p->drv_sel;
            d->driver_features = (d->driver_features & ~(0xffffffffull << shift)) | (uint64_t)v << shift;
        }
        break;
    case 0x10: p->config_vector = accepted_vector(p, v & 0xffff); break;
    case 0x14:
        virtio_set_status(d, (uint8_t)v);
        if (!(v & 0xff))
            forget_vectors(p);
        break;
    case 0x16: p->queue_sel = (uint16_t)v; break;
    default:
        if (q)
            queue_write(p, q, off, v);
    }
}

/* ---- the BARs ---- */

static uint32_t bar_read(struct pci_dev *pci, unsigned bar, uint32_t off, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)pci;
    if (bar == MSIX_BAR)
        return msix_read(&p->msix, off, size);
    switch (off & ~(PAGE - 1u)) {
    case COMMON: return common_read(p, off);
    case DEVICE: return (uint32_t)virtio_config_read(p->d, off - DEVICE, size);
    case ISR: {
        uint32_t v = off == ISR ? p->d->isr : 0;
        if (v)
            virtio_ack(p->d, v);                 /* reading clears */
        return v;
    }
    }
    return 0;
}

static void bar_write(struct pci_dev *pci, unsigned bar, uint32_t off, uint32_t v, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)pci;
    if (bar == MSIX_BAR) {
        msix_write(&p->msix, off, v, size);
        return;
    }
    switch (off & ~(PAGE - 1u)) {
    case COMMON: common_write(p, off, v); break;
    case DEVICE: virtio_config_write(p->d, off - DEVICE, v, size); break;
    case NOTIFY: virtio_kick(p->d, (off - NOTIFY) / NOTIFY_STEP); break;
    }
}

/* ---- configuration space: the window to the BARs (4.1.4.9) ---- */

static bool window_at(const struct virtio_pci *p, unsigned off, unsigned *bar, uint32_t *at, unsigned *size)
{
    const uint8_t *c = p->pci.config + p->window;
    *bar = c[4];
    *at = pci_get32(c + 8);
    *size = pci_get32(c + 12);
    if (off != p->window + 16 || (*size != 1 && *size != 2 && *size != 4) || *at & (*size - 1))
        return false;
    return *bar < PCI_BARS && p->pci.bar_size[*bar] && *at < p->pci.bar_size[*bar];
}

static void config_read(struct pci_dev *pci, unsigned off, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)pci;
    unsigned bar, len;
    uint32_t at;
    if (window_at(p, off, &bar, &at, &len))
        pci_put32(pci->config + p->window + 16, bar_read(pci, bar, at, len));
}

static void config_written(struct pci_dev *pci, unsigned off, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)pci;
    unsigned bar, len;
    uint32_t at;
    if (window_at(p, off, &bar, &at, &len))
        bar_write(pci, bar, at, pci_get32(pci->config + p->window + 16), len);
    if (off < p->msix.cap + 4 && off + size > p->msix.cap) {
        msix_config_written(&p->msix);
        irq_set(&p->d->irq, p->d->isr != 0);     /* INTx goes or comes back */
    }
}

static void reset(struct pci_dev *pci)
{
    struct virtio_pci *p = (struct virtio_pci *)pci;
    p->dev_sel = p->drv_sel = 0;
    p->queue_sel = 0;
    forget_vectors(p);
    msix_reset(&p->msix);
    virtio_reset(p->d);
}

static const struct pci_ops ops = {
    .name = "virtio-pci", .bar_read = bar_read, .bar_write = bar_write, .config_read = config_read,
    .config_written = config_written, .reset = reset,
};

/* ---- set-up ---- */

static unsigned add_structure(struct virtio_pci *p, unsigned type, uint32_t off, uint32_t len, unsigned cap_len)
{
    unsigned at = pci_add_cap(&p->pci, PCI_CAP_VENDOR, cap_len);
    uint8_t *c = p->pci.config + at;
    c[2] = (uint8_t)cap_len;
    c[3] = (uint8_t)type;
    c[4] = type == CFG_PCI ? 0 : BAR;
    pci_put32(c + 8, off);
    pci_put32(c + 12, len);
    return at;
}

struct pci_dev *virtio_pci_new(struct virtio_dev *d)
{
    struct virtio_pci *p = xcalloc(1, sizeof *p);
    uint32_t class = 0x00ff0000;
    switch (d->ops->id) {
    case VIRTIO_ID_NET: class = 0x02000000; break;
    case VIRTIO_ID_BLOCK: class = 0x01000000; break;
    case VIRTIO_ID_CONSOLE: class = 0x07800000; break;
    case VIRTIO_ID_BALLOON: class = 0x00ff0000; break;
    case VIRTIO_ID_9P: class = 0x00020000; break;
    }
    pci_init(&p->pci, &ops, 0x1af4, (uint16_t)(0x1040 + d->ops->id), class | 1, 0x1100);
    p->pci.config[0x3d] = 1;                     /* INTA# */
    pci_set_bar(&p->pci, BAR, BAR_SIZE, true);
    msix_init(&p->msix, &p->pci, MIN(d->ops->n_queues + 1, MSIX_MAX), MSIX_BAR);
    add_structure(p, CFG_COMMON, COMMON, 0x38, 16);
    add_structure(p, CFG_ISR, ISR, PAGE, 16);
    add_structure(p, CFG_DEVICE, DEVICE, PAGE, 16);
    unsigned n = add_structure(p, CFG_NOTIFY, NOTIFY, PAGE, 20);
    pci_put32(p->pci.config + n + 16, NOTIFY_STEP);
    p->window = add_structure(p, CFG_PCI, 0, 0, 20);
    p->pci.writable[p->window + 4] = 0xff;
    memset(p->pci.writable + p->window + 8, 0xff, 12);
    forget_vectors(p);
    p->d = d;
    d->irq = (struct irq){ set_irq, p, 0 };
    d->notify = notify;
    d->notify_opaque = p;
    return &p->pci;
}
