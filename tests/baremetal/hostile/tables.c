/*
 * tables.c - random address spaces: granule, sizes, pages and blocks of normal and device memory, garbage descriptors.
 *
 * Every space maps the program itself at its physical address, by TTBR0.
 */
#include "hostile.h"

struct space spaces[SPACES];
unsigned current;
extern char data_start[], image_end[];

static volatile u64 *at(u64 pa) { return (volatile u64 *)pa; }

static u64 table_new(unsigned i)
{
    struct space *s = &spaces[i];
    u64 size = 1ull << s->granule;
    if (s->used + size > POOL_SIZE)
        return 0;
    u64 pa = POOLS + i * POOL_SIZE + s->used;
    s->used += size;
    for (u64 o = 0; o < size; o += 8)
        *at(pa + o) = 0;
    return pa;
}

static unsigned start_level(unsigned granule, unsigned va_bits)
{
    unsigned stride = granule - 3;
    return 4 - (va_bits - granule + stride - 1) / stride;
}

/* The descriptor of va at a level, or 0 when the pool is empty or a block or garbage is in the way. */
static volatile u64 *slot(unsigned i, u64 va, unsigned level, u64 hier)
{
    struct space *s = &spaces[i];
    int high = va >> 55 & 1;
    unsigned stride = s->granule - 3, bits = high ? s->va1 : s->va0;
    u64 table = (high ? s->ttbr1 : s->ttbr0) & 0xfffffffff000ull;
    va &= (1ull << bits) - 1;
    unsigned l = start_level(s->granule, bits);
    if (level < l)
        return 0;
    for (;; l++) {
        volatile u64 *d = at(table) + (va >> (s->granule + stride * (3 - l)) & ((1u << stride) - 1));
        if (l == level)
            return d;
        if (!(*d & 1)) {
            u64 t = table_new(i);
            if (!t)
                return 0;
            *d = t | 3 | hier;
        }
        table = *d & 0xfffffffff000ull;
        u64 pool = POOLS + i * POOL_SIZE;
        if ((*d & 3) != 3 || table < pool || table >= pool + POOL_SIZE)
            return 0;
    }
}

u64 random_pa(void)
{
    static const u64 mmio[] = {
        0x08000000, 0x08000400, 0x08010000, 0x08020000, 0x080a0000, 0x080b0000, 0x09000000, 0x09010000, 0x0a000000, 0x0a003000, 0x10000000,
        0x3eff0000, 0x4010000000ull, 0x4010008000ull, 0x8000000000ull, 0, 0x04000000, 0x0c000000, 0x09020000, 0x09030000,
    };
    switch (below(16)) {
    case 0: case 1: case 2: return mmio[below(N(mmio))];
    case 3: return RAM + RAM_SIZE - (below(4) << 12);            /* at the end of RAM and behind it */
    case 4: return rnd() & 0xfffffffff000ull;
    case 5:
        if (params.wild & WILD_RAM)
            return RAM + (below(RAM_SIZE) & ~0xfffull);
        return ARENA;
    default: return ARENA + (below(ARENA_SIZE) & ~0xfffull);
    }
}

static u64 random_attrs(void)
{
    u64 a = rnd();
    /* Mostly: access flag, normal memory, not privileged-only, executable. */
    u64 d = (one_in(16) ? 0 : 1ull << 10) | (one_in(6) ? a & 0x1c : 0) | (a & 0x300) | (a & 0x800);
    d |= one_in(3) ? a & 0xc0 : 0x40;
    if (one_in(4))
        d |= a & 3ull << 53;
    if (one_in(8))
        d |= a & (1ull << 52 | 1ull << 51 | 15ull << 55);        /* contiguous, DBM, software */
    return d;
}

static u64 hierarchical(void) { return one_in(8) ? (rnd() & 31) << 59 : 0; }

static int safe_block(u64 pa, u64 size)
{
    return (params.wild & WILD_RAM) || pa + size <= RAM || pa >= RAM + RAM_SIZE || (pa >= ARENA && pa + size <= ARENA + ARENA_SIZE);
}

static void put_leaf(unsigned i, u64 va, u64 pa, unsigned level)
{
    struct space *s = &spaces[i];
    unsigned shift = s->granule + (s->granule - 3) * (3 - level);
    volatile u64 *d = slot(i, va, level, hierarchical());
    if (!d)
        return;
    pa &= ~((1ull << shift) - 1);
    if (!safe_block(pa, 1ull << shift))
        return;
    u64 v = pa | random_attrs() | (level == 3 ? 3 : 1);
    if (one_in(32))
        v = rnd() & (params.wild & WILD_RAM ? ~0ull : ~0xfffffffff002ull);
    if (one_in(64) && params.wild & WILD_RAM)
        v = (s->ttbr0 & 0xfffffffff000ull) | 3;                  /* the table again */
    /* Never over a table on the way to the program. */
    if ((*d & 3) == 3 && level < 3)
        return;
    *d = v;
}

static u64 va_of(const struct space *s, u64 raw)
{
    int high = one_in(3);
    unsigned bits = high ? s->va1 : s->va0;
    u64 v = raw & ((1ull << bits) - 1);
    if (one_in(8))
        v = one_in(2) ? ((1ull << bits) - 0x1000) : (1ull << (bits - 1)) - 0x2000;
    if (!high && v >= 0x40000000 && v < 0x44000000)
        v += 0x10000000;                                         /* not over the identity mapping */
    return (high ? ~0ull << bits : 0) | (v & ~0xfffull);
}

