/*
 * tlbi.c - TLB maintenance of every form: after a table entry is changed and the TLBI and DSB are done, the old translation must
 * not be seen by loads, stores or fetches (Arm ARM DDI 0487, D8.13).
 */
#include "suite.h"

#define VA 0x50000000ull
#define ASID 5ull

/* One form: does it name a VA, does it name an ASID? Range forms cover [va, va + 16 pages). */
struct form { const char *name; void (*fn)(u64 va, u64 asid); bool va, asid, leaf_only; unsigned need; };
#define ARG(va, asid) ((va) >> 12 & 0xfffffffffffull) | (asid) << 48
/* Range argument: BaseADDR 36:0, TTL 38:37, NUM 43:39, SCALE 45:44, TG 47:46, ASID. 16 pages of 4 KiB: SCALE 0, NUM 7. */
#define RARG(va, asid) ((va) >> 12 & 0x1fffffffffull) | 7ull << 39 | 1ull << 46 | (asid) << 48
#define FORMS_ALL(X) X(vmalle1, 0, 0) X(vmalle1is, 0, 0) X(vmalle1os, 0, 1)
#define FORMS_VA(X) \
    X(vae1, ARG(va, asid), 1, 1, 0, 0) X(vae1is, ARG(va, asid), 1, 1, 0, 0) X(vae1os, ARG(va, asid), 1, 1, 0, 1) \
    X(vaae1, ARG(va, 0ull), 1, 0, 0, 0) X(vaae1is, ARG(va, 0ull), 1, 0, 0, 0) X(vaae1os, ARG(va, 0ull), 1, 0, 0, 1) \
    X(vale1, ARG(va, asid), 1, 1, 1, 0) X(vale1is, ARG(va, asid), 1, 1, 1, 0) X(vale1os, ARG(va, asid), 1, 1, 1, 1) \
    X(vaale1, ARG(va, 0ull), 1, 0, 1, 0) X(vaale1is, ARG(va, 0ull), 1, 0, 1, 0) X(vaale1os, ARG(va, 0ull), 1, 0, 1, 1) \
    X(aside1, asid << 48, 0, 1, 0, 0) X(aside1is, asid << 48, 0, 1, 0, 0) X(aside1os, asid << 48, 0, 1, 0, 1) \
    X(rvae1, RARG(va, asid), 1, 1, 0, 2) X(rvae1is, RARG(va, asid), 1, 1, 0, 2) X(rvae1os, RARG(va, asid), 1, 1, 0, 2) \
    X(rvaae1, RARG(va, 0ull), 1, 0, 0, 2) X(rvaae1is, RARG(va, 0ull), 1, 0, 0, 2) X(rvaae1os, RARG(va, 0ull), 1, 0, 0, 2) \
    X(rvale1, RARG(va, asid), 1, 1, 1, 2) X(rvale1is, RARG(va, asid), 1, 1, 1, 2) X(rvale1os, RARG(va, asid), 1, 1, 1, 2) \
    X(rvaale1, RARG(va, 0ull), 1, 0, 1, 2) X(rvaale1is, RARG(va, 0ull), 1, 0, 1, 2) X(rvaale1os, RARG(va, 0ull), 1, 0, 1, 2)
__asm__(".arch armv8.4-a");
#define X(n, va, need) static void f_##n(u64 va_, u64 asid_) { (void)va_; (void)asid_; TLBI(n); }
FORMS_ALL(X)
#undef X
#define X(n, arg, v, a, l, need) static void f_##n(u64 va, u64 asid) { (void)va; (void)asid; TLBI_A(n, arg); }
FORMS_VA(X)
#undef X
static const struct form forms[] = {
#define X(n, v, need) { #n, f_##n, 0, 0, 0, need },
    FORMS_ALL(X)
#undef X
#define X(n, arg, v, a, l, need) { #n, f_##n, v, a, l, need },
    FORMS_VA(X)
#undef X
};
#define N_FORMS (sizeof forms / sizeof forms[0])
static bool have(const struct form *f) { return idf(RD(id_aa64isar0_el1), 56) >= f->need; }

