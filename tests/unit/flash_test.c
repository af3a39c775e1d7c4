/*
 * flash_test.c - the CFI flash: commands as drivers give them, out of order too, read-only images, persistence.
 *
 * The values are those that QEMU's flash gives.
 */
#include <string.h>

#include "base/loop.h"
#include "hw/cfi_flash.h"
#include "mem/mem.h"

#include "check.h"

#define SIZE (64ull << 20)
#define BANK1 SIZE

static char path[] = "/tmp/gnomon-flash-test-XXXXXX";
static struct { uint64_t gpa; size_t len; } wrote;
static unsigned gone;

static void on_wrote(uint64_t gpa, size_t len)
{
    wrote.gpa = gpa;
    wrote.len = len;
}

static void on_gone(unsigned n) { gone |= 1u << n; }

static void w(uint64_t at, uint32_t v) { CHECK(mem_mmio_write(at, 4, v)); }
static uint64_t r(uint64_t at, unsigned size)
{
    uint64_t v = 0;
    const void *p = mem_read_ptr(at, size);
    if (p)
        memcpy(&v, p, size);
    else
        CHECK(mem_mmio_read(at, size, &v));
    return v;
}

/* The image's own bytes. */
static uint32_t kept(uint64_t off)
{
    uint32_t v = 0xdead;
    int fd = open(path, O_RDONLY);
    CHECK(pread(fd, &v, 4, (off_t)off) == 4);
    close(fd);
    return v;
}

static void test_query(uint64_t at)
{
    static const struct { unsigned word; uint32_t v; } want[] = {
        { 0x0f, 0 }, { 0x10, 0x510051 }, { 0x11, 0x520052 }, { 0x12, 0x590059 }, { 0x13, 0x10001 }, { 0x15, 0x310031 }, { 0x1b, 0x450045 },
        { 0x1f, 0x70007 }, { 0x21, 0xa000a }, { 0x27, 0x190019 }, { 0x28, 0x20002 }, { 0x2a, 0xb000b }, { 0x2c, 0x10001 }, { 0x2d, 0xff00ff },
        { 0x2e, 0 }, { 0x2f, 0 }, { 0x30, 0x20002 }, { 0x31, 0x500050 }, { 0x35, 0x300030 }, { 0x3f, 0x10001 }, { 0x40, 0 }, { 0x110, 0 },
    };
    CHECK(mem_read_ptr(at, 4));
    w(at, 0x00980098);
    CHECK(!mem_read_ptr(at, 4) && mem_is_memory(at, 4) && gone);
    for (unsigned i = 0; i < ARRAY_LEN(want); i++)
        CHECK_EQ(r(at + 4 * want[i].word, 4), want[i].v);
    CHECK_EQ(r(at + 0x40, 8), 0x0052005200510051);
    CHECK(r(at + 0x40, 1) == 0x51 && r(at + 0x41, 1) == 0 && r(at + 0x42, 2) == 0x51);
    w(at, 0x00900090);
    CHECK(r(at, 4) == 0x890089 && r(at + 4, 4) == 0x180018 && r(at + 8, 4) == 0 && r(at + 0x400, 4) == 0x890089);
    w(at, 0x00ff00ff);
    CHECK(mem_read_ptr(at, 4));
}

