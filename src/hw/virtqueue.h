/*
 * virtqueue.h - a split virtqueue seen from the device (virtio 1.2, 2.7), with indirect descriptors and event index.
 *
 * Owns the ring indices. Everything read from guest memory is checked before use; on nonsense the queue says so and
 * does no more.
 */
#ifndef GNOMON_HW_VIRTQUEUE_H
#define GNOMON_HW_VIRTQUEUE_H

#include "base/base.h"

#define VQ_MAX_SIZE 256u
#define VQ_MAX_SEGS 1024u                        /* in one chain, as QEMU */

struct vq_seg {
    void *base;                                  /* host address */
    uint64_t gpa;
    uint32_t len;                                /* never 0 */
};

/* A chain of buffers: first what the device reads, then what it writes. */
struct vq_elem {
    uint16_t head;
    unsigned n_out, n_in;
    uint64_t out_len, in_len;                    /* sums, below 2^32 */
    struct vq_seg seg[VQ_MAX_SEGS];              /* n_out, then n_in */
};

struct virtqueue {
    unsigned max;                                /* largest size offered: a power of 2 up to VQ_MAX_SIZE */
    unsigned num;                                /* size in use */
    uint64_t desc, avail, used;                  /* guest physical addresses */
    bool ready;
    bool event_idx, indirect;                    /* negotiated features */
    uint16_t last_avail;                         /* next entry of the available ring to take */
    uint16_t used_idx;                           /* next entry of the used ring to fill */
    uint16_t signalled;                          /* used_idx at the last vq_should_signal() */
    bool signalled_valid;
};

enum vq_status { VQ_EMPTY, VQ_OK, VQ_BROKEN };

void vq_reset(struct virtqueue *q);              /* all but max */
/* Check size and addresses, make ready. false: the driver's configuration is not acceptable. */
bool vq_enable(struct virtqueue *q) MUST_CHECK;
/* Take the next chain. VQ_BROKEN: the ring is malformed (the caller sets NEEDS_RESET); WHY is a phrase for the log. */
enum vq_status vq_pop(struct virtqueue *q, struct vq_elem *e, const char **why) MUST_CHECK;
/* Undo the last N vq_pop()s, none of which has been pushed. */
void vq_unpop(struct virtqueue *q, unsigned n);
/* Give a chain back; LEN bytes were written to its in segments. */
void vq_push(struct virtqueue *q, const struct vq_elem *e, uint32_t len);
/* After a batch of pushes: does the driver want an interrupt? */
bool vq_should_signal(struct virtqueue *q) MUST_CHECK;

/* Copy between a buffer and the chain's segments from byte OFF on; returns the bytes copied (short at the end). */
size_t vq_read(const struct vq_elem *e, size_t off, void *buf, size_t len);
size_t vq_write(const struct vq_elem *e, size_t off, const void *buf, size_t len);

#endif
