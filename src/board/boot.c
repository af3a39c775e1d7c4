/*
 * boot.c - kernel formats and the placement of images in RAM.
 *
 * Owns the loaded images. Formats: arm64 Image (Documentation/arch/arm64/booting.rst), gzip'd Image, EFI zboot, ELF,
 * raw. Addresses are those that QEMU's virt uses, so that what depends on them works alike.
 */
#include "board/boot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/unpack.h"
#include "mem/mem.h"

#define MIB (1ull << 20)
#define RAW_OFFSET 0x80000u                      /* where an image without a header goes */
#define STUB_SPACE 4096u                         /* QEMU keeps its boot stub in the first page */
#define INITRD_OFFSET (128 * MIB)                /* or half of RAM if that is less */

static uint16_t le16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t le32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t le64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

uint8_t *boot_read_file(const char *path, const char *what, uint64_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open %s %s: %s", what, path, strerror(errno));
    struct stat st;
    size_t room = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 65536, used = 0;
    uint8_t *buf = malloc(room);
    for (;;) {
        if (!buf)
            die("out of memory for %s %s", what, path);
        ssize_t n = read(fd, buf + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("cannot read %s %s: %s", what, path, strerror(errno));
        if (n == 0)
            break;
        used += (size_t)n;
        if (used == room) {
            room *= 2;
            buf = realloc(buf, room);
        }
    }
    close(fd);
    if (!used)
        die("%s %s is empty", what, path);
    buf[used] = 0;                               /* room > used here: the loop grows the buffer when it is full */
    *len = used;
    return buf;
}

/* ---- placing ---- */

static uint64_t ram_end(void)
{
    return mem_ram.base + mem_ram.size;
}

static void add(struct boot_images *b, const char *what, uint64_t gpa, uint8_t *data, uint64_t len, uint64_t mem_len)
{
    if (!mem_is_ram(gpa, mem_len))
        die("%s does not fit in RAM: it needs 0x%llx-0x%llx, RAM is 0x%llx-0x%llx", what, (unsigned long long)gpa,
            (unsigned long long)(gpa + mem_len - 1), (unsigned long long)mem_ram.base,
            (unsigned long long)(ram_end() - 1));
    for (unsigned i = 0; i < b->n; i++) {
        const struct boot_blob *o = &b->blob[i];
        if (gpa < o->gpa + o->mem_len && o->gpa < gpa + mem_len)
            die("%s at 0x%llx overlaps %s at 0x%llx", what, (unsigned long long)gpa, o->what,
                (unsigned long long)o->gpa);
    }
    if (b->n == BOOT_MAX_BLOBS)
        die("%s: too many segments", what);
    b->blob[b->n++] = (struct boot_blob){ what, gpa, data, len, mem_len };
}

static void add_kernel(struct boot_images *b, uint64_t gpa, uint8_t *data, uint64_t len, uint64_t mem_len)
{
    add(b, "the kernel", gpa, data, len, mem_len);
    b->kernel_start = b->have_kernel ? MIN(b->kernel_start, gpa) : gpa;
    b->kernel_end = MAX(b->kernel_end, gpa + mem_len);
    b->have_kernel = true;
}

/* ---- formats ---- */

static void load_elf(struct boot_images *b, const char *path, uint8_t *data, uint64_t len)
{
    const Elf64_Ehdr *eh = (const void *)data;
    if (len < sizeof *eh)
        die("kernel %s: truncated ELF header", path);
    if (data[EI_CLASS] != ELFCLASS64 || data[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_AARCH64)
        die("kernel %s: not an AArch64 little-endian ELF file", path);
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
        die("kernel %s: this ELF file is not executable", path);
    if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phoff > len ||
        eh->e_phnum > (len - eh->e_phoff) / sizeof(Elf64_Phdr))
        die("kernel %s: truncated ELF program headers", path);
    b->elf = true;
    b->entry = eh->e_entry;
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;
        memcpy(&ph, data + eh->e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type != PT_LOAD || !ph.p_memsz)
            continue;
        if (ph.p_filesz > ph.p_memsz)
            die("kernel %s: ELF segment %u is larger in the file than in memory", path, i);
        if (ph.p_offset > len || ph.p_filesz > len - ph.p_offset)
            die("kernel %s: truncated: ELF segment %u lies outside the file", path, i);
        /* The entry is a virtual address: follow it into physical memory. */
        if (eh->e_entry - ph.p_vaddr < ph.p_filesz)
            b->entry = eh->e_entry - ph.p_vaddr + ph.p_paddr;
        add_kernel(b, ph.p_paddr, data + ph.p_offset, ph.p_filesz, ph.p_memsz);
    }
    if (!b->have_kernel)
        die("kernel %s: the ELF file has nothing to load", path);
}

