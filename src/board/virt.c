/*
 * virt.c - the virt board: makes the chips, wires them, loads the images, resets and powers off.
 *
 * Owns the list of devices and the vCPUs' links to chips. Addresses are in map.h.
 */
#include "board/virt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "board/boot.h"
#include "board/devtree.h"
#include "board/map.h"
#include "board/psci.h"
#include "board/run.h"
#include "exec/a64_host.h"
#include "exec/exec.h"
#include "hw/cfi_flash.h"
#include "hw/fw_cfg.h"
#include "hw/gicv2.h"
#include "hw/gicv2m.h"
#include "hw/gicv3.h"
#include "hw/gtimer.h"
#include "hw/net.h"
#include "hw/pl011.h"
#include "hw/pl031.h"
#include "hw/pl061.h"
#include "hw/virtio.h"
#include "hw/virtio_pci.h"
#include "mem/mem.h"

static struct board {
    struct virt_config cfg;
    struct vcpu *cpu[VIRT_MAX_CPUS];
    struct gic_core *gic;
    struct gtimer *timer;
    struct psci *psci;
    struct device *devices;                      /* in order of reset: the GIC last, when lines have dropped */
    struct boot_images images;
    uint8_t *user_dtb;                           /* as fixed up; NULL: generated at every reset */
    uint64_t user_dtb_len;
    struct device *gpio;
    struct { unsigned place; const char *path; } boot[MAP_VIRTIO_SLOTS + PCI_SLOTS];     /* first the one to be tried first */
    unsigned n_boot;
} board;

static void add_device(struct device *d)
{
    d->next = board.devices;
    board.devices = d;
}

/* ---- wiring ---- */

static void cpu_line(void *opaque, unsigned n, bool level)
{
    exec_set_line(opaque, (enum vcpu_line)n, level);
}

static void make_cpus(void)
{
    const struct virt_config *cfg = &board.cfg;
    for (unsigned i = 0; i < cfg->smp; i++) {
        struct vcpu *c = exec_add_vcpu(&a64_guest_ops);
        board.cpu[i] = c;
        a64(c)->host = &a64_host_ops;
        a64(c)->ram_view = mem_ram.view;
        a64(c)->ram_base = mem_ram.base;
        a64(c)->ram_size = mem_ram.size;
        a64_set_model(a64(c), cfg->model);
        a64(c)->mpidr = 1ull << 31 | i;          /* affinity 0.0.0.i, as in the device tree */
    }
    board.psci = psci_new(board.cpu, cfg->smp);
}

static void make_gic_and_timer(void)
{
    const struct virt_config *cfg = &board.cfg;
    board.gic = cfg->gic_version == 3 ? gicv3_new(cfg->smp, MAP_GICD, MAP_GICR)
                                      : gicv2_new(cfg->smp, MAP_GICD, MAP_GICC);
    add_device(&board.gic->dev);
    board.timer = gtimer_new(cfg->smp);
    add_device(gtimer_device(board.timer));
    for (unsigned i = 0; i < cfg->smp; i++) {
        struct a64_cpu *c = a64(board.cpu[i]);
        gic_connect(board.gic, i, (struct irq){ cpu_line, c, LINE_IRQ }, (struct irq){ cpu_line, c, LINE_FIQ });
        gtimer_connect(board.timer, i, GTIMER_PHYS, gic_ppi(board.gic, i, 16 + PPI_PHYS_TIMER));
        gtimer_connect(board.timer, i, GTIMER_VIRT, gic_ppi(board.gic, i, 16 + PPI_VIRT_TIMER));
        c->timer = &gtimer_sysregs;
        c->timer_opaque = board.timer;
        c->v.counter = gtimer_counter(board.timer);
        if (cfg->gic_version == 3) {
            c->gic = &gicv3_sysregs;
            c->gic_opaque = board.gic;
        }
        c->smccc = &psci_ops;
        c->smccc_opaque = board.psci;
    }
}

static struct virtio_dev *make_virtio(const struct virt_dev *d)
{
    switch (d->kind) {
    case VIRT_DEV_RNG: return virtio_rng_new(&d->rng);
    case VIRT_DEV_BALLOON: return virtio_balloon_new(&d->balloon);
    case VIRT_DEV_CONSOLE: return virtio_serial_new(d->ports, d->n_ports, d->max_ports);
    case VIRT_DEV_BLK: return virtio_blk_new(d->block, &d->blk);
    case VIRT_DEV_9P: return virtio_9p_new(d->share, d->mount_tag);
    case VIRT_DEV_NET: return virtio_net_new(d->net, d->mac);
    }
    bug("virtio device of kind %d", (int)d->kind);
}

