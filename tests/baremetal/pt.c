/*
 * pt.c - physical pages and a small page-table library for any granule and address size (Arm ARM DDI 0487, D8.2, D8.3).
 */
#include "suite.h"

#define POOL_START 0x44000000ull
#define POOL_END 0x47f00000ull
static u64 pool;
void pages_reset(void);
void pages_reset(void) { pool = POOL_START; }

u64 page_alloc(u64 bytes, u64 align)
{
    pool = (pool + align - 1) & ~(align - 1);
    u64 pa = pool;
    pool += bytes;
    if (pool > POOL_END) {
        check_at("suite: out of pages", bytes, pool, POOL_END);
        skip("out of pages");
    }
    volatile u64 *p = kva(pa);
    /* Large data areas are filled by the tests themselves. */
    if (bytes <= 65536)
        for (u64 i = 0; i < bytes / 8; i++)
            p[i] = 0;
    return pa;
}

static unsigned start_level(const struct pt *t)
{
    unsigned stride = t->granule - 3;
    return 4 - (t->va_bits - t->granule + stride - 1) / stride;
}
struct pt pt_new(unsigned granule, unsigned va_bits, u64 asid)
{
    struct pt t = { .granule = granule, .va_bits = va_bits, .asid = asid };
    t.root = page_alloc(1ull << granule, 1ull << granule);
    return t;
}
volatile u64 *pt_slot(const struct pt *t, u64 va, unsigned level)
{
    unsigned stride = t->granule - 3;
    u64 table = t->root;
    va &= (1ull << t->va_bits) - 1;
    for (unsigned l = start_level(t);; l++) {
        unsigned shift = t->granule + stride * (3 - l);
        volatile u64 *d = pdata(table) + (va >> shift & ((1u << stride) - 1));
        if (l == level)
            return d;
        if ((*d & 3) != 3)
            *d = page_alloc(1ull << t->granule, 1ull << t->granule) | 3;
        table = *d & 0x0000fffffffff000ull & ~((1ull << t->granule) - 1);
    }
}
void pt_map(const struct pt *t, u64 va, u64 pa, unsigned level, u64 attrs)
{
    pte_set(pt_slot(t, va, level), pa | attrs | (level == 3 ? 3 : 1));
}
u64 pt_tcr(const struct pt *t)
{
    u64 tg0 = t->granule == 12 ? 0 : t->granule == 14 ? 2 : 1;
    return (boot_tcr & ~0xffffull) | (64 - t->va_bits) | 1 << 8 | 1 << 10 | 3 << 12 | tg0 << 14;
}
void pt_ttbr0(const struct pt *t)
{
    WR(ttbr0_el1, pt_ttbr(t));
    ISB();
}
void pt_use(const struct pt *t)
{
    u64 tcr = pt_tcr(t);
    if (RD(tcr_el1) != tcr) {
        set_tcr(tcr);
        pt_ttbr0(t);
        TLBI(vmalle1);
    }
    pt_ttbr0(t);
}
bool granule_ok(unsigned granule)
{
    u64 r = RD(id_aa64mmfr0_el1);
    if (granule == 12)
        return idf(r, 28) != 15;
    if (granule == 16)
        return idf(r, 24) != 15;
    return idf(r, 20) != 0;
}