/* One page under each form: removed, tightened, moved, made not executable. */
TEST(tlbi_forms)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page4k(), pb = page4k();
    volatile u64 *d = pt_slot(&t, VA, 3);
    code_fn((u64)kva(pa), 0xa);
    code_fn((u64)kva(pb), 0xb);
    code_sync((u64)kva(pa), 8);
    code_sync((u64)kva(pb), 8);
    pdata(pa)[8] = 0xaaaa;
    pdata(pb)[8] = 0xbbbb;
    pt_use(&t);
    for (unsigned f = 0; f < N_FORMS; f++) {
        if (!have(&forms[f]))
            continue;
        u64 rw = A_STD | A_KRW | A_UXN | 3, ro = A_STD | A_KRO | A_UXN | 3;
        for (unsigned k = 0; k < 3; k++) {
            unsigned n = f << 4 | k;
            *d = pa | rw;
            forms[f].fn(VA, ASID);
            CHECKN("load A", n, ld64(VA + 64), 0xaaaa);
            st64(VA + 72, n);
            CHECKN("store A", n, pdata(pa)[9], n);
            CHECKN("fetch A", n, call(VA), 0xa);
            /* moved */
            *d = pb | rw;
            forms[f].fn(VA, ASID);
            CHECKN("load B", n, ld64(VA + 64), 0xbbbb);
            st64(VA + 72, n + 1);
            CHECKN("store B", n, pdata(pb)[9], n + 1);
            CHECKN("store B leaves A", n, pdata(pa)[9], n);
            CHECKN("fetch B", n, call(VA), 0xb);
            /* tightened */
            *d = pb | ro;
            forms[f].fn(VA, ASID);
            CHECKN("load RO", n, ld64(VA + 64), 0xbbbb);
            st64(VA + 72, 0x999);
            check_fault("store RO", n, ESR_WR(FSC_PERM(3)), VA + 72);
            CHECKN("store RO", n, pdata(pb)[9], n + 1);
            *d = pb | ro | A_PXN;
            forms[f].fn(VA, ASID);
            CHECKN("fetch XN", n, call(VA), SENTINEL);
            check_fault("fetch XN", n, ESR_IF(FSC_PERM(3)), VA);
            CHECKN("load XN", n, ld64(VA + 64), 0xbbbb);
            /* removed */
            *d = 0;
            forms[f].fn(VA, ASID);
            CHECKN("load gone", n, ld64(VA + 64), SENTINEL);
            check_fault("load gone", n, ESR_RD(FSC_TRANS(3)), VA + 64);
            st64(VA + 72, 0x999);
            check_fault("store gone", n, ESR_WR(FSC_TRANS(3)), VA + 72);
            CHECKN("fetch gone", n, call(VA), SENTINEL);
            check_fault("fetch gone", n, ESR_IF(FSC_TRANS(3)), VA);
            /* Back: an invalid entry is never cached, so no TLBI. */
            pte_set(d, pa | rw);
            CHECKN("load back", n, ld64(VA + 64), 0xaaaa);
            CHECKN("fetch back", n, call(VA), 0xa);
        }
    }
}
/* The same for a page in the TTBR1 half, global and not. */
TEST(tlbi_forms_high)
{
    u64 va = KBASE + 0xc0000000ull;
    struct pt t = { .root = pa_of(boot_l0), .granule = 12, .va_bits = 48 };
    boot_l1[3] = 0;
    volatile u64 *d = pt_slot(&t, va, 3);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 0xa;
    *pdata(pb) = 0xb;
    WR(ttbr0_el1, pa_of(boot_l0) | ASID << 48);
    ISB();
    for (unsigned f = 0; f < N_FORMS; f++) {
        if (!have(&forms[f]))
            continue;
        for (unsigned ng = 0; ng < 2; ng++) {
            if (!ng && forms[f].asid && !forms[f].va)
                continue;                                      /* by ASID: global entries may stay */
            u64 at = (A_STD & ~A_NG) | (ng ? A_NG : 0) | A_KRW | A_XN | 3;
            unsigned n = f << 4 | ng;
            pte_set(d, pa | at);
            CHECKN("A", n, ld64(va), 0xa);
            st64(va + 8, n);
            *d = pb | at;
            forms[f].fn(va, ASID);
            CHECKN("B", n, ld64(va), 0xb);
            *d = pb | at | A_AP(2);
            forms[f].fn(va, ASID);
            st64(va, 5);
            check_fault("RO", n, ESR_WR(FSC_PERM(3)), va);
            *d = 0;
            forms[f].fn(va, ASID);
            CHECKN("gone", n, ld64(va), SENTINEL);
            check_fault("gone", n, ESR_RD(FSC_TRANS(3)), va);
        }
    }
    boot_l1[3] = 0;
    TLBI(vmalle1);
}
/* Entries of another ASID are reached by the forms that name it or name none, from a different address space. */
TEST(tlbi_other_asid)
{
    struct pt a = pt_new(12, 48, 5), b = pt_new(12, 48, 6);
    u64 p[4];
    for (unsigned i = 0; i < 4; i++) {
        p[i] = page4k();
        *pdata(p[i]) = 0x10 + i;
    }
    volatile u64 *da = pt_slot(&a, VA, 3), *db = pt_slot(&b, VA, 3);
    u64 at = A_STD | A_KRW | A_XN | 3;
    for (unsigned f = 0; f < N_FORMS; f++) {
        if (!have(&forms[f]))
            continue;
        pte_set(da, p[0] | at);
        pte_set(db, p[1] | at);
        TLBI(vmalle1);
        pt_use(&a);
        CHECKN("a", f, ld64(VA), 0x10);
        pt_ttbr0(&b);
        CHECKN("b", f, ld64(VA), 0x11);
        pt_ttbr0(&a);
        CHECKN("a again", f, ld64(VA), 0x10);
        *db = p[2] | at;
        forms[f].fn(VA, 6);
        CHECKN("a untouched", f, ld64(VA), 0x10);
        pt_ttbr0(&b);
        CHECKN("b moved", f, ld64(VA), 0x12);
        st64(VA + 8, f);
        CHECKN("b moved store", f, pdata(p[2])[1], f);
        pt_ttbr0(&a);
        *db = 0;
        forms[f].fn(VA, 6);
        pt_ttbr0(&b);
        CHECKN("b gone", f, ld64(VA), SENTINEL);
        check_fault("b gone", f, ESR_RD(FSC_TRANS(3)), VA);
        pt_ttbr0(&a);
        CHECKN("a still", f, ld64(VA), 0x10);
    }
}
/* Global pages in the low half: seen under every ASID; removed by VA whatever the ASID. */
TEST(tlbi_global)
{
    struct pt a = pt_new(12, 48, 5);
    struct pt b = a;
    b.asid = 6;
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    volatile u64 *d = pt_slot(&a, VA, 3);
    u64 at = (A_STD & ~A_NG) | A_KRW | A_XN | 3;
    pt_use(&a);
    for (unsigned f = 0; f < N_FORMS; f++) {
        if (!have(&forms[f]) || (forms[f].asid && !forms[f].va))
            continue;
        pte_set(d, pa | at);
        CHECKN("a", f, ld64(VA), 1);
        pt_ttbr0(&b);
        CHECKN("b", f, ld64(VA), 1);
        *d = pb | at;
        forms[f].fn(VA, 6);
        CHECKN("b new", f, ld64(VA), 2);
        pt_ttbr0(&a);
        CHECKN("a new", f, ld64(VA), 2);
        *d = 0;
        forms[f].fn(VA, 6);
        CHECKN("a gone", f, ld64(VA), SENTINEL);
    }
}
/* Only the named page goes: the neighbours keep working, and many pages at once by every kind. */
TEST(tlbi_many_pages)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page_alloc(0x100000, 4096);
    u64 at = A_STD | A_KRW | A_XN | 3;
    for (unsigned i = 0; i < 256; i++) {
        pdata(pa)[i * 512] = i;
        pt_map(&t, VA + i * 4096ull, pa + i * 4096ull, 3, A_STD | A_KRW | A_XN);
    }
    pt_use(&t);
    u64 sum = 0;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 256; i++)
            sum += ld64(VA + i * 4096ull);
        /* Rotate the mapping by one page, maintained in four ways. */
        for (unsigned i = 0; i < 256; i++) {
            *pt_slot(&t, VA + i * 4096ull, 3) = (pa + ((i + round + 1) & 255) * 4096ull) | at;
            if (round == 0)
                TLBI_A(vale1is, ARG(VA + i * 4096ull, ASID));
        }
        if (round == 1)
            TLBI_A(aside1is, ASID << 48);
        else if (round == 2)
            TLBI(vmalle1is);
        else if (round == 3)
            for (unsigned i = 0; i < 256; i += 1)
                TLBI_A(vaae1, ARG(VA + i * 4096ull, 0ull));
        for (unsigned i = 0; i < 256; i++) {
            CHECKN("moved", round << 8 | i, ld64(VA + i * 4096ull), (i + round + 1) & 255);
            st64(VA + i * 4096ull + 8, i ^ round << 8);
            CHECKN("moved store", round << 8 | i, pdata(pa)[((i + round + 1) & 255) * 512 + 1], i ^ round << 8);
        }
    }
    CHECK("sum", sum, 4 * 255 * 128);
    /* One page removed out of many. */
    for (unsigned i = 3; i < 256; i += 7) {
        *pt_slot(&t, VA + i * 4096ull, 3) = 0;
        TLBI_A(vae1, ARG(VA + i * 4096ull, ASID));
        CHECKN("gone", i, ld64(VA + i * 4096ull), SENTINEL);
        CHECKN("before", i, ld64(VA + (i - 1) * 4096ull), (i - 1 + 4) & 255);
        CHECKN("behind", i, ld64(VA + ((i + 1) & 255) * 4096ull), (((i + 1) & 255) + 4) & 255);
    }
}
/* Without a barrier: not complete. */
#define TLBI_NOTE(op, arg) __asm__ volatile("tlbi " #op ", %0" : : "r"((u64)(arg)) : "memory")
#define EITHER(what, n, got, a, b) do { u64 g_ = (got); CHECKN(what, n, g_ == (a) || g_ == (b), true); } while (0)
/*
 * Operations of many addresses and kinds are complete at the one DSB behind them all, whichever vCPU state comes between. Until
 * then an access sees the old page or the new one.
 */
