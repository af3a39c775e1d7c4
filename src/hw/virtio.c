/*
 * virtio.c - what all virtio devices share: feature negotiation, status, interrupts, broken drivers.
 *
 * Owns status and interrupt status, and the list of devices. Must not know transports or device types.
 */
#include "hw/virtio.h"

#include <string.h>

#include "base/log.h"

static struct virtio_dev *all;
static bool frozen;

void virtio_init(struct virtio_dev *d, const struct virtio_ops *ops)
{
    if (ops->n_queues > VIRTIO_MAX_QUEUES)
        bug("%s: too many queues", ops->name);
    d->ops = ops;
    for (unsigned i = 0; i < ops->n_queues; i++) {
        unsigned max = ops->queue_size[i];
        if (!max || max > VQ_MAX_SIZE || (max & (max - 1)))
            bug("%s: queue %u has size %u", ops->name, i, max);
        d->vq[i].max = max;
    }
    d->next = all;
    all = d;
}

bool virtio_frozen(void) { return frozen; }

void virtio_freeze(bool on)
{
    frozen = on;
    for (struct virtio_dev *d = all; d; d = d->next) {
        if (d->ops->freeze)
            d->ops->freeze(d, on);
        for (unsigned q = 0; !on && q < d->ops->n_queues; q++)
            virtio_kick(d, q);
    }
}

static void update_irq(struct virtio_dev *d)
{
    irq_set(&d->irq, d->isr != 0);
}

static void raise_isr(struct virtio_dev *d, uint8_t bit, int queue)
{
    d->isr |= bit;
    if (d->notify)
        d->notify(d, queue);
    update_irq(d);
}

void virtio_ack(struct virtio_dev *d, uint32_t bits_)
{
    d->isr &= (uint8_t)~bits_;
    update_irq(d);
}

void virtio_broken(struct virtio_dev *d, const char *why)
{
    log_to(guest_errors, "%s: the driver gave %s; the device needs a reset\n", d->ops->name, why);
    if (d->status & VIRTIO_S_NEEDS_RESET)
        return;
    d->status |= VIRTIO_S_NEEDS_RESET;
    if (d->status & VIRTIO_S_DRIVER_OK)
        virtio_config_changed(d);
}

void virtio_config_changed(struct virtio_dev *d)
{
    d->config_generation++;
    raise_isr(d, VIRTIO_ISR_CONFIG, -1);
}

bool virtio_pop(struct virtio_dev *d, unsigned q, struct vq_elem *e)
{
    if (!virtio_running(d) || frozen)
        return false;
    const char *why = NULL;
    enum vq_status s = vq_pop(&d->vq[q], e, &why);
    if (s == VQ_BROKEN)
        virtio_broken(d, why);
    return s == VQ_OK;
}

void virtio_push(struct virtio_dev *d, unsigned q, const struct vq_elem *e, uint32_t len)
{
    vq_push(&d->vq[q], e, len);
}

void virtio_signal(struct virtio_dev *d, unsigned q)
{
    if (vq_should_signal(&d->vq[q]))
        raise_isr(d, VIRTIO_ISR_QUEUE, (int)q);
}

uint64_t virtio_offered(const struct virtio_dev *d)
{
    return d->ops->features | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
}

void virtio_reset(struct virtio_dev *d)
{
    d->status = 0;
    d->driver_features = 0;
    for (unsigned i = 0; i < d->ops->n_queues; i++)
        vq_reset(&d->vq[i]);
    if (d->ops->reset)
        d->ops->reset(d);
    d->isr = 0;
    update_irq(d);
}

void virtio_set_status(struct virtio_dev *d, uint8_t status)
{
    if (!status) {
        virtio_reset(d);
        return;
    }
    uint8_t old = d->status;
    status |= old & VIRTIO_S_NEEDS_RESET;        /* only a reset clears it */
    if (!(old & VIRTIO_S_FEATURES_OK) && (status & VIRTIO_S_FEATURES_OK)) {
        /* Refused features show by FEATURES_OK staying clear (3.1.1). */
        uint64_t f = d->driver_features;
        if ((f & ~virtio_offered(d)) || !(f & VIRTIO_F_VERSION_1))
            status &= (uint8_t)~VIRTIO_S_FEATURES_OK;
    }
    if ((status & VIRTIO_S_DRIVER_OK) && !(status & VIRTIO_S_FEATURES_OK)) {
        status &= (uint8_t)~VIRTIO_S_DRIVER_OK;
        log_to(guest_errors, "%s: DRIVER_OK without FEATURES_OK\n", d->ops->name);
    }
    d->status = status;
    if (!(old & VIRTIO_S_DRIVER_OK) && virtio_running(d))
        for (unsigned i = 0; i < d->ops->n_queues; i++)
            virtio_kick(d, i);
}

void virtio_queue_enable(struct virtio_dev *d, unsigned q)
{
    struct virtqueue *v = &d->vq[q];
    if (v->ready)
        return;
    v->event_idx = d->driver_features & VIRTIO_F_EVENT_IDX;
    v->indirect = d->driver_features & VIRTIO_F_INDIRECT_DESC;
    if (!(d->status & VIRTIO_S_FEATURES_OK))
        virtio_broken(d, "a queue before its features");
    else if (!vq_enable(v))
        virtio_broken(d, "a queue of bad size or address");
}

void virtio_kick(struct virtio_dev *d, uint32_t q)
{
    if (q < d->ops->n_queues && virtio_running(d) && d->vq[q].ready && !frozen)
        d->ops->kick(d, q);
}

uint64_t virtio_config_read(struct virtio_dev *d, uint64_t off, unsigned size)
{
    uint64_t v = 0;
    if (size <= sizeof v && off < d->ops->config_size && size <= d->ops->config_size - off)
        d->ops->config_read(d, (unsigned)off, &v, size);
    return v;
}

void virtio_config_write(struct virtio_dev *d, uint64_t off, uint64_t v, unsigned size)
{
    if (d->ops->config_write && size <= sizeof v && off < d->ops->config_size && size <= d->ops->config_size - off)
        d->ops->config_write(d, (unsigned)off, &v, size);
}