static void test_program(void)
{
    uint64_t s = BANK1 + CFI_FLASH_SECTOR;
    w(s + 8, 0x00200020);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s + 8, 0x00d000d0);
    CHECK(r(s, 4) == 0x800080 && wrote.gpa == s && wrote.len == CFI_FLASH_SECTOR);
    w(s, 0x00ff00ff);
    CHECK(r(s, 4) == ~0u && r(s + CFI_FLASH_SECTOR - 4, 4) == ~0u && r(s - 4, 4) == 0 && r(s + CFI_FLASH_SECTOR, 4) == 0);
    CHECK(kept(CFI_FLASH_SECTOR) == ~0u && kept(2 * CFI_FLASH_SECTOR - 4) == ~0u && kept(2 * CFI_FLASH_SECTOR) == 0);
    w(s, 0x00400040);
    w(s, 0x12345678);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s, 0x00ff00ff);
    CHECK(r(s, 4) == 0x12345678 && r(s + 4, 4) == ~0u && kept(CFI_FLASH_SECTOR) == 0x12345678);
    CHECK(mem_mmio_write(s + 6, 2, 0x40) && mem_mmio_write(s + 6, 2, 0xbeef));    /* half the bus */
    w(s, 0x00ff00ff);
    CHECK_EQ(r(s + 4, 4), 0xbeefffff);
}

static void test_buffer(void)
{
    uint64_t s = BANK1 + 3 * CFI_FLASH_SECTOR;
    w(s, 0x00e800e8);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s, 0x00010001);
    w(s + 0x10, 0xaabbccdd);
    w(s + 0x18, 0x11223344);                      /* gaps stay as they are */
    CHECK(r(s, 4) == 0x800080 && kept(3 * CFI_FLASH_SECTOR + 0x10) == 0);
    w(s, 0x00d000d0);
    w(s, 0x00ff00ff);
    CHECK(r(s + 0x10, 4) == 0xaabbccdd && r(s + 0x14, 4) == 0 && r(s + 0x18, 4) == 0x11223344 && r(s, 4) == 0);
    CHECK(kept(3 * CFI_FLASH_SECTOR + 0x10) == 0xaabbccdd && kept(3 * CFI_FLASH_SECTOR + 0x18) == 0x11223344);
    /* all of it */
    w(s, 0x00e800e8);
    w(s, 0x03ff03ff);
    for (unsigned i = 0; i < 0x400; i++)
        w(s + 4 * i, 0x1000 + i);
    w(s, 0x00d000d0);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s, 0x00ff00ff);
    CHECK(r(s, 4) == 0x1000 && r(s + 0xffc, 4) == 0x13ff && r(s + 0x1000, 4) == 0);
    /* not confirmed: nothing is written, and the status says why */
    w(s, 0x00e800e8);
    w(s, 0);
    w(s, 0x55555555);
    w(s, 0x00ff00ff);
    CHECK_EQ(r(s, 4), 0x1000);
    w(s, 0x00700070);
    CHECK_EQ(r(s, 4), 0xb000b0);
    w(s, 0x00500050);
    w(s, 0x00700070);
    CHECK_EQ(r(s, 4), 0x800080);
    /* too many words; a word outside the buffer; the last sector's end */
    w(s, 0x00e800e8);
    w(s, 0x04000400);
    CHECK_EQ(r(s, 4), 0xb000b0);
    w(s, 0x00500050);
    w(s, 0x00e800e8);
    w(s, 0x00010001);
    w(s + 0xffc, 1);
    w(s + 0x1000, 2);
    CHECK_EQ(r(s, 4), 0xb000b0);
    w(s, 0x00d000d0);                             /* no command of its own */
    CHECK(r(s, 4) == 0x1000 && r(s + 0xffc, 4) == 0x13ff);
    w(s, 0x00500050);
    w(BANK1 + SIZE - 4, 0x00e800e8);
    w(s, 0);
    w(BANK1 + SIZE - 4, 0xcafe);
    w(s, 0x00d000d0);
    w(s, 0x00ff00ff);
    CHECK(r(BANK1 + SIZE - 4, 4) == 0xcafe && kept(SIZE - 4) == 0xcafe);
}

