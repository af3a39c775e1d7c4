/*
 * fw_cfg.h - QEMU's firmware configuration device, memory-mapped with DMA: numbered items, and files by name in a directory.
 *
 * Owns the table of items, not their bytes, which stay the caller's for the life of the machine.
 */
#ifndef GNOMON_HW_FW_CFG_H
#define GNOMON_HW_FW_CFG_H

#include "hw/device.h"

#define FW_CFG_SIZE 0x18u                        /* of the register window */
#define FW_CFG_NAME_MAX 55u                      /* characters of a file's name */
#define FW_CFG_FILES 64u                         /* at most */

/* Keys of items (QEMU, docs/specs/fw_cfg). Numbers in them are little-endian. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_CPUS = 0x05, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_KERNEL = 0x11, FW_CFG_INITRD = 0x12, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE = 0x15,
    FW_CFG_DIRECTORY = 0x19, FW_CFG_FIRST_FILE = 0x20,
};

struct fw_cfg;
struct fw_cfg *fw_cfg_new(uint64_t base);
struct device *fw_cfg_device(struct fw_cfg *s);
void fw_cfg_add(struct fw_cfg *s, enum fw_cfg_key key, const void *data, uint32_t len);
/* An item of 2 or 4 bytes. */
void fw_cfg_add_number(struct fw_cfg *s, enum fw_cfg_key key, uint32_t v, unsigned bytes);
/* NULL, or what is wrong: the name is too long or taken, or there are too many. */
const char *fw_cfg_add_file(struct fw_cfg *s, const char *name, const void *data, uint32_t len) MUST_CHECK;

#endif
