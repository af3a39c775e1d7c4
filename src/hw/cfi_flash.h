/*
 * cfi_flash.h - a bank of NOR flash as the virt board has it: two 16-bit chips side by side, Intel command set.
 *
 * Owns the bank's bytes, which are read-only memory to the guest (mem.h) while the chips are in read-array mode.
 */
#ifndef GNOMON_HW_CFI_FLASH_H
#define GNOMON_HW_CFI_FLASH_H

#include "block/block.h"
#include "hw/device.h"

struct cfi_flash_image {
    struct block *block;                         /* where the contents are kept, or NULL: they go with the machine */
    const char *path;                            /* of it, for messages */
    const uint8_t *rom;                          /* without block: ROM_LEN bytes at the start, after each reset; or NULL */
    uint64_t rom_len;
};

#define CFI_FLASH_SECTOR 0x40000u                /* what an erase clears, both chips together */
#define CFI_FLASH_BUFFER 0x1000u                 /* bytes that the write buffers hold */

/* SIZE is a multiple of the sector. die()s when IMAGE's block has another size or cannot be read. */
struct device *cfi_flash_new(uint64_t base, uint64_t size, const struct cfi_flash_image *image);

#endif
