/*
 * excl.c - exclusives: success, failure, all sizes and pairs; LSE atomics where present.
 */
#include "suite.h"

#define VA 0x50000000ull

static u64 pa;
static void set_up(void)
{
    struct pt t = pt_new(12, 48, 1);
    pa = page4k();
    pt_map(&t, VA, pa, 3, A_STD | A_URW | A_XN);
    pt_map(&t, VA + 4096, pa, 3, A_STD | A_URO | A_XN);
    user_map(&t);
    pt_use(&t);
}
#define CLREX() __asm__ volatile("clrex" : : : "memory")
#define LX(insn, mod, va) ({ u64 v_ = SENTINEL; expect(FM_SKIP); \
    __asm__ volatile(insn " %" mod "0, [%1]" : "+r"(v_) : "r"(va) : "memory"); unexpect(); v_; })
#define SX(insn, mod, va, v) ({ u64 s_ = SENTINEL; expect(FM_SKIP); \
    __asm__ volatile(insn " %w0, %" mod "1, [%2]" : "+&r"(s_) : "r"((u64)(v)), "r"(va) : "memory"); unexpect(); s_; })

TEST(excl_sizes)
{
    set_up();
#define ONE(l, s, mod, bits) do { \
        u64 mask = (bits) == 64 ? ~0ull : (1ull << ((bits) & 63)) - 1; \
        *pdata(pa) = 0x8877665544332211ull; \
        CHECK(l, LX(l, mod, VA), 0x8877665544332211ull & mask); \
        CHECK(s, SX(s, mod, VA, 0xa5a5a5a5a5a5a5a5ull), 0); \
        CHECK(s " stored", *pdata(pa), (0x8877665544332211ull & ~mask) | (0xa5a5a5a5a5a5a5a5ull & mask)); \
        CHECK(s " twice", SX(s, mod, VA, 0), 1); \
        CHECK(s " twice stored", *pdata(pa) & mask, 0xa5a5a5a5a5a5a5a5ull & mask); \
        LX(l, mod, VA); \
        CLREX(); \
        CHECK(s " after CLREX", SX(s, mod, VA, 0), 1); \
        CHECK(s " after CLREX stored", *pdata(pa) & mask, 0xa5a5a5a5a5a5a5a5ull & mask); \
    } while (0)
    ONE("ldxrb", "stxrb", "w", 8);
    ONE("ldxrh", "stxrh", "w", 16);
    ONE("ldxr", "stxr", "w", 32);
    ONE("ldxr", "stxr", "", 64);
    ONE("ldaxrb", "stlxrb", "w", 8);
    ONE("ldaxrh", "stlxrh", "w", 16);
    ONE("ldaxr", "stlxr", "w", 32);
    ONE("ldaxr", "stlxr", "", 64);
}
TEST(excl_pairs)
{
    set_up();
    u64 a, b, s;
    pdata(pa)[0] = 1;
    pdata(pa)[1] = 2;
    __asm__ volatile("ldxp %0, %1, [%3]\n\tstxp %w2, %4, %5, [%3]" : "=&r"(a), "=&r"(b), "=&r"(s) : "r"(VA), "r"(11ull), "r"(22ull) : "memory");
    CHECK("ldxp 1", a, 1);
    CHECK("ldxp 2", b, 2);
    CHECK("stxp", s, 0);
    CHECK("stxp 1", pdata(pa)[0], 11);
    CHECK("stxp 2", pdata(pa)[1], 22);
    __asm__ volatile("ldaxp %w0, %w1, [%3]\n\tstlxp %w2, %w4, %w5, [%3]" : "=&r"(a), "=&r"(b), "=&r"(s) : "r"(VA), "r"(7ull), "r"(8ull) : "memory");
    CHECK("ldaxp w 1", a, 11);
    CHECK("ldaxp w 2", b, 0);
    CHECK("stlxp w", s, 0);
    CHECK("stlxp w stored", pdata(pa)[0], 8ull << 32 | 7);
    CLREX();
    __asm__ volatile("stxp %w0, %2, %2, [%1]" : "=&r"(s) : "r"(VA), "r"(5ull) : "memory");
    CHECK("stxp without", s, 1);
    CHECK("stxp without, kept", pdata(pa)[1], 22);
    /* Aligned to 16 bytes as a whole, both of them. */
    a = b = SENTINEL;
    expect(FM_SKIP);
    __asm__ volatile("ldxp %0, %1, [%2]" : "+r"(a), "+r"(b) : "r"(VA + 8) : "memory");
    unexpect();
    check_fault("ldxp aligned to 8", 0, ESR_RD(FSC_ALIGN), VA + 8);
    CHECK("ldxp aligned to 8: registers", a == SENTINEL && b == SENTINEL, true);
}
TEST(excl_pair_store_alignment)
{
    set_up();
    u64 a, b, s;
    expect(FM_SKIP);
    __asm__ volatile("ldxp %0, %1, [%3]\n\tstxp %w2, %0, %1, [%4]" : "=&r"(a), "=&r"(b), "=&r"(s) : "r"(VA), "r"(VA + 8) : "memory");
    unexpect();
    check_fault("stxp aligned to 8", 0, ESR_WR(FSC_ALIGN), VA + 8);
}
TEST(excl_lost)
{
    set_up();
    *pdata(pa) = 5;
    /* No load-exclusive at all. */
    CLREX();
    CHECK("none", SX("stxr", "", VA, 6), 1);
    CHECK("none stored", *pdata(pa), 5);
    /* Exception return clears the monitor. */
    LX("ldxr", "", VA);
    expect(FM_SKIP);
    __asm__ volatile("svc #0" : : : "memory");
    unexpect();
    CHECK("after ERET", SX("stxr", "", VA, 6), 1);
    CHECK("after ERET stored", *pdata(pa), 5);
    /* A store-exclusive to a read-only page faults, or fails without a fault only if the monitor was clear. */
    LX("ldxr", "", VA + 4096);
    SX("stxr", "", VA + 4096, 6);
    check_fault("read-only", 0, ESR_WR(FSC_PERM(3)), VA + 4096);
    CHECK("read-only stored", *pdata(pa), 5);
    LX("ldxr", "", VA + 8192);
    check_fault("unmapped", 0, ESR_RD(FSC_TRANS(3)), VA + 8192);
}
/* A counter built of exclusives. */
TEST(excl_loop)
{
    set_up();
    for (unsigned n = 0; n < 5000; n++) {
        u64 v, s;
        __asm__ volatile("1: ldaxr %0, [%2]\n\tadd %0, %0, #1\n\tstlxr %w1, %0, [%2]\n\tcbnz %w1, 1b" : "=&r"(v), "=&r"(s) : "r"(VA) : "memory");
    }
    CHECK("count", *pdata(pa), 5000);
}
/* Misaligned in page 0, where nothing is mapped: no address there may match what an emulator's TLB uses for "invalid". */
TEST(excl_page_zero)
{
    set_up();
    for (u64 va = 1; va < 16; va++) {
        if (!(va & 7))
            continue;
        LX("ldxr", "", va);
        CHECKN("faults", va, fault.count, 1);
        CHECKN("far", va, fault.far, va);
    }
}

