/*
 * boot_test.c - kernel formats from fabricated images, placement, the device tree, bad inputs.
 */
#include <elf.h>
#include <libfdt.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "board/boot.h"
#include "board/devtree.h"
#include "mem/mem.h"

#include "check.h"

#define RAM VIRT_RAM_BASE
#define RAM_SIZE (64ull << 20)

static char dir[] = "/tmp/gnomon-boot-XXXXXX";
static char path[2][64];

/* Write a file for the test; the name is the same each time. */
static const char *put(unsigned which, const void *data, size_t len)
{
    FILE *f = fopen(path[which], "wb");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f))
        die("cannot write the test's file");
    return path[which];
}

static uint8_t image[8192];
static void make_image(uint64_t text_offset, uint64_t image_size, uint64_t flags)
{
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i * 7 + 1);
    memcpy(image + 8, &text_offset, 8);
    memcpy(image + 16, &image_size, 8);
    memcpy(image + 24, &flags, 8);
    memcpy(image + 56, "ARM\x64", 4);
}

struct job { const char *kernel, *initrd; };
static void load_job(void *arg)
{
    struct job *j = arg;
    struct boot_images b;
    boot_load(&b, j->kernel, j->initrd);
}
static bool bad_kernel(const void *data, size_t len)
{
    struct job j = { put(0, data, len), NULL };
    return dies(load_job, &j);
}

static void test_image(void)
{
    struct boot_images b;
    make_image(0, 0x300000, 0xa);
    boot_load(&b, put(0, image, sizeof image), NULL);
    CHECK_EQ(b.entry, RAM + 0x200000);           /* not in the first page */
    CHECK_EQ(b.kernel_end, RAM + 0x500000);
    CHECK_EQ(b.initrd_start, RAM + RAM_SIZE / 2);
    CHECK_EQ(b.initrd_end, b.initrd_start);
    memset(mem_ram.view + 0x200000, 0xee, 0x300000);
    boot_install(&b);
    CHECK(!memcmp(mem_ram.view + 0x200000, image, sizeof image));
    CHECK(mem_ram.view[0x200000 + sizeof image] == 0 && mem_ram.view[0x4fffff] == 0);
    make_image(0x80000, 0x10000, 0);
    boot_load(&b, put(0, image, sizeof image), NULL);
    CHECK_EQ(b.entry, RAM + 0x80000);
    make_image(0x12345, 0, 0);                   /* old: offset not trusted */
    boot_load(&b, put(0, image, sizeof image), NULL);
    CHECK_EQ(b.entry, RAM + 0x80000);
    /* a kernel that reaches beyond the middle of RAM moves the initrd */
    make_image(0, 40u << 20, 0);
    boot_load(&b, put(0, image, sizeof image), put(1, "initrd", 6));
    CHECK_EQ(b.initrd_start, RAM + (42u << 20));
    CHECK_EQ(b.initrd_end, b.initrd_start + 6);
    boot_place_dtb(&b, 5000);
    CHECK_EQ(b.dtb, RAM + (44u << 20));
    /* raw */
    memset(image, 0x5a, 100);
    boot_load(&b, put(0, image, 100), NULL);
    CHECK_EQ(b.entry, RAM + 0x80000);
    CHECK(!b.elf && b.have_kernel);

    make_image(0, 0x10000, 1);
    CHECK(bad_kernel(image, sizeof image));      /* big-endian */
    make_image(0, RAM_SIZE, 0);
    CHECK(bad_kernel(image, sizeof image));
    make_image(~0ull - 100, 0x1000, 0);
    CHECK(bad_kernel(image, sizeof image));
    make_image(0, ~0ull, 0);
    CHECK(bad_kernel(image, sizeof image));
    make_image(2, 0x10000, 0);
    CHECK(bad_kernel(image, sizeof image));      /* entry not aligned */
    CHECK(bad_kernel("", 0));
    struct job none = { "/nonexistent/Image", NULL }, is_dir = { dir, NULL };
    CHECK(dies(load_job, &none));
    CHECK(dies(load_job, &is_dir));
    /* an initrd larger than what is left */
    make_image(0, 62u << 20, 0);
    size_t big = 1u << 20;
    void *z = xcalloc(1, big);
    struct job full = { put(0, image, sizeof image), put(1, z, big) };
    CHECK(dies(load_job, &full));
    free(z);

    /* PE section beyond the end of the file: truncated */
    make_image(0, 0x10000, 0);
    uint32_t pe = 0x80, raw_size = 0x1000, raw_at = sizeof image - 0x1000;
    memcpy(image, "MZ", 2);
    memcpy(image + 60, &pe, 4);
    memset(image + pe, 0, 64);
    memcpy(image + pe, "PE\0\0", 4);
    image[pe + 6] = 1;
    memcpy(image + pe + 24 + 16, &raw_size, 4);
    memcpy(image + pe + 24 + 20, &raw_at, 4);
    boot_load(&b, put(0, image, sizeof image), NULL);
    CHECK_EQ(b.entry, RAM + 0x200000);
    CHECK(bad_kernel(image, sizeof image - 1));
}

