/*
 * mmu_perm.c - permissions: AP, PXN, UXN, WXN, PAN, LDTR/STTR, E0PD, at EL0 and EL1, with exact syndromes.
 */
#include "suite.h"

#define VA 0x40000000ull

USTUB(u_ld64, "ldr x0, [x0]")
USTUB(u_ld8, "ldrb w0, [x0]")
USTUB(u_st64, "str x1, [x0]")
USTUB(u_call, "mov x20, x30\n adr x30, 1f\n br x0\n 1: nop")
USTUB(u_nop, "nop")

/* A code page: "mov w0, #imm; ret" at 0. */
static u64 code_page(unsigned imm)
{
    u64 pa = page4k();
    code_fn((u64)kva(pa), imm);
    code_sync((u64)kva(pa), 8);
    return pa;
}

/* Every AP/PXN/UXN combination, WXN on or off, from EL1 and EL0. */
TEST(ap_xn_matrix)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = code_page(0x77);
    volatile u64 *d = pt_slot(&t, VA, 3);
    user_map(&t);
    pt_use(&t);
    u64 first = *pdata(pa);
    for (unsigned wxn = 0; wxn < 2; wxn++) {
        set_sctlr(SCTLR_DEF | (wxn ? 1ull << 19 : 0));
        TLBI(vmalle1);
        for (unsigned c = 0; c < 16; c++) {
            unsigned ap = c & 3, pxn = c >> 2 & 1, uxn = c >> 3;
            bool kw = ap < 2, ur = ap & 1, uw = ap == 1;
            bool kx = !pxn && !uw && !(wxn && kw);
            bool ux = !uxn && !(wxn && uw);
            unsigned n = wxn << 4 | c;
            pte_set(d, pa | A_STD | A_AP(ap) | (pxn ? A_PXN : 0) | (uxn ? A_UXN : 0) | 3);
            TLBI(vmalle1);
            CHECKN("EL1 load", n, ld64(VA), first);
            st64(VA + 64, n);
            if (kw)
                check_nofault("EL1 store", n);
            else
                check_fault("EL1 store", n, ESR_WR(FSC_PERM(3)), VA + 64);
            u64 r = call(VA);
            CHECKN("EL1 fetch", n, r, kx ? 0x77 : SENTINEL);
            if (!kx)
                check_fault("EL1 fetch", n, ESR_IF(FSC_PERM(3)), VA);

            r = el0_call(u_ld64, VA, 0, 0);
            CHECKN("EL0 load esr", n, U.esr, ur ? ESR_SVC0 : ESR_RD0(FSC_PERM(3)));
            CHECKN("EL0 load", n, r, ur ? first : VA);
            if (!ur) {
                CHECKN("EL0 load far", n, U.far, VA);
                CHECKN("EL0 load elr", n, U.elr, uaddr(u_ld64));
            }
            el0_call(u_st64, VA + 72, n + 5, 0);
            CHECKN("EL0 store esr", n, U.esr, uw ? ESR_SVC0 : ESR_WR0(FSC_PERM(3)));
            if (uw)
                CHECKN("EL0 store", n, pdata(pa)[9], n + 5);
            else
                CHECKN("EL0 store far", n, U.far, VA + 72);
            r = el0_call(u_call, VA, 0, 0);
            CHECKN("EL0 fetch esr", n, U.esr, ux ? ESR_SVC0 : ESR_IF0(FSC_PERM(3)));
            CHECKN("EL0 fetch", n, r, ux ? 0x77 : VA);
            if (!ux) {
                CHECKN("EL0 fetch far", n, U.far, VA);
                CHECKN("EL0 fetch elr", n, U.elr, VA);
            }
        }
    }
}
/* EL0 must not reach the kernel's half, nor unmapped addresses. */
TEST(el0_faults)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    u64 k = (u64)kva(0x44000000);
    bool e0pd = idf(RD(id_aa64mmfr2_el1), 60);
    el0_call(u_ld64, k, 0, 0);
    CHECK("kernel load", U.esr, ESR_RD0(FSC_PERM(2)));
    CHECK("kernel load far", U.far, k);
    el0_call(u_st64, k, 0, 0);
    CHECK("kernel store", U.esr, ESR_WR0(FSC_PERM(2)));
    el0_call(u_call, (u64)kva(0x40400000), 0, 0);
    CHECK("kernel fetch", U.esr, ESR_IF0(FSC_PERM(2)));
    CHECK("kernel fetch elr", U.elr, (u64)kva(0x40400000));
    el0_call(u_ld64, 0, 0, 0);
    CHECK("null load", U.esr, ESR_RD0(FSC_TRANS(2)));
    CHECK("null load far", U.far, 0);
    el0_call(u_call, 0x7000, 0, 0);
    CHECK("unmapped fetch", U.esr, ESR_IF0(FSC_TRANS(2)));
    CHECK("unmapped fetch far", U.far, 0x7000);
    el0_call(u_call, 0x8000000000000000ull, 0, 0);
    CHECK("not canonical fetch", U.esr, ESR_IF0(FSC_TRANS(0)));
    CHECK("spsr", U.spsr & ~0xf0000c00ull /* NZCV, BTYPE */, 0x3c0);
    if (e0pd) {
        set_tcr(RD(tcr_el1) | 1ull << 56);                     /* E0PD1 */
        TLBI(vmalle1);
        el0_call(u_ld64, k, 0, 0);
        CHECK("E0PD1 load", U.esr, ESR_RD0(FSC_TRANS(0)));
        CHECK("E0PD1 EL1 load", ld64(k) == SENTINEL, 0);
    }
}
TEST(pan)
{
    if (!idf(RD(id_aa64mmfr1_el1), 20))
        skip("no FEAT_PAN");
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k(), pk = page4k();
    pt_map(&t, VA, pa, 3, A_STD | A_URW | A_XN);
    pt_map(&t, VA + 4096, pk, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 8192, pa, 3, A_STD | A_URO | A_XN);
    user_map(&t);
    pt_use(&t);
    __asm__(".arch_extension pan");
    for (unsigned i = 0; i < 20; i++) {
        *pdata(pa) = 100 + i;
        __asm__ volatile("msr pan, #1" : : : "memory");
        CHECKN("load", i, ld64(VA), SENTINEL);
        check_fault("load", i, ESR_RD(FSC_PERM(3)), VA);
        st64(VA, 1);
        check_fault("store", i, ESR_WR(FSC_PERM(3)), VA);
        ld64(VA + 8192);
        check_fault("load of a read-only page", i, ESR_RD(FSC_PERM(3)), VA + 8192);
        st64(VA + 4096, i);
        check_nofault("kernel page", i);
        CHECKN("LDTR", i, ldu64(VA), 100 + i);
        check_nofault("LDTR", i);
        stu64(VA + 8, i);
        check_nofault("STTR", i);
        CHECKN("STTR", i, pdata(pa)[1], i);
        CHECKN("PAN reads", i, RD(s3_0_c4_c2_3), 1ull << 22);
        __asm__ volatile("msr pan, #0" : : : "memory");
        CHECKN("load, PAN 0", i, ld64(VA), 100 + i);
        st64(VA + 16, 7 + i);
        CHECKN("store, PAN 0", i, pdata(pa)[2], 7 + i);
    }
    /* Exception entry sets PAN when SPAN = 0, SPSR holds the old value, and ERET restores it. */
    set_sctlr(SCTLR_DEF & ~(1ull << 23));
    expect(FM_SKIP);
    __asm__ volatile("svc #1" : : : "memory");
    unexpect();
    CHECK("SPSR.PAN", fault.spsr >> 22 & 1, 0);
    CHECK("PAN after ERET", RD(s3_0_c4_c2_3), 0);
    __asm__ volatile("msr pan, #1" : : : "memory");
    expect(FM_SKIP);
    __asm__ volatile("svc #1" : : : "memory");
    unexpect();
    CHECK("SPSR.PAN set", fault.spsr >> 22 & 1, 1);
    CHECK("PAN after ERET set", RD(s3_0_c4_c2_3), 1ull << 22);
    __asm__ volatile("msr pan, #0" : : : "memory");
    set_sctlr(SCTLR_DEF);
}
TEST(ldtr_sttr)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pu = page4k(), pk = page4k(), pr = page4k();
    pt_map(&t, VA, pu, 3, A_STD | A_URW | A_XN);
    pt_map(&t, VA + 4096, pk, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 8192, pr, 3, A_STD | A_URO | A_XN);
    pt_use(&t);
    *pdata(pu) = 0x8877665544332211ull;
    *pdata(pk) = 4;
    *pdata(pr) = 6;
    CHECK("user", ldu64(VA), 0x8877665544332211ull);
    CHECK("user 8", ldu8(VA + 7), 0x88);
    CHECK("user 32", ldu32(VA + 4), 0x88776655);
    CHECK("kernel page", ldu64(VA + 4096), SENTINEL);
    check_fault("kernel page", 0, ESR_RD(FSC_PERM(3)), VA + 4096);
    stu64(VA + 4096, 1);
    check_fault("kernel page store", 0, ESR_WR(FSC_PERM(3)), VA + 4096);
    CHECK("read-only", ldu64(VA + 8192), 6);
    stu8(VA + 8192, 1);
    check_fault("read-only store", 0, ESR_WR(FSC_PERM(3)), VA + 8192);
    stu64(VA + 16, 0x99);
    CHECK("store", pdata(pu)[2], 0x99);
    /* Plain accesses to the same pages go on working. */
    CHECK("kernel page plain", ld64(VA + 4096), 4);
    ldu64((u64)kva(pu));
    check_fault("kernel half", 0, ESR_RD(FSC_PERM(2)), (u64)kva(pu));
}
TEST(wxn_kernel)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = code_page(0x31);
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_UXN);
    pt_map(&t, VA + 4096, pa, 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    CHECK("RWX", call(VA), 0x31);
    set_sctlr(SCTLR_DEF | 1ull << 19);
    TLBI(vmalle1);
    CHECK("WXN", call(VA), SENTINEL);
    check_fault("WXN", 0, ESR_IF(FSC_PERM(3)), VA);
    CHECK("RX", call(VA + 4096), 0x31);
    set_sctlr(SCTLR_DEF);
    TLBI(vmalle1);
    CHECK("RWX again", call(VA), 0x31);
}
/* The register file must survive EL0 <-> EL1. */
TEST(el0_registers)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    for (unsigned k = 0; k < 50; k++) {
        struct frame want;
        for (unsigned i = 0; i < 31; i++)
            U.x[i] = 0x9e3779b97f4a7c15ull * (k * 31 + i + 1);
        U.elr = uaddr(u_nop);
        U.spsr = 0x3c0 | (u64)(k & 15) << 28;
        U.sp_el0 = 0x1234567890ull * (k + 1);
        want = U;
        el0_run();
        for (unsigned i = 0; i < 31; i++)
            CHECKN("x", i, U.x[i], want.x[i]);
        CHECKN("sp", k, U.sp_el0, want.sp_el0);
        CHECKN("spsr", k, U.spsr, want.spsr);
        CHECKN("elr", k, U.elr, uaddr(u_nop) + 8);
    }
}
