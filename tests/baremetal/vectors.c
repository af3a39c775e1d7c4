/*
 * vectors.c - exceptions: SP0/SPx and lower EL vectors; SVC, BRK, UNDEF, traps, illegal return, PC and SP alignment; ESR, SPSR, ELR.
 */
#include "suite.h"

#define VA 0x50000000ull

/* "1: insn": returns the address of the instruction. */
#define TAKE(insn) ({ u64 pc_; expect(FM_SKIP); __asm__ volatile("adr %0, 1f\n\t1: " insn : "=&r"(pc_) : : "memory", "cc"); unexpect(); pc_; })

TEST(exc_svc_brk_undef)
{
    u64 pc = TAKE("svc #0x1234");
    CHECK("svc esr", fault.esr, ESR(0x15, 0x1234));
    CHECK("svc elr", fault.elr, pc + 4);
    CHECK("svc vec", fault.vec, V_SYNC);
    CHECK("svc spsr", fault.spsr & 0x3ff, 0x3c5);
    pc = TAKE("brk #0xabc");
    CHECK("brk esr", fault.esr, ESR(0x3c, 0xabc));
    CHECK("brk elr", fault.elr, pc);
    pc = TAKE(".inst 0x00000000");
    CHECK("udf esr", fault.esr, ESR(0, 0));
    CHECK("udf elr", fault.elr, pc);
    pc = TAKE("hlt #1");
    CHECK("hlt", fault.esr, ESR(0, 0));
    pc = TAKE("mrs x0, s3_0_c8_c8_7");
    CHECK("unknown register esr", fault.esr, ESR(0, 0));
    CHECK("unknown register elr", fault.elr, pc);
    pc = TAKE("mrs x0, vbar_el2");
    CHECK("EL2 register", fault.esr, ESR(0, 0));
    /* Flags and registers are unchanged by a fault. */
    u64 nzcv, x = 0x1111;
    expect(FM_SKIP);
    __asm__ volatile("msr nzcv, %2\n\tudf #0\n\tmrs %0, nzcv" : "=r"(nzcv), "+r"(x) : "r"(0xa0000000ull) : "memory", "cc");
    unexpect();
    CHECK("nzcv kept", nzcv, 0xa0000000);
    CHECK("spsr nzcv", fault.spsr >> 28, 0xa);
}
TEST(exc_sp0)
{
    u64 old = RD(sp_el0);
    u64 page = page4k();
    WR(sp_el0, kva(page + 4096));
    /* The handler runs on SP_EL1. */
    expect(FM_SKIP);
    __asm__ volatile("msr spsel, #0\n\tsvc #7\n\tmsr spsel, #1" : : : "memory");
    unexpect();
    CHECK("vec", fault.vec, V_SP0_SYNC);
    CHECK("esr", fault.esr, ESR(0x15, 7));
    CHECK("spsr", fault.spsr & 0x3ff, 0x3c4);
    WR(sp_el0, old);
}
/* SP alignment, at EL1 (through SP_EL0, so that the handler has a stack) and at EL0. */
USTUB(u_sp, "ldr x1, [sp]")
TEST(exc_sp_align)
{
    u64 old = RD(sp_el0), pc, page = page4k();
    WR(sp_el0, (u64)kva(page) + 8);
    expect(FM_SKIP);
    __asm__ volatile("adr %0, 1f\n\tmsr spsel, #0\n\t1: ldr x1, [sp]\n\tmsr spsel, #1" : "=&r"(pc) : : "memory", "x1");
    unexpect();
    CHECK("sp align esr", fault.esr, ESR(0x26, 0));
    CHECK("sp align elr", fault.elr, pc);
    CHECK("sp align vec", fault.vec, V_SP0_SYNC);
    set_sctlr(SCTLR_DEF & ~8ull);
    expect(FM_SKIP);
    __asm__ volatile("msr spsel, #0\n\tldr x1, [sp]\n\tmsr spsel, #1" : : : "memory", "x1");
    unexpect();
    CHECK("SA off", fault.count, 0);
    set_sctlr(SCTLR_DEF);
    WR(sp_el0, old);
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    for (unsigned off = 0; off < 16; off += 4) {
        for (unsigned i = 0; i < 31; i++)
            U.x[i] = 0;
        U.elr = uaddr(u_sp);
        U.spsr = 0x3c0;
        U.sp_el0 = USTACK + off;
        el0_run();
        CHECKN("EL0 esr", off, U.esr, off ? ESR(0x26, 0) : ESR_SVC0);
        if (off)
            CHECKN("EL0 elr", off, U.elr, uaddr(u_sp));
    }
}
TEST(exc_pc_align)
{
    for (unsigned off = 1; off < 4; off++) {
        u64 va = (u64)kva(0x40400000) + off;
        expect(FM_LR);
        ((u64(*)(void))va)();
        unexpect();
        CHECKN("esr", off, fault.esr, ESR(0x22, 0));
        CHECKN("elr", off, fault.elr, va);
        CHECKN("far", off, fault.far, va);
    }
}
/* ERET with a bad SPSR: PSTATE.IL, then an illegal state exception at the target. */
static __attribute__((noinline)) void eret_with(u64 spsr)
{
    u64 t1, t2;
    expect(FM_ADDR);
    __asm__ volatile("adr %0, 2f\n\tstr %0, [%3]\n\tadr %0, 1f\n\tmsr elr_el1, %0\n\tmsr spsr_el1, %2\n\teret\n\t1: nop\n\t2: nop"
                     : "=&r"(t1), "=&r"(t2) : "r"(spsr), "r"(&fault_resume) : "memory", "cc");
    unexpect();
}
TEST(exc_illegal_return)
{
    static const u64 bad[] = { 0x3c9 /* EL2h */, 0x3cd /* EL3h */, 0x3c1 /* EL0 with SP bit */, 0x3c6 /* reserved */ };
    for (unsigned i = 0; i < 4; i++) {
        eret_with(bad[i]);
        CHECKN("count", bad[i], fault.count, 1);
        CHECKN("esr", bad[i], fault.esr, ESR(0x0e, 0));
        CHECKN("spsr", bad[i], fault.spsr & 0x1003cf, 0x1003c5);
    }
}
USTUB(u_svc, "svc #0x4321")
USTUB(u_brk, "brk #5")
USTUB(u_udf, "udf #0")
USTUB(u_msr, "msr vbar_el1, x0")
USTUB(u_mrs, "mrs x0, ttbr0_el1")
USTUB(u_ctr, "mrs x0, ctr_el0")
USTUB(u_hvc, "hvc #0")
USTUB(u_smc0, "smc #0")
USTUB(u_eret, "eret")
USTUB(u_daif, "msr daifset, #2")
USTUB(u_civac, "dc civac, x0")
USTUB(u_zva, "dc zva, x0")
USTUB(u_fp, "fmov d0, x0")
USTUB(u_wfi, "wfi")
USTUB(u_br, "br x0")
USTUB(u_tlbi, "tlbi vmalle1")
USTUB(u_tpidr, "msr tpidr_el0, x0\n mrs x1, tpidr_el0\n mrs x2, tpidrro_el0")
USTUB(u_wtpidrro, "msr tpidrro_el0, x0")
USTUB(u_cntvct, "mrs x0, cntvct_el0")
USTUB(u_idreg, "mrs x0, id_aa64pfr0_el1")
TEST(exc_from_el0)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_map(&t, VA, page4k(), 3, A_STD | A_URW | A_XN);
    pt_use(&t);
    el0_call(u_svc, 1, 2, 3);
    CHECK("svc", U.esr, ESR(0x15, 0x4321));
    CHECK("svc elr", U.elr, uaddr(u_svc) + 4);
    CHECK("svc vec", U_vec, V_LOW_SYNC);
    CHECK("svc x1", U.x[1], 2);
    CHECK("svc x30", U.x[30], 0xe1000000001eull);
    el0_call(u_brk, 0, 0, 0);
    CHECK("brk", U.esr, ESR(0x3c, 5));
    CHECK("brk elr", U.elr, uaddr(u_brk));
    const struct { const char *stub, *name; } undef[] = { { u_udf, "udf" }, { u_msr, "msr vbar" }, { u_mrs, "mrs ttbr0" }, { u_hvc, "hvc" },
        { u_eret, "eret" }, { u_tlbi, "tlbi" }, { u_wtpidrro, "msr tpidrro" } };
    for (unsigned i = 0; i < 7; i++) {
        el0_call(undef[i].stub, 0, 0, 0);
        CHECK(undef[i].name, U.esr, ESR(0, 0));
        CHECK(undef[i].name, U.elr, uaddr(undef[i].stub));
    }
    CHECK("ctr", el0_call(u_ctr, 0, 0, 0), RD(ctr_el0));
    el0_call(u_civac, VA, 0, 0);
    CHECK("dc civac", U.esr, ESR_SVC0);
    el0_call(u_zva, VA, 0, 0);
    CHECK("dc zva", U.esr, ESR_SVC0);
    WR(tpidrro_el0, 0x777);
    el0_call(u_tpidr, 0x888, 0, 0);
    CHECK("tpidr", U.x[1], 0x888);
    CHECK("tpidrro", U.x[2], 0x777);
    CHECK("tpidr at EL1", RD(tpidr_el0), 0x888);
    /* Traps by SCTLR. */
    set_sctlr(SCTLR_DEF & ~(1ull << 26 | 1ull << 15 | 1ull << 14 | 1ull << 9 | 1ull << 16));
    el0_call(u_ctr, 0, 0, 0);
    /* ISS: Op0 21:20, Op2 19:17, Op1 16:14, CRn 13:10, Rt 9:5, CRm 4:1, read 0. */
    CHECK("UCT", U.esr, ESR(0x18, 3u << 20 | 1 << 17 | 3 << 14 | 0 << 10 | 0 << 5 | 0 << 1 | 1));
    el0_call(u_civac, VA, 0, 0);
    CHECK("UCI", U.esr, ESR(0x18, 1u << 20 | 1 << 17 | 3 << 14 | 7 << 10 | 0 << 5 | 14 << 1));
    el0_call(u_zva, VA, 0, 0);
    CHECK("DZE", U.esr, ESR(0x18, 1u << 20 | 1 << 17 | 3 << 14 | 7 << 10 | 0 << 5 | 4 << 1));
    el0_call(u_daif, 0, 0, 0);
    CHECK("UMA", U.esr >> 26, 0x18);
    el0_call(u_wfi, 0, 0, 0);
    CHECK("nTWI", U.esr, ESR(0x01, 1u << 24 | 0xe << 20));
    CHECK("nTWI elr", U.elr, uaddr(u_wfi));
    set_sctlr(SCTLR_DEF);
    /* FP access. */
    WR(cpacr_el1, 1u << 20);
    ISB();
    el0_call(u_fp, 0, 0, 0);
    CHECK("FPEN 1 at EL0", U.esr, ESR(0x07, 1u << 24 | 0xe << 20));
    WR(cpacr_el1, 3u << 20);
    ISB();
    el0_call(u_fp, 0, 0, 0);
    CHECK("FPEN 3", U.esr, ESR_SVC0);
    pte_set(pt_slot(&t, VA, 3), page4k() | A_STD | A_URO | A_PXN | 3);
    TLBI(vmalle1);
    el0_call(u_br, VA + 2, 0, 0);
    CHECK("pc align", U.esr, ESR(0x22, 0));
    CHECK("pc align far", U.far, VA + 2);
    CHECK("pc align elr", U.elr, VA + 2);
    /* Counter access. */
    WR(cntkctl_el1, 0);
    ISB();
    el0_call(u_cntvct, 0, 0, 0);
    CHECK("CNTKCTL 0", U.esr >> 26, 0x18);
    WR(cntkctl_el1, 3);
    ISB();
    el0_call(u_cntvct, 0, 0, 0);
    CHECK("CNTKCTL 3", U.esr, ESR_SVC0);
}
TEST(exc_fp_trap_el1)
{
    WR(cpacr_el1, 0);
    ISB();
    u64 pc = TAKE("fmov d0, x0");
    CHECK("esr", fault.esr, ESR(0x07, 1u << 24 | 0xe << 20));
    CHECK("elr", fault.elr, pc);
    pc = TAKE("ldr q0, [sp]");
    CHECK("load", fault.esr, ESR(0x07, 1u << 24 | 0xe << 20));
    WR(cpacr_el1, 3u << 20);
    ISB();
    TAKE("fmov d0, x0");
    CHECK("on again", fault.count, 0);
}
/* VBAR moved: the next exception goes to the new table. */
extern const char vectors[];
TEST(exc_vbar)
{
    u64 pa = page4k();
    struct pt t = pt_new(12, 48, 1);
    pt_map(&t, VA, pa, 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    volatile u32 *c = kva(pa);
    /* Current EL, SPx, synchronous: mov x9, #0x77; msr elr_el1, x10; eret */
    c[0x200 / 4] = 0xd2800ee9;
    c[0x204 / 4] = 0xd518402a;
    c[0x208 / 4] = 0xd69f03e0;
    code_sync((u64)c + 0x200, 12);
    for (unsigned i = 0; i < 50; i++) {
        u64 r;
        WR(vbar_el1, VA);
        ISB();
        __asm__ volatile("mov x9, #0\n\tadr x10, 1f\n\tudf #0\n\t1: mov %0, x9" : "=r"(r) : : "x9", "x10", "memory");
        WR(vbar_el1, vectors);
        ISB();
        CHECKN("new table", i, r, 0x77);
        TAKE("svc #3");
        CHECKN("old table", i, fault.esr, ESR(0x15, 3));
    }
}
TEST(psci_version)
{
    register u64 x0 __asm__("x0") = 0x84000000;
    __asm__ volatile("hvc #0" : "+r"(x0) : : "x1", "x2", "x3", "memory");
    CHECK("major", x0 >> 16 & 0x7fff, x0 >= 0x10000 && x0 < 0x20000 ? 1 : 0);
    note("PSCI version", x0);
    x0 = 0x84000001 | 1u << 30 | 0x3f00;                       /* not a function: NOT_SUPPORTED */
    __asm__ volatile("hvc #0" : "+r"(x0) : : "x1", "x2", "x3", "memory");
    CHECK("unknown", (u32)x0, 0xffffffff);
}
/* Identity registers that software relies on. */
TEST(id_regs)
{
    CHECK("MPIDR RES1", RD(mpidr_el1) >> 31 & 1, 1);
    CHECK("EL0 AArch64", idf(RD(id_aa64pfr0_el1), 0) == 1 || idf(RD(id_aa64pfr0_el1), 0) == 2, 1);
    CHECK("EL1 AArch64", idf(RD(id_aa64pfr0_el1), 4) == 1 || idf(RD(id_aa64pfr0_el1), 4) == 2, 1);
    CHECK("FP", idf(RD(id_aa64pfr0_el1), 16) != 15, 1);
    CHECK("CurrentEL", RD(CurrentEL), 4);
    CHECK("CNTFRQ", RD(cntfrq_el0) >= 1000000, 1);
    CHECK("DCZID", RD(dczid_el0) & 15, 4);
    WR(tpidr_el1, 0x123456789abcdefull);
    CHECK("TPIDR_EL1", RD(tpidr_el1), 0x123456789abcdefull);
    WR(contextidr_el1, 0x42);
    CHECK("CONTEXTIDR", RD(contextidr_el1), 0x42);
    CHECK("SCTLR", RD(sctlr_el1), SCTLR_DEF);
}
