/*
 * spaces.c - address spaces: switches of TTBR0 with and without ASIDs, ASID reuse, aliases of one page, many windows.
 */
#include "suite.h"

#define VA 0x50000000ull
#define N 24

USTUB(u_bump, "ldr x1, [x0]\n add x1, x1, #1\n str x1, [x0]\n mov x0, x1")

/* Thousands of switches: different data and code at the same VA. */
TEST(switch_asid)
{
    struct pt t[N];
    u64 pa[N];
    for (unsigned i = 0; i < N; i++) {
        t[i] = pt_new(12, 48, 10 + i);
        pa[i] = page4k();
        u64 pc = page4k();
        code_fn((u64)kva(pc), 0x100 + i);
        code_sync((u64)kva(pc), 8);
        pt_map(&t[i], VA, pa[i], 3, A_STD | A_KRW | A_XN);
        pt_map(&t[i], VA + 4096, pc, 3, A_STD | A_KRO | A_UXN);
        pdata(pa[i])[0] = 0xd00d0000 + i;
    }
    pt_use(&t[0]);
    u64 seed = 1;
    u64 count[N] = { 0 };
    for (unsigned n = 0; n < 6000; n++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        unsigned i = seed >> 40 & 31;
        if (i >= N)
            i -= N;
        pt_ttbr0(&t[i]);
        CHECKN("data", n, ld64(VA), 0xd00d0000 + i);
        count[i]++;
        st64(VA + 8, ld64(VA + 8) + 1);
        CHECKN("code", n, call(VA + 4096), 0x100 + i);
    }
    for (unsigned i = 0; i < N; i++)
        CHECKN("counter", i, pdata(pa[i])[1], count[i]);
}
TEST(switch_el0)
{
    struct pt t[4];
    u64 pa[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = pt_new(12, 48, 20 + i);
        user_map(&t[i]);
        pa[i] = page4k();
        pt_map(&t[i], VA, pa[i], 3, A_STD | A_URW | A_XN);
    }
    pt_use(&t[0]);
    for (unsigned n = 0; n < 1000; n++) {
        unsigned i = n & 3;
        pt_ttbr0(&t[i]);
        CHECKN("bump", n, el0_call(u_bump, VA, 0, 0), n / 4 + 1);
        CHECKN("esr", n, U.esr, ESR_SVC0);
    }
    for (unsigned i = 0; i < 4; i++)
        CHECKN("memory", i, *pdata(pa[i]), 250);
}
/* One ASID for all: TLBI at each switch. */
TEST(switch_no_asid)
{
    struct pt t[2];
    u64 pa[2];
    for (unsigned i = 0; i < 2; i++) {
        t[i] = pt_new(12, 48, 0);
        pa[i] = page4k();
        *pdata(pa[i]) = 0x30 + i;
        pt_map(&t[i], VA, pa[i], 3, A_STD | A_KRW | A_XN);
    }
    pt_use(&t[0]);
    for (unsigned n = 0; n < 500; n++) {
        pt_ttbr0(&t[n & 1]);
        if (n & 2)
            TLBI_A(aside1, 0);
        else
            TLBI(vmalle1);
        CHECKN("data", n, ld64(VA), 0x30 + (n & 1));
        st64(VA + 8, n);
        CHECKN("store", n, pdata(pa[n & 1])[1], n);
    }
}
/* An ASID handed on to a new address space after TLBI ASIDE1; the old tables' pages are reused as data. */
TEST(asid_reuse)
{
    struct pt keep = pt_new(12, 48, 3);
    u64 pk = page4k();
    *pdata(pk) = 0x1234;
    pt_map(&keep, VA, pk, 3, A_STD | A_KRW | A_XN);
    pt_use(&keep);
    for (unsigned n = 0; n < 60; n++) {
        struct pt t = pt_new(12, 48, 7);
        u64 pa = page4k();
        *pdata(pa) = n;
        pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
        pt_map(&t, VA + n * 8192ull + 4096, pa, 3, A_STD | A_KRW | A_XN);
        TLBI_A(aside1is, 7ull << 48);
        pt_ttbr0(&t);
        CHECKN("new", n, ld64(VA), n);
        CHECKN("new 2", n, ld64(VA + n * 8192ull + 4096), n);
        if (n) {
            CHECKN("old is gone", n, ld64(VA + (n - 1) * 8192ull + 4096), SENTINEL);
            check_fault("old is gone", n, ESR_RD(FSC_TRANS(3)), VA + (n - 1) * 8192ull + 4096);
        }
        st64(VA + 8, n);
        CHECKN("store", n, pdata(pa)[1], n);
        pt_ttbr0(&keep);
        CHECKN("other ASID", n, ld64(VA), 0x1234);
    }
}
/* The same root under a new ASID, and ASIDs that differ only above bit 7. */
TEST(asid_16bit)
{
    if (idf(RD(id_aa64mmfr0_el1), 4) != 2)
        skip("8-bit ASIDs");
    struct pt a = pt_new(12, 48, 0x01), b = pt_new(12, 48, 0xab01);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    pt_map(&a, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&b, VA, pb, 3, A_STD | A_KRW | A_XN);
    pt_use(&a);
    for (unsigned n = 0; n < 100; n++) {
        pt_ttbr0(&a);
        CHECKN("a", n, ld64(VA), 1);
        pt_ttbr0(&b);
        CHECKN("b", n, ld64(VA), 2);
    }
}
/* TCR.A1: the ASID comes from TTBR1. */
TEST(asid_from_ttbr1)
{
    struct pt a = pt_new(12, 48, 0), b = pt_new(12, 48, 0);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    pt_map(&a, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&b, VA, pb, 3, A_STD | A_KRW | A_XN);
    set_tcr(boot_tcr | 1 << 22);
    TLBI(vmalle1);
    for (unsigned n = 0; n < 400; n++) {
        /* As Linux does: reserved TTBR0, ASID by TTBR1, then TTBR0. */
        WR(ttbr0_el1, pa_of(boot_l0));
        ISB();
        WR(ttbr1_el1, pa_of(boot_l0) | (u64)(n & 1 ? 9 : 8) << 48);
        ISB();
        pt_ttbr0(n & 1 ? &b : &a);
        CHECKN("data", n, ld64(VA), n & 1 ? 2 : 1);
    }
    WR(ttbr1_el1, pa_of(boot_l0));
    ISB();
}
/* Two kernel halves and ASID pairs, as KPTI switches them at every entry and exit. */
TEST(kpti_like)
{
    volatile u64 *r2 = pdata(page4k());
    r2[511] = boot_l0[511];
    struct pt hi = { .root = pa_of(boot_l0), .granule = 12, .va_bits = 48 };
    u64 kva_only = 0xffff000044444000ull, pk = page4k(), pu = page4k();
    *pdata(pk) = 0x4444;
    *pdata(pu) = 0x5555;
    pt_map(&hi, kva_only, pk, 3, A_STD | A_KRW | A_XN);
    struct pt t = pt_new(12, 48, 0);
    pt_map(&t, VA, pu, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    set_tcr(pt_tcr(&t) | 1 << 22);
    TLBI(vmalle1);
    for (unsigned n = 0; n < 1000; n++) {
        u64 asid = 0x40 + (n / 10 % 4) * 2;
        WR(ttbr1_el1, pa_of(boot_l0) | asid << 48);
        ISB();
        CHECKN("kernel", n, ld64(kva_only), 0x4444);
        CHECKN("user", n, ld64(VA), 0x5555);
        WR(ttbr1_el1, pa_of(r2) | (asid + 1) << 48);
        ISB();
        CHECKN("hidden", n, ld64(kva_only), SENTINEL);
        CHECKN("user 2", n, ld64(VA), 0x5555);
    }
    WR(ttbr1_el1, pa_of(boot_l0));
    ISB();
    boot_l0[0] = 0;
    TLBI(vmalle1);
}
/* One physical page at many VAs: every alias sees every store. */
TEST(aliases)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    u64 vas[12];
    for (unsigned i = 0; i < 12; i++) {
        vas[i] = i < 4 ? VA + i * 4096 : i < 8 ? 0x2000000000ull * i + 0x3000 : 0x1000000000000ull - (i - 7) * 0x40000000ull;
        pt_map(&t, vas[i], pa, 3, A_STD | (i & 1 ? A_URW : A_KRW) | A_XN);
    }
    pt_use(&t);
    for (unsigned n = 0; n < 300; n++) {
        unsigned i = n % 12, j = n * 5 % 12;
        st64(vas[i] + n % 64 * 8, n);
        CHECKN("alias", n, ld64(vas[j] + n % 64 * 8), n);
        CHECKN("physical", n, pdata(pa)[n % 64], n);
        pdata(pa)[n % 64] = ~(u64)n;
        CHECKN("other way", n, ld64(vas[(n + 7) % 12] + n % 64 * 8), ~(u64)n);
    }
}
/* Pages spread over the whole low half: many regions. */
TEST(sparse)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa[40];
    for (unsigned i = 0; i < 40; i++) {
        pa[i] = page4k();
        *pdata(pa[i]) = i;
        pt_map(&t, i * 0x60000000000ull + i * 0x1234000ull, pa[i], 3, A_STD | A_KRW | A_XN);
    }
    pt_use(&t);
    for (unsigned r = 0; r < 10; r++)
        for (unsigned i = 0; i < 40; i++) {
            u64 va = i * 0x60000000000ull + i * 0x1234000ull;
            CHECKN("load", i, ld64(va), i);
            st64(va + 8, r);
            CHECKN("store", i, pdata(pa[i])[1], r);
            ld64(va + 4096);
            check_fault("hole", i, ESR_RD(FSC_TRANS(3)), va + 4096);
        }
}