/* Cards without an address get QEMU's default ones, in order. */
static void number_cards(struct virt_dev *devs, unsigned n)
{
    static const uint8_t none[6];
    uint8_t last = 0x56;
    for (unsigned i = 0; i < n; i++)
        if (devs[i].kind == VIRT_DEV_NET && !memcmp(devs[i].mac, none, 6))
            memcpy(devs[i].mac, (const uint8_t[6]){ 0x52, 0x54, 0x00, 0x12, 0x34, last++ }, 6);
}

/*
 * For the order in which firmware tries devices: where it finds D, as an Open Firmware path in QEMU's spelling (its generic host
 * bridge has no address). SLOT: as in struct virt_dev.
 */
static void note_boot(const struct virt_dev *d, unsigned slot)
{
    if (!d->boot)
        return;
    bool disk = d->kind == VIRT_DEV_BLK;
    const char *end = disk ? "disk@0,0" : "ethernet-phy@0";
    char *path = d->pci ? xasprintf("/pci@ffffffffffffffff/%s@%x/%s", disk ? "scsi" : "ethernet", slot, end)
                        : xasprintf("/virtio-mmio@%016llx/%s", MAP_VIRTIO + slot * (unsigned long long)MAP_VIRTIO_STRIDE, end);
    unsigned i = board.n_boot++;
    for (; i > 0 && board.boot[i - 1].place > d->boot; i--)
        board.boot[i] = board.boot[i - 1];
    board.boot[i].place = d->boot;
    board.boot[i].path = path;
}

/* Devices with a slot of their own first, the others from the last slot downwards. */
static void make_virtio_slots(void)
{
    const struct virt_config *cfg = &board.cfg;
    struct virtio_dev *slot[MAP_VIRTIO_SLOTS] = { 0 };
    for (unsigned i = 0; i < cfg->n_devs; i++) {
        const struct virt_dev *d = &cfg->devs[i];
        if (d->pci || d->slot < 0)
            continue;
        if (d->slot >= MAP_VIRTIO_SLOTS)
            die("there is no virtio-mmio-bus.%d: the last is %d", d->slot, MAP_VIRTIO_SLOTS - 1);
        if (slot[d->slot])
            die("two devices on virtio-mmio-bus.%d", d->slot);
        slot[d->slot] = make_virtio(d);
        note_boot(d, (unsigned)d->slot);
    }
    int next = MAP_VIRTIO_SLOTS - 1;
    for (unsigned i = 0; i < cfg->n_devs; i++) {
        if (cfg->devs[i].pci || cfg->devs[i].slot >= 0)
            continue;
        while (next >= 0 && slot[next])
            next--;
        if (next < 0)
            die("more than %d virtio devices", MAP_VIRTIO_SLOTS);
        slot[next] = make_virtio(&cfg->devs[i]);
        note_boot(&cfg->devs[i], (unsigned)next);
    }
    for (unsigned i = 0; i < MAP_VIRTIO_SLOTS; i++)
        add_device(virtio_mmio_new(MAP_VIRTIO + i * MAP_VIRTIO_STRIDE, gic_spi(board.gic, IRQ_VIRTIO + i), slot[i]));
}

static void make_pci(void)
{
    const struct virt_config *cfg = &board.cfg;
    struct gicv2m *v2m = gicv2m_new(board.gic, MAP_GICV2M, IRQ_MSI, IRQ_MSI_COUNT);
    struct pci_map map = {
        .ecam = MAP_PCI_ECAM, .ecam_size = MAP_PCI_ECAM_SIZE, .pio = MAP_PCI_PIO, .pio_size = MAP_PCI_PIO_SIZE,
        .mem32 = MAP_PCI_MEM32, .mem32_size = MAP_PCI_MEM32_SIZE, .mem64 = MAP_PCI_MEM64,
        .mem64_size = MAP_PCI_MEM64_SIZE, .message = gicv2m_message, .message_opaque = v2m,
    };
    if (cfg->highmem_off) {
        map.ecam = MAP_PCI_ECAM_LOW;
        map.ecam_size = MAP_PCI_ECAM_LOW_SIZE;
        map.mem64_size = 0;
    }
    for (unsigned i = 0; i < 4; i++)
        map.intx[i] = gic_spi(board.gic, IRQ_PCI + i);
    struct pci_bus *bus = pci_bus_new(&map);
    for (int placed = 1; placed >= 0; placed--)  /* those with an address first */
        for (unsigned i = 0; i < cfg->n_devs; i++)
            if (cfg->devs[i].pci && placed == (cfg->devs[i].slot >= 0))
                note_boot(&cfg->devs[i], pci_add(bus, virtio_pci_new(make_virtio(&cfg->devs[i])), cfg->devs[i].slot));
    add_device(pci_bus_device(bus));
}

