/*
 * virtio.h - a virtio device apart from its transport: features, status, queues, configuration space.
 *
 * Owns device status and interrupt status. A transport (virtio_mmio.c) presents it; a device (virtio_rng.c, ...)
 * fills in struct virtio_ops. Machine lock held throughout. Source: OASIS virtio 1.2.
 */
#ifndef GNOMON_HW_VIRTIO_H
#define GNOMON_HW_VIRTIO_H

#include "hw/device.h"
#include "hw/irq.h"
#include "hw/virtqueue.h"

#define VIRTIO_MAX_QUEUES 64

#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

#define VIRTIO_S_ACKNOWLEDGE 0x01u
#define VIRTIO_S_DRIVER 0x02u
#define VIRTIO_S_DRIVER_OK 0x04u
#define VIRTIO_S_FEATURES_OK 0x08u
#define VIRTIO_S_NEEDS_RESET 0x40u
#define VIRTIO_S_FAILED 0x80u

#define VIRTIO_ISR_QUEUE 1u
#define VIRTIO_ISR_CONFIG 2u

enum virtio_id { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4, VIRTIO_ID_BALLOON = 5, VIRTIO_ID_9P = 9 };

struct virtio_dev;

struct virtio_ops {
    const char *name;
    uint32_t id;                                 /* enum virtio_id */
    uint64_t features;                           /* of the device type; the ring features and VERSION_1 are added */
    unsigned n_queues;
    uint16_t queue_size[VIRTIO_MAX_QUEUES];
    unsigned config_size;
    /* The driver has put buffers on queue Q, or has just set DRIVER_OK (then called for each queue). */
    void (*kick)(struct virtio_dev *d, unsigned q);
    /* Copy LEN bytes at OFF of the configuration; the range is inside config_size. config_write may be NULL. */
    void (*config_read)(struct virtio_dev *d, unsigned off, void *buf, unsigned len);
    void (*config_write)(struct virtio_dev *d, unsigned off, const void *buf, unsigned len);
    void (*reset)(struct virtio_dev *d);         /* forget requests in flight; may be NULL */
    /* ON: begin nothing, and see to it that nothing begun touches guest memory any more; else go on. NULL: pops tell it all. */
    void (*freeze)(struct virtio_dev *d, bool on);
};

struct virtio_dev {
    const struct virtio_ops *ops;
    struct irq irq;                              /* set by the transport */
    /* Also told, by transports with messages: QUEUE has used buffers, or -1: the configuration changed. May be NULL. */
    void (*notify)(struct virtio_dev *d, int queue);
    void *notify_opaque;
    struct virtqueue vq[VIRTIO_MAX_QUEUES];
    uint64_t driver_features;
    uint8_t status;
    uint8_t isr;
    uint32_t config_generation;
    struct virtio_dev *next;                     /* of all */
};

void virtio_init(struct virtio_dev *d, const struct virtio_ops *ops);

/* ---- for devices ---- */
/* Pop from queue Q; false: nothing there, or the queue is broken (which has been dealt with). */
bool virtio_pop(struct virtio_dev *d, unsigned q, struct vq_elem *e) MUST_CHECK;
void virtio_push(struct virtio_dev *d, unsigned q, const struct vq_elem *e, uint32_t len);
void virtio_signal(struct virtio_dev *d, unsigned q);        /* after a batch of pushes */
void virtio_config_changed(struct virtio_dev *d);
/* The driver did something impossible: NEEDS_RESET until it resets the device. */
void virtio_broken(struct virtio_dev *d, const char *why);
static inline bool virtio_running(const struct virtio_dev *d)
{
    return (d->status & (VIRTIO_S_DRIVER_OK | VIRTIO_S_NEEDS_RESET)) == VIRTIO_S_DRIVER_OK;
}

/*
 * The machine pauses (vCPUs are held): until it goes on devices find no buffers, so that what comes from the host waits there and
 * guest memory does not change. Disks are left out: their requests are drained before (block.h).
 */
void virtio_freeze(bool on);
bool virtio_frozen(void);

/* ---- for transports ---- */
uint64_t virtio_offered(const struct virtio_dev *d);
void virtio_set_status(struct virtio_dev *d, uint8_t status);          /* 0 resets */
void virtio_reset(struct virtio_dev *d);
void virtio_queue_enable(struct virtio_dev *d, unsigned q);
void virtio_kick(struct virtio_dev *d, uint32_t q);
void virtio_ack(struct virtio_dev *d, uint32_t bits);
uint64_t virtio_config_read(struct virtio_dev *d, uint64_t off, unsigned size);
void virtio_config_write(struct virtio_dev *d, uint64_t off, uint64_t v, unsigned size);

/* ---- the devices ---- */
struct chardev;
struct block;
struct netdev;
struct p9_options;
struct virtio_blk_options {                      /* 0: what QEMU would take */
    const char *serial;                          /* 20 bytes are used; or NULL */
    unsigned num_queues, queue_size;             /* up to VIRTIO_MAX_QUEUES; a power of 2 from 4 to VQ_MAX_SIZE */
    unsigned logical, physical;                  /* block sizes, bytes: powers of 2, from 512 on */
    unsigned min_io, opt_io, discard_granularity;        /* bytes, multiples of `logical` */
    int write_cache;                             /* 1 on, -1 off, 0 as the image's cache mode */
    bool no_discard, no_write_zeroes;
};
struct virtio_dev *virtio_blk_new(struct block *b, const struct virtio_blk_options *o);
struct virtio_dev *virtio_net_new(struct netdev *n, const uint8_t mac[6]);     /* N may be NULL: no cable */

struct virtio_rng_options {
    const char *filename;                        /* or NULL: the kernel's generator */
    uint64_t max_bytes, period_ms;               /* no more than that in each period; 0: no limit */
};
struct virtio_dev *virtio_rng_new(const struct virtio_rng_options *o);

struct virtio_balloon_options { bool deflate_on_oom, free_page_hint, free_page_reporting; };
struct virtio_dev *virtio_balloon_new(const struct virtio_balloon_options *o);
/* For monitors; false: there is no balloon. Sizes in bytes. */
#define VIRTIO_BALLOON_STATS 16u
struct virtio_balloon_info {
    uint64_t ram, actual;                        /* the machine's memory, and what the guest has of it */
    uint32_t have;                               /* bit N: stat[N] (the specification's tag N, 5.5.6.3) is known */
    uint64_t stat[VIRTIO_BALLOON_STATS];
};
bool virtio_balloon_query(struct virtio_balloon_info *info);     /* also asks the guest for new statistics */
bool virtio_balloon_set(uint64_t bytes);                         /* what the guest shall have */
/* CB: the guest has now ACTUAL bytes. One listener; any thread, machine lock held. */
void virtio_balloon_on_change(void (*cb)(uint64_t actual));

struct virtio_dev *virtio_9p_new(const struct p9_options *o, const char *tag); /* die()s on what is wrong in them */
#define VIRTIO_SERIAL_MAX_PORTS 31u
struct virtio_serial_port { unsigned nr; bool console; const char *name; struct chardev *chr; };       /* name, chr: or NULL */
/* MAX_PORTS 0: as many as there can be. The numbers are different and below it. */
struct virtio_dev *virtio_serial_new(const struct virtio_serial_port *ports, unsigned n, unsigned max_ports);

/* ---- the MMIO transport, version 2 ---- */
#define VIRTIO_MMIO_SIZE 0x200u
/* D may be NULL: an empty slot. */
struct device *virtio_mmio_new(uint64_t base, struct irq irq, struct virtio_dev *d);

#endif