/* An Image with an EFI stub is also a PE file: its section table tells whether the file is whole. */
static void check_pe(const char *path, const uint8_t *d, uint64_t len)
{
    if (d[0] != 'M' || d[1] != 'Z')
        return;
    uint64_t pe = le32(d + 60);
    if (pe > len || len - pe < 24 || memcmp(d + pe, "PE\0\0", 4))
        return;
    unsigned n = le16(d + pe + 6);
    uint64_t sect = pe + 24 + le16(d + pe + 20);
    for (unsigned i = 0; i < n; i++, sect += 40) {
        if (sect > len || len - sect < 40)
            die("kernel %s: truncated PE header", path);
        if ((uint64_t)le32(d + sect + 16) + le32(d + sect + 20) > len)
            die("kernel %s: truncated: a PE section ends beyond the file", path);
    }
}

static void load_image(struct boot_images *b, const char *path, uint8_t *data, uint64_t len)
{
    uint64_t text_offset = le64(data + 8), image_size = le64(data + 16), flags = le64(data + 24);
    check_pe(path, data, len);
    if (!image_size) {                           /* before Linux 3.17: the offset's byte order was not fixed */
        text_offset = RAW_OFFSET;
        flags = 0;
    }
    if (flags & 1)
        die("kernel %s: big-endian kernels are not supported", path);
    if (text_offset < STUB_SPACE)
        text_offset += 2 * MIB;
    if (text_offset >= mem_ram.size || image_size >= mem_ram.size)
        die("kernel %s does not fit in RAM: offset 0x%llx, size 0x%llx, RAM 0x%llx", path,
            (unsigned long long)text_offset, (unsigned long long)image_size, (unsigned long long)mem_ram.size);
    b->entry = mem_ram.base + text_offset;
    add_kernel(b, b->entry, data, len, MAX(len, image_size));
}

/* EFI zboot: 4 "zimg", 8 payload offset, 12 payload size, 24 name of the compression. */
static uint8_t *unpack_zboot(const char *path, const uint8_t *d, uint64_t len, uint64_t *out_len)
{
    uint64_t off = le32(d + 8), size = le32(d + 12);
    char kind[33] = { 0 };
    memcpy(kind, d + 24, 32);
    if (off > len || size > len - off)
        die("kernel %s: truncated: the zboot payload lies outside the file", path);
    enum unpack_kind k = UNPACK_GZIP;
    if (!strcmp(kind, "zstd") || !strcmp(kind, "zstd22"))
        k = UNPACK_ZSTD;
    else if (strcmp(kind, "gzip") != 0)
        die("kernel %s: zboot compression is not supported (gzip and zstd are)", path);
    const char *err;
    uint8_t *p = unpack(k, d + off, size, mem_ram.size, out_len, &err);
    if (!p)
        die("kernel %s: zboot payload: %s", path, err);
    return p;
}

static bool is_image(const uint8_t *d, uint64_t len)
{
    return len >= 64 && !memcmp(d + 56, "ARM\x64", 4);
}

uint8_t *boot_read_packed(const char *path, uint64_t *len)
{
    uint8_t *d = boot_read_file(path, "kernel", len);
    if (*len >= 2 && d[0] == 0x1f && d[1] == 0x8b) {
        const char *err;
        uint8_t *p = unpack(UNPACK_GZIP, d, *len, mem_ram.size, len, &err);
        if (!p)
            die("kernel %s: %s", path, err);
        free(d);
        d = p;
    }
    if (*len > UINT32_MAX)
        die("kernel %s is larger than 4 GiB", path);
    return d;
}

