/*
 * cfi_flash.c - NOR flash with the Common Flash Memory Interface and Intel's command set (JESD68.01; command set 0001).
 *
 * Owns the state of the two chips, which work in lockstep: commands and status are the same in both halves of the 32-bit bus.
 * In read-array mode the bank is memory (mem_rom) and the guest's reads never come here; any other command makes it a device until
 * the next read-array. What is programmed or erased goes to the image before the chips say that they are ready.
 *
 * As in QEMU's flash, programming may set bits: images of zeros, never erased, are in use.
 */
#include "hw/cfi_flash.h"

#include <string.h>

#include "base/log.h"
#include "mem/mem.h"

#define BUS 4u                                   /* bytes, of two chips */

enum { CMD_ARRAY_0 = 0x00, CMD_LOCK = 0x01, CMD_PROGRAM_1 = 0x10, CMD_ERASE = 0x20, CMD_PROGRAM = 0x40, CMD_CLEAR = 0x50, CMD_LOCKS = 0x60,
       CMD_STATUS = 0x70, CMD_ID = 0x90, CMD_QUERY = 0x98, CMD_CONFIRM = 0xd0, CMD_BUFFER = 0xe8, CMD_ARRAY_AMD = 0xf0, CMD_ARRAY = 0xff };
enum { STATUS_READY = 0x80, STATUS_ERASE_ERROR = 0x20, STATUS_PROGRAM_ERROR = 0x10,
       STATUS_SEQUENCE_ERROR = STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR };

struct cfi_flash {
    struct device dev;                           /* first */
    struct mem_rom *mem;
    struct cfi_flash_image image;
    bool rom_changed;
    enum { READ_ARRAY, READ_STATUS, READ_ID, READ_QUERY } mode;
    enum { WANT_COMMAND, WANT_WORD, WANT_ERASE, WANT_LOCK, WANT_COUNT, WANT_DATA, WANT_CONFIRM } want;
    uint8_t status;
    uint8_t query[0x40];
    /* Write buffer: what was put there, of the CFI_FLASH_BUFFER bytes at `at`. */
    uint8_t data[CFI_FLASH_BUFFER];
    bool given[CFI_FLASH_BUFFER];
    uint64_t at;
    unsigned left;                               /* writes to come */
    bool first;                                  /* none came yet */
};

