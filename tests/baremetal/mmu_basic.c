/*
 * mmu_basic.c - translation itself: granules, levels, blocks, contiguous entries, address sizes, faults by level, AT, DC ZVA.
 */
#include "suite.h"

#define VA 0x40000000ull

static void fill(u64 pa, u64 bytes, u64 seed)
{
    for (u64 o = 0; o < bytes; o += 4096)
        *pdata(pa + o) = seed + o;
}

/* Pages at several places of a table, among them the first and last of the range. */
static void pages_of(unsigned granule, unsigned bits)
{
    if (!granule_ok(granule))
        skip("granule not implemented");
    struct pt t = pt_new(granule, bits, 1);
    u64 g = 1ull << granule, top = (1ull << bits) - g;
    u64 vas[] = { 0, g, VA, VA + 5 * g, 0x7f12345000ull & ((1ull << bits) - 1) & ~(g - 1), top };
    u64 pas[6];
    for (unsigned i = 0; i < 6; i++) {
        pas[i] = page_alloc(g, g);
        for (u64 o = 0; o < g; o += 8)
            pdata(pas[i])[o / 8] = i << 20 | o;
        pt_map(&t, vas[i], pas[i], 3, A_STD | A_KRW | A_XN);
    }
    pt_use(&t);
    for (unsigned i = 0; i < 6; i++) {
        CHECKN("load first", i, ld64(vas[i]), i << 20);
        CHECKN("load last", i, ld64(vas[i] + g - 8), i << 20 | (g - 8));
        CHECKN("load byte", i, ld8(vas[i] + 9), (i << 20 | 8) >> 8 & 255);
        st64(vas[i] + 16, 0x1122334455667788ull + i);
        check_nofault("store", i);
        CHECKN("store", i, pdata(pas[i])[2], 0x1122334455667788ull + i);
        st8(vas[i] + g - 1, 0xab);
        CHECKN("store byte", i, pdata(pas[i])[g / 8 - 1] >> 56, 0xab);
    }
    CHECK("hole", ld64(VA + 64 * g), SENTINEL);
    check_fault("hole", 0, ESR_RD(FSC_TRANS(3)), VA + 64 * g);
    if (bits < 48) {
        /* A VA above the range is a level 0 translation fault. */
        u64 va = 1ull << bits;
        ld64(va);
        check_fault("beyond T0SZ", 0, ESR_RD(FSC_TRANS(0)), va);
        ld64(va | 0x123456);
        check_fault("beyond T0SZ", 1, ESR_RD(FSC_TRANS(0)), va | 0x123456);
    }
    u64 va = 0x0001000000000000ull;
    ld64(va);
    check_fault("not canonical", 0, ESR_RD(FSC_TRANS(0)), va);
    ld64(0xfffe000000000008ull);
    check_fault("not canonical", 1, ESR_RD(FSC_TRANS(0)), 0xfffe000000000008ull);
}
TEST(page_4k_48) { pages_of(12, 48); }
TEST(page_4k_39) { pages_of(12, 39); }
TEST(page_4k_42) { pages_of(12, 42); }
TEST(page_4k_36) { pages_of(12, 36); }
TEST(page_16k_48) { pages_of(14, 48); }
TEST(page_16k_47) { pages_of(14, 47); }
TEST(page_16k_36) { pages_of(14, 36); }
TEST(page_64k_48) { pages_of(16, 48); }
TEST(page_64k_42) { pages_of(16, 42); }

