/*
 * fuzz_virtio.c - libFuzzer target: a hostile driver of virtio-net, virtio-rng and virtio-9p, the first over MMIO, the others over PCI
 * (configuration space, BARs, MSI-X): registers, rings, descriptors, frames from the host. Must not crash or hang.
 *
 * Input: pieces of a kind and its arguments; see struct piece.
 */
// links: src/base/*.c src/mem/mem.c src/hw/virtio.c src/hw/virtqueue.c src/hw/virtio_net.c src/hw/net_merge.c src/hw/virtio_rng.c src/hw/virtio_9p.c
// links: src/hw/virtio_mmio.c src/hw/virtio_pci.c src/hw/pci.c src/hw/msix.c src/hw/p9.c src/hw/p9_fs.c src/hw/p9_meta.c
// links: src/hw/p9_node.c src/hw/p9_ops.c
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "hw/net.h"
#include "hw/p9.h"
#include "hw/virtio.h"
#include "hw/virtio_pci.h"
#include "mem/mem.h"

#define RAM 0x40000000ull
#define RAM_SIZE 0x100000u
#define NET 0x0a003e00ull
#define ECAM 0x4010000000ull
#define MEM32 0x10000000ull
#define MEM64 0x8000000000ull
#define QUEUES 4u

enum { ON_NET, ON_RNG, ON_9P, DEVICES };

struct piece { uint8_t kind, a; uint16_t b; uint32_t c; };

static struct device *dev[2];                    /* the net card; the bus with the others */
static struct netdev net;
static char dir[64], file[80];

static void on_irq(void *opaque, unsigned n, bool level) { }
static void on_message(void *opaque, uint64_t addr, uint32_t data) { }

static void wr(uint64_t a, unsigned size, uint64_t v) { (void)!mem_mmio_write(a, size, v); }

/* The card's frames are read; some come back. */
static void on_frame(struct netdev *n, const uint8_t *frame, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum ^= *(volatile const uint8_t *)(frame + i);
    if (sum & 1 && n->can_receive(n->card))
        n->receive(n->card, frame, len);
}

static void store(uint64_t at, const void *p, size_t n)
{
    at %= RAM_SIZE - 64;
    memcpy(mem_ram.view + at, p, n);
}

static uint64_t ring(unsigned d, unsigned q) { return 0x10000 + 0x1000ull * (d * QUEUES + q); }     /* +0x400 available, +0x800 used */

static uint64_t slot(unsigned d) { return ECAM + ((uint64_t)d << 15); }
static uint64_t common(unsigned d) { return MEM64 + 0x4000ull * d; }

static void start_mmio(uint32_t features, uint32_t high)
{
    static const unsigned at[] = { 0, 0x400, 0x800 };
    wr(NET + 0x70, 4, 0);
    wr(NET + 0x70, 4, 3);
    wr(NET + 0x24, 4, 1);
    wr(NET + 0x20, 4, high);
    wr(NET + 0x24, 4, 0);
    wr(NET + 0x20, 4, features);
    wr(NET + 0x70, 4, 0xb);
    for (unsigned q = 0; q < 3; q++) {
        wr(NET + 0x30, 4, q);
        wr(NET + 0x38, 4, 16);
        for (unsigned i = 0; i < 3; i++)
            wr(NET + 0x80 + 16 * i, 4, RAM + ring(ON_NET, q) + at[i]);
        wr(NET + 0x44, 4, 1);
    }
    wr(NET + 0x70, 4, 0xf);
}

static void start_pci(unsigned d, uint32_t features, uint32_t high)
{
    uint64_t c = common(d);
    wr(slot(d) + 0x14, 4, MEM32 + 0x1000 * d);
    wr(slot(d) + 0x20, 4, (uint32_t)c);
    wr(slot(d) + 0x24, 4, c >> 32);
    wr(slot(d) + 0x04, 2, 6);
    wr(c + 0x14, 1, 0);
    wr(c + 0x14, 1, 3);
    wr(c + 0x08, 4, 1);
    wr(c + 0x0c, 4, high);
    wr(c + 0x08, 4, 0);
    wr(c + 0x0c, 4, features);
    wr(c + 0x14, 1, 0xb);
    wr(c + 0x16, 2, 0);
    wr(c + 0x18, 2, 16);
    wr(c + 0x1a, 2, 0);
    wr(c + 0x20, 8, RAM + ring(d, 0));
    wr(c + 0x28, 8, RAM + ring(d, 0) + 0x400);
    wr(c + 0x30, 8, RAM + ring(d, 0) + 0x800);
    wr(c + 0x1c, 2, 1);
    wr(c + 0x14, 1, 0xf);
}