static bool has_firmware(const struct virt_config *cfg) { return cfg->firmware_path || cfg->flash[0]; }

static void make_flash(void)
{
    const struct virt_config *cfg = &board.cfg;
    for (unsigned i = 0; i < VIRT_FLASHES; i++) {
        struct cfi_flash_image image = { .block = cfg->flash[i], .path = cfg->flash_path[i] };
        if (!i && cfg->firmware_path)
            image.rom = boot_read_file(cfg->firmware_path, "firmware", &image.rom_len);
        if (image.rom_len > MAP_FLASH_SIZE)
            die("firmware %s has %llu bytes, the flash has %llu", cfg->firmware_path, (unsigned long long)image.rom_len, MAP_FLASH_SIZE);
        add_device(cfi_flash_new(MAP_FLASH + i * MAP_FLASH_SIZE, MAP_FLASH_SIZE, &image));
    }
}

/* A file that firmware gets; its length is a 32-bit number there. */
static void *file_for_firmware(const char *path, const char *what, uint32_t *len)
{
    uint64_t n;
    uint8_t *data = boot_read_file(path, what, &n);
    if (n > UINT32_MAX)
        die("%s %s is larger than 4 GiB", what, path);
    *len = (uint32_t)n;
    return data;
}

/* The list that firmware reads: a path a line. */
static void add_boot_order(struct fw_cfg *s)
{
    char *list = NULL;
    for (unsigned i = 0; i < board.n_boot; i++) {
        char *longer = xasprintf("%s%s%s", list ? list : "", list ? "\n" : "", board.boot[i].path);
        free(list);
        list = longer;
    }
    if (list && fw_cfg_add_file(s, "bootorder", list, (uint32_t)strlen(list) + 1))
        bug("no room for the boot order");
}

static void make_fw_cfg(void)
{
    const struct virt_config *cfg = &board.cfg;
    struct fw_cfg *s = fw_cfg_new(MAP_FW_CFG);
    uint32_t len = 0;
    fw_cfg_add_number(s, FW_CFG_CPUS, cfg->smp, 2);
    if (has_firmware(cfg) && cfg->kernel_path) {
        uint64_t n;
        uint8_t *kernel = boot_read_packed(cfg->kernel_path, &n);
        fw_cfg_add(s, FW_CFG_KERNEL, kernel, (uint32_t)n);
        fw_cfg_add_number(s, FW_CFG_KERNEL_SIZE, (uint32_t)n, 4);
        if (cfg->initrd_path) {
            const void *initrd = file_for_firmware(cfg->initrd_path, "initrd", &len);
            fw_cfg_add(s, FW_CFG_INITRD, initrd, len);
            fw_cfg_add_number(s, FW_CFG_INITRD_SIZE, len, 4);
        }
        if (cfg->append) {
            fw_cfg_add(s, FW_CFG_CMDLINE, cfg->append, (uint32_t)strlen(cfg->append) + 1);
            fw_cfg_add_number(s, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(cfg->append) + 1, 4);
        }
    }
    add_boot_order(s);
    for (unsigned i = 0; i < cfg->n_fw_cfg; i++) {
        const struct virt_fw_cfg *f = &cfg->fw_cfg[i];
        const void *data = f->string;
        len = data ? (uint32_t)strlen(data) : 0;
        if (!data)
            data = file_for_firmware(f->path, "-fw_cfg file", &len);
        const char *wrong = fw_cfg_add_file(s, f->name, data, len);
        if (wrong)
            die("-fw_cfg name=%s: %s", f->name, wrong);
    }
    add_device(fw_cfg_device(s));
}

/* ---- images ---- */

/* The tree is made anew each time, so that every boot has its own seeds. */
static void make_dtb(void)
{
    const struct virt_config *cfg = &board.cfg;
    const struct fdt_boot fb = { board.images.initrd_start, board.images.initrd_end };
    uint64_t len = board.user_dtb_len;
    uint8_t *dtb;
    if (board.user_dtb) {
        dtb = xcalloc(1, len);
        memcpy(dtb, board.user_dtb, len);
    } else {
        dtb = fdt_build(cfg, &fb, &len);
    }
    if (!board.images.dtb)
        boot_place_dtb(&board.images, len);
    boot_set_dtb(&board.images, dtb, len);
}