/* Identification and geometry of one chip, JESD68.01 table 1 and Intel's extended query. */
static void make_query(struct cfi_flash *s)
{
    uint32_t sectors = (uint32_t)(s->mem->size / CFI_FLASH_SECTOR), chip = (uint32_t)(s->mem->size / 2), each = CFI_FLASH_SECTOR / 2;
    const struct { uint8_t at; uint16_t v; } words[] = {
        { 0x10, 'Q' }, { 0x11, 'R' }, { 0x12, 'Y' },
        { 0x13, 0x01 },                          /* Intel's extended command set */
        { 0x15, 0x31 },                          /* its table */
        { 0x1b, 0x45 }, { 0x1c, 0x55 },          /* 4.5 to 5.5 V */
        { 0x1f, 7 }, { 0x20, 7 }, { 0x21, 10 },  /* 2^n us a word, us a buffer, ms a sector */
        { 0x23, 4 }, { 0x24, 4 }, { 0x25, 4 },   /* at most 2^n times that */
        { 0x27, (uint16_t)__builtin_ctz(chip) },
        { 0x28, 2 },                             /* 8 and 16 bits wide */
        { 0x2a, (uint16_t)__builtin_ctz(CFI_FLASH_BUFFER / 2) },
        { 0x2c, 1 },                             /* all sectors alike */
        { 0x2d, (sectors - 1) & 0xff }, { 0x2e, (uint16_t)((sectors - 1) >> 8) }, { 0x2f, each >> 8 & 0xff }, { 0x30, each >> 16 },
        { 0x31, 'P' }, { 0x32, 'R' }, { 0x33, 'I' }, { 0x34, '1' }, { 0x35, '0' },
        { 0x3f, 1 },                             /* protection fields */
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        s->query[words[i].at] = (uint8_t)words[i].v;
}

static void set_mode(struct cfi_flash *s, int mode)
{
    s->mode = mode;
    mem_rom_set_direct(s->mem, mode == READ_ARRAY);
}

/* ---- contents ---- */

static bool read_only(const struct cfi_flash *s) { return s->image.block && block_readonly(s->image.block); }

/* [off, off + len) of the bank has changed: translated code hears of it, the image gets it. */
static bool keep(struct cfi_flash *s, uint64_t off, uint64_t len)
{
    mem_dma_wrote(s->mem->base + off, len);
    s->rom_changed = true;
    if (!s->image.block)
        return true;
    uint64_t from = ALIGN_DOWN(off, (uint64_t)BLOCK_SECTOR), to = ALIGN_UP(off + len, (uint64_t)BLOCK_SECTOR);
    struct iovec v = { s->mem->view + from, to - from };
    struct block_req r = { .op = BLOCK_WRITE, .off = from, .len = to - from, .iov = &v, .n_iov = 1 };
    int e = block_do(s->image.block, &r);
    if (e)
        warn("flash image %s cannot be written: %s", s->image.path, strerror(e));
    return !e;
}

static void program(struct cfi_flash *s, uint64_t off, uint64_t v, unsigned size)
{
    if (!read_only(s)) {
        memcpy(s->mem->view + off, &v, size);
        if (keep(s, off, size))
            return;
    }
    s->status |= STATUS_PROGRAM_ERROR;
}

static void program_buffer(struct cfi_flash *s)
{
    if (!read_only(s)) {
        unsigned lo = CFI_FLASH_BUFFER, hi = 0;
        for (unsigned i = 0; i < CFI_FLASH_BUFFER; i++) {
            if (!s->given[i])
                continue;
            s->mem->view[s->at + i] = s->data[i];
            lo = MIN(lo, i);
            hi = i + 1;
        }
        if (keep(s, s->at + lo, hi - lo))
            return;
    }
    s->status |= STATUS_PROGRAM_ERROR;
}

static void erase(struct cfi_flash *s, uint64_t off)
{
    off = ALIGN_DOWN(off, (uint64_t)CFI_FLASH_SECTOR);
    if (!read_only(s)) {
        memset(s->mem->view + off, 0xff, CFI_FLASH_SECTOR);
        if (keep(s, off, CFI_FLASH_SECTOR))
            return;
    }
    s->status |= STATUS_ERASE_ERROR;
}

/* ---- bus ---- */

/* What one chip drives onto its lower eight lines; the upper ones are zero. */
static uint8_t chip_read(const struct cfi_flash *s, uint64_t word)
{
    switch (s->mode) {
    case READ_STATUS: return s->status;
    case READ_ID:
        switch (word & 0xff) {
        case 0: return 0x89;                     /* Intel */
        case 1: return 0x18;
        default: return 0;                       /* 2: the sector is not locked */
        }
    case READ_QUERY: return word < sizeof s->query ? s->query[word] : 0;
    case READ_ARRAY: break;
    }
    bug("flash: read in array mode");
}

static uint64_t flash_read(void *opaque, uint64_t off, unsigned size)
{
    const struct cfi_flash *s = opaque;
    uint64_t v = 0;
    if (s->mode == READ_ARRAY) {                 /* came when it was not yet */
        memcpy(&v, s->mem->view + off, size);
        return v;
    }
    for (unsigned i = 0; i < size; i++)
        if (!((off + i) & 1))
            v |= (uint64_t)chip_read(s, (off + i) / BUS) << 8 * i;
    return v;
}

static void command(struct cfi_flash *s, uint8_t cmd)
{
    s->want = WANT_COMMAND;
    switch (cmd) {
    case CMD_ARRAY_0: case CMD_ARRAY: case CMD_ARRAY_AMD:
        set_mode(s, READ_ARRAY);
        return;
    case CMD_CLEAR:
        s->status = STATUS_READY;
        set_mode(s, READ_ARRAY);
        return;
    case CMD_ID:
        set_mode(s, READ_ID);
        return;
    case CMD_QUERY:
        set_mode(s, READ_QUERY);
        return;
    case CMD_STATUS: break;
    case CMD_PROGRAM: case CMD_PROGRAM_1: s->want = WANT_WORD; break;
    case CMD_ERASE: s->want = WANT_ERASE; break;
    case CMD_LOCKS: s->want = WANT_LOCK; break;
    case CMD_BUFFER: s->want = WANT_COUNT; break;
    default:
        log_to(guest_errors, "flash: there is no command %#x\n", cmd);
        set_mode(s, READ_ARRAY);
        return;
    }
    set_mode(s, READ_STATUS);
}

/* CMD came where another was due: it is obeyed if it ends the matter, and nothing was changed. */
static void out_of_sequence(struct cfi_flash *s, uint8_t cmd)
{
    s->status |= STATUS_SEQUENCE_ERROR;
    s->want = WANT_COMMAND;
    if (cmd == CMD_ARRAY)
        set_mode(s, READ_ARRAY);
}

static void take_data(struct cfi_flash *s, uint64_t off, uint64_t v, unsigned size)
{
    if (s->first)
        s->at = ALIGN_DOWN(off, (uint64_t)CFI_FLASH_BUFFER);
    s->first = false;
    if (off - s->at > CFI_FLASH_BUFFER - size) {
        out_of_sequence(s, 0);
        return;
    }
    memcpy(s->data + (off - s->at), &v, size);
    memset(s->given + (off - s->at), 1, size);
    if (!--s->left)
        s->want = WANT_CONFIRM;
}

static void flash_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct cfi_flash *s = opaque;
    uint8_t cmd = (uint8_t)v;
    switch (s->want) {
    case WANT_COMMAND:
        command(s, cmd);
        return;
    case WANT_WORD:
        program(s, off, v, size);
        s->want = WANT_COMMAND;
        return;
    case WANT_COUNT:
        s->left = (unsigned)(v & 0xffff) + 1;
        if (s->left > CFI_FLASH_BUFFER / BUS) {
            out_of_sequence(s, 0);
            return;
        }
        memset(s->given, 0, sizeof s->given);
        s->first = true;
        s->want = WANT_DATA;
        return;
    case WANT_DATA:
        take_data(s, off, v, size);
        return;
    case WANT_ERASE: case WANT_CONFIRM: case WANT_LOCK:
        break;
    }
    if (cmd != CMD_CONFIRM && !(s->want == WANT_LOCK && cmd == CMD_LOCK)) {
        out_of_sequence(s, cmd);
        return;
    }
    if (s->want == WANT_ERASE)
        erase(s, off);
    else if (s->want == WANT_CONFIRM)
        program_buffer(s);
    s->want = WANT_COMMAND;                      /* locks: there are none, all is unlocked */
}