TEST(tlbi_one_barrier)
{
    enum { N = 40 };
    struct pt t = pt_new(12, 48, ASID), other = pt_new(12, 48, 6);
    u64 pa = page4k(), pb = page4k(), at = A_STD | A_KRW | A_XN | 3, twin = t.root | 7ull << 48;
    *pdata(pa) = 0xa;
    *pdata(pb) = 0xb;
    pt_map(&other, VA, pb, 3, A_STD | A_KRW | A_XN);
    for (unsigned step = 0; step < 2; step++) {   /* neighbours, and pages that no range holds together */
        u64 dist = step ? 0x23000 : 4096;
        volatile u64 *d[N];
        for (unsigned i = 0; i < N; i++)
            d[i] = pt_slot(&t, VA + i * dist, 3);
        for (unsigned k = 0; k < 10; k++) {
            for (unsigned i = 0; i < N; i++)
                *d[i] = pa | at;
            TLBI(vmalle1is);
            WR(ttbr0_el1, twin);                  /* the same tables under another ASID, too */
            ISB();
            for (unsigned i = 0; i < N; i++)
                CHECKN("old, twin", k << 8 | i, ld64(VA + i * dist), 0xa);
            pt_use(&t);
            for (unsigned i = 0; i < N; i++) {
                CHECKN("old", k << 8 | i, ld64(VA + i * dist), 0xa);
                *d[i] = k & 1 ? 0 : pb | at;
            }
            DSB();
            for (unsigned j = 0; j < N; j++) {
                unsigned i = k & 2 ? N - 1 - j : j;
                if (k < 8) {
                    TLBI_NOTE(vae1is, ARG(VA + i * dist, ASID));
                    TLBI_NOTE(vale1is, ARG(VA + i * dist, 7ull));
                }
                if (k == 3 && j == N / 2)         /* wider ones among them */
                    TLBI_NOTE(aside1is, 9ull << 48);
                if (k == 5 && j == N / 2)
                    __asm__ volatile("tlbi vmalle1" : : : "memory");
                if (!(k & 1) && k < 8)          /* named already */
                    EITHER("before the barrier", k << 8 | i, ld64(VA + i * dist), 0xa, 0xb);
            }
            if (k >= 8) {
                TLBI_NOTE(aside1, ASID << 48);
                TLBI_NOTE(aside1, 7ull << 48);
            }
            if (k == 6 || k == 7) {               /* another address space in between */
                WR(ttbr0_el1, pt_ttbr(&other));
                ISB();
                CHECKN("other", k, ld64(VA), 0xb);
            }
            if (k == 6)
                WR(ttbr0_el1, pt_ttbr(&t));
            ISB();
            if (k & 4)
                __asm__ volatile("dsb nsh" : : : "memory");
            else
                __asm__ volatile("dsb ish" : : : "memory");
            ISB();
            for (unsigned way = 0; way < 2; way++) {
                WR(ttbr0_el1, way ? twin : pt_ttbr(&t));
                ISB();
                for (unsigned i = 0; i < N; i++) {
                    CHECKN("behind it", way << 16 | k << 8 | i, ld64(VA + i * dist), k & 1 ? SENTINEL : 0xb);
                    if (k & 1)
                        check_fault("gone", k << 8 | i, ESR_RD(FSC_TRANS(3)), VA + i * dist);
                }
            }
        }
    }
}
/* A page named by address whose rights changed, to and fro, in place: what is stored must reach it or fault. */
TEST(tlbi_rights)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page_alloc(0x8000, 4096);
    volatile u64 *d = pt_slot(&t, VA, 3);
    pt_use(&t);
    for (unsigned k = 0; k < 12; k++) {
        for (unsigned write = 0; write < 2; write++) {
            for (unsigned i = 0; i < 8; i++)
                d[i] = (pa + i * 4096) | A_STD | (write || i == k % 8 ? A_KRW : A_KRO) | A_XN | 3;
            DSB();
            for (unsigned i = 0; i < 8; i++)
                TLBI_NOTE(vale1is, ARG(VA + i * 4096, ASID));
            DSB();
            ISB();
            for (unsigned i = 0; i < 8; i++) {
                pdata(pa + i * 4096)[1] = 1;
                st64(VA + i * 4096 + 8, 2);
                bool ok = write || i == k % 8;
                if (!ok)
                    check_fault("read-only", k << 8 | i, ESR_WR(FSC_PERM(3)), VA + i * 4096 + 8);
                CHECKN("stored", k << 8 | i, pdata(pa + i * 4096)[1], 1 + ok);
                CHECKN("read", k << 8 | i, ld64(VA + i * 4096 + 8), 1 + ok);
            }
        }
    }
}
/* A whole table removed at an intermediate level. */
TEST(tlbi_table)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 0x3000, pb, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (unsigned level = 0; level < 3; level++) {
        volatile u64 *d = pt_slot(&t, VA, level);
        u64 old = *d;
        CHECKN("a", level, ld64(VA), 1);
        CHECKN("b", level, ld64(VA + 0x3000), 2);
        *d = 0;
        TLBI_A(vae1is, ARG(VA, ASID));
        TLBI_A(vae1is, ARG(VA + 0x3000, ASID));
        CHECKN("a gone", level, ld64(VA), SENTINEL);
        check_fault("a gone", level, ESR_RD(FSC_TRANS(level)), VA);
        CHECKN("b gone", level, ld64(VA + 0x3000), SENTINEL);
        check_fault("b gone", level, ESR_RD(FSC_TRANS(level)), VA + 0x3000);
        pte_set(d, old);
        CHECKN("a back", level, ld64(VA), 1);
    }
    /* The level 3 table replaced by another one: break, TLBI by ASID, make. */
    volatile u64 *l2 = pt_slot(&t, VA, 2);
    u64 other = page4k();
    pdata(other)[0] = pb | A_STD | A_KRW | A_XN | 3;
    pdata(other)[3] = pa | A_STD | A_KRW | A_XN | 3;
    *l2 = 0;
    TLBI_A(aside1, ASID << 48);
    pte_set(l2, other | 3);
    CHECK("new table a", ld64(VA), 2);
    CHECK("new table b", ld64(VA + 0x3000), 1);
}
/*
 * Hundreds of pages from one leaf table, data and code, under TLBI by ASID again and again: nothing changed, one entry of the table,
 * a table on the way to it (another one, and its attributes).
 */
