/*
 * align.c - unaligned accesses inside a page, across pages, with the second page missing; alignment checks (SCTLR.A).
 */
#include "suite.h"

#define VA 0x40000000ull

static u64 pa0, pa1;
static struct pt two_pages(bool second)
{
    struct pt t = pt_new(12, 48, 1);
    page4k();
    pa0 = page4k();
    page4k();                                                  /* not physically adjacent */
    pa1 = page4k();
    for (unsigned i = 0; i < 512; i++) {
        pdata(pa0)[i] = 0x0706050403020100ull + i * 0x0101010101010101ull * 8;
        pdata(pa1)[i] = 0xf7f6f5f4f3f2f1f0ull - i * 0x0101010101010101ull;
    }
    pt_map(&t, VA, pa0, 3, A_STD | A_URW | A_XN);
    if (second)
        pt_map(&t, VA + 4096, pa1, 3, A_STD | A_URW | A_XN);
    user_map(&t);
    pt_use(&t);
    return t;
}
static u8 byte_at(u64 va)
{
    volatile u8 *p = kva(va < VA + 4096 ? pa0 : pa1);
    return p[va & 4095];
}
static u64 bytes_at(u64 va, unsigned n)
{
    u64 v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (u64)byte_at(va + i) << (8 * i);
    return v;
}
TEST(unaligned)
{
    two_pages(true);
    /* Every offset around the page's end and a few inside. */
    for (u64 o = 4096 - 24; o < 4096 + 16; o++) {
        u64 va = VA + o;
        CHECKN("ld16", o, ld16(va), bytes_at(va, 2));
        CHECKN("ld32", o, ld32(va), bytes_at(va, 4));
        CHECKN("ld64", o, ld64(va), bytes_at(va, 8));
        u64 a, b;
        __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(va) : "memory");
        CHECKN("ldp 1", o, a, bytes_at(va, 8));
        CHECKN("ldp 2", o, b, bytes_at(va + 8, 8));
        __asm__ volatile(".arch_extension simd\n\tldr q0, [%2]\n\tumov %0, v0.d[0]\n\tumov %1, v0.d[1]" : "=&r"(a), "=&r"(b) : "r"(va) : "memory");
        CHECKN("ldr q lo", o, a, bytes_at(va, 8));
        CHECKN("ldr q hi", o, b, bytes_at(va + 8, 8));
        u64 keep0 = bytes_at(va - 8, 8), keep1 = bytes_at(va + 8, 8);
        st64(va, 0x1122334455667788ull ^ o);
        CHECKN("st64", o, bytes_at(va, 8), 0x1122334455667788ull ^ o);
        CHECKN("st64 below", o, bytes_at(va - 8, 8), keep0);
        CHECKN("st64 above", o, bytes_at(va + 8, 8), keep1);
        st32(va, 0xa1b2c3d4 ^ o);
        CHECKN("st32", o, bytes_at(va, 4), 0xa1b2c3d4 ^ o);
        st16(va, 0x5a5a ^ o);
        CHECKN("st16", o, bytes_at(va, 2), 0x5a5a ^ o);
        a = 0xaaaaaaaaaaaaaaaaull + o;
        b = 0xbbbbbbbbbbbbbbbbull + o;
        __asm__ volatile("stp %0, %1, [%2]" : : "r"(a), "r"(b), "r"(va) : "memory");
        CHECKN("stp 1", o, bytes_at(va, 8), a);
        CHECKN("stp 2", o, bytes_at(va + 8, 8), b);
        __asm__ volatile("fmov d1, %0\n\tins v1.d[1], %1\n\tstr q1, [%2]" : : "r"(b), "r"(a), "r"(va) : "memory");
        CHECKN("str q lo", o, bytes_at(va, 8), b);
        CHECKN("str q hi", o, bytes_at(va + 8, 8), a);
    }
}
/* The second page missing: FAR is in it, nothing is written, registers stay. */
TEST(straddle_missing)
{
    two_pages(false);
    for (u64 o = 4096 - 7; o < 4096; o++) {
        u64 va = VA + o;
        CHECKN("load", o, ld64(va), SENTINEL);
        check_fault("load", o, ESR_RD(FSC_TRANS(3)), VA + 4096);
        u64 before = bytes_at(VA + 4088, 8);
        st64(va, 0x1111111111111111ull);
        check_fault("store", o, ESR_WR(FSC_TRANS(3)), VA + 4096);
        CHECKN("nothing written", o, bytes_at(VA + 4088, 8), before);
    }
    ld16(VA + 4095);
    check_fault("ld16", 0, ESR_RD(FSC_TRANS(3)), VA + 4096);
    ld32(VA + 4094);
    check_fault("ld32", 0, ESR_RD(FSC_TRANS(3)), VA + 4096);
    ld32(VA + 4092);
    check_nofault("ld32 last", 0);
    /* Base register of a writeback form must not change when it faults. */
    u64 base = VA + 4090, v = SENTINEL;
    expect(FM_SKIP);
    __asm__ volatile("ldr %1, [%0], #32" : "+r"(base), "+r"(v) : : "memory");
    unexpect();
    CHECK("post-index base", base, VA + 4090);
    CHECK("post-index value", v, SENTINEL);
    check_fault("post-index", 0, ESR_RD(FSC_TRANS(3)), VA + 4096);
    base = VA + 4090;
    expect(FM_SKIP);
    __asm__ volatile("str %1, [%0, #4]!" : "+r"(base) : "r"(v) : "memory");
    unexpect();
    CHECK("pre-index base", base, VA + 4090);
    check_fault("pre-index", 0, ESR_WR(FSC_TRANS(3)), VA + 4096);
    /* A pair whose second half is in the missing page. */
    base = VA + 4088;
    u64 a = 1, b = 2;
    expect(FM_SKIP);
    __asm__ volatile("ldp %0, %1, [%2], #16" : "+r"(a), "+r"(b), "+r"(base) : : "memory");
    unexpect();
    check_fault("ldp", 0, ESR_RD(FSC_TRANS(3)), VA + 4096);
    CHECK("ldp base", base, VA + 4088);
    expect(FM_SKIP);
    __asm__ volatile("stp %0, %1, [%2, #-16]!" : : "r"(a), "r"(b), "r"(base + 16) : "memory");
    unexpect();
    check_fault("stp", 0, ESR_WR(FSC_TRANS(3)), VA + 4096);
}
/* The first page missing, the second there: FAR is the address itself. */
TEST(straddle_first_missing)
{
    struct pt t = two_pages(true);
    pte_set(pt_slot(&t, VA, 3), 0);
    TLBI(vmalle1);
    u64 before = pdata(pa1)[0];
    CHECK("load", ld64(VA + 4093), SENTINEL);
    check_fault("load", 0, ESR_RD(FSC_TRANS(3)), VA + 4093);
    st64(VA + 4093, 0x2222222222222222ull);
    check_fault("store", 0, ESR_WR(FSC_TRANS(3)), VA + 4093);
    CHECK("second page kept", pdata(pa1)[0], before);
}
/* The second page read-only. */
TEST(straddle_readonly)
{
    struct pt t = two_pages(true);
    pte_set(pt_slot(&t, VA + 4096, 3), pa1 | A_STD | A_URO | A_XN | 3);
    TLBI(vmalle1);
    u64 b0 = bytes_at(VA + 4088, 8), b1 = bytes_at(VA + 4096, 8);
    CHECK("load", ld64(VA + 4092), b0 >> 32 | b1 << 32);
    st64(VA + 4092, 0x3333333333333333ull);
    check_fault("store", 0, ESR_WR(FSC_PERM(3)), VA + 4096);
    CHECK("first page kept", bytes_at(VA + 4088, 8), b0);
    CHECK("second page kept", bytes_at(VA + 4096, 8), b1);
}
USTUB(u_straddle, "ldr x1, [x0]")
TEST(straddle_el0)
{
    two_pages(false);
    el0_call(u_straddle, VA + 4095, 0x1234, 0);
    CHECK("esr", U.esr, ESR_RD0(FSC_TRANS(3)));
    CHECK("far", U.far, VA + 4096);
    CHECK("x1", U.x[1], 0x1234);
}
/* SCTLR.A = 1: alignment faults. */
TEST(sctlr_a)
{
    two_pages(true);
    set_sctlr(SCTLR_DEF | 2);
    CHECK("aligned", ld64(VA + 8), bytes_at(VA + 8, 8));
    CHECK("byte", ld8(VA + 9), byte_at(VA + 9));
    CHECK("load", ld64(VA + 9), SENTINEL);
    check_fault("load", 0, ESR_RD(FSC_ALIGN), VA + 9);
    st32(VA + 10, 1);
    check_fault("store", 0, ESR_WR(FSC_ALIGN), VA + 10);
    ld16(VA + 11);
    check_fault("ld16", 0, ESR_RD(FSC_ALIGN), VA + 11);
    el0_call(u_straddle, VA + 12, 0, 0);
    CHECK("EL0", U.esr, ESR_RD0(FSC_ALIGN));
    CHECK("EL0 far", U.far, VA + 12);
    set_sctlr(SCTLR_DEF);
    CHECK("off", ld64(VA + 9), bytes_at(VA + 9, 8));
}
/* Exclusive and acquire/release accesses are checked whatever SCTLR.A says. */
TEST(align_exclusive)
{
    if (idf(RD(id_aa64mmfr2_el1), 32))
        skip("FEAT_LSE2: within 16 bytes they are atomic");
    two_pages(true);
    u64 v = SENTINEL;
    expect(FM_SKIP);
    __asm__ volatile("ldxr %0, [%1]" : "+r"(v) : "r"(VA + 4) : "memory");
    unexpect();
    check_fault("ldxr", 0, ESR_RD(FSC_ALIGN), VA + 4);
    CHECK("ldxr", v, SENTINEL);
    expect(FM_SKIP);
    __asm__ volatile("ldar %0, [%1]" : "+r"(v) : "r"(VA + 4) : "memory");
    unexpect();
    check_fault("ldar", 0, ESR_RD(FSC_ALIGN), VA + 4);
    expect(FM_SKIP);
    __asm__ volatile("stlr %w0, [%1]" : : "r"(v), "r"(VA + 2) : "memory");
    unexpect();
    check_fault("stlr", 0, ESR_WR(FSC_ALIGN), VA + 2);
}
/* Instructions on both sides of a page boundary, not physically adjacent. */
TEST(code_across_pages)
{
    struct pt t = two_pages(true);
    volatile u32 *c0 = kva(pa0), *c1 = kva(pa1);
    c0[1022] = insn_movz_w0(1);
    c0[1023] = 0x11000400 | 4 << 10;                           /* add w0, w0, #5 */
    c1[0] = 0x11000400 | 8 << 10;                              /* add w0, w0, #9 */
    c1[1] = INSN_RET;
    code_sync((u64)(c0 + 1022), 8);
    code_sync((u64)c1, 8);
    pte_set(pt_slot(&t, VA, 3), pa0 | A_STD | A_KRO | A_UXN | 3);
    pte_set(pt_slot(&t, VA + 4096, 3), pa1 | A_STD | A_KRO | A_UXN | 3);
    TLBI(vmalle1);
    CHECK("run", call(VA + 4088), 1 + 5 + 9);
    /* The second page missing: the fetch of its first instruction faults, the ones before have run. */
    pte_set(pt_slot(&t, VA + 4096, 3), 0);
    TLBI(vmalle1);
    CHECK("fault", call(VA + 4088), SENTINEL);
    check_fault("fault", 0, ESR_IF(FSC_TRANS(3)), VA + 4096);
    CHECK("elr", fault.elr, VA + 4096);
}
