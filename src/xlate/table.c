/*
 * table.c - the table of blocks by physical address and mode flags.
 *
 * Owns the table: open addressing with linear probing, at most half full, no tombstones. A look-up touches one of its lines and one
 * of the block's: in programs with much code both are cache misses, and they are what a look-up costs. Must not know why blocks
 * come and go.
 */
#include <sys/mman.h>

#include "xlate/internal.h"

#define TABLE_MIN 65536u

static uint64_t key_of(uint64_t gpa, uint32_t flags) { return gpa >> 2 ^ (uint64_t)flags << 40; }
/* Blocks within 64 bytes have a line of the table in common, in the order of their addresses: cold code asks for one after the other. */
static uint32_t home_of_key(uint64_t key)
{
    return ((uint32_t)((key >> 4) * 0x9e3779b97f4a7c15ull >> 40) * 4 + (uint32_t)(key >> 2 & 3)) & xl.table_mask;
}

static struct table_entry *new_table(uint32_t n)
{
    size_t size = n * sizeof(struct table_entry);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("out of memory");
    return p;
}

void table_init(void)
{
    xl.table_mask = TABLE_MIN - 1;
    xl.table = new_table(TABLE_MIN);
}

struct block *cache_find(uint64_t gpa, uint32_t flags)
{
    uint64_t key = key_of(gpa, flags);
    for (uint32_t i = home_of_key(key);; i = (i + 1) & xl.table_mask) {
        const struct table_entry *e = &xl.table[i];
        if (!e->b)
            return NULL;
        if (e->key == key && e->b->gpa == gpa && e->b->flags == flags)
            return e->b;
    }
}

static void put(uint64_t key, struct block *b)
{
    uint32_t i = home_of_key(key);
    while (xl.table[i].b)
        i = (i + 1) & xl.table_mask;
    xl.table[i] = (struct table_entry){ key, b };
}

static void grow(void)
{
    uint32_t n = xl.table_mask + 1;
    struct table_entry *old = xl.table;
    xl.table = new_table(2 * n);
    xl.table_mask = 2 * n - 1;
    for (uint32_t i = 0; i < n; i++)
        if (old[i].b)
            put(old[i].key, old[i].b);
    munmap(old, n * sizeof(*old));
}

void table_insert(struct block *b)
{
    if (2 * ++xl.n_blocks > xl.table_mask)
        grow();
    put(key_of(b->gpa, b->flags), b);
}

void table_remove(const struct block *b)
{
    uint32_t hole = home_of_key(key_of(b->gpa, b->flags));
    while (xl.table[hole].b != b)
        hole = (hole + 1) & xl.table_mask;
    /* What follows moves up unless that would put it before its home. */
    for (uint32_t i = (hole + 1) & xl.table_mask; xl.table[i].b; i = (i + 1) & xl.table_mask) {
        uint32_t home = home_of_key(xl.table[i].key);
        if (((i - home) & xl.table_mask) >= ((i - hole) & xl.table_mask)) {
            xl.table[hole] = xl.table[i];
            hole = i;
        }
    }
    xl.table[hole].b = NULL;
    xl.n_blocks--;
}
