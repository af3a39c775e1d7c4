/*
 * virtio_drv.h - the driver's side of virtio over MMIO, for unit tests: registers, queues, rings.
 */
#ifndef GNOMON_TESTS_VIRTIO_DRV_H
#define GNOMON_TESTS_VIRTIO_DRV_H

#include <string.h>

#include "hw/virtio.h"
#include "mem/mem.h"

#include "check.h"

#define RAM 0x40000000ull

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };
#define NEXT 1u
#define WRITE 2u
#define INDIRECT 4u

static bool irq[4];
static inline void on_irq(void *opaque, unsigned n, bool level) { irq[n] = level; }

static inline uint32_t rd(uint64_t a)
{
    uint64_t v = 0;
    CHECK(mem_mmio_read(a, 4, &v));
    return (uint32_t)v;
}
static inline void wr(uint64_t a, uint32_t v) { CHECK(mem_mmio_write(a, 4, v)); }
static inline void *ram(uint64_t off) { return mem_ram.view + off; }

/* One driver-side queue: descriptors at +0, available ring at +0x1000, used ring at +0x2000 of its area. */
struct drv { uint64_t dev, at; unsigned num; uint16_t avail; };

static inline void w16(uint64_t off, uint16_t v) { memcpy(ram(off), &v, 2); }
static inline uint16_t r16(uint64_t off) { uint16_t v; memcpy(&v, ram(off), 2); return v; }
static inline uint32_t r32(uint64_t off) { uint32_t v; memcpy(&v, ram(off), 4); return v; }

static inline void set_desc(const struct drv *q, unsigned i, uint64_t addr, uint32_t len, unsigned flags, unsigned next)
{
    struct desc d = { addr, len, (uint16_t)flags, (uint16_t)next };
    memcpy(ram(q->at + 16 * i), &d, sizeof d);
}

static inline void offer(struct drv *q, uint16_t head)
{
    w16(q->at + 0x1000 + 4 + 2 * (q->avail % q->num), head);
    w16(q->at + 0x1000 + 2, ++q->avail);
}

static inline uint16_t used_idx(const struct drv *q) { return r16(q->at + 0x2002); }

static inline void negotiate(uint64_t dev, uint64_t features)
{
    wr(dev + 0x70, 0);
    wr(dev + 0x70, 1);
    wr(dev + 0x70, 3);
    wr(dev + 0x24, 0);
    wr(dev + 0x20, (uint32_t)features);
    wr(dev + 0x24, 1);
    wr(dev + 0x20, (uint32_t)(features >> 32));
    wr(dev + 0x70, 0xb);
}

static inline void queue(struct drv *q, uint64_t dev, unsigned n, uint64_t at, unsigned num)
{
    *q = (struct drv){ dev, at, num, 0 };
    memset(ram(at), 0, 0x4000);
    wr(dev + 0x30, n);
    wr(dev + 0x38, num);
    wr(dev + 0x80, (uint32_t)(RAM + at));
    wr(dev + 0x84, 0);
    wr(dev + 0x90, (uint32_t)(RAM + at + 0x1000));
    wr(dev + 0x94, 0);
    wr(dev + 0xa0, (uint32_t)(RAM + at + 0x2000));
    wr(dev + 0xa4, 0);
    wr(dev + 0x44, 1);
}

#endif
