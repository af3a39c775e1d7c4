/*
 * virtio_rng.c - virtio entropy device (OASIS virtio 1.2, 5.4): the host's random numbers.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "hw/virtio.h"

#define MAX_REQUEST 65536u                       /* longer requests are answered short: no long work here */

struct virtio_rng {
    struct virtio_dev d;                         /* first */
    struct vq_elem elem;
};

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_rng *s = (struct virtio_rng *)d;
    bool any = false;
    while (virtio_pop(d, q, &s->elem)) {
        const struct vq_elem *e = &s->elem;
        uint32_t done = 0;
        for (unsigned i = 0; i < e->n_in && done < MAX_REQUEST; i++) {
            const struct vq_seg *seg = &e->seg[e->n_out + i];
            uint32_t n = MIN(seg->len, MAX_REQUEST - done), at = 0;
            while (at < n) {
                ssize_t r = getrandom((uint8_t *)seg->base + at, n - at, 0);
                if (r < 0 && errno != EINTR)
                    bug("getrandom: %s", strerror(errno));
                if (r > 0)
                    at += (uint32_t)r;
            }
            done += n;
        }
        virtio_push(d, q, e, done);
        any = true;
    }
    if (any)
        virtio_signal(d, q);
}

static const struct virtio_ops ops = {
    .name = "virtio-rng", .id = VIRTIO_ID_RNG, .n_queues = 1, .queue_size = { 8 }, .kick = kick,
};

struct virtio_dev *virtio_rng_new(void)
{
    struct virtio_rng *s = xcalloc(1, sizeof *s);
    virtio_init(&s->d, &ops);
    return &s->d;
}