static void start(unsigned d, uint32_t features, uint32_t high)
{
    if (d == ON_NET)
        start_mmio(features, high);
    else
        start_pci(d, features, high);
}

static void notify(unsigned d, unsigned q)
{
    if (d == ON_NET)
        wr(NET + 0x50, 4, q);
    else
        wr(common(d) + 0x3000 + 4 * q, 2, q);
}

static void offer(unsigned d, unsigned q, unsigned head, unsigned skip)
{
    uint16_t idx, h = (uint16_t)head;
    memcpy(&idx, mem_ram.view + ring(d, q) + 0x402, 2);
    store(ring(d, q) + 0x404 + 2 * (idx & 15), &h, 2);
    idx = (uint16_t)(idx + 1 + skip);
    store(ring(d, q) + 0x402, &idx, 2);
    notify(d, q);
}

static void put_desc(uint64_t at, uint64_t addr, uint32_t len, unsigned flags, unsigned next)
{
    struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = { addr, len, (uint16_t)flags, (uint16_t)next };
    store(at, &d, sizeof d);
}

/* A whole 9P message: its payload is in memory, as pieces of kind 5 have written it. */
static void message(const struct piece *p)
{
    uint8_t h[7] = { (uint8_t)p->b, (uint8_t)(p->b >> 8 & 3), 0, 0, (uint8_t)(p->a & 0x80 ? p->c : 100 + (p->c & 31)), p->a & 7, 0 };
    uint32_t fid = p->c >> 8 & 3;
    store(0x80000, h, sizeof h);
    store(0x80007, &fid, 4);
    put_desc(ring(ON_9P, 0), RAM + 0x80000, 0x400, 1, 1);
    put_desc(ring(ON_9P, 0) + 16, RAM + 0x90000, 0x2000, 2, 0);
    offer(ON_9P, 0, 0, 0);
}

static void step(const struct piece *p)
{
    unsigned d = (p->kind >> 4) % DEVICES, q = (p->a >> 4) % QUEUES;
    uint64_t v, base = d == ON_NET ? NET : p->b & 0x8000 ? slot(d) : p->b & 0x4000 ? MEM32 + 0x1000 * d : common(d);
    switch (p->kind & 15) {
    case 0: wr(base + (p->b & (d == ON_NET ? 0x1ff : 0x3fff)), 1u << (p->a & 3), p->a & 0x80 ? p->c * 0x100000001ull : p->c & 0xff); break;
    case 1: (void)!mem_mmio_read(base + (p->b & (d == ON_NET ? 0x1ff : 0x3fff)), 1u << (p->a & 3), &v); break;
    case 2: put_desc(ring(d, q) + 16 * (p->a & 15), RAM + (p->c >> 12), p->c & 0xfff, p->b & 7, p->b >> 3 & 17); break;
    case 3: put_desc(0x70000 + 16 * (p->a & 15), p->a & 0x80 ? p->c * 0x10001ull : RAM + (p->c >> 12), p->c & 0xfff, p->b & 7, p->b >> 3 & 31); break;
    case 4: put_desc(ring(d, q) + 16 * (p->a & 15), RAM + 0x70000, 16 * (p->b & 31), 4 | (p->b >> 5 & 3), 0); break;
    case 5: store(p->b * 8u, &p->c, 4); break;
    case 6: store(0x80000 + p->b % 0x400, &p->c, 4); break;
    case 7: offer(d, q, p->a & 17, p->b & 0xff ? 0 : p->c); break;
    case 8: message(p); break;
    case 9: {                                    /* a frame from the host, perhaps a segment; the end of a batch */
        static uint8_t frame[NET_MAX_FRAME];
        uint32_t len = 14 + p->c % (sizeof frame - 14);
        const uint8_t head[] = { 8, 0, 0x45, 0, (uint8_t)((len - 14) >> 8), (uint8_t)(len - 14), 0, 0, 0, 0, 0, p->a & 1 ? 6 : 17 };
        memcpy(frame + 12, head, sizeof head);
        memcpy(frame + 38, (const uint8_t[]){ 0, 0, (uint8_t)(p->b >> 8), (uint8_t)p->b, 0, 0, 0, 0, 0x50, 0x10 }, 10);
        machine_lock();
        if (net.can_receive(net.card))
            net.receive(net.card, frame, len);
        if (p->a & 2)
            net.received(net.card);
        machine_unlock();
        break;
    }
    case 10: start(d, p->c, p->a & 1); break;
    case 11:
        machine_lock();
        dev[d != ON_NET]->reset(dev[d != ON_NET]);
        machine_unlock();
        break;
    default: notify(d, q); break;
    }
}