TEST(tlbi_asid_many)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page_alloc(0x200000, 0x200000), extra = page4k(), l3 = page4k(), l2 = page4k();
    u64 va = VA & ~0x1fffffull, rw = A_STD | A_KRW | A_UXN | 3;
    for (u64 i = 0; i < 512; i++) {
        code_fn((u64)kva(pa + i * 4096), (unsigned)i);
        pdata(pa + i * 4096)[8] = i;
        pt_map(&t, va + i * 4096, pa + i * 4096, 3, rw & ~3ull);
    }
    code_fn((u64)kva(extra), 0xeee);
    pdata(extra)[8] = 0xeee;
    code_sync((u64)kva(pa), 0x200000);
    code_sync((u64)kva(extra), 8);
    pt_use(&t);
    volatile u64 *d1 = pt_slot(&t, va, 1), *d2 = pt_slot(&t, va, 2), *d3 = pt_slot(&t, va, 3);
    u64 old1 = *d1, old2 = *d2;
    for (unsigned k = 0; k < 6; k++) {
        u64 odd = (k * 89 + 7) % 512;
        for (unsigned same = 0; same < 3; same++) {
            for (u64 i = k & 1; i < 512; i += 1 + (k & 1)) {      /* all, or every second one */
                CHECKN("load", i, ld64(va + i * 4096 + 64), i);
                if (i % 16 == odd % 16)
                    CHECKN("fetch", i, call(va + i * 4096), i);
            }
            TLBI_A(aside1is, ASID << 48);
        }
        CHECKN("before", k, ld64(va + odd * 4096 + 64), odd);
        CHECKN("code before", k, call(va + odd * 4096), odd);
        switch (k % 3) {
        case 0:                                   /* moved */
            d3[odd] = extra | rw;
            break;
        case 1:                                   /* another leaf table */
            for (u64 i = 0; i < 512; i++)
                pdata(l3)[i] = (i == odd ? extra : pa + i * 4096) | rw;
            *d2 = l3 | 3;
            break;
        default:                                  /* another table above it */
            for (u64 i = 0; i < 512; i++)
                pdata(l3)[i] = (i == odd ? extra : pa + i * 4096) | rw;
            pdata(l2)[va >> 21 & 511] = l3 | 3;
            *d1 = l2 | 3;
        }
        TLBI_A(aside1is, ASID << 48);
        CHECKN("moved", k, ld64(va + odd * 4096 + 64), 0xeee);
        CHECKN("code moved", k, call(va + odd * 4096), 0xeee);
        CHECKN("neighbour", k, ld64(va + (odd ^ 1) * 4096 + 64), odd ^ 1);
        d3[odd] = (pa + odd * 4096) | rw;
        *d2 = old2;
        *d1 = old1;
        TLBI_A(aside1is, ASID << 48);
        CHECKN("back", k, ld64(va + odd * 4096 + 64), odd);
        CHECKN("code back", k, call(va + odd * 4096), odd);
        /* PXNTable and APTable[1], read-only, on the way. */
        volatile u64 *up = k & 1 ? d1 : d2;
        *up |= 1ull << 59 | 1ull << 62;
        TLBI_A(aside1is, ASID << 48);
        st64(va + odd * 4096 + 72, 1);
        check_fault("read-only", k, ESR_WR(FSC_PERM(3)), va + odd * 4096 + 72);
        CHECKN("not executable", k, call(va + odd * 4096), SENTINEL);
        check_fault("not executable", k, ESR_IF(FSC_PERM(3)), va + odd * 4096);
        *up &= ~(1ull << 59 | 1ull << 62);
        TLBI_A(aside1is, ASID << 48);
        CHECKN("writable", k, (st64(va + odd * 4096 + 72, k), pdata(pa + odd * 4096)[9]), k);
        CHECKN("executable", k, call(va + odd * 4096), odd);
    }
}
/* 2 MiB blocks split into pages and merged again. */
TEST(tlbi_split_merge)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page_alloc(0x200000, 0x200000), extra = page4k(), l3 = page4k();
    u64 va = VA & ~0x1fffffull;
    for (u64 o = 0; o < 0x200000; o += 4096)
        *pdata(pa + o) = o;
    *pdata(extra) = 0xeeee;
    volatile u64 *d = pt_slot(&t, va, 2);
    pt_use(&t);
    for (unsigned k = 0; k < 6; k++) {
        u64 odd = (k * 37 + 5) % 512;
        pte_set(d, pa | A_STD | A_KRW | A_XN | 1);
        for (u64 o = 0; o < 0x200000; o += 0x11000)
            CHECKN("block", o, ld64(va + (o & ~4095ull)), o & ~4095ull);
        for (u64 i = 0; i < 512; i++)
            pdata(l3)[i] = (i == odd ? extra : pa + i * 4096) | A_STD | (i & 1 ? A_KRO : A_KRW) | A_XN | 3;
        *d = 0;
        if (k & 1)
            TLBI_A(vae1is, ARG(va + 0x1234000 % 0x200000, ASID));  /* any address of the block removes all of it */
        else
            TLBI_A(vaae1is, ARG(va, 0ull));
        CHECKN("broken", k, ld64(va + 0x100000), SENTINEL);
        check_fault("broken", k, ESR_RD(FSC_TRANS(2)), va + 0x100000);
        pte_set(d, l3 | 3);
        for (u64 i = 0; i < 512; i++) {
            CHECKN("page", i, ld64(va + i * 4096), i == odd ? 0xeeee : i * 4096);
            st64(va + i * 4096 + 8, i);
            CHECKN("page store", i, fault.count, i & 1);
        }
        /* Merge: all pages may be cached, so flush the ASID (even rounds) or each page (odd rounds). */
        *d = 0;
        if (k & 1)
            for (u64 i = 0; i < 512; i++)
                TLBI_A(vae1is, ARG(va + i * 4096, ASID));
        else
            TLBI_A(aside1is, ASID << 48);
        pte_set(d, pa | A_STD | A_KRW | A_XN | 1);
        CHECKN("merged", k, ld64(va + odd * 4096), odd * 4096);
        st64(va + 4096 + 16, k + 1);
        check_nofault("merged store", k);
        CHECKN("merged store", k, pdata(pa)[514], k + 1);
        *d = 0;
        TLBI_A(vae1, ARG(va, ASID));
    }
}
/* Range forms: exactly what is named must go, over several sizes. */
TEST(tlbi_range)
{
    if (idf(RD(id_aa64isar0_el1), 56) < 2)
        skip("no FEAT_TLBIRANGE");
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    for (unsigned i = 0; i < 512; i++)
        pt_map(&t, VA + i * 4096ull, pa, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    for (unsigned scale = 0; scale < 2; scale++)
        for (unsigned num = 0; num < 8; num++) {
            u64 pages = (num + 1ull) << (5 * scale + 1);
            if (pages > 512)
                continue;
            for (u64 i = 0; i < pages; i++)
                CHECKN("old", num, ld64(VA + i * 4096), 1);
            for (u64 i = 0; i < pages; i++)
                *pt_slot(&t, VA + i * 4096, 3) = pb | A_STD | A_KRW | A_XN | 3;
            TLBI_A(rvae1is, VA >> 12 | (u64)num << 39 | (u64)scale << 44 | 1ull << 46 | ASID << 48);
            for (u64 i = 0; i < pages; i++)
                CHECKN("new", num << 12 | i, ld64(VA + i * 4096), 2);
            for (u64 i = 0; i < pages; i++)
                *pt_slot(&t, VA + i * 4096, 3) = pa | A_STD | A_KRW | A_XN | 3;
            TLBI(vmalle1);
        }
}
/* TLBI with the granules other than 4 KiB: the VA field is still bits 55:12. */
TEST(tlbi_granules)
{
    for (unsigned g = 14; g <= 16; g += 2) {
        if (!granule_ok(g))
            continue;
        struct pt t = pt_new(g, 48, ASID);
        u64 size = 1ull << g, pa = page_alloc(size, size), pb = page_alloc(size, size);
        volatile u64 *d = pt_slot(&t, VA, 3);
        u64 at = A_STD | A_KRW | A_XN | 3;
        pte_set(d, pa | at);
        pt_use(&t);
        for (u64 o = 0; o < size; o += 4096) {
            *pdata(pa + o) = o;
            *pdata(pb + o) = ~o;
        }
        for (unsigned k = 0; k < 4; k++) {
            for (u64 o = 0; o < size; o += 4096)
                CHECKN("old", g, ld64(VA + o), o);
            *d = pb | at;
            if (k & 1)
                TLBI_A(vae1, ARG(VA, ASID));
            else
                TLBI_A(vaale1is, ARG(VA, 0ull));
            for (u64 o = 0; o < size; o += 4096)
                CHECKN("new", g, ld64(VA + o), ~o);
            *d = 0;
            TLBI_A(vale1, ARG(VA, ASID));
            ld64(VA + size - 8);
            check_fault("gone", g, ESR_RD(FSC_TRANS(3)), VA + size - 8);
            pte_set(d, pa | at);
        }
    }
}
/* A store that changes the table through the very mapping that is changed, and tables written by other aliases. */
TEST(tlbi_table_in_itself)
{
    struct pt t = pt_new(12, 48, ASID);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 1;
    *pdata(pb) = 2;
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    u64 l3 = *pt_slot(&t, VA, 2) & 0xfffffffff000ull;
    pt_map(&t, VA + 0x1000, l3, 3, A_STD | A_KRW | A_XN);      /* the table maps itself at VA + 0x1000 */
    pt_use(&t);
    u64 slot = VA + 0x1000 + (VA >> 12 & 511) * 8;
    for (unsigned i = 0; i < 100; i++) {
        CHECKN("a", i, ld64(VA), 1);
        st64(slot, pb | A_STD | A_KRW | A_XN | 3);
        TLBI_A(vae1, ARG(VA, ASID));
        CHECKN("b", i, ld64(VA), 2);
        st64(slot, pa | A_STD | A_KRW | A_XN | 3);
        TLBI_A(vae1is, ARG(VA, ASID));
    }
}
USTUB(u_rd, "ldr x0, [x0]")
/* The EL0 view follows as the EL1 view does. */
TEST(tlbi_el0)
{
    struct pt t = pt_new(12, 48, ASID);
    user_map(&t);
    u64 pa = page4k(), pb = page4k();
    *pdata(pa) = 0x11;
    *pdata(pb) = 0x22;
    volatile u64 *d = pt_slot(&t, VA, 3);
    pt_use(&t);
    for (unsigned f = 0; f < N_FORMS; f++) {
        if (!have(&forms[f]))
            continue;
        pte_set(d, pa | A_STD | A_URW | A_XN | 3);
        CHECKN("EL0 a", f, el0_call(u_rd, VA, 0, 0), 0x11);
        CHECKN("EL1 a", f, ld64(VA), 0x11);
        *d = pb | A_STD | A_URW | A_XN | 3;
        forms[f].fn(VA, ASID);
        CHECKN("EL0 b", f, el0_call(u_rd, VA, 0, 0), 0x22);
        *d = pb | A_STD | A_KRW | A_XN | 3;                    /* now the kernel's only */
        forms[f].fn(VA, ASID);
        el0_call(u_rd, VA, 0, 0);
        CHECKN("EL0 denied", f, U.esr, ESR_RD0(FSC_PERM(3)));
        CHECKN("EL1 b", f, ld64(VA), 0x22);
        *d = 0;
        forms[f].fn(VA, ASID);
        el0_call(u_rd, VA, 0, 0);
        CHECKN("EL0 gone", f, U.esr, ESR_RD0(FSC_TRANS(3)));
    }
}
