/*
 * walk_test.c - the A64 stage 1 walker over synthetic tables: granules, levels, attributes, permissions, fault codes.
 *
 * Owns a byte array that plays physical memory. Expected values are from Arm ARM DDI 0487, D8, not from the walker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "guest/a64/state.h"

/* ---- physical memory ---- */

#define MEM_BASE 0x40000000ull
#define MEM_SIZE (4u << 20)
static uint8_t *mem;
static uint64_t mem_next;

static uint64_t read_gpa64(uint64_t gpa, bool *ok)
{
    uint64_t v = 0;
    *ok = gpa >= MEM_BASE && gpa <= MEM_BASE + MEM_SIZE - 8;
    if (*ok)
        memcpy(&v, mem + (gpa - MEM_BASE), 8);
    return v;
}
static void write_gpa64(uint64_t gpa, uint64_t v) { memcpy(mem + (gpa - MEM_BASE), &v, 8); }

static void no_switch(struct vcpu *c) {}
static void no_switch_root(struct vcpu *c, unsigned half) {}
static const struct a64_host_ops host = { .switch_space = no_switch, .switch_root = no_switch_root, .read_gpa64 = read_gpa64 };

/* ---- table builder ---- */

static struct a64_cpu *cpu;

#define VALID 1ull
#define TABLE 3ull
#define PAGE 3ull
#define AF (1ull << 10)
#define NG (1ull << 11)
#define AP_EL0 (1ull << 6)
#define AP_RO (1ull << 7)
#define PXN (1ull << 53)
#define UXN (1ull << 54)
#define ATTR(n) ((uint64_t)(n) << 2)
#define SH(n) ((uint64_t)(n) << 8)

static uint64_t new_table(unsigned granule)
{
    uint64_t size = 1ull << granule;
    mem_next = ALIGN_UP(mem_next, size);
    uint64_t t = mem_next;
    mem_next += size;
    if (mem_next > MEM_BASE + MEM_SIZE) {
        printf("walk_test: out of test memory\n");
        exit(1);
    }
    return t;
}

static void start(enum a64_model m, uint64_t tcr)
{
    memset(cpu, 0, sizeof(*cpu));
    memset(mem, 0, MEM_SIZE);
    mem_next = MEM_BASE;
    cpu->host = &host;
    cpu->model = m;
    cpu->id = &a64_idregs[m];
    cpu->el = 1;
    cpu->tcr_el1 = tcr;
    cpu->sctlr_el1 = 1;
    cpu->mair_el1 = 0x000000000044ff04ull;        /* 0: Device-nGnRE, 1: Normal write-back, 2: Normal non-cacheable */
}

static unsigned first_level(unsigned granule, unsigned tsz)
{
    unsigned in = 64 - tsz, stride = granule - 3, level = 3, covered = granule + stride;
    while (covered < in) {
        covered += stride;
        level--;
    }
    return level;
}

static unsigned level_shift(unsigned granule, unsigned level) { return granule + (granule - 3) * (3 - level); }

/* Put a leaf at `level` for va below root, making tables (with table_bits added). Returns the leaf's address. */
static uint64_t map(uint64_t root, unsigned granule, unsigned tsz, uint64_t va, unsigned level, uint64_t leaf,
                    uint64_t table_bits)
{
    uint64_t t = root;
    unsigned first = first_level(granule, tsz);
    for (unsigned l = first;; l++) {
        unsigned shift = level_shift(granule, l), width = l == first ? 64 - tsz - shift : granule - 3;
        uint64_t at = t + 8 * bits(va, shift, width);
        if (l == level) {
            write_gpa64(at, leaf);
            return at;
        }
        bool ok;
        uint64_t d = read_gpa64(at, &ok);
        if (!(d & 1)) {
            d = new_table(granule) | TABLE | table_bits;
            write_gpa64(at, d);
        }
        t = d & 0x0000ffffffffffffull & ~((1ull << granule) - 1);
    }
}

static bool same(const struct walk *x, const struct walk *y, enum walk_status st)
{
    if (x->fault != y->fault || x->level != y->level)
        return false;
    return st != WALK_OK || (x->gpa == y->gpa && x->shift == y->shift && x->perms == y->perms &&
                             x->device == y->device && x->global == y->global && x->leaf_gpa == y->leaf_gpa);
}

static struct walk w;

/*
 * Every walk of these tests is made in further ways that must agree: with the decoded regimes fresh, through the RAM
 * view, and in the named address space while all registers name another one.
 */
