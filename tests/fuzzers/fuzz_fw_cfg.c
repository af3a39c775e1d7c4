/*
 * fuzz_fw_cfg.c - libFuzzer target: a hostile driver of the firmware configuration device: registers of every size, DMA requests anywhere,
 * to anywhere. Must not crash, hang, read past an item or write outside RAM; what is transferred is compared with a model's.
 *
 * Input: pieces of a kind and its arguments; see struct piece. Items are allocated, so that the sanitizer knows their ends.
 */
// links: src/base/*.c src/mem/mem.c src/hw/fw_cfg.c
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hw/fw_cfg.h"
#include "mem/mem.h"

#define BASE 0x09020000ull
#define ROM_SIZE 0x1000u
#define RAM 0x40000000ull
#define RAM_SIZE 0x4000u

struct piece { uint8_t kind, a; uint16_t b; uint32_t c; };
struct request { uint32_t control, len; uint64_t to; };

static const struct { uint16_t key; uint32_t len; const char *name; } items[] = {
    { FW_CFG_SIGNATURE, 4, NULL }, { FW_CFG_CMDLINE, 1, NULL }, { FW_CFG_INITRD, 0, NULL }, { FW_CFG_KERNEL, 5000, NULL },
    { FW_CFG_FIRST_FILE, 33, "a" }, { FW_CFG_FIRST_FILE + 1, 0, "b" }, { FW_CFG_FIRST_FILE + 2, 4096, "c" },
};

static struct device *dev;
static struct mem_rom *rom;
static uint8_t *bytes[ARRAY_LEN(items)];

/* The model: what is selected, where in it. */
static uint16_t key;
static uint64_t place;

static uint8_t next_byte(bool *known)
{
    for (unsigned i = 0; i < ARRAY_LEN(items); i++)
        if (items[i].key == key) {
            uint8_t v = place < items[i].len ? bytes[i][place] : 0;
            place++;
            return v;
        }
    *known = key != FW_CFG_ID && key != FW_CFG_DIRECTORY;
    return 0;
}

static void on_wrote(uint64_t gpa, size_t len)
{
    if (!len || !mem_is_ram(gpa, len))
        bug("fw_cfg has told of writes to %#llx + %zu", (unsigned long long)gpa, len);
}

static uint64_t no_read(void *opaque, uint64_t off, unsigned size) { return 0; }
static void no_write(void *opaque, uint64_t off, uint64_t v, unsigned size) { }

static void rd(unsigned off, unsigned size)
{
    uint64_t v = 0;
    if (!mem_mmio_read(BASE + off, size, &v) || off >= 8)
        return;
    for (unsigned i = 0; i < size; i++) {
        bool known = true;
        uint8_t want = next_byte(&known);
        if (known && (uint8_t)(v >> 8 * i) != want)
            bug("byte %u of key %#x reads %#x, not %#x", i, key, (uint8_t)(v >> 8 * i), want);
    }
}

static void pick(uint16_t k)
{
    (void)!mem_mmio_write(BASE + 8, 2, htobe16(k));
    key = k;
    place = 0;
}

/* An address: in RAM, at its ends, in flash, a register, nowhere, round the end of the address space. */
static uint64_t address(unsigned how, uint32_t v)
{
    static const uint64_t odd[] = { RAM - 8, RAM + RAM_SIZE - 1, RAM + RAM_SIZE - 8, RAM + RAM_SIZE - 16, 0, ROM_SIZE - 8, BASE, BASE + 16,
                                    UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15, 1ull << 63, RAM << 32 };
    return how & 1 ? RAM + v % RAM_SIZE : odd[(how >> 1) % ARRAY_LEN(odd)];
}

