/*
 * boot.h - loading of kernel, initrd and device tree, and where they go in RAM.
 *
 * Owns the images' bytes for the life of the machine: a reset installs them again. Knows RAM (mem_ram) but no chip.
 */
#ifndef GNOMON_BOARD_BOOT_H
#define GNOMON_BOARD_BOOT_H

#include "base/base.h"

#define BOOT_MAX_BLOBS 20                        /* PT_LOADs of an ELF, initrd, device tree */
#define BOOT_DTB_MAX (2u << 20)                  /* Linux maps 2 MiB for it */

struct boot_blob {
    const char *what;                            /* for messages */
    uint64_t gpa;
    uint8_t *data;                               /* LEN bytes, then zeros up to MEM_LEN */
    uint64_t len, mem_len;
};

struct boot_images {
    struct boot_blob blob[BOOT_MAX_BLOBS];
    unsigned n;
    bool have_kernel, elf;
    uint64_t entry;
    uint64_t kernel_start, kernel_end;           /* in RAM, zero-initialised data included */
    uint64_t initrd_start, initrd_end;           /* equal: none */
    uint64_t dtb;                                /* set by boot_place_dtb() */
};

/* Read the files (either may be NULL) and place them as QEMU does; mem_init() has been called. die()s on bad input. */
void boot_load(struct boot_images *b, const char *kernel_path, const char *initrd_path);
/*
 * Choose b->dtb for a tree of LEN bytes, die() if there is no room. Then keep DATA (ownership passes); may be called
 * again.
 */
void boot_place_dtb(struct boot_images *b, uint64_t len);
void boot_set_dtb(struct boot_images *b, uint8_t *data, uint64_t len);
/* Copy everything to RAM. */
void boot_install(const struct boot_images *b);

/* A kernel's file, unpacked if it is gzip'd and fits in RAM, below 4 GiB: for firmware, which knows the formats inside. die()s. */
uint8_t *boot_read_packed(const char *path, uint64_t *len) MUST_CHECK;

/* A whole file in memory with one zero byte after it; die()s, naming WHAT ("kernel"). */
uint8_t *boot_read_file(const char *path, const char *what, uint64_t *len) MUST_CHECK;

#endif
