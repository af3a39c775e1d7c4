/*
 * options.h - the command line as data: what the user asked for, before anything is built.
 *
 * Owns the option tables and struct options. Must not open files, start threads or touch the machine: parsing is testable
 * by itself (tests/unit/cli_test.c).
 */
#ifndef GNOMON_CLI_OPTIONS_H
#define GNOMON_CLI_OPTIONS_H

#include "base/base.h"
#include "block/block.h"
#include "board/virt.h"
#include "cli/keyval.h"
#include "guest/a64/state.h"
#include "hw/net.h"
#include "hw/p9.h"

#define OPT_MAX_DEVS 32
#define OPT_MAX_CHARDEVS 16
#define OPT_MAX_SERIALS 8

#define OPT_MAX_NETDEVS 8
#define OPT_MAX_MEMORIES 4
#define OPT_MAX_FSDEVS 16

enum opt_device_kind { OPT_DEV_RNG, OPT_DEV_CONSOLE, OPT_DEV_BLK, OPT_DEV_NET, OPT_DEV_9P, OPT_DEV_BALLOON };

enum opt_object_kind { OPT_OBJ_RNG, OPT_OBJ_IOTHREAD };
struct opt_object { enum opt_object_kind kind; const char *id, *filename; };

struct opt_port { unsigned nr; bool console; const char *chardev, *name; };
#define OPT_MAX_PORTS 31

struct opt_device {
    enum opt_device_kind kind;
    bool pci;                                    /* virtio-*-pci, not virtio-*-device */
    int slot;                                    /* virtio-mmio-bus.N or PCI device number; -1: the next */
    const char *drive, *iothread;                /* BLK: id of -drive or -blockdev; of an -object, or NULL */
    struct virtio_blk_options blk;
    const char *netdev;                          /* NET: id, or NULL */
    const char *rng;                             /* RNG: id of an object, or NULL */
    uint64_t max_bytes, period_ms;               /* RNG */
    bool deflate_on_oom, free_page_hint, free_page_reporting;    /* BALLOON */
    const char *fsdev, *mount_tag;               /* 9P: id of -fsdev */
    uint8_t mac[6];                              /* NET: zero: by the board */
    unsigned max_ports, n_port;                  /* CONSOLE */
    struct opt_port port[OPT_MAX_PORTS];
    unsigned boot;                               /* BLK, NET: bootindex= + 1; 0: not given */
    const char *id;
};

enum opt_chardev_kind { OPT_CHR_NULL, OPT_CHR_STDIO, OPT_CHR_FILE, OPT_CHR_PTY, OPT_CHR_PIPE, OPT_CHR_SOCKET };

struct opt_chardev {
    enum opt_chardev_kind kind;
    const char *id, *path;
    const char *host, *port;                     /* SOCKET without path: TCP */
    bool server, wait, telnet, append;
    const char *reconnect;                       /* seconds */
    const char *logfile;                         /* a copy of the output, or NULL */
    bool logappend;
    bool mux, signals;
};

struct opt_monitor {
    const char *where;                           /* a chardev's id after "chardev:", or chardev_open()'s words */
    bool qmp, pretty;
};

struct opt_drive {
    const char *id, *serial;
    int index;                                   /* of if=virtio, or -1 */
    bool drive;                                  /* -drive, not -blockdev: -snapshot means it */
    struct block_options b;
};

struct opt_netdev {
    const char *id;
    struct net_user_options user;
};

/* -fsdev, or the half of -virtfs that is the folder. */
struct opt_fsdev {
    const char *id;
    struct p9_options p9;
};

struct opt_memory {
    const char *id, *path;                       /* -object memory-backend-*; path: of a file */
    uint64_t size;
    bool share, prealloc;
};

struct opt_global {
    const char *driver, *property, *value;
};

/* What only prints something and ends the run. */
enum opt_info {
    INFO_NONE, INFO_HELP, INFO_VERSION, INFO_MACHINES, INFO_CPUS, INFO_LOG, INFO_ACCELS, INFO_DEVICES, INFO_CHARDEVS, INFO_NETDEVS, INFO_OBJECTS
};

struct options {
    enum opt_info info;

    unsigned gic_version;                        /* 2 or 3 */
    bool dtb_randomness;
    const char *dumpdtb;

    enum a64_model model;
    const char *cpu_name;
    uint64_t ram_size;                           /* bytes */
    unsigned smp;
    unsigned clusters, cores, threads;           /* of a socket, a cluster, a core */
    const char *kernel, *initrd, *append, *dtb;

    bool nographic, nodefaults, display_none;
    bool no_reboot, no_shutdown, start_paused;
    const char *serial[OPT_MAX_SERIALS];         /* words of -serial, in order */
    unsigned n_serial;
    struct opt_monitor monitor[OPT_MAX_SERIALS];
    unsigned n_monitor;
    const char *gdb;                             /* where a GDB server listens, or NULL */
    bool monitor_given;                          /* -monitor, -mon or -qmp: no default monitor */
    bool called_qemu;                            /* the program's name is qemu-system-... */
    struct opt_chardev chardev[OPT_MAX_CHARDEVS];
    unsigned n_chardev;
    struct opt_device dev[OPT_MAX_DEVS];
    unsigned n_dev;
    struct opt_drive drive[OPT_MAX_DEVS];
    unsigned n_drive;
    bool snapshot;                               /* all disks */
    const char *bios;
    struct virt_fw_cfg fw_cfg[OPT_MAX_DEVS];
    unsigned n_fw_cfg;
    const char *pflash[VIRT_FLASHES];            /* ids of drives */
    struct opt_netdev netdev[OPT_MAX_NETDEVS];
    unsigned n_netdev;
    struct opt_fsdev fsdev[OPT_MAX_FSDEVS];
    unsigned n_fsdev;
    bool net_given, old_nic, old_user;           /* -nic or -net; -net nic; -net user */
    struct opt_object object[OPT_MAX_DEVS];
    unsigned n_object;