static void test_order(void)
{
    uint64_t s = BANK1;
    w(s, 0x00200020);
    w(s, 0x00ff00ff);                             /* no erase */
    CHECK(mem_read_ptr(s, 4) && r(s, 4) == 0);
    w(s, 0x00700070);
    CHECK_EQ(r(s, 4), 0xb000b0);
    w(s, 0x00500050);
    w(s, 0x00330033);                             /* no command */
    CHECK(mem_read_ptr(s, 4));
    w(s, 0x00600060);
    w(s, 0x00010001);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s, 0x00600060);
    w(s, 0x00d000d0);
    CHECK_EQ(r(s, 4), 0x800080);
    w(s, 0x00f000f0);
    CHECK(mem_read_ptr(s, 4));
    uint64_t v;
    CHECK(!mem_mmio_read(BANK1 + SIZE - 2, 4, &v) && !mem_read_ptr(BANK1 + SIZE - 2, 4) && mem_read_ptr(BANK1 - 2, 2));
}

/* The first bank: what -bios put there can be written, until a reset. */
static void test_rom(struct device *d)
{
    CHECK(r(0, 4) == 0x33221100 && r(4, 4) == 0x44 && r(8, 4) == 0);
    w(0, 0x00400040);
    w(0, 7);
    w(0x1000, 0x00400040);
    w(0x1000, 8);
    CHECK(!mem_read_ptr(0, 4));
    d->reset(d);
    CHECK(mem_read_ptr(0, 4) && r(0, 4) == 0x33221100 && r(0x1000, 4) == 0);
}

static void make(void *image) { (void)cfi_flash_new(0, SIZE, image); }

static struct block *open_image(bool readonly)
{
    struct block_options o = { .path = path, .format = "raw", .readonly = readonly };
    return block_open(&o);
}

int main(void)
{
    loop_init();
    mem_init(0x40000000, 0x100000);
    mem_on_dma_write(on_wrote);
    mem_on_rom_change(on_gone);
    int fd = mkstemp(path);
    for (uint64_t bad = SIZE - 512; bad <= SIZE + 512; bad += 1024) {
        CHECK(ftruncate(fd, (off_t)bad) == 0);
        struct cfi_flash_image small = { .block = open_image(true), .path = path };
        CHECK(dies(make, &small));
        block_close(small.block);
    }
    CHECK(ftruncate(fd, (off_t)SIZE) == 0);
    close(fd);
    static const uint8_t rom[] = { 0x00, 0x11, 0x22, 0x33, 0x44 };
    struct cfi_flash_image bios = { .rom = rom, .rom_len = sizeof rom }, vars = { .block = open_image(false), .path = path };
    struct device *d = cfi_flash_new(0, SIZE, &bios);
    (void)cfi_flash_new(BANK1, SIZE, &vars);
    test_query(0);
    test_query(BANK1);
    CHECK_EQ(gone, 3);
    test_program();
    test_buffer();
    test_order();
    test_rom(d);

    /* What was kept is there, and cannot be changed through an image that is read-only. */
    block_close(vars.block);
    struct cfi_flash_image ro = { .block = open_image(true), .path = path };
    uint64_t third = 2 * SIZE, s = third + CFI_FLASH_SECTOR;
    (void)cfi_flash_new(third, SIZE, &ro);
    CHECK_EQ(r(s, 4), 0x12345678);
    w(s, 0x00400040);
    w(s, 0);
    CHECK_EQ(r(s, 4), 0x900090);
    w(s, 0x00500050);
    w(s, 0x00200020);
    w(s, 0x00d000d0);
    CHECK_EQ(r(s, 4), 0xa000a0);
    w(s, 0x00500050);
    w(s, 0x00e800e8);
    w(s, 0);
    w(s, 0);
    w(s, 0x00d000d0);
    CHECK_EQ(r(s, 4), 0x900090);
    w(s, 0x00ff00ff);
    CHECK(r(s, 4) == 0x12345678 && kept(CFI_FLASH_SECTOR) == 0x12345678);
    uint8_t buf[4];
    CHECK(mem_dma_read(s, buf, 4) && buf[0] == 0x78 && !mem_dma_write(s, buf, 4));
    block_close(ro.block);
    unlink(path);
    return check_done();
}