static enum walk_status walk(uint64_t va, enum access acc, enum view view)
{
    struct walk x;
    memset(&w, 0xee, sizeof(w));
    enum walk_status st = a64_walk(&cpu->v, va, acc, view, &w);

    unsigned half = bits(va, 55, 1);
    struct space_id id = a64_space(&cpu->v, half);
    memset(&x, 0xdd, sizeof(x));
    CHECK(a64_walk_space(&cpu->v, &id, half, va, acc, view, &x) == st && same(&x, &w, st));

    a64_decode_regimes(cpu);
    cpu->ram_view = mem;
    cpu->ram_base = MEM_BASE;
    cpu->ram_size = MEM_SIZE;
    memset(&x, 0xdd, sizeof(x));
    CHECK(a64_walk(&cpu->v, va, acc, view, &x) == st && same(&x, &w, st));
    memset(&x, 0xdd, sizeof(x));
    CHECK(a64_walk_space(&cpu->v, &id, half, va, acc, view, &x) == st && same(&x, &w, st));

    struct a64_cpu now = *cpu;
    cpu->tcr_el1 = 25 | 25ull << 16 | 1ull << 14 | 3ull << 30 | 3ull << 37;
    cpu->v.roots.root[0] = cpu->v.roots.root[1] = 0xdead0000;
    cpu->mair_el1 = ~cpu->mair_el1;
    cpu->sctlr_el1 ^= 1 | 1ull << 19;
    for (unsigned fresh = 0; fresh < 2; fresh++) {
        if (fresh)
            a64_decode_regimes(cpu);
        memset(&x, 0xdd, sizeof(x));
        CHECK(a64_walk_space(&cpu->v, &id, half, va, acc, view, &x) == st && same(&x, &w, st));
    }
    *cpu = now;
    cpu->ram_size = 0;
    cpu->regime_id = NULL;
    return st;
}
static unsigned fsc(uint64_t va, enum access acc, enum view view)
{
    return walk(va, acc, view) == WALK_OK ? 0x100 : w.fault;
}

/* TCR: granule codes differ between the halves. */
static uint64_t tcr_for(unsigned granule, unsigned tsz)
{
    unsigned tg0 = granule == 12 ? 0 : granule == 14 ? 2 : 1, tg1 = granule == 12 ? 2 : granule == 14 ? 1 : 3;
    return tsz | (uint64_t)tsz << 16 | (uint64_t)tg0 << 14 | (uint64_t)tg1 << 30 |
           5ull << 32 /* IPS: 48 bits */ | 1ull << 36;
}

/* ---- tests ---- */

static void test_levels(void)
{
    static const unsigned granules[3] = { 12, 14, 16 };
    static const unsigned sizes[] = { 16, 17, 25, 28, 30, 33, 34, 39 };
    for (unsigned g = 0; g < 3; g++) {
        for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
            unsigned granule = granules[g], tsz = sizes[s];
            unsigned first = first_level(granule, tsz);
            for (unsigned level = first; level <= 3; level++) {
                bool leaf_ok = level == 3 || level == 2 || (level == 1 && granule == 12);
                for (unsigned half = 0; half < 2; half++) {
                    start(A64_MAX, tcr_for(granule, tsz));
                    unsigned shift = level_shift(granule, level);
                    uint64_t root = new_table(granule);
                    /* An address with many bits set inside the range. */
                    uint64_t va = 0x00005a5a5f5a5b68ull & ((1ull << (64 - tsz)) - 1);
                    uint64_t full = half ? va | ~((1ull << (64 - tsz)) - 1) : va;
                    *(half ? &cpu->v.roots.root[1] : &cpu->v.roots.root[0]) = root | 7ull << 48;
                    uint64_t pa = (0x00000a9876543210ull >> shift) << shift;
                    uint64_t leaf = pa | (level == 3 ? PAGE : VALID) | AF | ATTR(1);
                    uint64_t at = map(root, granule, tsz, full, level, leaf, 0);
                    enum walk_status st = walk(full, ACC_READ, VIEW_KERNEL);
                    if (!leaf_ok) {
                        CHECK(st == WALK_FAULT && w.fault == 0x04 + level);
                        continue;
                    }
                    CHECK(st == WALK_OK);
                    CHECK_EQ(w.gpa, pa | (full & ((1ull << shift) - 1)));
                    CHECK_EQ(w.shift, shift);
                    CHECK_EQ(w.level, level);
                    CHECK_EQ(w.leaf_gpa, at);
                    CHECK(w.global && !w.device);
                    /* Beyond the range: level 0 translation fault, in both directions. */
                    if (tsz > 16) {
                        CHECK_EQ(fsc(full ^ 1ull << (64 - tsz), ACC_READ, VIEW_KERNEL), 0x04);
                        uint64_t x = full ^ 1ull << (64 - tsz);
                        CHECK(!a64_canonical(&cpu->v, &x));
                    }
                    uint64_t x = full;
                    CHECK(a64_canonical(&cpu->v, &x) && x == full);
                    CHECK_EQ(a64_granule_shift(cpu, half), granule);
                    CHECK_EQ(a64_space(&cpu->v, half).root, root);
                }
            }
        }
    }
}

