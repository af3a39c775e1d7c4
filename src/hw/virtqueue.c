/*
 * virtqueue.c - split virtqueues, device side.
 *
 * Owns nothing but what struct virtqueue holds. Must not trust anything in guest memory: other vCPUs write to the
 * rings while they are read, so that each field is read once and then checked. Source: OASIS virtio 1.2, 2.7.
 * Little-endian host assumed, as everywhere in gnomon.
 */
#include "hw/virtqueue.h"

#include <string.h>

#include "mem/mem.h"

#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u
#define AVAIL_NO_INTERRUPT 1u

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };
struct used_elem { uint32_t id, len; };
_Static_assert(sizeof(struct desc) == 16 && sizeof(struct used_elem) == 8, "as in memory");

/* Rings: uint16_t flags, idx, then the entries, then one uint16_t for the event index. */
#define AVAIL_SIZE(num) (4 + 2ull * (num) + 2)
#define USED_SIZE(num) (4 + 8ull * (num) + 2)

void vq_reset(struct virtqueue *q)
{
    *q = (struct virtqueue){ .max = q->max };
}

bool vq_enable(struct virtqueue *q)
{
    if (!q->num || q->num > q->max || (q->num & (q->num - 1)))
        return false;
    if (q->desc & 15 || q->avail & 1 || q->used & 3)
        return false;
    if (!mem_is_ram(q->desc, 16ull * q->num) || !mem_is_ram(q->avail, AVAIL_SIZE(q->num)) ||
        !mem_is_ram(q->used, USED_SIZE(q->num)))
        return false;
    q->last_avail = q->used_idx = q->signalled = 0;
    q->signalled_valid = false;
    q->ready = true;
    return true;
}

static uint16_t *ring16(uint64_t ring, unsigned off)
{
    return mem_ptr(ring + off, 2);               /* vq_enable() has checked the range */
}

static uint16_t load16(const uint16_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static void store16(uint16_t *p, uint16_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

static bool add_seg(struct vq_elem *e, const struct desc *d, const char **why)
{
    unsigned n = e->n_out + e->n_in;
    bool in = d->flags & DESC_WRITE;
    void *base = mem_ptr(d->addr, d->len);
    if (!d->len)
        *why = "a descriptor of length 0";
    else if (!base)
        *why = "a buffer outside RAM";
    else if (n == VQ_MAX_SEGS)
        *why = "a chain of too many descriptors";
    else if (!in && e->n_in)
        *why = "a device-readable buffer after a writable one";
    else if (e->out_len + e->in_len + d->len > UINT32_MAX)
        *why = "a chain of 4 GiB or more";
    else {
        e->seg[n] = (struct vq_seg){ base, d->addr, d->len };
        *(in ? &e->n_in : &e->n_out) += 1;
        *(in ? &e->in_len : &e->out_len) += d->len;
        return true;
    }
    return false;
}

/* Follow the chain from descriptor I of a table of NUM at TABLE. */
static bool follow(struct virtqueue *q, struct vq_elem *e, uint64_t table, uint32_t num, uint32_t i, bool inside,
                   const char **why)
{
    for (uint32_t steps = 0;; steps++) {
        struct desc d;
        if (i >= num || steps >= num) {
            *why = i >= num ? "a descriptor index out of range" : "a loop of descriptors";
            return false;
        }
        if (!mem_dma_read(table + 16ull * i, &d, sizeof d)) {
            *why = "a descriptor table outside RAM";
            return false;
        }
        if (d.flags & DESC_INDIRECT) {
            if (!q->indirect || inside || (d.flags & DESC_NEXT) || !d.len || d.len % 16 || !mem_is_ram(d.addr, d.len)) {
                *why = "a bad indirect descriptor";
                return false;
            }
            return follow(q, e, d.addr, d.len / 16, 0, true, why);
        }
        if (!add_seg(e, &d, why))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
    }
}

enum vq_status vq_pop(struct virtqueue *q, struct vq_elem *e, const char **why)
{
    if (!q->ready)
        return VQ_EMPTY;
    uint16_t idx = load16(ring16(q->avail, 2));
    if (idx == q->last_avail && q->event_idx) {
        /* Ask to be told of the next one, then look again: it may have come in between. */
        store16(ring16(q->used, 4 + 8 * q->num), q->last_avail);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        idx = load16(ring16(q->avail, 2));
    }
    if (idx == q->last_avail)
        return VQ_EMPTY;
    if ((uint16_t)(idx - q->last_avail) > q->num) {
        *why = "an available index too far ahead";
        return VQ_BROKEN;
    }
    uint16_t head = load16(ring16(q->avail, 4 + 2 * (q->last_avail & (q->num - 1))));
    if (head >= q->num) {
        *why = "a descriptor index out of range";
        return VQ_BROKEN;
    }
    e->head = head;
    e->n_out = e->n_in = 0;
    e->out_len = e->in_len = 0;
    if (!follow(q, e, q->desc, q->num, head, false, why))
        return VQ_BROKEN;
    q->last_avail++;
    return VQ_OK;
}

void vq_unpop(struct virtqueue *q, unsigned n)
{
    q->last_avail = (uint16_t)(q->last_avail - n);
}

void vq_push(struct virtqueue *q, const struct vq_elem *e, uint32_t len)
{
    if (!q->ready)
        return;
    uint32_t left = len;
    for (unsigned i = 0; i < e->n_in && left; i++) {
        const struct vq_seg *s = &e->seg[e->n_out + i];
        uint32_t n = MIN(left, s->len);
        mem_dma_wrote(s->gpa, n);
        left -= n;
    }
    struct used_elem u = { e->head, len };
    uint64_t at = q->used + 4 + 8ull * (q->used_idx & (q->num - 1));
    if (!mem_dma_write(at, &u, sizeof u))
        bug("used ring outside RAM");
    q->used_idx++;
    store16(ring16(q->used, 2), q->used_idx);
    mem_dma_wrote(q->used + 2, 2);
}

bool vq_should_signal(struct virtqueue *q)
{
    if (!q->ready)
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);     /* used_idx is out before the driver's wish is read (2.7.7.2) */
    if (!q->event_idx)
        return !(load16(ring16(q->avail, 0)) & AVAIL_NO_INTERRUPT);
    uint16_t old = q->signalled, event = load16(ring16(q->avail, 4 + 2 * q->num));
    bool valid = q->signalled_valid;
    q->signalled = q->used_idx;
    q->signalled_valid = true;
    return !valid || (uint16_t)(q->used_idx - event - 1) < (uint16_t)(q->used_idx - old);
}

/* Walk N segments and copy; dir true: from the chain to BUF. */
static size_t copy(const struct vq_seg *s, unsigned n, size_t off, uint8_t *buf, size_t len, bool from_guest)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (off >= s[i].len) {
            off -= s[i].len;
            continue;
        }
        size_t part = MIN(len - done, s[i].len - off);
        if (from_guest)
            memcpy(buf + done, (uint8_t *)s[i].base + off, part);
        else
            memcpy((uint8_t *)s[i].base + off, buf + done, part);
        done += part;
        off = 0;
    }
    return done;
}

size_t vq_read(const struct vq_elem *e, size_t off, void *buf, size_t len)
{
    return copy(e->seg, e->n_out, off, buf, len, true);
}

size_t vq_write(const struct vq_elem *e, size_t off, const void *buf, size_t len)
{
    return copy(e->seg + e->n_out, e->n_in, off, (uint8_t *)(uintptr_t)buf, len, false);
}