    const char *uuid, *process_name;
    int64_t rtc_offset;                          /* seconds ahead of the host's UTC */
    struct opt_global global[OPT_MAX_DEVS];
    unsigned n_global;
    struct opt_memory memory[OPT_MAX_MEMORIES];
    unsigned n_memory;
    const char *memdev;                          /* id of the machine's memory backend, or NULL */
    const char *ram_path;                        /* from it, or NULL */
    bool ram_given, ram_prealloc, has_node, daemonize, highmem_off;
    uint8_t escape;                              /* -echr */
    const char *name, *pidfile, *stats;
    const char *log_file;

    bool jit, verify, check_ir, perf_map;
    unsigned windows, max_vmas;
    unsigned paging, sync, spt_org, host_isa;    /* enum paging_mode, sync_mode, spt_org, host_isa */
    unsigned spt_windows, spt_prefill;
    uint64_t code_size;
};

/* The version of QEMU whose options these are. */
#define OPT_QEMU_VERSION "10.0.0"

#define OPT_DEFAULT_RAM (128ull << 20)
#define OPT_DEFAULT_CODE (128ull << 20)

/*
 * Parse ARGV[1..]. NULL: done. Else one line that says what is wrong, without the program's name (leaked: the caller exits).
 * Warnings go to stderr through warn(). -d sets the log mask at once.
 */
char *options_parse(struct options *o, int argc, char *const argv[]) MUST_CHECK;

/* What serial port 0 is: chardev_open()'s words or "chardev:ID"; NULL: nothing there. QEMU's rules for -nographic & co. */
const char *options_serial0(const struct options *o);

/* Where the monitor is that QEMU makes without being asked, or NULL. */
const char *options_default_monitor(const struct options *o);

/* Print what o->info asks for on stdout. */
void options_print_info(const struct options *o);

/* ---- values.c: the arguments of the larger options; same errors as above ---- */
char *opt_machine(struct options *o, const char *arg);
char *opt_cpu(struct options *o, const char *arg);
char *opt_mem(struct options *o, const char *arg);
char *opt_smp(struct options *o, const char *arg);
char *opt_accel(struct options *o, const char *arg);
const char *opt_choice(const char *prop, unsigned i);            /* the word of an -accel property's value */
char *opt_accel_list(struct options *o, const char *arg);        /* -machine accel=a:b */
/* ---- devices.c ---- */
char *opt_device(struct options *o, const char *arg);
char *opt_chardev(struct options *o, const char *arg);
bool opt_device_exists(const char *name);
/* ---- general.c ---- */
char *opt_name(struct options *o, const char *arg);
char *opt_rtc(struct options *o, const char *arg);
char *opt_uuid(struct options *o, const char *arg);
char *opt_fw_cfg(struct options *o, const char *arg);
char *opt_boot(struct options *o, const char *arg);
char *opt_msg(struct options *o, const char *arg);
char *opt_global(struct options *o, const char *arg);
char *opt_numa(struct options *o, const char *arg);
const struct opt_chardev *opt_find_chardev(const struct options *o, const char *id);
/* ---- disks.c ---- */
char *opt_drive(struct options *o, const char *arg);
char *opt_blockdev(struct options *o, const char *arg);
char *opt_disk(struct options *o, const char *arg);              /* -hda to -hdd and an argument without a dash */
char *opt_cdrom(struct options *o, const char *arg);
char *opt_pflash(struct options *o, const char *arg);
/* A property of -device virtio-blk-*; *KNOWN false: it is none of a disk's. */
char *opt_disk_prop(struct opt_device *d, const char *key, const char *v, bool *known);
char *opt_check_disks(struct options *o);
/* ---- backends.c ---- */
char *opt_netdev(struct options *o, const char *arg);
char *opt_nic(struct options *o, const char *arg);
char *opt_net(struct options *o, const char *arg);
struct opt_drive *opt_find_drive(struct options *o, const char *id);
struct opt_netdev *opt_find_netdev(struct options *o, const char *id);
bool opt_parse_mac(const char *s, uint8_t mac[6]) MUST_CHECK;
/* ---- objects.c ---- */
char *opt_object(struct options *o, const char *arg);
char *opt_check_memory(struct options *o);       /* at the end, as opt_check_references() */
void opt_print_objects(void);
const struct opt_object *opt_find_object(const struct options *o, const char *id, enum opt_object_kind kind);
/* ---- ports.c: -device virtconsole and virtserialport ---- */
char *opt_port(struct options *o, const struct keyvals *k, bool console);
/* ---- files.c ---- */
char *opt_fsdev(struct options *o, const char *arg);
char *opt_virtfs(struct options *o, const char *arg);
const struct opt_fsdev *opt_find_fsdev(const struct options *o, const char *id);
/* Names used before they were defined, the order being free: checked at the end. */
char *opt_check_references(struct options *o);

static inline bool opt_is_help(const char *arg) { return !__builtin_strcmp(arg, "help") || !__builtin_strcmp(arg, "?"); }

/* Tables that the lists print. */
void opt_print_machines(void);
void opt_print_cpus(void);
void opt_print_accels(void);
void opt_print_devices(void);
void opt_print_chardevs(void);

#endif