static void test_faults(void)
{
    const uint64_t va = 0x123456789000ull;
    for (unsigned level = 0; level <= 3; level++) {
        start(A64_CORTEX_A57, tcr_for(12, 16));
        cpu->v.roots.root[0] = new_table(12);
        /* Nothing there: translation fault at that level. */
        map(cpu->v.roots.root[0], 12, 16, va, level, 0, 0);
        CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x04 + level);
        CHECK_EQ(w.level, level);
        if (level < 3) {
            /* A table beyond physical memory: external abort on the walk, at the level that could not be read. */
            map(cpu->v.roots.root[0], 12, 16, va, level, 0x00000ff000000000ull | TABLE, 0);
            CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x15 + level);
            /* A table address above the output size (A57: 44 bits): address size fault. */
            map(cpu->v.roots.root[0], 12, 16, va, level, 0x0000100000000000ull | TABLE, 0);
            CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x00 + level);
        }
        if (level > 0) {
            uint64_t type = level == 3 ? PAGE : VALID;
            map(cpu->v.roots.root[0], 12, 16, va, level, 0x40000000ull | type, 0);
            CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x08 + level);             /* AF clear */
            map(cpu->v.roots.root[0], 12, 16, va, level, 0x0000200040000000ull | type | AF, 0);
            CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x00 + level);             /* output address too large */
            map(cpu->v.roots.root[0], 12, 16, va, level, 0x40000000ull | type | AF | AP_RO, 0);
            CHECK_EQ(fsc(va, ACC_WRITE, VIEW_KERNEL), 0x0c + level);
            CHECK(w.perms & PERM_R(VIEW_KERNEL));     /* perms hold with a permission fault as well */
            CHECK_EQ(fsc(va, ACC_READ, VIEW_USER), 0x0c + level);
            CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x100);
        }
    }
    /* Descriptor type 01 is reserved at level 3. */
    start(A64_CORTEX_A57, tcr_for(12, 16));
    cpu->v.roots.root[0] = new_table(12);
    map(cpu->v.roots.root[0], 12, 16, va, 3, 0x40000000ull | VALID | AF, 0);
    CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x07);
    /* Root beyond the output size; root unreadable. */
    cpu->v.roots.root[0] = 0x0000800000000000ull;
    CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x00);
    cpu->v.roots.root[0] = 0x1000;
    CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x14);
    /* IPS smaller than the part's size: 36 bits. */
    start(A64_CORTEX_A57, (tcr_for(12, 16) & ~(7ull << 32)) | 1ull << 32);
    cpu->v.roots.root[0] = new_table(12);
    map(cpu->v.roots.root[0], 12, 16, va, 3, 0x1000000000ull | PAGE | AF, 0);
    CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x03);
    /* EPD: no walks through that half. */
    cpu->tcr_el1 |= 1ull << 7;
    CHECK_EQ(fsc(va, ACC_READ, VIEW_KERNEL), 0x04);
    cpu->tcr_el1 |= 1ull << 23;
    CHECK_EQ(fsc(0xffff000000001000ull, ACC_READ, VIEW_KERNEL), 0x04);
    /* A misaligned PC, before all else. */
    CHECK_EQ(fsc(va + 2, ACC_EXEC, VIEW_KERNEL), FAULT_ALIGN);
}

