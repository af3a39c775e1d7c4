/*
 * fuzz_qcow2.c - libFuzzer target: any bytes as a qcow2 image, then any operations on it. Must not crash, hang or leak.
 *
 * Input: a byte count of the operations (16 bit, little-endian), the operations (8 bytes each), the image.
 */
// links: src/base/*.c src/block/*.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block/block.h"

#define MOST (64u << 10)                         /* of one request */
#define IMAGE_MOST (4u << 20)

struct op { uint8_t kind, len; uint16_t skew; uint32_t at; };

static int image = -1;
static char path[64];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buf[MOST];
    uint16_t bytes;
    if (size < 2 || size > IMAGE_MOST)
        return -1;
    if (image < 0) {
        image = memfd_create("image", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", image);
    }
    memcpy(&bytes, data, 2);
    size_t n = MIN(bytes / sizeof(struct op), (size - 2) / sizeof(struct op));
    const uint8_t *ops = data + 2, *img = ops + n * sizeof(struct op);
    size_t img_len = size - (size_t)(img - data);
    if (ftruncate(image, 0) || pwrite(image, img, img_len, 0) != (ssize_t)img_len)
        return -1;
    struct block_options o = { .path = path, .format = "qcow2", .discard = true, .no_lock = true, .no_flush = true, .threads = true,
                               .no_backing = true, .readonly = n & 1, .l2_cache = n & 2, .refcount_cache = n & 2 };
    char *why = NULL;
    struct block *b = block_try_open(&o, &why);
    free(why);
    if (!b)
        return 0;
    uint64_t sectors = block_sectors(b);
    for (size_t i = 0; i < MIN(n, 64) && sectors; i++) {
        struct op p;
        memcpy(&p, ops + i * sizeof p, sizeof p);
        uint64_t at = ((uint64_t)p.at * (p.kind & 0x80 ? 1 : 0x10001) + p.skew) % sectors;
        uint64_t len = MIN(1 + p.len % (MOST / 512), sectors - at) * 512;
        struct iovec v = { buf, len };
        struct block_req r = { .op = (enum block_op)(p.kind % 5), .off = at * 512, .len = len, .iov = &v, .n_iov = 1,
                               .unmap = p.kind & 0x40, .sync = p.kind & 0x20 };
        if (r.op == BLOCK_ZERO || r.op == BLOCK_DISCARD)
            r.len = MIN(len * 16, (sectors - at) * 512);
        (void)!block_do(b, &r);
    }
    block_close(b);
    return 0;
}
