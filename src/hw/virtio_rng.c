/*
 * virtio_rng.c - virtio entropy device (OASIS virtio 1.2, 5.4): the host's random numbers, or a file's bytes.
 *
 * Owns the budget of bytes when there is a limit. A file that has nothing to give is asked again later, the guest waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/loop.h"
#include "hw/virtio.h"

#define MAX_REQUEST 65536u                       /* longer requests are answered short: no long work here */
#define RETRY_NS 10000000ull                     /* for a file that is empty just now */

struct virtio_rng {
    struct virtio_dev d;                         /* first */
    int fd;                                      /* -1: the kernel's generator */
    uint64_t max_bytes, period_ns, budget, until;
    struct loop_timer timer;                     /* when there is more to give */
    struct vq_elem elem;
};

/* At most N bytes, at least one; 0: not now. */
static size_t entropy(const struct virtio_rng *s, uint8_t *buf, size_t n)
{
    for (;;) {
        ssize_t r = s->fd < 0 ? getrandom(buf, n, 0) : read(s->fd, buf, n);
        if (r >= 0)
            return (size_t)r;
        if (errno == EINTR)
            continue;
        if (s->fd < 0)
            bug("getrandom: %s", strerror(errno));
        return 0;
    }
}

/* What may be given in this period. */
static uint64_t allowance(struct virtio_rng *s)
{
    if (!s->max_bytes)
        return MAX_REQUEST;
    uint64_t now = now_ns();
    if (now >= s->until) {
        s->until = now + s->period_ns;
        s->budget = s->max_bytes;
    }
    return MIN(s->budget, MAX_REQUEST);
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_rng *s = (struct virtio_rng *)d;
    bool any = false;
    for (;;) {
        uint64_t may = allowance(s);
        if (!may) {
            loop_timer_arm(&s->timer, s->until);
            break;
        }
        if (!virtio_pop(d, q, &s->elem))
            break;
        const struct vq_elem *e = &s->elem;
        uint64_t done = 0;
        bool dry = false;
        for (unsigned i = 0; i < e->n_in && done < may && !dry; i++) {
            const struct vq_seg *seg = &e->seg[e->n_out + i];
            size_t n = MIN(seg->len, may - done), at = 0;
            while (at < n && !dry) {
                size_t got = entropy(s, (uint8_t *)seg->base + at, n - at);
                dry = !got;
                at += got;
            }
            done += at;
        }
        if (dry && !done && e->in_len) {
            vq_unpop(&d->vq[q], 1);
            loop_timer_arm(&s->timer, now_ns() + RETRY_NS);
            break;
        }
        if (s->max_bytes)
            s->budget -= done;
        virtio_push(d, q, e, (uint32_t)done);
        any = true;
    }
    if (any)
        virtio_signal(d, q);
}

static void again(void *opaque)
{
    struct virtio_rng *s = opaque;
    virtio_kick(&s->d, 0);
}

static void reset(struct virtio_dev *d)
{
    loop_timer_cancel(&((struct virtio_rng *)d)->timer);
}

static const struct virtio_ops ops = {
    .name = "virtio-rng", .id = VIRTIO_ID_RNG, .n_queues = 1, .queue_size = { 8 }, .kick = kick, .reset = reset,
};

struct virtio_dev *virtio_rng_new(const struct virtio_rng_options *o)
{
    struct virtio_rng *s = xcalloc(1, sizeof *s);
    virtio_init(&s->d, &ops);
    loop_timer_init(&s->timer, again, s);
    s->max_bytes = o->max_bytes;
    s->period_ns = (o->period_ms ? o->period_ms : 65536) * 1000000ull;
    s->fd = -1;
    if (o->filename) {
        s->fd = open(o->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (s->fd < 0)
            die("-object rng-random: %s: %s", o->filename, strerror(errno));
    }
    return &s->d;
}