static void clean_up(void)
{
    unlink(file);
    rmdir(dir);
}

static void set_up(void)
{
    static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
    snprintf(dir, sizeof dir, "/dev/shm/gnomon-fuzz-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    snprintf(file, sizeof file, "%s/a", dir);
    close(open(file, O_CREAT | O_WRONLY, 0644));
    atexit(clean_up);
    mem_init(RAM, RAM_SIZE);
    loop_init();
    net.send = on_frame;
    dev[0] = virtio_mmio_new(NET, (struct irq){ on_irq, NULL, 0 }, virtio_net_new(&net, mac));
    struct pci_map map = {
        .ecam = ECAM, .ecam_size = 0x10000000, .pio = 0x3eff0000, .pio_size = 0x10000, .mem32 = MEM32, .mem32_size = 0x2eff0000,
        .mem64 = MEM64, .mem64_size = 0x8000000000, .message = on_message,
    };
    for (unsigned i = 0; i < 4; i++)
        map.intx[i] = (struct irq){ on_irq, NULL, i };
    struct pci_bus *bus = pci_bus_new(&map);
    const struct p9_options share = { .path = dir, .readonly = true };
    pci_add(bus, virtio_pci_new(virtio_rng_new(&(struct virtio_rng_options){ 0 })), ON_RNG);
    pci_add(bus, virtio_pci_new(virtio_9p_new(&share, "tag")), ON_9P);
    dev[1] = pci_bus_device(bus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t version[] = { 21, 0, 0, 0, 100, 0, 0, 0, 0x20, 0, 0, 8, 0, '9', 'P', '2', '0', '0', '0', '.', 'L' };
    static const uint8_t attach[] = { 23, 0, 0, 0, 104, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
    if (!dev[0])
        set_up();
    memset(mem_ram.view, 0, RAM_SIZE);
    for (unsigned d = 0; d < DEVICES; d++)
        start(d, size && data[0] & 1 ? 0x30000000 : 0, 1);
    for (unsigned i = 0; i < 2; i++) {           /* a session and its root, so that the rest is reached often */
        store(0xa0000 + 0x100 * i, i ? attach : version, i ? sizeof attach : sizeof version);
        put_desc(ring(ON_9P, 0) + 32 * i, RAM + 0xa0000 + 0x100 * i, 0x40, 1, 2 * i + 1);
        put_desc(ring(ON_9P, 0) + 32 * i + 16, RAM + 0xb0000, 0x100, 2, 0);
        offer(ON_9P, 0, 2 * i, 0);
    }
    for (size_t i = 1; i + sizeof(struct piece) <= size && i < 512 * sizeof(struct piece); i += sizeof(struct piece)) {
        struct piece p;
        memcpy(&p, data + i, sizeof p);
        step(&p);
    }
    machine_lock();
    for (unsigned i = 0; i < 2; i++)
        dev[i]->reset(dev[i]);
    machine_unlock();
    return 0;
}
