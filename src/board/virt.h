/*
 * virt.h - the `virt` board for AArch64, laid out as QEMU's virt machine presents it to Linux.
 *
 * src/cli fills a struct virt_config and calls virt_init(); the board owns every chip. Order of a run:
 *     loop_init(); mem_init(); mmu and xlate set-up by the caller; virt_init(&cfg); exec_start(); run_continue() (run.h);
 *     status = loop_run(); exec_stop(); exit(status).
 * virt_init() itself calls mem_init() unless the caller has (mem_ram.size != 0 and equal), and exec_add_vcpu() for
 * each CPU.
 */
#ifndef GNOMON_BOARD_VIRT_H
#define GNOMON_BOARD_VIRT_H

#include "base/base.h"
#include "guest/a64/state.h"
#include "hw/chardev.h"
#include "hw/device.h"
#include "hw/virtio.h"

#define VIRT_MAX_CPUS 8                          /* GICv2's limit; GICv3 here as well */
#define VIRT_RAM_BASE 0x40000000ull
#define VIRT_RAM_MIN (16ull << 20)
#define VIRT_FLASHES 2                           /* banks of 64 MiB: firmware, its variables */
#define VIRT_RAM_MAX_LOW (3ull << 30)            /* with highmem_off */
#define VIRT_RAM_MAX (255ull << 30)              /* up to the 256 GiB boundary where QEMU puts high memory */

enum virt_dev_kind { VIRT_DEV_RNG, VIRT_DEV_CONSOLE, VIRT_DEV_BLK, VIRT_DEV_NET, VIRT_DEV_9P, VIRT_DEV_BALLOON };

/* One -device virtio-*, in command line order: the first gets the last free virtio-mmio slot, as in QEMU. */
struct virt_dev {
    enum virt_dev_kind kind;
    bool pci;                                    /* virtio-*-pci rather than virtio-*-device */
    const struct virtio_serial_port *ports;      /* CONSOLE */
    unsigned n_ports, max_ports;
    struct block *block;                         /* BLK: block_open(); not NULL, one device each */
    struct virtio_blk_options blk;               /* BLK */
    struct virtio_rng_options rng;               /* RNG */
    struct virtio_balloon_options balloon;       /* BALLOON */
    const struct p9_options *share;              /* 9P */
    const char *mount_tag;                       /* 9P */
    struct netdev *net;                          /* NET, or NULL: nothing connected */
    uint8_t mac[6];                              /* NET; all zero: 52:54:00:12:34:56 and up */
    /*
     * -1: the next free one. Else virtio-mmio: 0..31 (bus=virtio-mmio-bus.N); PCI: the device number 1..31 on the root
     * bus (addr=N).
     */
    int slot;
    unsigned boot;                               /* BLK, NET: place in the order in which firmware tries them, from 1; 0: in none */
};

/* A file of the firmware configuration device. */
struct virt_fw_cfg {
    const char *name;
    const char *path, *string;                   /* one of them; the string without its end */
};

struct virt_config {
    uint64_t ram_size;                           /* bytes, page multiple */
    unsigned gic_version;                        /* 2 or 3; 0 = 2, QEMU's default */
    unsigned smp;                                /* 1..VIRT_MAX_CPUS; 0 = 1 */
    unsigned clusters, cores, threads;           /* of a socket, a cluster, a core; 0 = one, all CPUs, one */
    enum a64_model model;
    const char *cpu_compatible;                  /* device tree compatible of the cpu nodes; NULL = by model */
    const char *firmware_path;                   /* -bios: contents of the first flash bank; or NULL */
    struct block *flash[VIRT_FLASHES];           /* images of the banks, 64 MiB each; NULL: empty */
    const char *flash_path[VIRT_FLASHES];        /* their names, for messages */
    const struct virt_fw_cfg *fw_cfg;
    unsigned n_fw_cfg;
    /*
     * NULL: no kernel. Without one, or with firmware, the vCPU starts in the first flash bank, at
     * address 0; firmware is given kernel, initrd and command line by the firmware configuration device.
     */
    const char *kernel_path;
    const char *initrd_path;                     /* or NULL */
    const char *dtb_path;                        /* or NULL: generated */
    const char *append;                          /* kernel command line, or NULL */
    const char *dumpdtb_path;                    /* -M dumpdtb=FILE: virt_init() writes the tree there and exit(0)s */
    struct chardev *serial0;                     /* PL011; NULL: null */
    const struct virt_dev *devs;                 /* copied */
    unsigned n_devs;
    struct chardev *serial1;                     /* a second PL011; NULL: there is none */
    bool highmem_off;                            /* nothing above 4 GiB */
    int64_t rtc_offset;                          /* seconds that the clock chip is ahead of the host's UTC */
    bool no_seed;                                /* dtb-randomness=off: no rng-seed, kaslr-seed (reproducible runs) */
    /* Called in a reset after all vCPUs are held and before they start again; may be NULL. */
    void (*on_reset)(void);
};

/* Build the machine and load the images; die()s on the user's mistakes. Once. */
void virt_init(const struct virt_config *cfg);

/* Every chip, the last made first. */
void virt_each_device(void (*cb)(void *opaque, const struct device *d), void *opaque);

#endif
