/*
 * fuzz_dtb.c - libFuzzer target: any bytes as the device tree of -dtb, which is checked and changed. Must not crash or hang; what is
 * refused is refused by die().
 *
 * Input: a byte that chooses the command line and memory, then the tree; or, bit 3, pieces that a tree is built of: kind, length, value.
 */
// links: src/base/*.c src/board/devtree.c
// flags: -Wl,--wrap=die,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
#include <libfdt.h>
#include <string.h>

#include "board/devtree.h"
#include "die.h"

/* Names that mean something in a tree, and some that do not; a piece chooses one. */
static const char *const names[] = {
    "chosen", "memory", "memory@40000000", "device_type", "reg", "#address-cells", "#size-cells", "bootargs", "linux,initrd-start",
    "linux,initrd-end", "a", "a@1", "b", "", "chosen@0", "phandle",
};

static size_t build(uint8_t *f, size_t room, const uint8_t *p, size_t size)
{
    int depth = 0;
    if (fdt_create(f, (int)room) || fdt_finish_reservemap(f) || fdt_begin_node(f, ""))
        return 0;
    while (size >= 2) {
        const char *name = names[p[0] & 15];
        size_t len = MIN(p[1], size - 2);
        if (p[0] & 0x80 && depth < 20)
            depth += !fdt_begin_node(f, name);
        else if (p[0] & 0x40 && depth)
            depth -= !fdt_end_node(f);
        else if (p[0] & 0x20)
            (void)fdt_property_u32(f, name, p[1] & 3);
        else if (p[0] & 0x10)
            (void)fdt_property_string(f, name, "memory");
        else
            (void)fdt_property(f, name, p + 2, (int)len);
        size_t step = 2 + (p[0] & 0xf0 ? 0 : len);
        p += step;
        size -= step;
    }
    while (depth-- >= 0)
        (void)fdt_end_node(f);
    return fdt_finish(f) ? 0 : fdt_totalsize(f);
}

static void fix(const uint8_t *data, size_t size)
{
    struct virt_config cfg = { .ram_size = data[0] & 1 ? 8ull << 30 : 64 << 20, .append = data[0] & 2 ? "console=ttyAMA0" : NULL, .dtb_path = "x" };
    struct fdt_boot boot = { 0x48000000, data[0] & 4 ? 0x48100000 : 0x48000000 };
    uint64_t len = data[0] & 8 ? 65536 : size - 1;
    uint8_t *file = xcalloc(1, len);
    if (data[0] & 8)
        len = build(file, len, data + 1, size - 1);
    else
        memcpy(file, data + 1, len);
    if (!len)
        return;
    uint8_t *f = fdt_fix_up(&cfg, &boot, file, &len);
    if (fdt_check_full(f, len) < 0 || fdt_path_offset(f, "/chosen") < 0 || fdt_path_offset(f, "/memory@40000000") < 0)
        bug("the tree is not whole afterwards");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1)
        die_run(fix, data, size);
    return 0;
}
