/*
 * fuzz_virtio_blk.c - libFuzzer target: a hostile driver of a virtio-blk device over MMIO: registers, rings, descriptors, all of
 * guest memory. Must not crash, hang, or touch anything outside guest memory.
 *
 * Input: pieces of one byte of kind and its arguments; see struct piece. A piece writes a register, a ring or memory.
 */
// links: src/base/*.c src/block/*.c src/mem/mem.c src/hw/virtio.c src/hw/virtqueue.c src/hw/virtio_blk.c src/hw/virtio_mmio.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block/block.h"
#include "base/loop.h"
#include "hw/virtio.h"
#include "mem/mem.h"

#define RAM 0x40000000ull
#define RAM_SIZE 0x100000u
#define DEV 0x0a003e00ull

struct piece { uint8_t kind, a; uint16_t b; uint32_t c; };

static struct device *dev;

static void on_irq(void *opaque, unsigned n, bool level) { }

static void wr(uint32_t off, uint32_t v)
{
    (void)!mem_mmio_write(DEV + off, 4, v);
}

static void store(uint32_t at, const void *p, size_t n)
{
    at %= RAM_SIZE - 16;
    memcpy(mem_ram.view + at, p, n);
}

/* What a driver does first, so that the rest is reached often. */
static void start(unsigned features)
{
    static const uint32_t ring[] = { 0x10000, 0x11000, 0x12000 };
    wr(0x70, 0);
    wr(0x70, 3);
    wr(0x24, 1);
    wr(0x20, 1);
    wr(0x24, 0);
    wr(0x20, features & 1 ? 0x30000000 | 0x200 : 0);
    wr(0x70, 0xb);
    for (unsigned q = 0; q < 2; q++) {
        wr(0x30, q);
        wr(0x38, 16);
        for (unsigned i = 0; i < 3; i++) {
            wr(0x80 + 16 * i, (uint32_t)RAM + ring[i] + 0x4000 * q);
            wr(0x84 + 16 * i, 0);
        }
        wr(0x44, 1);
    }
    wr(0x70, 0xf);
}

static void step(const struct piece *p)
{
    uint64_t v;
    switch (p->kind & 7) {
    case 0: wr(p->b & 0x1fc, p->c); break;
    case 1: (void)!mem_mmio_read(DEV + (p->b & 0x1ff), 1u << (p->a & 3), &v); break;
    case 2: {                                    /* a descriptor: of the queue's, or of an indirect table */
        struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = {
            p->a & 0x80 ? p->c * 0x10001ull : RAM + (p->c >> 12), p->c & 0xfff, p->b & 7, (p->b >> 3) & 31,
        };
        if (p->a & 0x40)
            d.len = p->c;
        store((p->a & 0x20 ? 0x20000 : 0x10000) + 16 * (p->a & 15), &d, 16);
        break;
    }
    case 3: {                                    /* a request's header */
        struct { uint32_t type, reserved; uint64_t sector; } h = { p->a, 0, p->b & 0x8000 ? p->c * 0x100000001ull : p->c & 0xff };
        store(p->b & 0xff0, &h, 16);
        break;
    }
    case 4: {                                    /* offer */
        uint16_t idx;
        memcpy(&idx, mem_ram.view + 0x11002, 2);
        uint16_t head = p->a & 31;
        store(0x11004 + 2 * (idx & 15), &head, 2);
        idx = (uint16_t)(idx + 1 + (p->b & 0xff ? 0 : p->c));
        store(0x11002, &idx, 2);
        wr(0x50, p->a >> 7);
        break;
    }
    case 5: store(p->c, &p->b, 2); break;
    case 6: wr(0x50, p->b & 1); break;
    case 7: if (p->a & 7) start(p->a); else { machine_lock(); dev->reset(dev); machine_unlock(); } break;
    }
}

static void set_up(void)
{
    static char path[64];
    int fd = memfd_create("image", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 128 << 10))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct block_options o = { .path = path, .format = "raw", .discard = true, .no_lock = true, .no_flush = true };
    static const struct virtio_blk_options blk = { .serial = "fuzz", .num_queues = 2, .queue_size = 16 };
    mem_init(RAM, RAM_SIZE);
    dev = virtio_mmio_new(DEV, (struct irq){ on_irq, NULL, 0 }, virtio_blk_new(block_open(&o), &blk));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dev)
        set_up();
    memset(mem_ram.view, 0, RAM_SIZE);
    start(1);
    for (size_t i = 0; i + sizeof(struct piece) <= size && i < 512 * sizeof(struct piece); i += sizeof(struct piece)) {
        struct piece p;
        memcpy(&p, data + i, sizeof p);
        step(&p);
    }
    machine_lock();
    dev->reset(dev);
    machine_unlock();
    return 0;
}