/* A request as drivers make it, from RAM apart from its buffer: carried out, and compared with the model. */
static void transfer(const struct piece *p)
{
    static uint8_t want[RAM_SIZE];
    const uint64_t at = RAM + RAM_SIZE - sizeof(struct request);
    const uint16_t keys[] = { FW_CFG_SIGNATURE, FW_CFG_CMDLINE, FW_CFG_INITRD, FW_CFG_KERNEL, FW_CFG_FIRST_FILE, FW_CFG_FIRST_FILE + 1,
                              FW_CFG_FIRST_FILE + 2, 0x60, 0xffff };
    uint16_t k = keys[p->a % ARRAY_LEN(keys)];
    bool select = p->b & 1, skip = p->b & 2, known = true;
    uint32_t len = p->c % (RAM_SIZE - sizeof(struct request) + 1), off = (p->c >> 16) % (RAM_SIZE - sizeof(struct request) - len + 1);
    struct request r = { htobe32((uint32_t)k << 16 | (select ? 8 : 0) | (skip ? 4 : 2)), htobe32(len), htobe64(RAM + off) };
    memcpy(mem_ptr(at, sizeof r), &r, sizeof r);
    memcpy(want, mem_ram.view, RAM_SIZE);
    if (select) {
        key = k;
        place = 0;
    }
    for (uint32_t i = 0; i < len && known; i++) {
        uint8_t v = next_byte(&known);
        if (!skip)
            want[off + i] = v;
    }
    memset(want + (at - RAM), 0, 4);             /* the control word: no error */
    if (p->b & 4) {
        (void)!mem_mmio_write(BASE + 16, 4, htobe32((uint32_t)(at >> 32)));
        (void)!mem_mmio_write(BASE + 20, 4, htobe32((uint32_t)at));
    } else {
        (void)!mem_mmio_write(BASE + 16, 8, htobe64(at));
    }
    if (known && memcmp(want, mem_ram.view, RAM_SIZE))
        bug("DMA of key %#x, %u bytes, gave something else", key, len);
}

/* A request of any kind from anywhere. Where the device is then is not followed: it is selected anew. */
static void wild(const struct piece *p)
{
    uint64_t at = address(p->a, p->c);
    uint32_t control = p->c & 0x80000000 ? p->c : (p->c & 0x1f) | (uint32_t)FW_CFG_FIRST_FILE << 16;
    struct request r = { htobe32(control), htobe32(p->c >> 8), htobe64(address(p->b, p->c >> 3)) };
    if (mem_is_memory(at, sizeof r))
        memcpy(mem_host(at), &r, sizeof r);
    (void)!mem_mmio_write(BASE + 16, 8, htobe64(at));
    pick(key);
}

static void step(const struct piece *p)
{
    switch (p->kind & 7) {
    case 0: rd(0, 1u << (p->a & 3)); break;
    case 1: rd(p->b % (FW_CFG_SIZE + 2), 1u << (p->a & 3)); break;
    case 2: pick(p->a & 1 ? p->b : p->b & 0x3f); break;
    case 3: transfer(p); break;
    case 4: wild(p); break;
    case 5: memcpy(mem_ram.view + p->b % (RAM_SIZE - 3), &p->c, 4); break;
    case 6:
        (void)!mem_mmio_write(BASE + p->b % (FW_CFG_SIZE + 2), 1u << (p->a & 3), p->c * (p->a & 0x80 ? 0x100000001ull : 1));
        pick(key);
        break;
    case 7:
        machine_lock();
        dev->reset(dev);
        mem_rom_set_direct(rom, p->a & 1);
        machine_unlock();
        key = 0;
        place = 0;
        break;
    }
}

static void set_up(void)
{
    static const struct mmio_ops ops = { .name = "flash", .read = no_read, .write = no_write };
    mem_init(RAM, RAM_SIZE);
    loop_init();
    mem_on_dma_write(on_wrote);
    rom = mem_add_rom(0, ROM_SIZE, &ops, NULL);
    struct fw_cfg *s = fw_cfg_new(BASE);
    for (unsigned i = 0; i < ARRAY_LEN(items); i++) {
        bytes[i] = malloc(items[i].len + !items[i].len);
        for (uint32_t n = 0; n < items[i].len; n++)
            bytes[i][n] = (uint8_t)(n * 5 + i + (n >> 8));
        if (!items[i].name)
            fw_cfg_add(s, items[i].key, bytes[i], items[i].len);
        else if (fw_cfg_add_file(s, items[i].name, bytes[i], items[i].len))
            abort();
    }
    dev = fw_cfg_device(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dev)
        set_up();
    memset(mem_ram.view, 0, RAM_SIZE);
    step(&(struct piece){ .kind = 7, .a = 1 });
    for (size_t i = 0; i + sizeof(struct piece) <= size && i < 512 * sizeof(struct piece); i += sizeof(struct piece)) {
        struct piece p;
        memcpy(&p, data + i, sizeof p);
        step(&p);
    }
    return 0;
}
