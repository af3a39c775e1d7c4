/*
 * devtree.h - the device tree of the virt board.
 */
#ifndef GNOMON_BOARD_DEVTREE_H
#define GNOMON_BOARD_DEVTREE_H

#include "board/virt.h"

/* What the tree says that is not in struct virt_config. */
struct fdt_boot {
    uint64_t initrd_start, initrd_end;           /* equal: none */
};

/* Build a tree; the caller frees it. *LEN: its bytes. */
uint8_t *fdt_build(const struct virt_config *cfg, const struct fdt_boot *boot, uint64_t *len) MUST_CHECK;
/* The user's tree from FILE (LEN bytes, freed) with /chosen and /memory set; die()s if it is not a tree. */
uint8_t *fdt_fix_up(const struct virt_config *cfg, const struct fdt_boot *boot, uint8_t *file,
                    uint64_t *len) MUST_CHECK;

#endif