TEST(block_2m)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page_alloc(0x200000, 0x200000), va = 0x12345600000ull;
    fill(pa, 0x200000, 0x2000);
    pt_map(&t, va, pa, 2, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (u64 o = 0; o < 0x200000; o += 4096) {
        CHECKN("load", o, ld64(va + o), 0x2000 + o);
        st64(va + o + 4088, o);
        CHECKN("store", o, pdata(pa + o)[511], o);
    }
    ld64(va + 0x200000);
    check_fault("behind", 0, ESR_RD(FSC_TRANS(2)), va + 0x200000);
    ld64(va - 8);
    check_fault("before", 0, ESR_RD(FSC_TRANS(2)), va - 8);
}
TEST(block_1g)
{
    struct pt t = pt_new(12, 48, 1);
    u64 va = 0x7fc0000000ull;
    fill(0x45000000, 0x200000, 7);
    pt_map(&t, va, 0x40000000, 1, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (u64 o = 0; o < 0x200000; o += 4096)
        CHECKN("load", o, ld64(va + 0x5000000 + o), 7 + o);
    st64(va + 0x5000010, 99);
    CHECK("store", pdata(0x45000010)[0], 99);
    ld64(va + 0x40000000);
    check_fault("behind", 0, ESR_RD(FSC_TRANS(0)), va + 0x40000000);
}
TEST(block_16k_32m)
{
    if (!granule_ok(14))
        skip("granule");
    fill(0x46000000, 0x100000, 3);
    struct pt t = pt_new(14, 48, 1);
    pt_map(&t, 0x80000000, 0x46000000, 2, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (u64 o = 0; o < 0x100000; o += 4096)
        CHECKN("load", o, ld64(0x80000000 + o), 3 + o);
    ld64(0x82000000);
    check_fault("behind", 0, ESR_RD(FSC_TRANS(2)), 0x82000000);
}
TEST(block_64k_512m)
{
    if (!granule_ok(16))
        skip("granule");
    fill(0x46000000, 0x100000, 4);
    struct pt t = pt_new(16, 48, 1);
    pt_map(&t, 0x60000000, 0x40000000, 2, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (u64 o = 0; o < 0x100000; o += 4096)
        CHECKN("load", o, ld64(0x66000000 + o), 4 + o);
    ld64(0x80000000);
    check_fault("behind", 0, ESR_RD(FSC_TRANS(2)), 0x80000000);
}
TEST(contiguous)
{
    struct { unsigned granule, level, n; } c[] = { { 12, 3, 16 }, { 12, 2, 16 }, { 14, 3, 128 }, { 16, 3, 32 } };
    for (unsigned i = 0; i < 4; i++) {
        if (!granule_ok(c[i].granule))
            continue;
        unsigned shift = c[i].granule + (c[i].granule - 3) * (3 - c[i].level);
        u64 size = 1ull << shift, va = 0x4000000000ull, pa = 0x44800000ull;
        if (shift > 20)
            pa = 0x44000000ull;                                /* 16 x 2 MiB: 32 MiB aligned; tables come first in it, so only read above */
        struct pt t = pt_new(c[i].granule, 48, 1);
        for (unsigned k = 0; k < c[i].n; k++)
            pt_map(&t, va + k * size, pa + k * size, c[i].level, A_STD | A_KRW | A_XN | A_CONT);
        u64 skip_lo = shift > 20 ? 0x1000000 : 0;
        for (u64 o = skip_lo; o < c[i].n * size; o += size)
            *pdata(pa + o) = 0xc0000000 + o;
        pt_use(&t);
        for (u64 o = skip_lo; o < c[i].n * size; o += size) {
            CHECKN("load", o, ld64(va + o), 0xc0000000 + o);
            st64(va + o + 8, o + i);
            CHECKN("store", o, pdata(pa + o)[1], o + i);
        }
        ld64(va + c[i].n * size);
        CHECKN("behind", i, fault.count, 1);
    }
}

/* Translation faults at each level, for read, write and fetch; ESR and FAR exact. */
TEST(fault_translation_levels)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k(), va = 0x1234567000ull;
    pt_map(&t, va, pa, 3, A_STD | A_KRW | A_UXN);
    pt_use(&t);
    for (unsigned level = 0; level < 4; level++) {
        volatile u64 *d = pt_slot(&t, va, level);
        u64 old = *d;
        for (unsigned bad = 0; bad < 3; bad++) {
            /* Invalid; invalid with other bits set; the reserved encoding 0b01 at level 3. */
            if (bad == 2 && level != 3)
                continue;
            pte_set(d, bad == 0 ? 0 : bad == 1 ? old & ~1ull : (old & ~3ull) | 1);
            TLBI(vmalle1);
            unsigned n = level * 16 + bad;
            CHECKN("load keeps the register", n, ld64(va + 0x128), SENTINEL);
            check_fault("load", n, ESR_RD(FSC_TRANS(level)), va + 0x128);
            st64(va + 0xff8, 1);
            check_fault("store", n, ESR_WR(FSC_TRANS(level)), va + 0xff8);
            CHECKN("fetch", n, call(va + 0x40), SENTINEL);
            check_fault("fetch", n, ESR_IF(FSC_TRANS(level)), va + 0x40);
            CHECKN("fetch elr", n, fault.elr, va + 0x40);
        }
        pte_set(d, old);
    }
    CHECK("nothing written", pdata(pa)[511], 0);
    ld64(va);
    check_nofault("valid again", 0);
}
/* Access flag, and permission, faults at each level a leaf can have. */
TEST(fault_af_perm_levels)
{
    struct pt t = pt_new(12, 48, 1);
    u64 va = 0x4000000000ull;
    for (unsigned level = 1; level < 4; level++) {
        u64 pa = level == 3 ? 0x44800000 : level == 2 ? 0x44800000 : 0x40000000;
        va += 1ull << 39;
        u64 off = level == 1 ? 0x5000000 : 0x10;
        pt_map(&t, va, pa, level, (A_STD | A_KRW | A_UXN) & ~A_AF);
        pt_use(&t);
        CHECKN("no AF load", level, ld64(va + off), SENTINEL);
        check_fault("no AF load", level, ESR_RD(FSC_AF(level)), va + off);
        st64(va + off, 5);
        check_fault("no AF store", level, ESR_WR(FSC_AF(level)), va + off);
        call(va + off);
        check_fault("no AF fetch", level, ESR_IF(FSC_AF(level)), va + off);
        /* Entries with AF = 0 are never cached in a TLB: no maintenance needed when it is set. */
        *pdata(pa + off) = 77 + level;
        pte_set(pt_slot(&t, va, level), pa | A_STD | A_KRO | A_XN | (level == 3 ? 3 : 1));
        CHECKN("AF set, load", level, ld64(va + off), 77 + level);
        check_nofault("AF set, load", level);
        st64(va + off, 5);
        check_fault("read-only store", level, ESR_WR(FSC_PERM(level)), va + off);
        CHECKN("read-only store", level, *pdata(pa + off), 77 + level);
        call(va + off);
        check_fault("XN fetch", level, ESR_IF(FSC_PERM(level)), va + off);
    }
}
/* Output addresses beyond TCR.IPS. */
TEST(fault_address_size)
{
    struct pt t = pt_new(12, 48, 1);
    u64 va = 0x5000000, pa = page4k();
    pt_map(&t, va, pa | 1ull << 38, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    set_tcr((pt_tcr(&t) & ~(7ull << 32)) | 1ull << 32);        /* 36 bits */
    TLBI(vmalle1);
    CHECK("leaf", ld64(va), SENTINEL);
    check_fault("leaf", 0, ESR_RD(FSC_ADDR(3)), va);
    volatile u64 *l2 = pt_slot(&t, va, 2);
    *l2 |= 1ull << 37;
    TLBI(vmalle1);
    ld64(va);
    check_fault("table", 0, ESR_RD(FSC_ADDR(2)), va);
}
/* T0SZ, granule and TTBR0 changed at run time. */
TEST(t0sz_change)
{
    struct pt a = pt_new(12, 48, 1), b = pt_new(12, 39, 1), c = pt_new(12, 32, 1);
    u64 pa = page4k(), pb = page4k(), pc = page4k();
    *pdata(pa) = 48;
    *pdata(pb) = 39;
    *pdata(pc) = 32;
    pt_map(&a, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&a, 1ull << 39, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&b, VA, pb, 3, A_STD | A_KRW | A_XN);
    pt_map(&c, VA, pc, 3, A_STD | A_KRW | A_XN);
    for (unsigned i = 0; i < 20; i++) {
        pt_use(&a);
        CHECKN("48 bits", i, ld64(VA), 48);
        CHECKN("48 bits, high", i, ld64(1ull << 39), 48);
        pt_use(&b);
        CHECKN("39 bits", i, ld64(VA), 39);
        ld64(1ull << 39);
        check_fault("39 bits, high", i, ESR_RD(FSC_TRANS(0)), 1ull << 39);
        pt_use(&c);
        CHECKN("32 bits", i, ld64(VA), 32);
        ld64(1ull << 32);
        check_fault("32 bits, high", i, ESR_RD(FSC_TRANS(0)), 1ull << 32);
    }
}
TEST(granule_change)
{
    unsigned gs[3] = { 12, 14, 16 };
    struct pt t[3];
    for (unsigned i = 0; i < 3; i++) {
        if (!granule_ok(gs[i]))
            continue;
        t[i] = pt_new(gs[i], 48, 1);
        u64 pa = page_alloc(65536, 65536);
        *pdata(pa) = 100 + gs[i];
        pt_map(&t[i], VA, pa, 3, A_STD | A_KRW | A_XN);
    }
    for (unsigned k = 0; k < 30; k++) {
        unsigned i = k % 3;
        if (!granule_ok(gs[i]))
            continue;
        pt_use(&t[i]);
        CHECKN("load", gs[i], ld64(VA), 100 + gs[i]);
    }
}
TEST(epd0)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    *pdata(pa) = 1;
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    CHECK("before", ld64(VA), 1);
    set_tcr(pt_tcr(&t) | 1 << 7);
    TLBI(vmalle1);
    CHECK("EPD0", ld64(VA + 8), SENTINEL);
    check_fault("EPD0", 0, ESR_RD(FSC_TRANS(0)), VA + 8);
    set_tcr(pt_tcr(&t));
    TLBI(vmalle1);
    CHECK("after", ld64(VA), 1);
}
/* Tagged pointers: TBI0, and that the tag is in FAR. */
TEST(tbi)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    *pdata(pa) = 0x7b1;
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    user_map(&t);
    pt_use(&t);
    set_tcr(pt_tcr(&t) | 1ull << 37);
    TLBI(vmalle1);
    for (unsigned tag = 0; tag < 256; tag += 5) {
        u64 va = VA | (u64)tag << 56;
        CHECKN("load", tag, ld64(va), 0x7b1);
        st64(va + 8, tag);
        CHECKN("store", tag, pdata(pa)[1], tag);
        ld64(va + 4096);
        check_fault("fault", tag, ESR_RD(FSC_TRANS(3)), va + 4096);
    }
    set_tcr(pt_tcr(&t));
    TLBI(vmalle1);
    u64 va = VA | 0x5aull << 56;
    ld64(va);
    check_fault("TBI off", 0, ESR_RD(FSC_TRANS(0)), va);
}
TEST(tbi1)
{
    u64 pa = page4k();
    *pdata(pa) = 0x7b2;
    u64 va = KBASE + 0x80000000ull;
    boot_l1[2] = page4k() | 3;
    volatile u64 *l2 = pdata(boot_l1[2] & ~4095ull);
    l2[0] = page4k() | 3;
    volatile u64 *l3 = pdata(l2[0] & ~4095ull);
    pte_set(&l3[0], pa | A_STD | A_KRW | A_XN | 3);
    CHECK("plain", ld64(va), 0x7b2);
    u64 tagged = (va & ~(0xffull << 56)) | 0x12ull << 56;
    ld64(tagged);
    check_fault("TBI1 off", 0, ESR_RD(FSC_TRANS(0)), tagged);
    set_tcr(boot_tcr | 1ull << 38);
    TLBI(vmalle1);
    CHECK("TBI1 on", ld64(tagged), 0x7b2);
    st64(tagged + 8, 4);
    CHECK("TBI1 on, store", pdata(pa)[1], 4);
    set_tcr(boot_tcr);
    TLBI(vmalle1);
}
/* T1SZ 25 with the same level 1 table as root: the kernel half goes from 48 to 39 bits. */
TEST(t1sz_39)
{
    u64 tcr = (boot_tcr & ~(63ull << 16)) | 25ull << 16;
    u64 root = pa_of(boot_l1);
    reconf(tcr, pa_of(boot_l0), root);
    CHECK("tcr", RD(tcr_el1), tcr);
    u64 pa = page4k();
    *pdata(pa) = 3;
    CHECK("load", ld64((u64)kva(pa)), 3);
    ld64(0xffffff7ffffffff8ull);
    check_fault("below", 0, ESR_RD(FSC_TRANS(0)), 0xffffff7ffffffff8ull);
    reconf(boot_tcr, pa_of(boot_l0), pa_of(boot_l0));
    ld64(0xffffff7ffffffff8ull);
    check_fault("48 bits", 0, ESR_RD(FSC_TRANS(1)) & ~3ull, 0xffffff7ffffffff8ull);
}
/* TTBR1 to another root whose kernel part is the same and whose other part differs. */
TEST(ttbr1_switch)
{
    volatile u64 *r[2] = { pdata(page4k()), pdata(page4k()) };
    u64 va = 0xffff000012345000ull, pas[2];
    for (unsigned i = 0; i < 2; i++) {
        r[i][511] = boot_l0[511];
        struct pt t = { .root = pa_of(r[i]), .granule = 12, .va_bits = 48 };
        pas[i] = page4k();
        *pdata(pas[i]) = 0x7700 + i;
        pt_map(&t, va, pas[i], 3, A_STD | A_KRW | A_XN);
    }
    for (unsigned n = 0; n < 500; n++) {
        unsigned i = n & 1;
        WR(ttbr1_el1, pa_of(r[i]));
        ISB();
        TLBI_A(vaae1, va >> 12 & 0xfffffffffffull);
        CHECKN("load", n, ld64(va), 0x7700 + i);
        st64(va + 8, n);
        CHECKN("store", n, pdata(pas[i])[1], n);
    }
    WR(ttbr1_el1, pa_of(boot_l0));
    ISB();
    TLBI(vmalle1);
    CHECK("gone", ld64(va), SENTINEL);
}
TEST(mmu_off)
{
    u64 pa = page4k();
    for (unsigned i = 0; i < 5; i++) {
        *pdata(pa) = 9;
        CHECKN("returned", i, mmu_off_run(pa, 0x1234 + i), 0x1234 + i);
        CHECKN("stored", i, *pdata(pa), 0x1234 + i);
    }
}
/* AT: PAR_EL1 of hits and of faults. */
#define AT(op, va) ({ __asm__ volatile("at " #op ", %0\n\tisb" : : "r"(va) : "memory"); RD(par_el1); })
TEST(at)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k(), pb = page4k(), pc = page4k();
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 4096, pb, 3, A_STD | A_URO | A_XN);
    pt_map(&t, VA + 8192, pc, 3, (A_STD | A_URW | A_XN) & ~A_AF);
    pt_map(&t, VA + 0x400000, 0x44800000, 2, A_STD | A_URW | A_XN);
    pt_use(&t);
    u64 addr = 0x0000fffffffff000ull;
    u64 p = AT(s1e1r, VA + 0x123);
    CHECK("e1r", p & 1, 0);
    CHECK("e1r pa", p & addr, pa);
    CHECK("e1r attr", p >> 56, 0xff);
    CHECK("e1r sh", p >> 7 & 3, 3);
    CHECK("e1w", AT(s1e1w, VA) & (addr | 1), pa);
    CHECK("e0r of a kernel page", AT(s1e0r, VA) & 0x7f, FSC_PERM(3) << 1 | 1);
    CHECK("e0w of a kernel page", AT(s1e0w, VA) & 0x7f, FSC_PERM(3) << 1 | 1);
    CHECK("e0r", AT(s1e0r, VA + 4096) & (addr | 1), pb);
    CHECK("e0w read-only", AT(s1e0w, VA + 4096) & 0x7f, FSC_PERM(3) << 1 | 1);
    CHECK("e1w read-only", AT(s1e1w, VA + 4096) & 0x7f, FSC_PERM(3) << 1 | 1);
    CHECK("no AF", AT(s1e1r, VA + 8192) & 0x7f, FSC_AF(3) << 1 | 1);
    CHECK("unmapped", AT(s1e1r, VA + 0x10000) & 0x7f, FSC_TRANS(3) << 1 | 1);
    CHECK("unmapped level 1", AT(s1e1w, VA + 0x40000000) & 0x7f, FSC_TRANS(1) << 1 | 1);
    CHECK("not canonical", AT(s1e1r, 1ull << 50) & 0x7f, FSC_TRANS(0) << 1 | 1);
    CHECK("block", AT(s1e0w, VA + 0x400000 + 0x12345678 % 0x200000) & (addr | 1), 0x44800000 + (0x12345678 % 0x200000 & ~4095));
    CHECK("device", AT(s1e1r, KBASE + 0x09000000) & (addr | 1), 0x09000000);
    CHECK("device attr", AT(s1e1r, KBASE + 0x09000000) >> 56, 0x04);
    /* AT leaves no trace: no fault was taken. */
    CHECK("kernel text", AT(s1e1r, (u64)kva(0x40400000)) & (addr | 1), 0x40400000);
}
/* DC ZVA: zeroes its block, and faults like a store. */
TEST(dc_zva)
{
    u64 dczid = RD(dczid_el0);
    if (dczid & 16)
        skip("prohibited");
    u64 bs = 4ull << (dczid & 15);
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 4096, pa, 3, A_STD | A_KRO | A_XN);
    pt_use(&t);