static size_t gzip(const void *in, size_t len, uint8_t *out, size_t room)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    int r = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return r == Z_STREAM_END ? z.total_out : 0;
}

static size_t zboot(uint8_t *out, const char *kind, const uint8_t *payload, size_t len)
{
    uint32_t off = 0x100, size = (uint32_t)len;
    memset(out, 0, off);
    memcpy(out, "MZ\0\0zimg", 8);
    memcpy(out + 8, &off, 4);
    memcpy(out + 12, &size, 4);
    strcpy((char *)out + 24, kind);
    memcpy(out + off, payload, len);
    return off + len;
}

static void test_packed(void)
{
    static uint8_t packed[16384], file[32768];
    struct boot_images b;
    make_image(0, 0x10000, 0);
    size_t n = gzip(image, sizeof image, packed, sizeof packed);
    boot_load(&b, put(0, packed, n), NULL);
    CHECK_EQ(b.entry, RAM + 0x200000);
    boot_install(&b);
    CHECK(!memcmp(mem_ram.view + 0x200000, image, sizeof image));
    CHECK(bad_kernel(packed, n / 2));
    CHECK(bad_kernel(packed, 3));
    packed[n / 2] ^= 0x55;
    CHECK(bad_kernel(packed, n));

    n = gzip(image, sizeof image, packed, sizeof packed);
    size_t m = zboot(file, "gzip", packed, n);
    boot_load(&b, put(0, file, m), NULL);
    CHECK_EQ(b.entry, RAM + 0x200000);
    CHECK(bad_kernel(file, m - 1));
    m = zboot(file, "lzma", packed, n);
    CHECK(bad_kernel(file, m));

    n = ZSTD_compress(packed, sizeof packed, image, sizeof image, 3);
    memcpy(packed + n, "\0\x20\0\0", 4);         /* Linux appends the unpacked size */
    m = zboot(file, "zstd", packed, n + 4);
    memset(mem_ram.view + 0x200000, 0, sizeof image);
    boot_load(&b, put(0, file, m), NULL);
    boot_install(&b);
    CHECK(!memcmp(mem_ram.view + 0x200000, image, sizeof image));
    m = zboot(file, "zstd", packed, n / 2);
    CHECK(bad_kernel(file, m));

    /* unpacks to more than RAM */
    size_t big = RAM_SIZE + (1u << 20), room = 1u << 20;
    void *z = xcalloc(1, big);
    uint8_t *bomb = xcalloc(1, room);
    n = gzip(z, big, bomb, room);
    CHECK(n > 0 && bad_kernel(bomb, n));
    free(z);
    free(bomb);
}

static void test_elf(void)
{
    static uint8_t file[0x2000];
    struct boot_images b;
    Elf64_Ehdr eh = { .e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_version = 1, .e_entry = 0xffff000000001040ull,
                      .e_phoff = sizeof eh, .e_ehsize = sizeof eh, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2 };
    memcpy(eh.e_ident, ELFMAG, SELFMAG);
    eh.e_ident[EI_CLASS] = ELFCLASS64;
    eh.e_ident[EI_DATA] = ELFDATA2LSB;
    Elf64_Phdr ph[2] = {
        { .p_type = PT_LOAD, .p_offset = 0x1000, .p_vaddr = 0xffff000000001000ull, .p_paddr = RAM + 0x100000,
          .p_filesz = 0x100, .p_memsz = 0x5000 },
        { .p_type = PT_LOAD, .p_offset = 0x1100, .p_vaddr = 0xffff000000200000ull, .p_paddr = RAM + 0x200000,
          .p_filesz = 0x80, .p_memsz = 0x80 },
    };
#define MAKE() (memcpy(file, &eh, sizeof eh), memcpy(file + sizeof eh, ph, sizeof ph))
    memset(file + 0x1000, 0x77, 0x200);
    MAKE();
    boot_load(&b, put(0, file, sizeof file), NULL);
    CHECK_EQ(b.entry, RAM + 0x100040);
    CHECK_EQ(b.kernel_start, RAM + 0x100000);
    CHECK_EQ(b.kernel_end, RAM + 0x200080);
    boot_place_dtb(&b, 4096);
    CHECK_EQ(b.dtb, RAM);
    boot_place_dtb(&b, 0x100001);
    CHECK_EQ(b.dtb, RAM + RAM_SIZE / 2);
    CHECK(bad_kernel(file, 0x1120));             /* truncated segment */
    CHECK(bad_kernel(file, 100));
    CHECK(bad_kernel(file, 10));
    ph[1].p_paddr = RAM + 0x104000;              /* into the first one's .bss */
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    ph[1].p_paddr = 0x1000;
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    ph[1].p_paddr = RAM + 0x200000;
    ph[1].p_filesz = 0x90;                       /* more in the file than in memory */
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    ph[1].p_filesz = 0x80;
    ph[1].p_memsz = ~0ull - 0x40200000;
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    ph[1].p_memsz = 0x80;
    ph[1].p_offset = ~0ull - 8;
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    ph[1].p_offset = 0x1100;
    eh.e_machine = EM_X86_64;
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
    eh.e_machine = EM_AARCH64;
    eh.e_phoff = ~0ull - 4;
    MAKE();
    CHECK(bad_kernel(file, sizeof file));
}

