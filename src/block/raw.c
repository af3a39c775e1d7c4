/*
 * raw.c - raw images: the file is the disk.
 *
 * Owns nothing.
 */
#include <stdlib.h>

#include "block/impl.h"

static int map(struct node *n, uint64_t off, uint64_t len, struct extent *x)
{
    *x = (struct extent){ .kind = EXTENT_FILE, .node = n, .len = len, .at = off };
    return 0;
}

static int claim(struct node *n, uint64_t off, uint64_t len, struct claim *c)
{
    *c = (struct claim){ .off = off, .len = len, .at = off };
    return 0;
}

static void raw_close(struct node *n)
{
    free(n);
}

static const struct driver raw = { .name = "raw", .map = map, .claim = claim, .close = raw_close };

/* ROUND: up to whole sectors, as a disk has them; what a backing file lacks at its end is nobody's data. */
struct node *raw_open(struct file *f, bool writable, bool round)
{
    struct node *n = xcalloc(1, sizeof *n);
    *n = (struct node){ .drv = &raw, .f = f, .size = round ? ALIGN_UP(f->size, BLOCK_SECTOR) : f->size, .unit = 1,
                        .writable = writable };
    return n;
}