void space_build(unsigned i)
{
    struct space *s = &spaces[i];
    static const u8 granules[] = { 12, 12, 12, 14, 16 };
    s->granule = granules[below(N(granules))];
    s->va0 = one_in(2) ? 48 : 31 + (unsigned)below(18);
    s->va1 = one_in(2) ? 48 : 25 + (unsigned)below(24);
    s->used = 0;
    s->n = 0;
    u64 tg0 = s->granule == 12 ? 0 : s->granule == 14 ? 2 : 1, tg1 = s->granule == 12 ? 2 : s->granule == 14 ? 1 : 3;
    s->tcr = (64 - s->va0) | (u64)(64 - s->va1) << 16 | 1 << 8 | 1 << 10 | 3 << 12 | tg0 << 14 | 1 << 24 | 1 << 26 | 3 << 28 | tg1 << 30 |
             2ull << 32 | (rnd() & (1ull << 36 | 1ull << 37 | 1ull << 38 | 3ull << 39 | 1ull << 22));
    if (one_in(8))
        s->tcr |= rnd() & (3ull << 41 | 3ull << 55 | 1ull << 23);
    if (one_in(8))
        s->tcr = (s->tcr & ~(7ull << 32)) | below(8) << 32;
    s->mair = one_in(4) ? (rnd() & ~0xffull) | 0xff : 0xbb440c08040000ffull;
    s->ttbr0 = table_new(i) | below(5) << 48;
    s->ttbr1 = table_new(i) | below(5) << 48;
    /* The program, for EL1 alone: text read-only, so that SCTLR_EL1.WXN leaves it executable. */
    u64 step = 1ull << s->granule, end = (u64)image_end + 0x10000;
    for (u64 pa = 0x40400000; pa < end; pa += step) {
        volatile u64 *d = slot(i, pa, 3, 0);
        if (d)
            *d = pa | 1ull << 54 | 3ull << 8 | 1ull << 10 | 3 | (u64)one_in(2) << 11 | (pa < (u64)data_start ? 1ull << 7 : 0);
    }
    unsigned top = s->granule == 12 ? 1 : 2;
    for (unsigned k = 0; k < REGIONS; k++) {
        struct region *r = &s->r[s->n];
        unsigned level = one_in(4) ? top + (unsigned)below(4 - top) : 3;
        unsigned shift = s->granule + (s->granule - 3) * (3 - level);
        unsigned pages = level < 3 ? 1 : one_in(3) ? 1 + (unsigned)below(40) : 1 + (unsigned)below(4);
        u64 va = va_of(s, rnd()), pa = k < 6 ? ARENA + (below(params.code_bytes) & ~0xfffull) : random_pa();
        int scattered = one_in(3);
        *r = (struct region){ va, (u64)pages << shift, pa };
        for (unsigned p = 0; p < pages; p++) {
            put_leaf(i, va + ((u64)p << shift), pa, level);
            pa = scattered ? random_pa() : pa + (1ull << shift);
        }
        s->n++;
    }
    DSB();
    __asm__ volatile("tlbi vmalle1is\n\tdsb sy\n\tisb" : : : "memory");
}

void space_alter(unsigned i)
{
    struct space *s = &spaces[i];
    for (u64 n = 1 + below(3); n; n--) {
        const struct region *r = &s->r[below(s->n)];
        u64 va = r->va + (below(r->len) & ~((1ull << s->granule) - 1));
        volatile u64 *d = slot(i, va, 3, 0);
        u64 op = va >> 12 & 0xfffffffffffull;
        if (!d || ((u64)va >= 0x40000000 && va < 0x44000000))
            continue;
        if (one_in(3))
            *d = 0;
        else if (one_in(2))
            *d ^= 1ull << (one_in(2) ? 6 : 7);
        else
            put_leaf(i, va, random_pa(), 3);
        DSB();
        /* Whatever the ASID: the space may have been used with several. */
        if (one_in(2))
            __asm__ volatile("tlbi vaae1is, %0" : : "r"(op) : "memory");
        else if (one_in(2))
            __asm__ volatile("tlbi vaale1is, %0" : : "r"(op) : "memory");
        else
            __asm__ volatile("tlbi vmalle1" : : : "memory");
        DSB();
    }
    ISB();
}

u64 random_va(void)
{
    const struct space *s = &spaces[current];
    const struct region *r = &s->r[below(s->n)];
    u64 v;
    switch (below(16)) {
    case 0: return rnd();
    case 1: return rnd() >> below(64);
    case 2: return ~0ull << below(64);
    case 3: v = random_pa() + below(4096); break;                /* good with the MMU off */
    case 4: v = r->va + r->len - below(32); break;
    case 5: v = r->va - below(32); break;
    case 6: case 7: v = r->va + (below(r->len) | 0xfff) - below(20); break;
    default: v = r->va + (below(r->len) & (one_in(4) ? ~0ull : ~15ull)); break;
    }
    if (one_in(6))
        v = (v & ~(255ull << 56)) | rnd() << 56;
    return v;
}

u64 code_va(void)
{
    const struct space *s = &spaces[current];
    const struct region *r = &s->r[one_in(16) ? below(s->n) : below(6)];
    u64 v = r->va + (below(r->len) & (one_in(64) ? ~0ull : ~3ull));
    if (one_in(32))
        v = (v & ~(255ull << 56)) | rnd() << 56;
    return v;
}
