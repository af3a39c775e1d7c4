/*
 * fw_cfg.c - QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg.rst), read-only items.
 *
 * Owns the selected item, the place in it and the directory. The guest reads an item byte by byte through the data register or has it
 * copied by DMA, which goes to RAM only and is bounded by it.
 */
#include "hw/fw_cfg.h"

#include <endian.h>
#include <string.h>

#include "mem/mem.h"

#define ITEMS (FW_CFG_FIRST_FILE + FW_CFG_FILES)
#define REG_DATA 0u
#define REG_SELECT 8u
#define REG_DMA 16u
#define DMA_ERROR 1u
#define DMA_READ 2u
#define DMA_SKIP 4u
#define DMA_SELECT 8u
#define DMA_WRITE 16u
#define DMA_SIGNATURE 0x51454d5520434647ull      /* "QEMU CFG", what the address register reads as */

struct item { const uint8_t *data; uint32_t len; };
struct entry { uint32_t size; uint16_t key, reserved; char name[FW_CFG_NAME_MAX + 1]; };    /* big-endian */
_Static_assert(sizeof(struct entry) == 64, "layout of the directory");

struct fw_cfg {
    struct device dev;                           /* first */
    struct item item[ITEMS];
    struct { uint32_t count; struct entry e[FW_CFG_FILES]; } dir;
    unsigned n_files;
    uint16_t key;
    uint32_t at;
    uint64_t dma;                                /* upper half of an address whose lower one is to come */
};

static void select_item(struct fw_cfg *s, uint16_t key)
{
    s->key = key;
    s->at = 0;
}

/* The next LEN bytes of the item; zeros behind its end. */
static void next_bytes(struct fw_cfg *s, uint8_t *to, uint64_t len)
{
    static const struct item none;
    const struct item *i = s->key < ITEMS ? &s->item[s->key] : &none;
    uint32_t n = (uint32_t)MIN(len, (uint64_t)(i->len - s->at));
    if (n && to)
        memcpy(to, i->data + s->at, n);
    if (to)
        memset(to + n, 0, len - n);
    s->at += n;
}

static bool transfer(struct fw_cfg *s, uint32_t control, uint32_t len, uint64_t to)
{
    if (control & DMA_SELECT)
        select_item(s, (uint16_t)(control >> 16));
    if (control & DMA_READ) {
        uint8_t *p = mem_ptr(to, len);
        if (!p)
            return !len;
        next_bytes(s, p, len);
        mem_dma_wrote(to, len);
    } else if (control & DMA_WRITE) {
        return false;
    } else if (control & DMA_SKIP) {
        next_bytes(s, NULL, len);
    }
    return true;
}

/* A request lies at the address: control, length, address. The control word tells the guest how it went. */
static void run_dma(struct fw_cfg *s, uint64_t at)
{
    struct { uint32_t control, len; uint64_t to; } r;
    if (!mem_dma_read(at, &r, sizeof r))
        return;
    uint32_t result = transfer(s, be32toh(r.control), be32toh(r.len), be64toh(r.to)) ? 0 : htobe32(DMA_ERROR);
    (void)!mem_dma_write(at, &result, sizeof result);
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    struct fw_cfg *s = opaque;
    uint8_t bytes[8] = { 0 };
    uint64_t v = 0;
    if (off < REG_SELECT) {
        next_bytes(s, bytes, size);
    } else if (off >= REG_DMA) {
        uint64_t sig = htobe64(DMA_SIGNATURE);
        memcpy(bytes, (const uint8_t *)&sig + (off - REG_DMA), MIN(size, (unsigned)(FW_CFG_SIZE - off)));
    }
    memcpy(&v, bytes, size);
    return v;
}

static void reg_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct fw_cfg *s = opaque;
    if (off == REG_SELECT && size == 2) {
        select_item(s, be16toh((uint16_t)v));
    } else if (off == REG_DMA && size == 8) {
        run_dma(s, be64toh(v));
    } else if (off == REG_DMA && size == 4) {
        s->dma = (uint64_t)be32toh((uint32_t)v) << 32;
    } else if (off == REG_DMA + 4 && size == 4) {
        run_dma(s, s->dma | be32toh((uint32_t)v));
        s->dma = 0;
    }
}

static const struct mmio_ops ops = { .name = "fw_cfg", .read = reg_read, .write = reg_write };

/* ---- life ---- */

static void reset(struct device *d)
{
    struct fw_cfg *s = (struct fw_cfg *)d;
    select_item(s, 0);
    s->dma = 0;
}

void fw_cfg_add(struct fw_cfg *s, enum fw_cfg_key key, const void *data, uint32_t len)
{
    s->item[key] = (struct item){ data, len };
}

void fw_cfg_add_number(struct fw_cfg *s, enum fw_cfg_key key, uint32_t v, unsigned bytes)
{
    uint32_t *p = xcalloc(1, sizeof *p);
    *p = htole32(v);
    fw_cfg_add(s, key, p, bytes);
}

/* Files are in order of their names. */
const char *fw_cfg_add_file(struct fw_cfg *s, const char *name, const void *data, uint32_t len)
{
    unsigned i = 0;
    if (strlen(name) > FW_CFG_NAME_MAX)
        return "the name has more than 55 characters";
    if (s->n_files == FW_CFG_FILES)
        return "there are too many";
    while (i < s->n_files && strcmp(s->dir.e[i].name, name) < 0)
        i++;
    if (i < s->n_files && !strcmp(s->dir.e[i].name, name))
        return "there is one of that name";
    memmove(&s->dir.e[i + 1], &s->dir.e[i], (s->n_files - i) * sizeof s->dir.e[0]);
    memmove(&s->item[FW_CFG_FIRST_FILE + i + 1], &s->item[FW_CFG_FIRST_FILE + i], (s->n_files - i) * sizeof s->item[0]);
    s->dir.e[i] = (struct entry){ .size = htobe32(len) };
    memcpy(s->dir.e[i].name, name, strlen(name));
    s->item[FW_CFG_FIRST_FILE + i] = (struct item){ data, len };
    s->n_files++;
    for (i = 0; i < s->n_files; i++)
        s->dir.e[i].key = htobe16((uint16_t)(FW_CFG_FIRST_FILE + i));
    s->dir.count = htobe32(s->n_files);
    fw_cfg_add(s, FW_CFG_DIRECTORY, &s->dir, (uint32_t)(4 + s->n_files * sizeof s->dir.e[0]));
    return NULL;
}

struct device *fw_cfg_device(struct fw_cfg *s) { return &s->dev; }

struct fw_cfg *fw_cfg_new(uint64_t base)
{
    struct fw_cfg *s = xcalloc(1, sizeof *s);
    s->dev = (struct device){ .name = "fw_cfg", .reset = reset };
    fw_cfg_add(s, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_number(s, FW_CFG_ID, 3, 4);       /* the registers, and DMA */
    fw_cfg_add(s, FW_CFG_DIRECTORY, &s->dir, 4);
    mem_add_mmio(base, FW_CFG_SIZE, &ops, s);
    return s;
}
