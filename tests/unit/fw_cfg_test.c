/*
 * fw_cfg_test.c - the firmware configuration device: its registers, its directory, and DMA with good and bad requests.
 *
 * The values are those that QEMU gives, but that DMA to where there is no RAM is an error here.
 */
#include <endian.h>
#include <string.h>

#include "hw/fw_cfg.h"
#include "mem/mem.h"

#include "check.h"

#define BASE 0x09020000ull
#define RAM 0x40000000ull
#define RAM_SIZE 0x100000ull

static uint64_t rd(unsigned off, unsigned size)
{
    uint64_t v = 0;
    CHECK(mem_mmio_read(BASE + off, size, &v));
    return v;
}

static void pick(uint16_t key) { CHECK(mem_mmio_write(BASE + 8, 2, htobe16(key))); }

/* The control word that is left; SPLIT: the address in two halves. */
static uint32_t dma(uint32_t control, uint32_t len, uint64_t to, uint64_t at, bool split)
{
    struct { uint32_t control, len; uint64_t to; } r = { htobe32(control), htobe32(len), htobe64(to) };
    uint32_t result = 0x55;
    memset(mem_ptr(at, 1), 0, 1);
    if (mem_is_ram(at, sizeof r))
        memcpy(mem_ptr(at, sizeof r), &r, sizeof r);
    if (split)
        CHECK(mem_mmio_write(BASE + 16, 4, htobe32((uint32_t)(at >> 32))) && mem_mmio_write(BASE + 20, 4, htobe32((uint32_t)at)));
    else
        CHECK(mem_mmio_write(BASE + 16, 8, htobe64(at)));
    if (mem_is_ram(at, 4))
        memcpy(&result, mem_ptr(at, 4), 4);
    return be32toh(result);
}

static void test_registers(void)
{
    CHECK_EQ(rd(16, 8), 0x47464320554d4551);
    CHECK(rd(16, 4) == 0x554d4551 && rd(20, 4) == 0x47464320);
    pick(FW_CFG_SIGNATURE);
    CHECK(rd(0, 1) == 'Q' && rd(0, 1) == 'E' && rd(0, 2) == ('M' | 'U' << 8) && rd(0, 1) == 0);
    pick(FW_CFG_SIGNATURE);
    CHECK_EQ(rd(0, 8), 0x554d4551);
    pick(FW_CFG_ID);
    CHECK_EQ(rd(0, 4), 3);
    pick(FW_CFG_CPUS);
    CHECK_EQ(rd(0, 2), 4);
    pick(0x1234);
    CHECK_EQ(rd(0, 4), 0);
    pick(0xffff);
    CHECK_EQ(rd(0, 8), 0);
    CHECK(mem_mmio_write(BASE, 1, 7));            /* data cannot be written */
    pick(FW_CFG_SIGNATURE);
    CHECK_EQ(rd(0, 1), 'Q');
}

static void test_directory(void)
{
    static const char *const names[] = { "etc/c", "opt/a", "opt/b" };
    pick(FW_CFG_DIRECTORY);
    CHECK_EQ(be32toh((uint32_t)rd(0, 4)), 3);
    for (unsigned i = 0; i < 3; i++) {
        char name[57] = { 0 };
        CHECK_EQ(be32toh((uint32_t)rd(0, 4)), i + 1);
        CHECK_EQ(be16toh((uint16_t)rd(0, 2)), FW_CFG_FIRST_FILE + i);
        CHECK_EQ(rd(0, 2), 0);
        for (unsigned n = 0; n < 56; n++)
            name[n] = (char)rd(0, 1);
        CHECK(!strcmp(name, names[i]));
    }
    CHECK_EQ(rd(0, 1), 0);
    pick(FW_CFG_FIRST_FILE + 2);
    CHECK_EQ(rd(0, 4), 'b' | 'b' << 8 | 'b' << 16);
}

static void test_dma(bool split)
{
    uint64_t at = RAM + 0x1000, to = RAM + 0x2000;
    uint32_t *p = mem_ptr(to, 16);
    memset(p, 0xee, 16);
    CHECK_EQ(dma(FW_CFG_SIGNATURE << 16 | 8 | 2, 4, to, at, split), 0);
    CHECK(p[0] == 0x554d4551 && p[1] == 0xeeeeeeee);
    CHECK_EQ(dma(FW_CFG_SIGNATURE << 16 | 8 | 2, 8, to, at, split), 0);
    CHECK(p[0] == 0x554d4551 && p[1] == 0 && p[2] == 0xeeeeeeee);
    CHECK(dma(FW_CFG_SIGNATURE << 16 | 8 | 4, 2, 0, at, split) == 0 && dma(2, 2, to, at, split) == 0 && p[0] == 0x554d554d);
    CHECK(dma(4, UINT32_MAX, 0, at, split) == 0 && dma(4, UINT32_MAX, 0, at, split) == 0 && dma(2, 4, to, at, split) == 0 && p[0] == 0);
    CHECK_EQ(dma(0x1234 << 16 | 8 | 2, 4, to, at, split), 0);
    CHECK_EQ(dma(FW_CFG_SIGNATURE << 16 | 8, 0, 0, at, split), 0);
    CHECK_EQ(rd(0, 1), 'Q');
    /* where no RAM is, over its end, round the end of the address space; writing */
    CHECK_EQ(dma(8 | 2, 4, 0x20000000, at, split), 1);
    CHECK_EQ(dma(8 | 2, 64, RAM + RAM_SIZE - 16, at, split), 1);
    CHECK_EQ(dma(8 | 2, UINT32_MAX, RAM, at, split), 1);
    CHECK_EQ(dma(8 | 2, 64, UINT64_MAX - 3, at, split), 1);
    CHECK_EQ(dma(8 | 2, 4, BASE, at, split), 1);
    CHECK_EQ(dma(8 | 16, 4, to, at, split), 1);
    memset(p, 0xee, 16);
    (void)dma(8 | 2, 4, to, RAM + RAM_SIZE - 8, split);    /* half a request */
    CHECK_EQ(p[0], 0xeeeeeeee);
    CHECK(mem_mmio_write(BASE + 16, 8, htobe64(UINT64_MAX - 7)) && mem_mmio_write(BASE + 16, 8, 0));
    CHECK_EQ(dma(8 | 2, RAM_SIZE, RAM, RAM, split), 0);    /* over itself */
}

int main(void)
{
    mem_init(RAM, RAM_SIZE);
    struct fw_cfg *s = fw_cfg_new(BASE);
    CHECK(!fw_cfg_add_file(s, "opt/b", "bbb", 3) && !fw_cfg_add_file(s, "etc/c", "c", 1) && !fw_cfg_add_file(s, "opt/a", "aa", 2));
    CHECK(fw_cfg_add_file(s, "opt/a", "x", 1) && fw_cfg_add_file(s, "opt/34567890123456789012345678901234567890123456789012345x", "x", 1));
    fw_cfg_add_number(s, FW_CFG_CPUS, 4, 2);
    test_registers();
    test_directory();
    test_dma(false);
    test_dma(true);
    pick(FW_CFG_SIGNATURE);
    (void)rd(0, 2);
    struct device *d = fw_cfg_device(s);
    d->reset(d);
    CHECK_EQ(rd(0, 1), 'Q');
    char name[16];
    const char *e = NULL;
    for (unsigned i = 3; i <= FW_CFG_FILES && !e; i++) {
        snprintf(name, sizeof name, "opt/n%u", i);
        e = fw_cfg_add_file(s, name, "", 0);
        CHECK(!e == (i < FW_CFG_FILES));
    }
    return check_done();
}
