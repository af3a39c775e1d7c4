/*
 * devtree.c - the device tree of the virt board: what QEMU's virt generates, for the chips that are here.
 *
 * Owns nothing. Not described because not there: ITS, PMU.
 */
#include "board/devtree.h"

#include <libfdt.h>
#include <linux/input-event-codes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "board/map.h"
#include "hw/fw_cfg.h"

/* Phandles. */
#define PH_CLOCK 0x8000u
#define PH_GIC 0x8001u
#define PH_MSI 0x8002u
#define PH_GPIO 0x8003u
#define PH_CPU0 0x8010u

#define GIC_SPI 0u
#define GIC_PPI 1u
#define IRQ_EDGE_RISING 1u
#define IRQ_LEVEL_HIGH 4u

#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_MIGRATE 0xc4000005u

/* ---- sequential writing: any failure is our own (the buffer is large enough) ---- */

static void ok(int r)
{
    if (r < 0)
        bug("device tree: %s", fdt_strerror(r));
}

static void cells(void *f, const char *name, unsigned n, ...)
{
    fdt32_t v[32];
    va_list ap;
    if (n > ARRAY_LEN(v))
        bug("too many cells");
    va_start(ap, n);
    for (unsigned i = 0; i < n; i++)
        v[i] = cpu_to_fdt32(va_arg(ap, uint32_t));
    va_end(ap);
    ok(fdt_property(f, name, v, (int)(4 * n)));
}

static void reg64(void *f, uint64_t base, uint64_t size)
{
    cells(f, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32), (uint32_t)size);
}

/* A list of strings, each with its terminating zero: give it as a literal "a\0b". */
#define STRINGS(f, name, s) ok(fdt_property(f, name, s, (int)sizeof(s)))
#define EMPTY(f, name) ok(fdt_property(f, name, NULL, 0))