/* ---- device tree ---- */

static bool prop_is(const void *f, const char *node, const char *prop, const char *want, size_t len)
{
    int got, n = fdt_path_offset(f, node);
    const void *p = n < 0 ? NULL : fdt_getprop(f, n, prop, &got);
    return p && (size_t)got == len && !memcmp(p, want, len);
}
static bool cells_are(const void *f, const char *node, const char *prop, unsigned n, const uint32_t *want)
{
    fdt32_t be[32];
    for (unsigned i = 0; i < n; i++)
        be[i] = cpu_to_fdt32(want[i]);
    return prop_is(f, node, prop, (const char *)be, 4 * n);
}
#define STR(node, prop, s) CHECK(prop_is(f, node, prop, s, sizeof(s)))
#define CELLS(node, prop, ...) \
    do { const uint32_t w_[] = { __VA_ARGS__ }; CHECK(cells_are(f, node, prop, ARRAY_LEN(w_), w_)); } while (0)

static void fix_job(void *arg)
{
    const struct { const uint8_t *data; uint64_t len; } *a = arg;
    struct virt_config cfg = { .ram_size = RAM_SIZE, .dtb_path = "test" };
    struct fdt_boot fb = { 0 };
    uint8_t *copy = xcalloc(1, a->len + 1);
    memcpy(copy, a->data, a->len);
    uint64_t len = a->len;
    free(fdt_fix_up(&cfg, &fb, copy, &len));
}

