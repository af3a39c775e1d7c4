/*
 * fuzz_virtio_serial.c - libFuzzer target: a hostile driver of virtio-serial (ports and control queues) and of the balloon: messages,
 * rings, data for and from the host. Must not crash or hang.
 *
 * Input: pieces of a kind and its arguments; see struct piece.
 */
// links: src/base/*.c src/mem/mem.c src/hw/virtio.c src/hw/virtqueue.c src/hw/virtio_serial.c src/hw/virtio_balloon.c src/hw/virtio_mmio.c src/hw/chardev*.c
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hw/chardev_impl.h"
#include "hw/virtio.h"
#include "mem/mem.h"

#define RAM 0x40000000ull
#define RAM_SIZE 0x200000u
#define SERIAL 0x0a003e00ull
#define BALLOON 0x0a003c00ull
#define QUEUES 12u

struct piece { uint8_t kind, a; uint16_t b; uint32_t c; };

struct fake { struct chardev c; struct chardev_front front; };
static void fake_attach(struct chardev *c, const struct chardev_front *f) { ((struct fake *)c)->front = *f; }
static void fake_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len && i < 4096; i++)
        (void)*(volatile const uint8_t *)(buf + i);
}
static void fake_accept(struct chardev *c) { (void)c; }
static const struct chardev_ops fake_ops = { .attach = fake_attach, .write = fake_write, .accept_input = fake_accept };

static struct fake host[3] = { { .c.ops = &fake_ops }, { .c.ops = &fake_ops }, { .c.ops = &fake_ops } };
static struct device *dev[2];

static void on_irq(void *opaque, unsigned n, bool level) { }

static void store(uint64_t at, const void *p, size_t n)
{
    at %= RAM_SIZE - 64;
    memcpy(mem_ram.view + at, p, n);
}

static uint64_t ring(unsigned q) { return 0x10000 + 0x1000ull * q; }     /* descriptors, +0x400 available, +0x800 used */

static void start(uint64_t base, uint32_t features, unsigned queues)
{
    static const unsigned at[] = { 0, 0x400, 0x800 };
#define WR(off, v) (void)!mem_mmio_write(base + (off), 4, (uint32_t)(v))
    WR(0x70, 0);
    WR(0x70, 3);
    WR(0x24, 1);
    WR(0x20, 1);
    WR(0x24, 0);
    WR(0x20, features);
    WR(0x70, 0xb);
    for (unsigned q = 0; q < queues; q++) {
        WR(0x30, q);
        WR(0x38, 16);
        for (unsigned i = 0; i < 3; i++)
            WR(0x80 + 16 * i, RAM + ring(q) + at[i]);
        WR(0x44, 1);
    }
    WR(0x70, 0xf);
}

static void offer(uint64_t base, unsigned q, unsigned head)
{
    uint16_t idx, h = (uint16_t)head;
    memcpy(&idx, mem_ram.view + ring(q) + 0x402, 2);
    store(ring(q) + 0x404 + 2 * (idx & 15), &h, 2);
    idx++;
    store(ring(q) + 0x402, &idx, 2);
    WR(0x50, q);
}

static void step(const struct piece *p)
{
    uint64_t base = p->kind & 0x80 ? BALLOON : SERIAL, v;
    unsigned q = (p->a >> 4) % QUEUES;
    switch (p->kind & 7) {
    case 0: WR(p->b & 0x1fc, p->c); break;
    case 1: (void)!mem_mmio_read(base + (p->b & 0x1ff), 1u << (p->a & 3), &v); break;
    case 2: {
        struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = { RAM + (p->c >> 11), p->c & 0x7ff, p->b & 7, p->b >> 3 & 17 };
        store(ring(q) + 16 * (p->a & 15), &d, 16);
        break;
    }
    case 3: offer(base, q, p->a & 17); break;
    case 4: {                                    /* a control message, whole */
        struct { uint32_t id; uint16_t event, value; } m = { p->a & 7, p->b & 7, p->c & 1 };
        struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = { RAM + 0x80000, sizeof m, 0, 0 };
        store(0x80000, &m, sizeof m);
        store(ring(3), &d, 16);
        offer(base, 3, 0);
        break;
    }
    case 5: {                                    /* the host types */
        struct fake *h = &host[p->a % 3];
        static const uint8_t text[512];
        size_t room = h->front.can_receive(h->front.opaque);
        size_t n = p->b % sizeof text;
        if (room && n)
            h->front.receive(h->front.opaque, text, n < room ? n : room);
        break;
    }
    case 6: {
        struct fake *h = &host[p->a % 3];
        h->front.event(h->front.opaque, p->b & 1 ? CHARDEV_OPENED : CHARDEV_CLOSED);
        struct virtio_balloon_info info;
        (void)!virtio_balloon_query(&info);
        break;
    }
    case 7: start(base, p->c & 0x3000003f, base == SERIAL ? QUEUES : 5); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dev[0]) {
        static const struct virtio_serial_port ports[] = {
            { 0, true, NULL, &host[0].c }, { 1, false, "one", &host[1].c }, { 4, false, "four", &host[2].c },
        };
        static const struct virtio_balloon_options all = { true, true, true };
        mem_init(RAM, RAM_SIZE);
        loop_init();
        dev[0] = virtio_mmio_new(SERIAL, (struct irq){ on_irq, NULL, 0 }, virtio_serial_new(ports, 3, 5));
        dev[1] = virtio_mmio_new(BALLOON, (struct irq){ on_irq, NULL, 1 }, virtio_balloon_new(&all));
    }
    memset(mem_ram.view, 0, RAM_SIZE);
    start(SERIAL, 0x30000002, QUEUES);
    start(BALLOON, 0x3000003e, 5);
    for (size_t i = 0; i + sizeof(struct piece) <= size && i < 512 * sizeof(struct piece); i += sizeof(struct piece)) {
        struct piece p;
        memcpy(&p, data + i, sizeof p);
        step(&p);
    }
    for (unsigned i = 0; i < 2; i++) {
        machine_lock();
        dev[i]->reset(dev[i]);
        machine_unlock();
    }
    return 0;
}