static void PRINTF_LIKE(2, 3) begin(void *f, const char *fmt, ...)
{
    char name[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    ok(fdt_begin_node(f, name));
}

static void end(void *f)
{
    ok(fdt_end_node(f));
}

/* ---- nodes ---- */

static const char *compatible(const struct virt_config *cfg)
{
    static const char *const name[A64_MODELS] = {
        [A64_CORTEX_A53] = "arm,cortex-a53", [A64_CORTEX_A57] = "arm,cortex-a57",
        [A64_CORTEX_A72] = "arm,cortex-a72", [A64_MAX] = "arm,cortex-a57",     /* as QEMU's max */
    };
    return cfg->cpu_compatible ? cfg->cpu_compatible : name[cfg->model];
}

/* Which CPUs share what, for the guest's scheduler (Linux, cpu-topology.txt). CPUs fill a core, a cluster, a socket in turn. */
static void cpu_map(void *f, const struct virt_config *cfg)
{
    unsigned threads = MAX(cfg->threads, 1u), clusters = MAX(cfg->clusters, 1u);
    unsigned cluster = threads * (cfg->cores ? cfg->cores : cfg->smp), socket = cluster * clusters;
    begin(f, "cpu-map");
    for (unsigned i = 0; i < cfg->smp; i++) {
        bool last = i + 1 == cfg->smp;
        if (i % socket == 0)
            begin(f, "socket%u", i / socket);
        if (i % cluster == 0)
            begin(f, "cluster%u", i % socket / cluster);
        if (i % threads == 0)
            begin(f, "core%u", i % cluster / threads);
        if (threads > 1)
            begin(f, "thread%u", i % threads);
        cells(f, "cpu", 1, PH_CPU0 + i);
        if (threads > 1)
            end(f);
        if ((i + 1) % threads == 0 || last)
            end(f);
        if ((i + 1) % cluster == 0 || last)
            end(f);
        if ((i + 1) % socket == 0 || last)
            end(f);
    }
    end(f);
}

static void cpu_nodes(void *f, const struct virt_config *cfg)
{
    begin(f, "cpus");
    cells(f, "#address-cells", 1, 1u);
    cells(f, "#size-cells", 1, 0u);
    cpu_map(f, cfg);
    for (unsigned i = 0; i < cfg->smp; i++) {
        begin(f, "cpu@%x", i);
        ok(fdt_property_string(f, "device_type", "cpu"));
        ok(fdt_property_string(f, "compatible", compatible(cfg)));
        if (cfg->smp > 1)
            ok(fdt_property_string(f, "enable-method", "psci"));
        cells(f, "reg", 1, i);
        cells(f, "phandle", 1, PH_CPU0 + i);
        end(f);
    }
    end(f);
}

static void timer_node(void *f, const struct virt_config *cfg)
{
    /* GICv2 bindings carry the CPU mask of a PPI. */
    uint32_t flags = IRQ_LEVEL_HIGH | (cfg->gic_version == 2 ? ((1u << cfg->smp) - 1) << 8 : 0);
    begin(f, "timer");
    STRINGS(f, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    EMPTY(f, "always-on");
    cells(f, "interrupts", 12, GIC_PPI, PPI_SECURE_PHYS_TIMER, flags, GIC_PPI, PPI_PHYS_TIMER, flags,
          GIC_PPI, PPI_VIRT_TIMER, flags, GIC_PPI, PPI_HYP_TIMER, flags);
    end(f);
}

static void gic_node(void *f, const struct virt_config *cfg)
{
    bool v3 = cfg->gic_version == 3;
    uint64_t second = v3 ? MAP_GICR : MAP_GICC, size = v3 ? MAP_GICR_SIZE : MAP_GICC_SIZE;
    begin(f, "intc@%llx", MAP_GICD);
    cells(f, "phandle", 1, PH_GIC);
    cells(f, "reg", 8, 0u, (uint32_t)MAP_GICD, 0u, (uint32_t)MAP_GICD_SIZE, 0u, (uint32_t)second, 0u, (uint32_t)size);
    if (v3)
        cells(f, "#redistributor-regions", 1, 1u);
    ok(fdt_property_string(f, "compatible", v3 ? "arm,gic-v3" : "arm,cortex-a15-gic"));
    EMPTY(f, "ranges");
    cells(f, "#size-cells", 1, 2u);
    cells(f, "#address-cells", 1, 2u);
    EMPTY(f, "interrupt-controller");
    cells(f, "#interrupt-cells", 1, 3u);
    begin(f, "v2m@%llx", MAP_GICV2M);
    ok(fdt_property_string(f, "compatible", "arm,gic-v2m-frame"));
    EMPTY(f, "msi-controller");
    reg64(f, MAP_GICV2M, 0x1000);
    cells(f, "phandle", 1, PH_MSI);
    end(f);
    end(f);
}

#define HI(x) ((uint32_t)((x) >> 32))
#define LO(x) ((uint32_t)(x))

static void pci_node(void *f, const struct virt_config *cfg)
{
    uint64_t ecam = cfg->highmem_off ? MAP_PCI_ECAM_LOW : MAP_PCI_ECAM;
    uint64_t ecam_size = cfg->highmem_off ? MAP_PCI_ECAM_LOW_SIZE : MAP_PCI_ECAM_SIZE;
    begin(f, "pcie@%llx", MAP_PCI_MEM32);
    ok(fdt_property_string(f, "compatible", "pci-host-ecam-generic"));
    ok(fdt_property_string(f, "device_type", "pci"));
    cells(f, "#address-cells", 1, 3u);
    cells(f, "#size-cells", 1, 2u);
    cells(f, "linux,pci-domain", 1, 0u);
    cells(f, "bus-range", 2, 0u, (uint32_t)(ecam_size >> 20) - 1);
    EMPTY(f, "dma-coherent");
    cells(f, "msi-map", 4, 0u, PH_MSI, 0u, 0x10000u);
    reg64(f, ecam, ecam_size);
    /* I/O ports, 32-bit memory, 64-bit memory; devices see memory at the CPUs' addresses. */
    cells(f, "ranges", cfg->highmem_off ? 14 : 21, 0x01000000u, 0u, 0u, HI(MAP_PCI_PIO), LO(MAP_PCI_PIO), HI(MAP_PCI_PIO_SIZE), LO(MAP_PCI_PIO_SIZE),
          0x02000000u, HI(MAP_PCI_MEM32), LO(MAP_PCI_MEM32), HI(MAP_PCI_MEM32), LO(MAP_PCI_MEM32),
          HI(MAP_PCI_MEM32_SIZE), LO(MAP_PCI_MEM32_SIZE),
          0x03000000u, HI(MAP_PCI_MEM64), LO(MAP_PCI_MEM64), HI(MAP_PCI_MEM64), LO(MAP_PCI_MEM64),
          HI(MAP_PCI_MEM64_SIZE), LO(MAP_PCI_MEM64_SIZE));
    cells(f, "#interrupt-cells", 1, 1u);
    cells(f, "interrupt-map-mask", 4, 0x1800u, 0u, 0u, 7u);
    fdt32_t map[16 * 10];
    unsigned k = 0;
    for (unsigned slot = 0; slot < 4; slot++)
        for (unsigned pin = 0; pin < 4; pin++) {
            const uint32_t entry[10] = {
                slot << 11, 0, 0, pin + 1, PH_GIC, 0, 0, GIC_SPI, IRQ_PCI + ((slot + pin) & 3), IRQ_LEVEL_HIGH,
            };
            for (unsigned i = 0; i < 10; i++)
                map[k++] = cpu_to_fdt32(entry[i]);
        }
    ok(fdt_property(f, "interrupt-map", map, (int)sizeof map));
    end(f);
}

static void psci_node(void *f)
{
    begin(f, "psci");
    STRINGS(f, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    ok(fdt_property_string(f, "method", "hvc"));
    cells(f, "cpu_suspend", 1, PSCI_CPU_SUSPEND);
    cells(f, "cpu_off", 1, PSCI_CPU_OFF);
    cells(f, "cpu_on", 1, PSCI_CPU_ON);
    cells(f, "migrate", 1, PSCI_MIGRATE);
    end(f);
}

static void uart_node(void *f, uint64_t base, unsigned irq)
{
    begin(f, "pl011@%llx", (unsigned long long)base);
    STRINGS(f, "compatible", "arm,pl011\0arm,primecell");
    reg64(f, base, 0x1000);
    cells(f, "interrupts", 3, GIC_SPI, irq, IRQ_LEVEL_HIGH);
    cells(f, "clocks", 2, PH_CLOCK, PH_CLOCK);
    STRINGS(f, "clock-names", "uartclk\0apb_pclk");
    end(f);
}

static void chip_nodes(void *f, const struct virt_config *cfg)
{
    begin(f, "flash@%llx", MAP_FLASH);
    ok(fdt_property_string(f, "compatible", "cfi-flash"));
    cells(f, "reg", 8, HI(MAP_FLASH), LO(MAP_FLASH), HI(MAP_FLASH_SIZE), LO(MAP_FLASH_SIZE), HI(MAP_FLASH + MAP_FLASH_SIZE),
          LO(MAP_FLASH + MAP_FLASH_SIZE), HI(MAP_FLASH_SIZE), LO(MAP_FLASH_SIZE));
    cells(f, "bank-width", 1, 4u);
    end(f);

    begin(f, "fw-cfg@%llx", MAP_FW_CFG);
    ok(fdt_property_string(f, "compatible", "qemu,fw-cfg-mmio"));
    reg64(f, MAP_FW_CFG, FW_CFG_SIZE);
    EMPTY(f, "dma-coherent");
    end(f);

    begin(f, "apb-pclk");
    ok(fdt_property_string(f, "compatible", "fixed-clock"));
    cells(f, "#clock-cells", 1, 0u);
    cells(f, "clock-frequency", 1, 24000000u);
    ok(fdt_property_string(f, "clock-output-names", "clk24mhz"));
    cells(f, "phandle", 1, PH_CLOCK);
    end(f);

    uart_node(f, MAP_UART, IRQ_UART);
    if (cfg->serial1)
        uart_node(f, MAP_UART1, IRQ_UART1);

    begin(f, "pl031@%llx", MAP_RTC);
    STRINGS(f, "compatible", "arm,pl031\0arm,primecell");
    reg64(f, MAP_RTC, 0x1000);
    cells(f, "interrupts", 3, GIC_SPI, IRQ_RTC, IRQ_LEVEL_HIGH);
    cells(f, "clocks", 1, PH_CLOCK);
    ok(fdt_property_string(f, "clock-names", "apb_pclk"));
    end(f);

    begin(f, "pl061@%llx", MAP_GPIO);
    STRINGS(f, "compatible", "arm,pl061\0arm,primecell");
    reg64(f, MAP_GPIO, 0x1000);
    cells(f, "interrupts", 3, GIC_SPI, IRQ_GPIO, IRQ_LEVEL_HIGH);
    cells(f, "clocks", 1, PH_CLOCK);
    ok(fdt_property_string(f, "clock-names", "apb_pclk"));
    EMPTY(f, "gpio-controller");
    cells(f, "#gpio-cells", 1, 2u);
    cells(f, "phandle", 1, PH_GPIO);
    end(f);
    begin(f, "gpio-keys");
    ok(fdt_property_string(f, "compatible", "gpio-keys"));
    begin(f, "poweroff");
    ok(fdt_property_string(f, "label", "GPIO Key Poweroff"));
    cells(f, "linux,code", 1, KEY_POWER);
    cells(f, "gpios", 3, PH_GPIO, GPIO_POWER_KEY, 0u);
    end(f);
    end(f);

    /* Lowest address first: Linux numbers the devices in this order. */
    for (unsigned i = 0; i < MAP_VIRTIO_SLOTS; i++) {
        uint64_t base = MAP_VIRTIO + i * MAP_VIRTIO_STRIDE;
        begin(f, "virtio_mmio@%llx", (unsigned long long)base);
        ok(fdt_property_string(f, "compatible", "virtio,mmio"));
        reg64(f, base, MAP_VIRTIO_STRIDE);
        cells(f, "interrupts", 3, GIC_SPI, IRQ_VIRTIO + i, IRQ_EDGE_RISING);
        EMPTY(f, "dma-coherent");
        end(f);
    }
}

/* With two ports, which of them is ttyAMA0 must not depend on the order of probing. */
static void alias_node(void *f)
{
    char path[32];
    begin(f, "aliases");
    snprintf(path, sizeof path, "/pl011@%llx", MAP_UART);
    ok(fdt_property_string(f, "serial0", path));
    snprintf(path, sizeof path, "/pl011@%llx", MAP_UART1);
    ok(fdt_property_string(f, "serial1", path));
    end(f);
}

static void random_bytes(void *p, size_t n)
{
    if (getrandom(p, n, 0) != (ssize_t)n)
        bug("getrandom");
}

static void chosen_node(void *f, const struct virt_config *cfg, const struct fdt_boot *boot)
{
    begin(f, "chosen");
    if (!cfg->no_seed) {
        uint8_t kaslr[8], rng[32];
        random_bytes(kaslr, sizeof kaslr);
        random_bytes(rng, sizeof rng);
        ok(fdt_property(f, "kaslr-seed", kaslr, sizeof kaslr));
        ok(fdt_property(f, "rng-seed", rng, sizeof rng));
    }
    char path[32];
    snprintf(path, sizeof path, "/pl011@%llx", MAP_UART);
    ok(fdt_property_string(f, "stdout-path", path));
    if (cfg->append)
        ok(fdt_property_string(f, "bootargs", cfg->append));
    if (boot->initrd_end > boot->initrd_start) {
        ok(fdt_property_u64(f, "linux,initrd-start", boot->initrd_start));
        ok(fdt_property_u64(f, "linux,initrd-end", boot->initrd_end));
    }
    end(f);
}

uint8_t *fdt_build(const struct virt_config *cfg, const struct fdt_boot *boot, uint64_t *len)
{
    size_t room = 65536 + (cfg->append ? strlen(cfg->append) : 0);
    void *f = xcalloc(1, room);
    ok(fdt_create(f, (int)room));
    ok(fdt_finish_reservemap(f));
    begin(f, "%s", "");
    cells(f, "interrupt-parent", 1, PH_GIC);
    ok(fdt_property_string(f, "model", "linux,dummy-virt"));
    cells(f, "#size-cells", 1, 2u);
    cells(f, "#address-cells", 1, 2u);
    ok(fdt_property_string(f, "compatible", "linux,dummy-virt"));
    psci_node(f);
    begin(f, "memory@%llx", VIRT_RAM_BASE);
    ok(fdt_property_string(f, "device_type", "memory"));
    reg64(f, VIRT_RAM_BASE, cfg->ram_size);
    end(f);
    chip_nodes(f, cfg);
    if (cfg->serial1)
        alias_node(f);
    pci_node(f, cfg);
    gic_node(f, cfg);
    cpu_nodes(f, cfg);
    timer_node(f, cfg);
    chosen_node(f, cfg, boot);
    end(f);
    ok(fdt_finish(f));
    *len = fdt_totalsize(f);
    return f;
}

/* ---- the user's tree ---- */

static void user(int r)
{
    if (r < 0)
        die("the device tree given with -dtb cannot be changed: %s", fdt_strerror(r));
}

/* The node NAME of the root, made if it is not there. */
static int root_node(void *f, const char *name)
{
    int n = fdt_subnode_offset(f, 0, name);
    if (n == -FDT_ERR_NOTFOUND)
        n = fdt_add_subnode(f, 0, name);
    user(n);
    return n;
}

/* Every memory node goes; one with all of RAM comes. */
static void fix_memory(void *f, const struct virt_config *cfg)
{
    for (;;) {
        int n, found = -1;
        fdt_for_each_subnode(n, f, 0) {
            const char *type = fdt_getprop(f, n, "device_type", NULL);
            if (type && !strcmp(type, "memory"))
                found = n;
        }
        if (found < 0)
            break;
        user(fdt_del_node(f, found));
    }
    int ac = fdt_address_cells(f, 0), sc = fdt_size_cells(f, 0);
    if (ac < 1 || ac > 2 || sc < 1 || sc > 2)
        die("the device tree given with -dtb has %d address and %d size cells; 1 or 2 are supported", ac, sc);
    if (sc == 1 && cfg->ram_size > UINT32_MAX)
        die("the device tree given with -dtb has one size cell: RAM must be below 4 GiB");
    fdt32_t reg[4];
    unsigned k = 0;
    if (ac == 2)
        reg[k++] = cpu_to_fdt32((uint32_t)(VIRT_RAM_BASE >> 32));
    reg[k++] = cpu_to_fdt32((uint32_t)VIRT_RAM_BASE);
    if (sc == 2)
        reg[k++] = cpu_to_fdt32((uint32_t)(cfg->ram_size >> 32));
    reg[k++] = cpu_to_fdt32((uint32_t)cfg->ram_size);
    int n = fdt_add_subnode(f, 0, "memory@40000000");
    user(n);
    user(fdt_setprop_string(f, n, "device_type", "memory"));
    user(fdt_setprop(f, n, "reg", reg, (int)(4 * k)));
}

uint8_t *fdt_fix_up(const struct virt_config *cfg, const struct fdt_boot *boot, uint8_t *file, uint64_t *len)
{
    if (*len < sizeof(struct fdt_header) || fdt_check_header(file) < 0 || fdt_totalsize(file) > *len)
        die("%s is not a device tree, or is truncated", cfg->dtb_path);
    /* Names were paths before version 16 (2005): libfdt 1.6.1 reads one through NULL when it checks the whole of such a tree. */
    if (fdt_version(file) < 16)
        die("device tree %s has version %u; 16 or later is needed", cfg->dtb_path, fdt_version(file));
    int r = fdt_check_full(file, *len);
    if (r < 0)
        die("device tree %s: %s", cfg->dtb_path, fdt_strerror(r));
    size_t room = fdt_totalsize(file) + 65536 + (cfg->append ? strlen(cfg->append) : 0);
    void *f = xcalloc(1, room);
    user(fdt_open_into(file, f, (int)room));
    free(file);
    fix_memory(f, cfg);
    if (cfg->append)
        user(fdt_setprop_string(f, root_node(f, "chosen"), "bootargs", cfg->append));
    int chosen = root_node(f, "chosen");
    if (boot->initrd_end > boot->initrd_start) {
        user(fdt_setprop_u64(f, chosen, "linux,initrd-start", boot->initrd_start));
        user(fdt_setprop_u64(f, chosen, "linux,initrd-end", boot->initrd_end));
    } else {
        (void)fdt_delprop(f, chosen, "linux,initrd-start");
        (void)fdt_delprop(f, chosen, "linux,initrd-end");
    }
    user(fdt_pack(f));
    *len = fdt_totalsize(f);
    return f;
}