static void test_tags(void)
{
    start(A64_CORTEX_A57, tcr_for(12, 25));
    cpu->v.roots.root[0] = new_table(12);
    cpu->v.roots.root[1] = new_table(12);
    map(cpu->v.roots.root[0], 12, 25, 0x1234567000ull, 3, 0x40001000ull | PAGE | AF, 0);
    map(cpu->v.roots.root[1], 12, 25, 0xffffffd234567000ull, 3, 0x40002000ull | PAGE | AF, 0);
    const uint64_t low = 0xab00001234567008ull, high = 0xabffffd234567008ull;
    CHECK_EQ(fsc(low, ACC_READ, VIEW_KERNEL), 0x04);
    CHECK_EQ(fsc(high, ACC_READ, VIEW_KERNEL), 0x04);
    cpu->tcr_el1 |= 1ull << 37;
    CHECK_EQ(fsc(low, ACC_READ, VIEW_KERNEL), 0x100);
    CHECK_EQ(w.gpa, 0x40001008);
    CHECK_EQ(fsc(high, ACC_READ, VIEW_KERNEL), 0x04);
    uint64_t x = low;
    CHECK(a64_canonical(&cpu->v, &x));
    CHECK_EQ(x, 0x0000001234567008ull);
    cpu->tcr_el1 |= 1ull << 38;
    CHECK_EQ(fsc(high, ACC_READ, VIEW_KERNEL), 0x100);
    CHECK_EQ(w.gpa, 0x40002008);
    x = high;
    CHECK(a64_canonical(&cpu->v, &x));
    CHECK_EQ(x, 0xffffffd234567008ull);
    CHECK_EQ(a64_branch_addr(cpu, 0, low), 0x0000001234567008ull);
    /* A bit between the tag and the range is not excused. */
    CHECK_EQ(fsc(low | 1ull << 40, ACC_READ, VIEW_KERNEL), 0x04);
}

/* Expected: r/w/x for EL0, then EL1, then EL1 with PAN. */
static void perm_case(uint64_t leaf, uint64_t table, uint64_t sctlr, const char *want)
{
    const uint64_t va = 0x400000;
    start(A64_MAX, tcr_for(12, 16));
    cpu->sctlr_el1 |= sctlr;
    cpu->v.roots.root[0] = new_table(12);
    map(cpu->v.roots.root[0], 12, 16, va, 3, 0x40000000ull | PAGE | AF | ATTR(1) | leaf, table);
    char got[9] = "--------";
    if (fsc(va, ACC_READ, VIEW_USER) == 0x100) got[0] = 'r';
    if (fsc(va, ACC_WRITE, VIEW_USER) == 0x100) got[1] = 'w';
    if (fsc(va, ACC_EXEC, VIEW_USER) == 0x100) got[2] = 'x';
    if (fsc(va, ACC_READ, VIEW_KERNEL) == 0x100) got[3] = 'r';
    if (fsc(va, ACC_WRITE, VIEW_KERNEL) == 0x100) got[4] = 'w';
    if (fsc(va, ACC_EXEC, VIEW_KERNEL) == 0x100) got[5] = 'x';
    if (fsc(va, ACC_READ, VIEW_KERNEL_PAN) == 0x100) got[6] = 'r';
    if (fsc(va, ACC_WRITE, VIEW_KERNEL_PAN) == 0x100) got[7] = 'w';
    if (strcmp(got, want)) {
        n_failed++;
        printf("leaf %#llx table %#llx sctlr %#llx: %s, expected %s\n", (unsigned long long)leaf,
               (unsigned long long)table, (unsigned long long)sctlr, got, want);
    } else {
        n_passed++;
    }
}

static void test_permissions(void)
{
    const uint64_t wxn = 1ull << 19;
    perm_case(0, 0, 0, "--xrwxrw");
    perm_case(AP_EL0, 0, 0, "rwxrw---");                          /* EL0 may write: never executable at EL1 */
    perm_case(AP_RO, 0, 0, "--xr-xr-");
    perm_case(AP_EL0 | AP_RO, 0, 0, "r-xr-x--");
    perm_case(UXN, 0, 0, "---rwxrw");
    perm_case(PXN, 0, 0, "--xrw-rw");
    perm_case(AP_EL0 | AP_RO | UXN | PXN, 0, 0, "r--r----");
    /* Write implies execute-never */
    perm_case(0, 0, wxn, "--xrw-rw");
    perm_case(AP_EL0, 0, wxn, "rw-rw---");
    perm_case(AP_EL0 | AP_RO, 0, wxn, "r-xr-x--");
    /* Hierarchical: APTable, UXNTable, PXNTable */
    perm_case(AP_EL0, 1ull << 61, 0, "--xrwxrw");
    perm_case(AP_EL0, 1ull << 62, 0, "r-xr-x--");
    perm_case(AP_EL0, 3ull << 61, 0, "--xr-xr-");
    perm_case(AP_EL0 | AP_RO, 1ull << 60, 0, "r--r-x--");
    perm_case(AP_EL0 | AP_RO, 1ull << 59, 0, "r-xr----");

    /* HPD0 switches the hierarchical part off, where the part has HPDS. */
    const uint64_t va = 0x400000;
    for (unsigned m = 0; m < A64_MODELS; m++) {
        start((enum a64_model)m, tcr_for(12, 16) | 1ull << 41);
        cpu->v.roots.root[0] = new_table(12);
        map(cpu->v.roots.root[0], 12, 16, va, 3, 0x40000000ull | PAGE | AF | AP_EL0, 1ull << 62);
        CHECK_EQ(fsc(va, ACC_WRITE, VIEW_USER), m == A64_MAX ? 0x100 : 0x0f);
    }
    /* E0PD1: EL0 (and LDTR) sees a level 0 translation fault for the high half, EL1 does not care. */
    const uint64_t high = 0xffff800000400000ull;
    for (unsigned m = 0; m < A64_MODELS; m++) {
        start((enum a64_model)m, tcr_for(12, 16) | 1ull << 56);
        cpu->v.roots.root[1] = new_table(12);
        map(cpu->v.roots.root[1], 12, 16, high, 3, 0x40000000ull | PAGE | AF, 0);
        CHECK_EQ(fsc(high, ACC_READ, VIEW_USER), m == A64_MAX ? 0x04 : 0x0f);
        CHECK_EQ(fsc(high, ACC_READ, VIEW_KERNEL), 0x100);
    }
}

