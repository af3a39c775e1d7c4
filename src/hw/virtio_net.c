/*
 * virtio_net.c - virtio network device (OASIS virtio 1.2, 5.1): one pair of queues, mergeable receive buffers, checksum
 * and TCP segmentation left to us by the driver, and segments put together for it.
 *
 * Owns nothing but the card. The backend is on this machine and sees whole frames, so that a frame is not cut into
 * segments: its checksum is filled in, and it goes on as it is.
 */
#include <string.h>

#include "base/log.h"
#include "hw/net_merge.h"
#include "hw/virtio.h"

#define F_CSUM (1ull << 0)
#define F_GUEST_CSUM (1ull << 1)
#define F_MAC (1ull << 5)
#define F_GUEST_TSO4 (1ull << 7)
#define F_HOST_TSO4 (1ull << 11)
#define F_HOST_TSO6 (1ull << 12)
#define F_HOST_ECN (1ull << 13)
#define F_MRG_RXBUF (1ull << 15)
#define F_STATUS (1ull << 16)
#define F_CTRL_VQ (1ull << 17)
#define F_CTRL_RX (1ull << 18)

enum { RX = 0, TX = 1, CTRL = 2 };
#define QUEUE 256u
#define STATUS_LINK_UP 1u
#define HDR_NEEDS_CSUM 1u
#define HDR_DATA_VALID 2u
#define GSO_TCPV4 1u
#define CTRL_CLASS_RX 0u
#define MAX_MERGE 64u                            /* receive buffers of one frame: 64 KiB in pages, with room */

struct net_config { uint8_t mac[6]; uint16_t status; };
_Static_assert(sizeof(struct net_config) == 8, "as in the specification");

struct net_hdr {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
_Static_assert(sizeof(struct net_hdr) == 12, "as in memory");

struct virtio_net {
    struct virtio_dev d;                         /* first */
    struct netdev *n;
    uint8_t mac[6];
    struct vq_elem rx[MAX_MERGE], tx, ctrl;
    uint8_t frame[NET_MAX_FRAME];
    struct net_merge merge;                      /* for the guest, not yet given to it */
};

/* ---- to the guest ---- */

static bool can_receive(void *opaque)
{
    const struct virtio_net *s = opaque;
    return virtio_running(&s->d) && s->d.vq[RX].ready && !virtio_frozen();
}

/* false: there is no room for all of it, and nothing has been given. */
static bool deliver(struct virtio_net *s, struct net_hdr h, const uint8_t *frame, size_t len)
{
    struct virtio_dev *d = &s->d;
    bool merge = d->driver_features & F_MRG_RXBUF;
    uint32_t written[MAX_MERGE];
    unsigned n = 0;
    size_t at = 0;
    if (!can_receive(s))
        return false;
    while (n == 0 || at < len) {
        struct vq_elem *e = &s->rx[n];
        if (n == (merge ? MAX_MERGE : 1) || !virtio_pop(d, RX, e))
            break;
        size_t off = n ? 0 : sizeof h;
        if (e->in_len <= off) {
            virtio_broken(d, "a receive buffer too small for the header");
            return false;
        }
        size_t part = vq_write(e, off, frame + at, len - at);
        written[n++] = (uint32_t)(off + part);
        at += part;
    }
    if (at < len) {
        vq_unpop(&d->vq[RX], n);
        return false;
    }
    h.num_buffers = (uint16_t)n;
    (void)!vq_write(&s->rx[0], 0, &h, sizeof h);
    for (unsigned i = 0; i < n; i++)
        virtio_push(d, RX, &s->rx[i], written[i]);
    virtio_signal(d, RX);
    return true;
}

static bool deliver_one(struct virtio_net *s, const uint8_t *frame, size_t len)
{
    /* It comes from this machine, not over a wire. */
    return deliver(s, (struct net_hdr){ .flags = s->d.driver_features & F_GUEST_CSUM ? HDR_DATA_VALID : 0 }, frame, len);
}

/* What has been put together, to the guest. Without room it waits for the driver's next buffers. */
static void received(void *opaque)
{
    struct virtio_net *s = opaque;
    struct net_merge *m = &s->merge;
    bool done = true;
    if (m->segments == 1) {
        done = deliver_one(s, m->frame, m->len);
    } else if (m->segments) {
        net_merge_close(m);
        done = deliver(s, (struct net_hdr){ .flags = HDR_NEEDS_CSUM, .gso_type = GSO_TCPV4, .hdr_len = NET_MERGE_HEADER,
                       .gso_size = m->segment, .csum_start = NET_MERGE_TCP, .csum_offset = NET_MERGE_SUM }, m->frame, m->len);
    }
    if (done)
        m->len = m->segments = 0;
}

/* A frame for which there is no room is lost, as on a wire. */
static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    static const uint64_t needed = F_GUEST_TSO4 | F_GUEST_CSUM | F_MRG_RXBUF;
    struct virtio_net *s = opaque;
    if (!can_receive(s))
        return;
    bool merge = (s->d.driver_features & needed) == needed;
    if (merge && net_merge_add(&s->merge, frame, len))
        return;
    received(s);
    if (!s->merge.len && !(merge && net_merge_add(&s->merge, frame, len)))
        (void)!deliver_one(s, frame, len);
}