static void test_tree(void)
{
    struct virt_config cfg = { .ram_size = 0x120000000ull, .gic_version = 2, .smp = 2, .model = A64_CORTEX_A57,
                               .append = "console=ttyAMA0" };
    struct fdt_boot fb = { 0x48000000, 0x48001234 };
    uint64_t len;
    uint8_t *f = fdt_build(&cfg, &fb, &len);
    CHECK_EQ(fdt_check_full(f, len), 0);
    /* As QEMU 7.2's virt says it. */
    STR("/", "compatible", "linux,dummy-virt");
    CELLS("/memory@40000000", "reg", 0, 0x40000000, 1, 0x20000000);
    STR("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    STR("/psci", "method", "hvc");
    CELLS("/psci", "cpu_on", 0xc4000003);
    STR("/pl011@9000000", "compatible", "arm,pl011\0arm,primecell");
    CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    STR("/pl011@9000000", "clock-names", "uartclk\0apb_pclk");
    CELLS("/pl031@9010000", "interrupts", 0, 2, 4);
    CELLS("/virtio_mmio@a000000", "interrupts", 0, 16, 1);
    CELLS("/virtio_mmio@a003e00", "interrupts", 0, 47, 1);
    CELLS("/virtio_mmio@a003e00", "reg", 0, 0xa003e00, 0, 0x200);
    STR("/intc@8000000", "compatible", "arm,cortex-a15-gic");
    CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000);
    CELLS("/timer", "interrupts", 1, 13, 0x304, 1, 14, 0x304, 1, 11, 0x304, 1, 10, 0x304);
    CELLS("/apb-pclk", "clock-frequency", 24000000);
    STR("/cpus/cpu@1", "compatible", "arm,cortex-a57");
    STR("/cpus/cpu@1", "enable-method", "psci");
    STR("/chosen", "bootargs", "console=ttyAMA0");
    STR("/chosen", "stdout-path", "/pl011@9000000");
    CELLS("/chosen", "linux,initrd-start", 0, 0x48000000);
    CELLS("/chosen", "linux,initrd-end", 0, 0x48001234);
    int gic = fdt_path_offset(f, "/intc@8000000");
    CELLS("/", "interrupt-parent", fdt_get_phandle(f, gic));
    /* virtio slots in ascending order: Linux probes in this order */
    int a = fdt_path_offset(f, "/virtio_mmio@a000000"), z = fdt_path_offset(f, "/virtio_mmio@a003e00");
    CHECK(a > 0 && z > a);

    /* as -dtb: memory and chosen replaced */
    struct virt_config other = { .ram_size = RAM_SIZE, .append = "quiet", .dtb_path = "test" };
    struct fdt_boot no_initrd = { 0 };
    uint64_t flen = len;
    uint8_t *copy = xcalloc(1, len);
    memcpy(copy, f, len);
    uint8_t *g = fdt_fix_up(&other, &no_initrd, copy, &flen);
    free(f);
    f = g;
    CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, (uint32_t)RAM_SIZE);
    STR("/chosen", "bootargs", "quiet");
    CHECK(!fdt_getprop(f, fdt_path_offset(f, "/chosen"), "linux,initrd-start", NULL));
    CHECK_EQ(fdt_check_full(f, flen), 0);
    struct { const uint8_t *data; uint64_t len; } job = { f, flen - 1 };
    CHECK(dies(fix_job, &job));
    job.len = 10;
    CHECK(dies(fix_job, &job));
    job.len = flen;
    fdt_set_version(f, 11);                       /* the root's name is no path */
    fdt_set_last_comp_version(f, 11);
    CHECK(dies(fix_job, &job));
    fdt_set_version(f, 17);
    fdt_set_last_comp_version(f, 16);
    f[0] ^= 1;
    CHECK(dies(fix_job, &job));
    free(f);

    /* two sockets of two clusters of one core of two threads, the last core half there; and all in one cluster */
    cfg.smp = 7;
    cfg.clusters = cfg.threads = 2;
    cfg.cores = 1;
    f = fdt_build(&cfg, &no_initrd, &len);
    CHECK_EQ(fdt_check_full(f, len), 0);
    static const char *const places[] = { "socket0/cluster0/core0/thread0", "socket0/cluster0/core0/thread1", "socket0/cluster1/core0/thread0",
        "socket0/cluster1/core0/thread1", "socket1/cluster0/core0/thread0", "socket1/cluster0/core0/thread1", "socket1/cluster1/core0/thread0" };
    char path[80], cpu_path[32];
    for (unsigned i = 0; i < cfg.smp; i++) {
        snprintf(path, sizeof(path), "/cpus/cpu-map/%s", places[i]);
        snprintf(cpu_path, sizeof(cpu_path), "/cpus/cpu@%x", i);
        CELLS(path, "cpu", fdt_get_phandle(f, fdt_path_offset(f, cpu_path)));
    }
    free(f);
    cfg.smp = 3;
    cfg.clusters = cfg.threads = cfg.cores = 0;
    f = fdt_build(&cfg, &no_initrd, &len);
    CELLS("/cpus/cpu-map/socket0/cluster0/core2", "cpu", fdt_get_phandle(f, fdt_path_offset(f, "/cpus/cpu@2")));
    CHECK_EQ(fdt_check_full(f, len), 0);
    free(f);

    cfg.gic_version = 3;
    cfg.smp = 1;
    cfg.no_seed = true;
    f = fdt_build(&cfg, &no_initrd, &len);
    STR("/intc@8000000", "compatible", "arm,gic-v3");
    CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
    CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    CHECK(!fdt_getprop(f, fdt_path_offset(f, "/cpus/cpu@0"), "enable-method", NULL));
    CHECK(!fdt_getprop(f, fdt_path_offset(f, "/chosen"), "rng-seed", NULL));
    uint64_t len2;
    uint8_t *again = fdt_build(&cfg, &no_initrd, &len2);
    CHECK(len == len2 && !memcmp(f, again, len));                    /* reproducible without seeds */
    free(again);
    free(f);
}

int main(void)
{
    if (!mkdtemp(dir))
        die("no temporary directory");
    for (unsigned i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/%u", dir, i);
    mem_init(RAM, RAM_SIZE);
    test_image();
    test_packed();
    test_elf();
    test_tree();
    for (unsigned i = 0; i < 2; i++)
        unlink(path[i]);
    rmdir(dir);
    return check_done();
}