#define ZVA(va) do { expect(FM_SKIP); __asm__ volatile("dc zva, %0" : : "r"(va) : "memory"); unexpect(); } while (0)
    for (u64 o = 0; o < 512; o++)
        pdata(pa)[o] = ~0ull;
    ZVA(VA + bs + 5);
    check_nofault("zva", 0);
    for (u64 o = 0; o < 4096; o += 8)
        CHECKN("zva", o, pdata(pa)[o / 8], o >= bs && o < 2 * bs ? 0 : ~0ull);
    ZVA(VA + 4096 + 0x100);
    CHECK("read-only", fault.esr, ESR_WR(FSC_PERM(3)));
    CHECK("read-only page", fault.far & ~4095ull, VA + 4096);
    CHECK("kept", pdata(pa)[0x100 / 8], 0x100 >= bs && 0x100 < 2 * bs ? 0 : ~0ull);
    ZVA(VA + 8192 + 0x210);
    CHECK("unmapped", fault.esr, ESR_WR(FSC_TRANS(3)));
    CHECK("unmapped page", fault.far & ~4095ull, VA + 8192);
}
/* Cache maintenance by VA on a read-only page does not fault. Its faults are not tested. */
TEST(dc_readonly)
{
    struct pt t = pt_new(12, 48, 1);
    pt_map(&t, VA, page4k(), 3, A_STD | A_KRO | A_XN);
    pt_use(&t);
#define OPVA(op, va) do { expect(FM_SKIP); __asm__ volatile(op ", %0" : : "r"(va) : "memory"); unexpect(); } while (0)
    OPVA("dc cvac", VA);
    check_nofault("cvac", 0);
    OPVA("dc cvau", VA + 64);
    check_nofault("cvau", 0);
    OPVA("dc civac", VA + 128);
    check_nofault("civac", 0);
    OPVA("ic ivau", VA + 128);
    check_nofault("ivau", 0);
    OPVA("dc cisw", 0);
    check_nofault("cisw", 0);
}
/* Hierarchical attributes: APTable, PXNTable. */
TEST(hierarchical)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    code_fn((u64)kva(pa), 0x55);
    code_sync((u64)kva(pa), 8);
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_UXN);
    user_map(&t);
    pt_use(&t);
    for (unsigned level = 0; level < 3; level++) {
        volatile u64 *d = pt_slot(&t, VA, level);
        u64 old = *d;
        st64(VA + 8, 1);
        check_nofault("RW", level);
        CHECKN("X", level, call(VA), 0x55);
        pte_set(d, old | 2ull << 61);                          /* APTable: read-only */
        TLBI(vmalle1);
        st64(VA + 8, 1);
        check_fault("APTable RO", level, ESR_WR(FSC_PERM(3)), VA + 8);
        pte_set(d, old | 1ull << 59);                          /* PXNTable */
        TLBI(vmalle1);
        CHECKN("PXNTable", level, call(VA), SENTINEL);
        check_fault("PXNTable", level, ESR_IF(FSC_PERM(3)), VA);
        pte_set(d, old);
        TLBI(vmalle1);
    }
}
