/*
 * fuzz_flash.c - libFuzzer target: hostile writes to CFI flash: a bank with an image, one whose image is read-only, one of firmware that
 * -bios gave. Must not crash or hang; an image has what its bank has, a read-only one never changes, a reset brings back firmware.
 *
 * Input: pieces of a kind and its arguments; see struct piece.
 */
// links: src/base/*.c src/block/*.c src/mem/mem.c src/hw/cfi_flash.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/loop.h"
#include "block/block.h"
#include "hw/cfi_flash.h"
#include "mem/mem.h"

#define BANK 0x80000u                            /* two sectors */
#define BANKS 3u
#define RAM 0x40000000ull

enum { KEPT, READ_ONLY, BIOS };

struct piece { uint8_t kind, a; uint16_t b; uint32_t c; };

static struct device *dev[BANKS];
static uint8_t *image[2];                        /* of the first two banks, as the host sees it */
static uint8_t firmware[5000];
static uint8_t as_made[BANKS][BANK];             /* what the banks held at first */

static uint8_t fill(unsigned i) { return (uint8_t)(i * 7 + (i >> 8) + 1); }

static void on_wrote(uint64_t gpa, size_t len)
{
    if (!len || gpa >= BANKS * BANK || len > BANKS * BANK - gpa)
        bug("flash has told of writes to %#llx + %zu", (unsigned long long)gpa, len);
}

static void wr(uint64_t at, unsigned size, uint64_t v) { (void)!mem_mmio_write(at, size, v); }

/* Where a piece goes: few places, so that commands meet; the ends of banks and sectors; anywhere. */
static uint64_t place(const struct piece *p, unsigned bank)
{
    static const uint32_t at[] = { 0, 4, 0x40, 0xffc, 0x1000, CFI_FLASH_SECTOR - 4, CFI_FLASH_SECTOR, BANK - 4, BANK - 8, BANK - 1, 2,
                                   0x44 };
    return bank * BANK + (p->b & 0x8000 ? (p->b & 0x7fffu) << 4 | (p->a >> 4 & 15) : at[p->b % ARRAY_LEN(at)]);
}

/* A program by the write buffer, right but for what the input says. */
static void buffer(const struct piece *p, uint64_t at)
{
    unsigned n = p->a & 0x80 ? p->c & 0x7ff : p->c & 7;
    wr(at, 4, 0x00e800e8);
    wr(at, 4, n * 0x10001u);
    for (unsigned i = 0; i <= n; i++)
        wr(at + 4 * i, 4, p->c * (i + 1));
    wr(at, 4, p->a & 0x40 ? p->c : 0x00d000d0);
}

static void step(const struct piece *p)
{
    static const uint8_t commands[] = { 0x00, 0x01, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xf0, 0xff };
    unsigned bank = (p->kind >> 4) % BANKS, size = 1u << (p->a & 3);
    uint64_t at = place(p, bank), v;
    switch (p->kind & 7) {
    case 0: wr(at, size, commands[p->c % ARRAY_LEN(commands)] * 0x10001ull); break;
    case 1: wr(at, size, p->c * 0x100000001ull); break;
    case 2:
        if (!mem_read_ptr(at, size))
            (void)!mem_mmio_read(at, size, &v);
        break;
    case 3: (void)!mem_mmio_read(at, size, &v); break;       /* as one that was under way when the mode changed */
    case 4: buffer(p, at); break;
    case 5:
        wr(at, 4, 0x00200020);
        wr(at, 4, p->a & 0x80 ? p->c : 0x00d000d0);
        break;
    case 6:
        wr(at, 4, 0x00400040);
        wr(at, size, p->c);
        break;
    case 7:
        machine_lock();
        dev[bank]->reset(dev[bank]);
        machine_unlock();
        break;
    }
}

static void set_up(void)
{
    mem_init(RAM, 0x10000);
    loop_init();
    mem_on_dma_write(on_wrote);
    for (unsigned i = 0; i < sizeof firmware; i++)
        firmware[i] = fill(i);
    for (unsigned b = 0; b < BANKS; b++) {
        char *path = NULL;
        struct cfi_flash_image of = { .rom = firmware, .rom_len = sizeof firmware };
        if (b != BIOS) {
            int fd = memfd_create("image", MFD_CLOEXEC);
            if (fd < 0 || ftruncate(fd, BANK) || asprintf(&path, "/proc/self/fd/%d", fd) < 0)
                abort();
            image[b] = mmap(NULL, BANK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (image[b] == MAP_FAILED)
                abort();
            for (unsigned i = 0; i < BANK; i++)
                image[b][i] = fill(i);
            const struct block_options o = { .path = path, .format = "raw", .no_lock = true, .no_flush = true, .readonly = b == READ_ONLY };
            of = (struct cfi_flash_image){ .block = block_open(&o), .path = path };
        }
        dev[b] = cfi_flash_new(b * BANK, BANK, &of);
        memcpy(as_made[b], mem_read_ptr(b * BANK, BANK), BANK);
    }
}

static void check(void)
{
    machine_lock();
    for (unsigned b = 0; b < BANKS; b++)
        dev[b]->reset(dev[b]);
    machine_unlock();
    if (memcmp(image[KEPT], mem_read_ptr(0, BANK), BANK))
        bug("the image has other contents than its bank");
    if (memcmp(image[READ_ONLY], as_made[READ_ONLY], BANK) || memcmp(mem_read_ptr(READ_ONLY * BANK, BANK), as_made[READ_ONLY], BANK))
        bug("what is read-only has changed");
    if (memcmp(mem_read_ptr(BIOS * BANK, BANK), as_made[BIOS], BANK))
        bug("firmware is not what it was at first");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dev[0])
        set_up();
    for (size_t i = 0; i + sizeof(struct piece) <= size && i < 128 * sizeof(struct piece); i += sizeof(struct piece)) {
        struct piece p;
        memcpy(&p, data + i, sizeof p);
        step(&p);
    }
    check();
    return 0;
}
