/*
 * virtio_serial.c - virtio console device (OASIS virtio 1.2, 5.3): a bus of ports, consoles and named channels, with the
 * control queues; the emergency write register.
 *
 * Owns the receive buffers in progress and the control messages that the driver has not taken. Input is read from the host
 * only while the driver has put up a buffer for it and has the port open.
 */
#include <string.h>

#include "hw/chardev.h"
#include "hw/virtio.h"

#define F_MULTIPORT (1ull << 1)
#define F_EMERG_WRITE (1ull << 2)
#define QUEUE 128u
#define CTRL_IN 2u                               /* queue: to the driver */
#define CTRL_OUT 3u
#define MAX_PENDING 256u                         /* control messages; those of a driver that asks for more are lost */

enum { DEVICE_READY = 0, PORT_ADD = 1, PORT_READY = 3, CONSOLE_PORT = 4, PORT_OPEN = 6, PORT_NAME = 7 };

struct config { uint16_t cols, rows; uint32_t max_ports, emerg_wr; };
_Static_assert(sizeof(struct config) == 12, "as in the specification");

struct control { uint32_t id; uint16_t event, value; };
_Static_assert(sizeof(struct control) == 8, "as in the specification");

struct virtio_serial;

struct port {
    struct virtio_serial *s;
    unsigned nr;
    bool console, guest_open, host_open;
    const char *name;
    struct chardev *chr;
    bool have_rx;                                /* rx holds a popped chain */
    struct vq_elem rx;
};

struct virtio_serial {
    struct virtio_dev d;                         /* first */
    struct virtio_ops ops;                       /* the number of queues differs */
    unsigned max_ports;
    struct port *port[VIRTIO_SERIAL_MAX_PORTS];  /* by number; NULL: none */
    struct vq_elem tx, ctrl;
    struct control pending[MAX_PENDING];         /* ring: from first on */
    unsigned first, n_pending;
};

/* Port 0 has the first pair of queues, the control queues are the second. */
static unsigned rx_queue(unsigned nr) { return nr ? 2 * nr + 2 : 0; }
static bool multiport(const struct virtio_serial *s) { return s->d.driver_features & F_MULTIPORT; }

static struct port *port_of(struct virtio_serial *s, unsigned queue)
{
    unsigned nr = queue < 2 ? 0 : queue / 2 - 1;
    return nr < s->max_ports ? s->port[nr] : NULL;
}

/* ---- control ---- */

static void send_pending(struct virtio_serial *s)
{
    bool any = false;
    while (s->n_pending && virtio_pop(&s->d, CTRL_IN, &s->ctrl)) {
        const struct control c = s->pending[s->first];
        s->first = (s->first + 1) % MAX_PENDING;
        s->n_pending--;
        size_t n = vq_write(&s->ctrl, 0, &c, sizeof c);
        if (c.event == PORT_NAME)                /* ends with its NUL, as QEMU sends it */
            n += vq_write(&s->ctrl, n, s->port[c.id]->name, strlen(s->port[c.id]->name) + 1);
        virtio_push(&s->d, CTRL_IN, &s->ctrl, (uint32_t)n);
        any = true;
    }
    if (any)
        virtio_signal(&s->d, CTRL_IN);
}

static void tell(struct virtio_serial *s, unsigned id, uint16_t event, uint16_t value)
{
    if (s->n_pending < MAX_PENDING)
        s->pending[(s->first + s->n_pending++) % MAX_PENDING] = (struct control){ id, event, value };
}

static void on_control(struct virtio_serial *s, const struct control *c)
{
    if (c->event == DEVICE_READY) {
        for (unsigned i = 0; c->value && i < s->max_ports; i++)
            if (s->port[i])
                tell(s, i, PORT_ADD, 1);
        return;
    }
    struct port *p = c->id < s->max_ports ? s->port[c->id] : NULL;
    if (!p)
        return;
    switch (c->event) {
    case PORT_READY:
        if (!c->value)
            break;
        if (p->console)
            tell(s, p->nr, CONSOLE_PORT, 1);
        if (p->name)
            tell(s, p->nr, PORT_NAME, 1);
        if (p->host_open)
            tell(s, p->nr, PORT_OPEN, 1);
        break;
    case PORT_OPEN:
        p->guest_open = c->value;
        if (p->guest_open)
            chardev_accept_input(p->chr);
        break;
    }
}

static void control(struct virtio_serial *s)
{
    bool any = false;
    while (virtio_pop(&s->d, CTRL_OUT, &s->ctrl)) {
        struct control c;
        bool whole = vq_read(&s->ctrl, 0, &c, sizeof c) == sizeof c;
        virtio_push(&s->d, CTRL_OUT, &s->ctrl, 0);
        any = true;
        if (whole)
            on_control(s, &c);
    }
    if (any)
        virtio_signal(&s->d, CTRL_OUT);
    send_pending(s);
}

