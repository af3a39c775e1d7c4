/*
 * virtio_console.c - virtio console, one port (OASIS virtio 1.2, 5.3), with the emergency write register.
 *
 * Owns the receive buffer in progress. Input is taken only when the driver has put up a buffer for it.
 */
#include <string.h>

#include "hw/chardev.h"
#include "hw/virtio.h"

#define F_EMERG_WRITE (1ull << 2)
#define RX 0u
#define TX 1u

struct config { uint16_t cols, rows; uint32_t max_ports, emerg_wr; };
_Static_assert(sizeof(struct config) == 12, "as in the specification");

struct virtio_console {
    struct virtio_dev d;                         /* first */
    struct chardev *chr;
    bool have_rx;                                /* rx holds a popped chain */
    struct vq_elem rx, tx;
};

static size_t can_receive(void *opaque)
{
    struct virtio_console *s = opaque;
    while (!s->have_rx && virtio_pop(&s->d, RX, &s->rx)) {
        s->have_rx = s->rx.in_len != 0;
        if (!s->have_rx)
            virtio_push(&s->d, RX, &s->rx, 0);   /* no room in it: of no use */
    }
    return s->have_rx ? s->rx.in_len : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    struct virtio_console *s = opaque;
    while (len && can_receive(s)) {
        size_t n = vq_write(&s->rx, 0, buf, len);
        s->have_rx = false;
        virtio_push(&s->d, RX, &s->rx, (uint32_t)n);
        buf += n;
        len -= n;
    }
    virtio_signal(&s->d, RX);
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_console *s = (struct virtio_console *)d;
    if (q == RX) {
        chardev_accept_input(s->chr);
        return;
    }
    bool any = false;
    while (virtio_pop(d, TX, &s->tx)) {
        for (unsigned i = 0; i < s->tx.n_out; i++)
            chardev_write(s->chr, s->tx.seg[i].base, s->tx.seg[i].len);
        virtio_push(d, TX, &s->tx, 0);
        any = true;
    }
    if (any)
        virtio_signal(d, TX);
}

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct config c = { .max_ports = 1 };
    memcpy(buf, (const uint8_t *)&c + off, len);
}

static void config_write(struct virtio_dev *d, unsigned off, const void *buf, unsigned len)
{
    struct virtio_console *s = (struct virtio_console *)d;
    if (off == offsetof(struct config, emerg_wr))
        chardev_write(s->chr, buf, 1);
}

static void reset(struct virtio_dev *d)
{
    ((struct virtio_console *)d)->have_rx = false;
}

static const struct virtio_ops ops = {
    .name = "virtio-console", .id = VIRTIO_ID_CONSOLE, .features = F_EMERG_WRITE, .n_queues = 2,
    .queue_size = { 128, 128 }, .config_size = sizeof(struct config), .kick = kick,
    .config_read = config_read, .config_write = config_write, .reset = reset,
};

struct virtio_dev *virtio_console_new(struct chardev *chr)
{
    struct virtio_console *s = xcalloc(1, sizeof *s);
    virtio_init(&s->d, &ops);
    s->chr = chr ? chr : chardev_null();
    const struct chardev_front front = { can_receive, receive, NULL, s };
    chardev_attach(s->chr, &front);
    return &s->d;
}