USTUB(u_xinc, "1: ldxr x1, [x0]\n add x1, x1, #3\n stxr w2, x1, [x0]\n cbnz w2, 1b\n mov x0, x1")
TEST(excl_el0)
{
    set_up();
    for (unsigned n = 1; n <= 100; n++)
        CHECKN("el0", n, el0_call(u_xinc, VA, 0, 0), n * 3);
}
__asm__(".arch armv8.1-a");
TEST(lse)
{
    if (idf(RD(id_aa64isar0_el1), 20) < 2)
        skip("no FEAT_LSE");
    set_up();
    u64 old;
#define AMO(insn, mod, init, arg, want_old, want) do { \
        *pdata(pa) = (init); \
        __asm__ volatile(insn " %" mod "1, %" mod "0, [%2]" : "=&r"(old) : "r"((u64)(arg)), "r"(VA) : "memory"); \
        CHECK(insn " old", old, want_old); \
        CHECK(insn, *pdata(pa), want); \
    } while (0)
    AMO("ldadd", "", 5, 7, 5, 12);
    AMO("ldaddal", "", ~0ull, 1, ~0ull, 0);
    AMO("ldadd", "w", 0xffffffffffffffffull, 2, 0xffffffffull, 0xffffffff00000001ull);
    AMO("ldaddb", "w", 0x11ff, 2, 0xff, 0x1101);
    AMO("ldaddh", "w", 0x2ffff, 3, 0xffff, 0x20002);
    AMO("ldclr", "", 0xff, 0x0f, 0xff, 0xf0);
    AMO("ldeor", "", 0xff, 0x0f, 0xff, 0xf0);
    AMO("ldset", "", 0xf0, 0x0f, 0xf0, 0xff);
    AMO("ldsmax", "", (u64)-5, 3, (u64)-5, 3);
    AMO("ldsmin", "", (u64)-5, 3, (u64)-5, (u64)-5);
    AMO("ldumax", "", (u64)-5, 3, (u64)-5, (u64)-5);
    AMO("ldumin", "", (u64)-5, 3, (u64)-5, 3);
    AMO("ldsmaxb", "w", 0x80, 1, 0x80, 1);
    AMO("swp", "", 1, 2, 1, 2);
    AMO("swpab", "w", 0x1234, 0xff, 0x34, 0x12ff);
    u64 e = 10;
    *pdata(pa) = 10;
    __asm__ volatile("cas %0, %1, [%2]" : "+r"(e) : "r"(20ull), "r"(VA) : "memory");
    CHECK("cas old", e, 10);
    CHECK("cas", *pdata(pa), 20);
    e = 11;
    __asm__ volatile("casal %0, %1, [%2]" : "+r"(e) : "r"(30ull), "r"(VA) : "memory");
    CHECK("cas fail old", e, 20);
    CHECK("cas fail", *pdata(pa), 20);
    register u64 x0 __asm__("x0") = 20, x1 __asm__("x1") = 9;
    register u64 x2 __asm__("x2") = 100, x3 __asm__("x3") = 200;
    pdata(pa)[1] = 9;
    __asm__ volatile("casp %0, %1, %2, %3, [%4]" : "+r"(x0), "+r"(x1) : "r"(x2), "r"(x3), "r"(VA) : "memory");
    u64 got0 = x0, got1 = x1;
    CHECK("casp 1", pdata(pa)[0], 100);
    CHECK("casp 2", pdata(pa)[1], 200);
    CHECK("casp old 1", got0, 20);
    CHECK("casp old 2", got1, 9);
    /* On a read-only page: a write fault, even for a comparison that fails. */
    e = 1;
    expect(FM_SKIP);
    __asm__ volatile("ldadd %1, %0, [%2]" : "+r"(e) : "r"(1ull), "r"(VA + 4096) : "memory");
    unexpect();
    check_fault("read-only", 0, ESR_WR(FSC_PERM(3)), VA + 4096);
    CHECK("read-only register", e, 1);
}