static void load_images(void)
{
    const struct virt_config *cfg = &board.cfg;
    if (has_firmware(cfg))
        boot_load(&board.images, NULL, NULL);
    else
        boot_load(&board.images, cfg->kernel_path, cfg->initrd_path);
    const struct fdt_boot fb = { board.images.initrd_start, board.images.initrd_end };
    if (cfg->dtb_path) {
        uint8_t *file = boot_read_file(cfg->dtb_path, "device tree", &board.user_dtb_len);
        board.user_dtb = fdt_fix_up(cfg, &fb, file, &board.user_dtb_len);
    }
    make_dtb();
}

static NORETURN void dump_dtb(void)
{
    const struct boot_blob *b = &board.images.blob[board.images.n - 1];
    const char *path = board.cfg.dumpdtb_path;
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f))
        die("cannot write %s: %s", path, strerror(errno));
    exit(0);
}

/* Images into RAM, CPUs to their start. Machine lock held; no vCPU runs. */
static void start_state(void)
{
    boot_install(&board.images);
    for (unsigned i = 0; i < board.cfg.smp; i++)
        a64_guest_ops.reset(board.cpu[i]);
    if (board.images.have_kernel) {
        vcpu_set_pc(board.cpu[0], board.images.entry);
        board.cpu[0]->r[0] = board.images.dtb;
    }
    psci_reset(board.psci);
}

/* ---- reset and power ---- */

static void reset_all(void)
{
    if (board.cfg.on_reset)
        board.cfg.on_reset();
    for (struct device *d = board.devices; d; d = d->next)
        d->reset(d);
    make_dtb();
    start_state();
}

static void press_power_key(void)
{
    pl061_press(board.gpio, GPIO_POWER_KEY);
}

static void run_clock(bool on)
{
    gtimer_run(board.timer, on);
    virtio_freeze(!on);
    net_user_pause(!on);
}

static const struct run_hooks hooks = { .reset = reset_all, .powerdown = press_power_key, .clock = run_clock };

void virt_each_device(void (*cb)(void *opaque, const struct device *d), void *opaque)
{
    for (const struct device *d = board.devices; d; d = d->next)
        cb(opaque, d);
}

/* ---- */

void virt_init(const struct virt_config *cfg)
{
    board.cfg = *cfg;
    struct virt_config *c = &board.cfg;
    c->gic_version = c->gic_version ? c->gic_version : 2;
    c->smp = c->smp ? c->smp : 1;
    if (c->gic_version != 2 && c->gic_version != 3)
        die("gic-version=%u is not supported (2 and 3 are)", c->gic_version);
    if (c->smp > VIRT_MAX_CPUS)
        die("-smp %u: at most %u CPUs", c->smp, VIRT_MAX_CPUS);
    if (c->ram_size < VIRT_RAM_MIN || c->ram_size > VIRT_RAM_MAX || c->ram_size & (PAGE_SIZE - 1))
        die("RAM size must be a multiple of 4 KiB from %llu MiB to %llu GiB", VIRT_RAM_MIN >> 20, VIRT_RAM_MAX >> 30);
    if (c->highmem_off && c->ram_size > VIRT_RAM_MAX_LOW)
        die("-m: with highmem=off this machine takes up to %llu GiB", VIRT_RAM_MAX_LOW >> 30);
    if (c->n_devs) {
        struct virt_dev *d = xcalloc(c->n_devs, sizeof *d);
        memcpy(d, cfg->devs, c->n_devs * sizeof *d);
        number_cards(d, c->n_devs);
        c->devs = d;
    }
    if (!mem_ram.size)
        mem_init(VIRT_RAM_BASE, c->ram_size);
    if (mem_ram.base != VIRT_RAM_BASE || mem_ram.size != c->ram_size)
        bug("mem_init() with other RAM than the board's");
    load_images();
    if (c->dumpdtb_path)
        dump_dtb();
    if (!c->kernel_path && !has_firmware(c))
        warn("neither kernel nor firmware given: the CPU starts at address 0, in an empty flash");

    loop_init();
    make_cpus();
    make_gic_and_timer();
    make_flash();
    add_device(pl011_new(MAP_UART, gic_spi(board.gic, IRQ_UART), c->serial0));
    if (c->serial1)
        add_device(pl011_new(MAP_UART1, gic_spi(board.gic, IRQ_UART1), c->serial1));
    add_device(board.gpio = pl061_new(MAP_GPIO, gic_spi(board.gic, IRQ_GPIO)));
    add_device(pl031_new(MAP_RTC, gic_spi(board.gic, IRQ_RTC), c->rtc_offset));
    make_virtio_slots();
    make_pci();
    make_fw_cfg();

    run_init(&hooks);
    start_state();
}