static const struct mmio_ops ops = { .name = "flash", .read = flash_read, .write = flash_write, .max_size = 4 };

/* ---- life ---- */

static void load_rom(struct cfi_flash *s)
{
    memset(s->mem->view, 0, s->mem->size);
    memcpy(s->mem->view, s->image.rom, s->image.rom_len);
    mem_dma_wrote(s->mem->base, s->mem->size);
    s->rom_changed = false;
}

static bool all_zero(const uint8_t *p, size_t n) { return !p[0] && !memcmp(p, p + 1, n - 1); }

static void load_block(struct cfi_flash *s)
{
    static uint8_t piece[1 << 18];
    uint64_t len = block_sectors(s->image.block) * BLOCK_SECTOR;
    if (len != s->mem->size)
        die("flash image %s has %llu bytes, the flash has %llu", s->image.path, (unsigned long long)len,
            (unsigned long long)s->mem->size);
    for (uint64_t off = 0; off < len; off += sizeof piece) {
        struct iovec v = { piece, sizeof piece };
        struct block_req r = { .op = BLOCK_READ, .off = off, .len = sizeof piece, .iov = &v, .n_iov = 1 };
        int e = block_do(s->image.block, &r);
        if (e)
            die("flash image %s cannot be read: %s", s->image.path, strerror(e));
        for (size_t i = 0; i < sizeof piece; i += 4096)    /* pages of zeros take no memory */
            if (!all_zero(piece + i, 4096))
                memcpy(s->mem->view + off + i, piece + i, 4096);
    }
}

static void reset(struct device *d)
{
    struct cfi_flash *s = (struct cfi_flash *)d;
    s->want = WANT_COMMAND;
    s->status = STATUS_READY;
    set_mode(s, READ_ARRAY);
    if (s->image.rom && s->rom_changed)
        load_rom(s);
}

struct device *cfi_flash_new(uint64_t base, uint64_t size, const struct cfi_flash_image *image)
{
    struct cfi_flash *s = xcalloc(1, sizeof *s);
    s->dev = (struct device){ .name = "cfi-flash", .reset = reset };
    s->mem = mem_add_rom(base, size, &ops, s);
    s->image = *image;
    s->status = STATUS_READY;
    make_query(s);
    if (s->image.block)
        load_block(s);
    else if (s->image.rom)
        load_rom(s);
    return &s->dev;
}
