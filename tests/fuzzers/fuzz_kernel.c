/*
 * fuzz_kernel.c - libFuzzer target: any bytes as a kernel (Image, gzip, EFI zboot, ELF), and some as an initrd. Must not crash, hang
 * or write outside RAM; what is refused is refused by die().
 *
 * Input: a byte that says whether there is an initrd and how large the device tree is, then the kernel.
 */
// links: src/base/*.c src/mem/mem.c src/board/boot.c src/board/unpack.c
// flags: -Wl,--wrap=die,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/boot.h"
#include "die.h"
#include "mem/mem.h"

#define RAM_SIZE (4u << 20)

static char path[2][64];
static int file[2] = { -1, -1 };

static void load(const uint8_t *data, size_t size)
{
    static struct boot_images b;
    bool initrd = data[0] & 1;
    uint64_t dtb_len = 1000ull << (data[0] >> 4);
    if (ftruncate(file[0], 0) || pwrite(file[0], data + 1, size - 1, 0) != (ssize_t)(size - 1))
        return;
    boot_load(&b, path[0], initrd ? path[1] : NULL);
    boot_place_dtb(&b, dtb_len);
    boot_set_dtb(&b, xcalloc(1, dtb_len), dtb_len);
    boot_set_dtb(&b, xcalloc(1, dtb_len), dtb_len);
    boot_install(&b);
    if (b.initrd_end < b.initrd_start || b.n > BOOT_MAX_BLOBS || b.entry & 3)
        bug("what boot_load() says of the images is wrong");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < 2 && file[i] < 0; i++) {
        file[i] = memfd_create("file", MFD_CLOEXEC);
        snprintf(path[i], sizeof path[i], "/proc/self/fd/%d", file[i]);
        if (i && ftruncate(file[i], 100000))
            return 0;
    }
    if (!mem_ram.view)
        mem_init(0x40000000, RAM_SIZE);
    if (size > 1)
        die_run(load, data, size);
    return 0;
}