/* ---- from the guest ---- */

/* The Internet checksum over the frame from START on, put at START + OFFSET (the field holds the pseudo-header's sum). */
static void fill_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
    if (start >= len || offset > len - start || len - start - offset < 2)
        return;                                  /* nonsense from the driver: its own frame suffers */
    uint64_t sum = 0;
    for (size_t i = start; i + 1 < len; i += 2)
        sum += (unsigned)frame[i] << 8 | frame[i + 1];
    if ((len - start) & 1)
        sum += (unsigned)frame[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t v = (uint16_t)~sum;
    v = v ? v : 0xffff;                          /* zero would say "no checksum" to UDP, and is equal elsewhere */
    frame[start + offset] = (uint8_t)(v >> 8);
    frame[start + offset + 1] = (uint8_t)v;
}

static void transmit(struct virtio_net *s)
{
    bool any = false;
    while (virtio_pop(&s->d, TX, &s->tx)) {
        const struct vq_elem *e = &s->tx;
        struct net_hdr h;
        if (vq_read(e, 0, &h, sizeof h) != sizeof h) {
            virtio_broken(&s->d, "a frame without header");
            return;
        }
        size_t len = vq_read(e, sizeof h, s->frame, sizeof s->frame);
        if (e->out_len - sizeof h > sizeof s->frame || len < 14) {
            log_to(guest_errors, "virtio-net: a frame of %llu bytes dropped\n", (unsigned long long)(e->out_len - sizeof h));
        } else if (s->n) {
            if (h.flags & HDR_NEEDS_CSUM && s->d.driver_features & F_CSUM)
                fill_checksum(s->frame, len, h.csum_start, h.csum_offset);
            s->n->send(s->n, s->frame, len);
        }
        virtio_push(&s->d, TX, e, 0);
        any = true;
    }
    if (any)
        virtio_signal(&s->d, TX);
}

/* Filters are wishes: everything is received, and that is allowed. */
static void control(struct virtio_net *s)
{
    bool any = false;
    while (virtio_pop(&s->d, CTRL, &s->ctrl)) {
        uint8_t cmd[2] = { 0xff, 0xff }, ack;
        if (!s->ctrl.in_len || vq_read(&s->ctrl, 0, cmd, sizeof cmd) != sizeof cmd) {
            virtio_broken(&s->d, "a bad control command");
            return;
        }
        ack = cmd[0] != CTRL_CLASS_RX;
        virtio_push(&s->d, CTRL, &s->ctrl, (uint32_t)vq_write(&s->ctrl, 0, &ack, 1));
        any = true;
    }
    if (any)
        virtio_signal(&s->d, CTRL);
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_net *s = (struct virtio_net *)d;
    if (q == TX)
        transmit(s);
    else if (q == CTRL)
        control(s);
    else
        received(s);
}

static void reset(struct virtio_dev *d)
{
    struct virtio_net *s = (struct virtio_net *)d;
    s->merge.len = s->merge.segments = 0;
}

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct virtio_net *s = (struct virtio_net *)d;
    struct net_config c = { .status = s->n ? STATUS_LINK_UP : 0 };
    memcpy(c.mac, s->mac, sizeof c.mac);
    memcpy(buf, (const uint8_t *)&c + off, len);
}

static const struct virtio_ops ops = {
    .name = "virtio-net", .id = VIRTIO_ID_NET, .n_queues = 3, .queue_size = { QUEUE, QUEUE, 64 },
    .features = F_CSUM | F_GUEST_CSUM | F_GUEST_TSO4 | F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_ECN | F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX,
    .config_size = sizeof(struct net_config), .kick = kick, .config_read = config_read, .reset = reset,
};

struct virtio_dev *virtio_net_new(struct netdev *n, const uint8_t mac[6])
{
    struct virtio_net *s = xcalloc(1, sizeof *s);
    virtio_init(&s->d, &ops);
    s->n = n;
    memcpy(s->mac, mac, sizeof s->mac);
    if (n) {
        if (n->card)
            die("a network backend can have only one card");
        n->can_receive = can_receive;
        n->receive = receive;
        n->received = received;
        n->card = s;
    }
    return &s->d;
}