/* ---- data ---- */

static size_t can_receive(void *opaque)
{
    struct port *p = opaque;
    struct virtio_serial *s = p->s;
    if (virtio_frozen() || (multiport(s) ? !p->guest_open : p->nr != 0))
        return 0;
    while (!p->have_rx && virtio_pop(&s->d, rx_queue(p->nr), &p->rx)) {
        p->have_rx = p->rx.in_len != 0;
        if (!p->have_rx)
            virtio_push(&s->d, rx_queue(p->nr), &p->rx, 0);      /* no room in it: of no use */
    }
    return p->have_rx ? p->rx.in_len : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    struct port *p = opaque;
    struct virtio_serial *s = p->s;
    while (len && can_receive(p)) {
        size_t n = vq_write(&p->rx, 0, buf, len);
        p->have_rx = false;
        virtio_push(&s->d, rx_queue(p->nr), &p->rx, (uint32_t)n);
        buf += n;
        len -= n;
    }
    virtio_signal(&s->d, rx_queue(p->nr));
}

/* The other side of the backend came or went. */
static void event(void *opaque, enum chardev_event e)
{
    struct port *p = opaque;
    struct virtio_serial *s = p->s;
    if (e != CHARDEV_OPENED && e != CHARDEV_CLOSED)
        return;
    bool open = e == CHARDEV_OPENED;
    if (open == p->host_open)
        return;
    p->host_open = open;
    if (multiport(s) && virtio_running(&s->d)) {
        tell(s, p->nr, PORT_OPEN, open);
        send_pending(s);
    }
}

static void transmit(struct virtio_serial *s, unsigned q)
{
    const struct port *p = port_of(s, q);
    bool any = false;
    while (virtio_pop(&s->d, q, &s->tx)) {
        for (unsigned i = 0; p && i < s->tx.n_out; i++)
            chardev_write(p->chr, s->tx.seg[i].base, s->tx.seg[i].len);
        virtio_push(&s->d, q, &s->tx, 0);
        any = true;
    }
    if (any)
        virtio_signal(&s->d, q);
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_serial *s = (struct virtio_serial *)d;
    if (q == CTRL_IN) {
        send_pending(s);
    } else if (q == CTRL_OUT) {
        control(s);
    } else if (q & 1) {
        transmit(s, q);
    } else {
        const struct port *p = port_of(s, q);
        if (p)
            chardev_accept_input(p->chr);
    }
}

/* ---- the device ---- */

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct config c = { .max_ports = ((struct virtio_serial *)d)->max_ports };
    memcpy(buf, (const uint8_t *)&c + off, len);
}

static void config_write(struct virtio_dev *d, unsigned off, const void *buf, unsigned len)
{
    struct virtio_serial *s = (struct virtio_serial *)d;
    if (off == offsetof(struct config, emerg_wr) && s->port[0])
        chardev_write(s->port[0]->chr, buf, 1);
}

static void reset(struct virtio_dev *d)
{
    struct virtio_serial *s = (struct virtio_serial *)d;
    s->n_pending = 0;
    for (unsigned i = 0; i < s->max_ports; i++)
        if (s->port[i])
            s->port[i]->have_rx = s->port[i]->guest_open = false;
}

struct virtio_dev *virtio_serial_new(const struct virtio_serial_port *ports, unsigned n, unsigned max_ports)
{
    struct virtio_serial *s = xcalloc(1, sizeof *s);
    s->max_ports = max_ports ? max_ports : VIRTIO_SERIAL_MAX_PORTS;
    s->ops = (struct virtio_ops){
        .name = "virtio-serial", .id = VIRTIO_ID_CONSOLE, .features = F_EMERG_WRITE | (s->max_ports > 1 ? F_MULTIPORT : 0),
        .n_queues = s->max_ports > 1 ? 2 * s->max_ports + 2 : 2, .config_size = sizeof(struct config), .kick = kick,
        .config_read = config_read, .config_write = config_write, .reset = reset,
    };
    for (unsigned i = 0; i < s->ops.n_queues; i++)
        s->ops.queue_size[i] = QUEUE;
    virtio_init(&s->d, &s->ops);
    for (unsigned i = 0; i < n; i++) {
        if (ports[i].nr >= s->max_ports || s->port[ports[i].nr])
            bug("virtio-serial: port %u", ports[i].nr);
        struct port *p = s->port[ports[i].nr] = xcalloc(1, sizeof *p);
        p->s = s;
        p->nr = ports[i].nr;
        p->console = ports[i].console;
        p->name = ports[i].name;
        p->chr = ports[i].chr ? ports[i].chr : chardev_null();
        const struct chardev_front front = { .can_receive = can_receive, .receive = receive, .event = event, .opaque = p };
        chardev_attach(p->chr, &front);
    }
    return &s->d;
}