static void load_kernel(struct boot_images *b, const char *path)
{
    uint64_t len;
    uint8_t *d = boot_read_file(path, "kernel", &len);
    for (int depth = 0; depth < 2; depth++) {    /* a zboot payload may be packed, but not for ever */
        uint8_t *p = NULL;
        uint64_t plen = 0;
        if (len >= 2 && d[0] == 0x1f && d[1] == 0x8b) {
            const char *err;
            p = unpack(UNPACK_GZIP, d, len, mem_ram.size, &plen, &err);
            if (!p)
                die("kernel %s: %s", path, err);
        } else if (len >= 64 && d[0] == 'M' && d[1] == 'Z' && !memcmp(d + 4, "zimg", 4)) {
            p = unpack_zboot(path, d, len, &plen);
        }
        if (!p)
            break;
        free(d);
        d = p;
        len = plen;
        if (!len)
            die("kernel %s unpacks to nothing", path);
    }
    if (len >= 4 && !memcmp(d, ELFMAG, SELFMAG)) {
        load_elf(b, path, d, len);
    } else if (is_image(d, len)) {
        load_image(b, path, d, len);
    } else {
        if (len >= 0x206 && !memcmp(d + 0x202, "HdrS", 4))
            die("kernel %s is for x86, not AArch64", path);
        if (len >= 0x28 && le32(d + 0x24) == 0x016f2818)
            die("kernel %s is a 32-bit Arm zImage", path);
        if (len >= 4 && le32(d) == 0x56190527)
            die("kernel %s is a U-Boot uImage: give the Image inside it", path);
        b->entry = mem_ram.base + RAW_OFFSET;
        add_kernel(b, b->entry, d, len, len);
    }
    if (b->entry & 3)
        die("kernel %s: entry point 0x%llx is not aligned", path, (unsigned long long)b->entry);
}

void boot_load(struct boot_images *b, const char *kernel_path, const char *initrd_path)
{
    *b = (struct boot_images){ 0 };
    if (kernel_path)
        load_kernel(b, kernel_path);
    b->initrd_start = mem_ram.base + MIN(mem_ram.size / 2, INITRD_OFFSET);
    b->initrd_start = ALIGN_UP(MAX(b->initrd_start, b->kernel_end), 4096);
    b->initrd_end = b->initrd_start;
    if (initrd_path) {
        uint64_t len;
        uint8_t *d = boot_read_file(initrd_path, "initrd", &len);
        add(b, "the initrd", b->initrd_start, d, len, len);
        b->initrd_end = b->initrd_start + len;
    }
}

void boot_place_dtb(struct boot_images *b, uint64_t len)
{
    if (len > BOOT_DTB_MAX)
        die("the device tree has %llu bytes; at most 2 MiB can be passed", (unsigned long long)len);
    /* Firmware and bare-metal programs (ELF) look for it at the start of RAM. */
    if (!b->have_kernel || (b->elf && b->kernel_start >= mem_ram.base + len))
        b->dtb = mem_ram.base;
    else
        b->dtb = ALIGN_UP(b->initrd_end, 2 * MIB);
    if (!mem_is_ram(b->dtb, len))
        die("the device tree does not fit in RAM behind the kernel and initrd: it would go to 0x%llx",
            (unsigned long long)b->dtb);
}

void boot_set_dtb(struct boot_images *b, uint8_t *data, uint64_t len)
{
    for (unsigned i = 0; i < b->n; i++) {
        if (strcmp(b->blob[i].what, "the device tree") != 0)
            continue;
        free(b->blob[i].data);
        b->blob[i] = b->blob[--b->n];
        break;
    }
    add(b, "the device tree", b->dtb, data, len, len);
}

void boot_install(const struct boot_images *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        const struct boot_blob *o = &b->blob[i];
        uint8_t *p = mem_ptr(o->gpa, o->mem_len);
        if (!p)
            bug("%s is not in RAM", o->what);
        mem_load(o->gpa, o->data, o->len);
        memset(p + o->len, 0, o->mem_len - o->len);
        mem_dma_wrote(o->gpa, o->mem_len);
    }
}
