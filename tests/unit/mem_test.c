/*
 * mem_test.c - guest RAM, MMIO dispatch and splitting, DMA with its notice.
 */
#include <string.h>

#include "mem/mem.h"

#include "check.h"

static struct { uint64_t off[8], v[8]; unsigned size[8], n; } seen;

static uint64_t dev_read(void *opaque, uint64_t off, unsigned size)
{
    seen.off[seen.n & 7] = off;
    seen.size[seen.n++ & 7] = size;
    return 0x8877665544332211ull + off;
}

static void dev_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    seen.off[seen.n & 7] = off;
    seen.v[seen.n & 7] = v;
    seen.size[seen.n++ & 7] = size;
}

static const struct mmio_ops wide = { "wide", dev_read, dev_write, 0 }, narrow = { "narrow", dev_read, dev_write, 4 };
static const struct mmio_ops rom = { .name = "rom", .read = dev_read };

static struct { uint64_t gpa; size_t len; unsigned n; } wrote;
static void on_wrote(uint64_t gpa, size_t len)
{
    wrote.gpa = gpa;
    wrote.len = len;
    wrote.n++;
}

int main(void)
{
    uint64_t v;
    mem_init(0x40000000, 0x100000);
    CHECK(mem_is_ram(0x40000000, 0x100000));
    CHECK(!mem_is_ram(0x40000000, 0x100001));
    CHECK(!mem_is_ram(0x3fffffff, 1));
    CHECK(!mem_is_ram(0x400fffff, 2));
    CHECK(!mem_is_ram(0x40000010, UINT64_MAX));
    CHECK(mem_ptr(0x40000123, 1) == mem_ram.view + 0x123);

    mem_add_mmio(0x2000, 0x1000, &wide, NULL);
    mem_add_mmio(0x1000, 0x100, &narrow, NULL);
    mem_add_mmio(0x9000, 0x10, &rom, NULL);
    CHECK(mem_is_mmio(0x1000) && mem_is_mmio(0x10ff) && mem_is_mmio(0x2fff) && mem_is_mmio(0x900f));
    CHECK(!mem_is_mmio(0xfff) && !mem_is_mmio(0x1100) && !mem_is_mmio(0x3000) && !mem_is_mmio(0x40000000));

    CHECK(mem_mmio_read(0x2008, 8, &v));
    CHECK_EQ(v, 0x8877665544332211ull + 8);
    CHECK_EQ(seen.n, 1);
    seen.n = 0;
    CHECK(mem_mmio_read(0x1008, 8, &v));
    CHECK_EQ(v, (uint64_t)(0x44332211u + 12) << 32 | (0x44332211u + 8));
    CHECK(seen.n == 2 && seen.size[0] == 4 && seen.off[0] == 8 && seen.off[1] == 12);
    seen.n = 0;
    CHECK(mem_mmio_write(0x1010, 8, 0x1122334455667788ull));
    CHECK(seen.n == 2 && seen.v[0] == 0x55667788 && seen.v[1] == 0x11223344 && seen.off[1] == 0x14);
    seen.n = 0;
    CHECK(mem_mmio_write(0x2001, 1, 0xabcd));
    CHECK(seen.n == 1 && seen.v[0] == 0xcd && seen.size[0] == 1);
    CHECK(mem_mmio_read(0x2001, 2, &v));
    CHECK_EQ(v, 0x2212);
    CHECK(!mem_mmio_read(0x10fe, 4, &v));        /* reaches beyond the range */
    CHECK(!mem_mmio_write(0x5000, 4, 0));
    seen.n = 0;
    CHECK(mem_mmio_write(0x9000, 4, 1) && seen.n == 0);

    uint8_t a[16] = "0123456789abcde", b[16];
    mem_on_dma_write(on_wrote);
    CHECK(mem_dma_write(0x400ffff0, a, 16) && wrote.n == 1 && wrote.gpa == 0x400ffff0 && wrote.len == 16);
    CHECK(mem_dma_read(0x400ffff0, b, 16) && !memcmp(a, b, 16));
    CHECK(!mem_dma_write(0x400ffff1, a, 16) && wrote.n == 1);
    CHECK(!mem_dma_read(0x2000, b, 4));
    mem_dma_wrote(0x40000000, 0);
    CHECK_EQ(wrote.n, 1);
    return check_done();
}