static void test_attributes(void)
{
    const uint64_t va = 0x400000;
    struct a64_walk_attrs a;
    start(A64_CORTEX_A57, tcr_for(12, 16));
    cpu->v.roots.root[0] = new_table(12);
    for (unsigned i = 0; i < 3; i++) {
        map(cpu->v.roots.root[0], 12, 16, va, 3, 0x40000000ull | PAGE | AF | ATTR(i) | SH(3) | (i == 1 ? NG : 0), 0);
        CHECK(a64_walk_attrs(&cpu->v, va, ACC_READ, VIEW_KERNEL, &w, &a) == WALK_OK);
        CHECK_EQ(w.device, i == 0);
        CHECK_EQ(w.global, i != 1);
        CHECK_EQ(a.mair, bits(cpu->mair_el1, 8 * i, 8));
        CHECK_EQ(a.sh, 3);
    }
    /* MMU off: flat, everything permitted, data is Device and instructions are not. */
    cpu->sctlr_el1 = 0;
    CHECK(walk(0x09000018, ACC_WRITE, VIEW_USER) == WALK_OK);
    CHECK_EQ(w.gpa, 0x09000018);
    CHECK(w.device && w.perms == 0xff && w.leaf_gpa == 0);
    CHECK(walk(0x40000000, ACC_EXEC, VIEW_KERNEL) == WALK_OK && !w.device);
    CHECK_EQ(fsc(1ull << 44, ACC_READ, VIEW_KERNEL), 0x00);
    CHECK_EQ(a64_space(&cpu->v, 0).root, ~0ull);
}

static void test_space(void)
{
    start(A64_CORTEX_A57, tcr_for(12, 16));
    cpu->v.roots.root[0] = 0x1234ull << 48 | 0x40001000 | 1 /* CnP */;
    cpu->v.roots.root[1] = 0x5678ull << 48 | 0x40002000;
    CHECK_EQ(a64_space(&cpu->v, 0).asid, 0x1234);
    CHECK_EQ(a64_space(&cpu->v, 1).asid, 0x1234);
    CHECK_EQ(a64_space(&cpu->v, 0).root, 0x40001000);
    cpu->tcr_el1 |= 1ull << 22;                   /* A1 */
    CHECK_EQ(a64_space(&cpu->v, 0).asid, 0x5678);
    cpu->tcr_el1 &= ~(1ull << 36);                /* 8-bit ASIDs */
    CHECK_EQ(a64_space(&cpu->v, 0).asid, 0x78);
    uint64_t config = a64_space(&cpu->v, 0).config;
    cpu->tcr_el1 |= 1ull << 37;
    CHECK(a64_space(&cpu->v, 0).config != config);
    cpu->tcr_el1 &= ~(1ull << 37);
    CHECK_EQ(a64_space(&cpu->v, 0).config, config);
    cpu->mair_el1 = 0;
    CHECK(a64_space(&cpu->v, 0).config != config);
}

int main(void)
{
    mem = xcalloc(1, MEM_SIZE);
    cpu = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), 64));
    if (!cpu)
        return 1;
    test_levels();
    test_faults();
    test_tags();
    test_permissions();
    test_attributes();
    test_space();
    return check_done();
}
