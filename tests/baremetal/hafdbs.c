/*
 * hafdbs.c - hardware management of the access flag and dirty state (FEAT_HAFDBS; Arm ARM DDI 0487, D8.5). An access sets AF, a store
 * to a clean page (DBM set, AP[2] set) clears AP[2]; what faults does neither, and no neighbour is touched.
 */
#include "suite.h"

#define VA 0x50000000ull
#define DBM (1ull << 51)
#define AP2 A_AP(2)
static struct pt af_pt;
static volatile u64 *af_desc;
static u64 af_pa;

/* VA: a fresh page with these attributes, and one on either side. HD as asked for. */
static void af_set_up(u64 attrs, bool hd)
{
    unsigned f = idf(RD(id_aa64mmfr1_el1), 0);
    if (f < (hd ? 2 : 1))
        skip("no FEAT_HAFDBS");
    af_pt = pt_new(12, 48, 1);
    af_pa = page_alloc(3 * 4096, 4096) + 4096;
    for (int i = -1; i <= 1; i++)
        pt_map(&af_pt, VA + (u64)i * 4096, af_pa + (u64)i * 4096, 3, attrs);
    user_map(&af_pt);
    pt_use(&af_pt);
    set_tcr(pt_tcr(&af_pt) | 1ull << 39 | (hd ? 1ull << 40 : 0));
    TLBI(vmalle1);
    af_desc = pt_slot(&af_pt, VA, 3);
}
static void af_again(u64 attrs)
{
    pte_set(af_desc, af_pa | attrs | 3);
    TLBI(vmalle1);
}
static void af_neighbours(u64 attrs)
{
    CHECK("page before untouched", *pt_slot(&af_pt, VA - 4096, 3) & (A_AF | AP2), attrs & (A_AF | AP2));
    CHECK("page after untouched", *pt_slot(&af_pt, VA + 4096, 3) & (A_AF | AP2), attrs & (A_AF | AP2));
}
TEST(hafdbs_access)
{
    u64 young = (A_STD | A_KRW | A_XN) & ~A_AF;
    af_set_up(young, false);
    for (unsigned i = 0; i < 4; i++) {
        CHECKN("AF before", i, *af_desc & A_AF, 0);
        switch (i) {
        case 0: ld64(VA); break;
        case 1: st64(VA, 5); break;
        case 2: __asm__ volatile("ldxr x0, [%0]\n\tclrex" : : "r"(VA) : "x0", "memory"); break;
        default: __asm__ volatile("dc zva, %0" : : "r"(VA) : "memory"); break;
        }
        CHECKN("AF after", i, *af_desc & A_AF, A_AF);
        CHECKN("the rest of the descriptor", i, *af_desc & ~A_AF, af_pa | young | 3);
        af_neighbours(young);
        af_again(young);
    }
    /* Cleared and invalidated, it is set again by the next access only. */
    ld64(VA);
    *af_desc &= ~A_AF;
    TLBI_A(vae1is, VA >> 12 | 1ull << 48);
    CHECK("AF cleared", *af_desc & A_AF, 0);
    ld64(VA);
    CHECK("AF set again", *af_desc & A_AF, A_AF);
    /* A permission fault comes first; a clear AF is no access flag fault. */
    af_again((young & ~AP2) | A_KRO);
    expect(FM_SKIP);
    st64(VA, 1);
    check_fault("store to a read-only page", 0, ESR_WR(FSC_PERM(3)), VA);
    /* EL0, by LDTR. */
    af_again((A_STD | A_URW | A_XN) & ~A_AF);
    ldu64(VA);
    check_nofault("ldtr", 0);
    CHECK("AF after ldtr", *af_desc & A_AF, A_AF);
    /* Off: the fault is back. */
    af_again(young);
    set_tcr(pt_tcr(&af_pt));
    TLBI(vmalle1);
    ld64(VA);
    check_fault("without HA", 0, ESR_RD(FSC_AF(3)), VA);
    CHECK("AF without HA", *af_desc & A_AF, 0);
}
TEST(hafdbs_fetch)
{
    af_set_up((A_STD | A_KRO | A_UXN) & ~A_AF, false);
    *(volatile u32 *)kva(af_pa) = insn_movz_w0(77);
    *(volatile u32 *)kva(af_pa + 4) = INSN_RET;
    code_sync((u64)kva(af_pa), 8);
    __asm__ volatile("ic iallu\n\tdsb sy\n\tisb" : : : "memory");
    CHECK("fetch", call(VA), 77);
    CHECK("AF after a fetch", *af_desc & A_AF, A_AF);
}
TEST(hafdbs_dirty)
{
    u64 clean = A_STD | A_KRO | DBM | A_XN;
    af_set_up(clean, true);
    for (unsigned i = 0; i < 7; i++) {
        u64 s, v = 3;
        bool lse = idf(RD(id_aa64isar0_el1), 20) >= 2;
        ld64(VA);
        __asm__ volatile("ldxr x0, [%0]\n\tclrex\n\tprfm pstl1keep, [%0]" : : "r"(VA) : "x0", "memory");
        CHECKN("clean after loads", i, *af_desc & AP2, AP2);
        switch (i) {
        case 0: st8(VA + 9, 1); break;
        case 1: __asm__ volatile("ldxr x0, [%1]\n\tstxr %w0, x0, [%1]" : "=&r"(s) : "r"(VA) : "x0", "memory"); CHECK("stxr", s, 0); break;
        case 2: __asm__ volatile("ldxp x0, x1, [%1]\n\tstxp %w0, x0, x1, [%1]" : "=&r"(s) : "r"(VA) : "x0", "x1", "memory"); CHECK("stxp", s, 0); break;
        case 3: __asm__ volatile("dc zva, %0" : : "r"(VA) : "memory"); break;
        case 4: __asm__ volatile("stp q0, q1, [%0]" : : "r"(VA + 64) : "memory"); break;
        case 5: if (lse) __asm__ volatile(".arch_extension lse\n\tldadd %0, %0, [%1]" : "+r"(v) : "r"(VA) : "memory"); else st64(VA, 1); break;
        default: if (lse) __asm__ volatile(".arch_extension lse\n\tcas %0, %0, [%1]" : "+r"(v) : "r"(VA) : "memory"); else st64(VA, 1); break;
        }
        CHECKN("dirty after a store", i, *af_desc, (af_pa | clean | 3) & ~AP2);
        af_neighbours(clean);
        af_again(clean);
    }
    /* Across two pages: both. */
    st64(VA + 4092, 1);
    CHECK("first page of two", *af_desc & AP2, 0);
    CHECK("second page of two", *pt_slot(&af_pt, VA + 4096, 3) & AP2, 0);
    /* Cleaned and invalidated: the next store is seen, too. */
    af_again(clean);
    st64(VA, 1);
    *af_desc |= AP2;
    TLBI_A(vae1is, VA >> 12 | 1ull << 48);
    st64(VA, 2);
    CHECK("dirty again", *af_desc & AP2, 0);
    CHECK("data", *pdata(af_pa), 2);
    /* Both flags by one store. */
    af_again(clean & ~A_AF);
    st64(VA, 3);
    CHECK("AF and dirty", *af_desc & (A_AF | AP2), A_AF);
    /* Without DBM read-only stays read-only; with HA only, DBM means nothing. */
    af_again(clean & ~DBM);
    st64(VA, 1);
    check_fault("no DBM", 0, ESR_WR(FSC_PERM(3)), VA);
    CHECK("no DBM: descriptor", *af_desc & AP2, AP2);
    af_again(clean);
    set_tcr(pt_tcr(&af_pt) | 1ull << 39);
    TLBI(vmalle1);
    st64(VA, 1);
    check_fault("HA only", 0, ESR_WR(FSC_PERM(3)), VA);
}
USTUB(af_u_load, "ldr x0, [x0]")
USTUB(af_u_store, "str x1, [x0]")
TEST(hafdbs_el0)
{
    u64 clean = (A_STD | A_URO | DBM | A_XN) & ~A_AF;
    af_set_up(clean, true);
    *pdata(af_pa) = 99;
    CHECK("load", el0_call(af_u_load, VA, 0, 0), 99);
    CHECK("AF, clean", *af_desc & (A_AF | AP2), A_AF | AP2);
    el0_call(af_u_store, VA, 100, 0);
    CHECK("no fault", U_vec, V_LOW_SYNC);
    CHECK("data", *pdata(af_pa), 100);
    CHECK("dirty", *af_desc & (A_AF | AP2), A_AF);
    af_neighbours(clean);
    /* A page of the kernel: EL0 makes nothing of it dirty. */
    af_again(A_STD | A_KRO | DBM | A_XN);
    el0_call(af_u_store, VA, 1, 0);
    CHECK("EL0 store to the kernel's page", *af_desc & AP2, AP2);
    /* AT: no fault for a clear AF, writable although clean; it dirties nothing. */
    af_again(clean);
    __asm__ volatile("at s1e0w, %0\n\tisb" : : "r"(VA) : "memory");
    CHECK("AT S1E0W", RD(par_el1) & 1, 0);
    CHECK("AT leaves it clean", *af_desc & AP2, AP2);
}
