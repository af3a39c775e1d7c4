/*
 * debug.c - self-hosted debug: hardware breakpoints and watchpoints at EL0 and EL1, linked and by context, changed while in use.
 */
#include "suite.h"

#define VA 0x40000000ull
#define MDE (1ull << 15)
#define KDE (1ull << 13)
#define BCR(pmc) (1ull | (u64)(pmc) << 1 | 0xfull << 5)
#define WCR(pac, lsc, bas) (1ull | (u64)(pac) << 1 | (u64)(lsc) << 3 | (u64)(bas) << 5)
enum { ONLY_EL1 = 1, ONLY_EL0 = 2, BOTH = 3 };
enum { LOADS = 1, STORES = 2, ALL = 3 };
#define ESR_BP0 ESR(0x30, 0x22)
#define ESR_BP1 ESR(0x31, 0x22)
#define ESR_WP0(w) ESR(0x34, 0x22 | (u64)(w) << 6)
#define ESR_WP1(w) ESR(0x35, 0x22 | (u64)(w) << 6)

static void debug_on(u64 mdscr)
{
    WR(oslar_el1, 0);
    WR(mdscr_el1, mdscr);
    __asm__ volatile("msr daifclr, #8");          /* PSTATE.D */
    ISB();
}
static void debug_off(void)
{
    WR(dbgbcr0_el1, 0);
    WR(dbgbcr1_el1, 0);
    WR(dbgbcr5_el1, 0);
    WR(dbgwcr0_el1, 0);
    WR(dbgwcr1_el1, 0);
    WR(mdscr_el1, 0);
    __asm__ volatile("msr daifset, #8");
    ISB();
}

USTUB(d_line, "mov x1, #1\nmov x1, #2\nmov x1, #3\nmov x1, #4")
USTUB(d_loop, "mov x1, #0\n1: add x1, x1, #1\nsubs x0, x0, #1\nb.ne 1b")
TEST(debug_breakpoints)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    el0_call(d_line, 0, 0, 0);                    /* the code has run before there is a breakpoint */
    CHECK("plain", U.esr, ESR_SVC0);
    debug_on(MDE);
    for (unsigned i = 0; i < 4; i++) {
        WR(dbgbvr0_el1, uaddr(d_line) + 4 * i);
        WR(dbgbcr0_el1, BCR(ONLY_EL0));
        ISB();
        el0_call(d_line, 0, 0, 0);
        CHECKN("esr", i, U.esr, ESR_BP0);
        CHECKN("elr", i, U.elr, uaddr(d_line) + 4 * i);
        CHECKN("x1", i, i ? U.x[1] : 0, i);
        CHECKN("vec", i, U_vec, V_LOW_SYNC);
    }
    /* In a loop, by the second register; the first is off and then at another place. */
    WR(dbgbcr0_el1, 0);
    WR(dbgbvr1_el1, uaddr(d_loop) + 8);
    WR(dbgbcr1_el1, BCR(BOTH));
    ISB();
    el0_call(d_loop, 100, 0, 0);
    CHECK("loop", U.elr, uaddr(d_loop) + 8);
    CHECK("first time", U.x[0], 100);
    WR(dbgbvr1_el1, uaddr(d_loop) + 16);          /* the SVC behind the loop */
    ISB();
    el0_call(d_loop, 100, 0, 0);
    CHECK("after the loop", U.elr, uaddr(d_loop) + 16);
    CHECK("all rounds", U.x[1], 100);
    /* What must not hit: for EL1 only, off, MDE clear, the OS Lock. */
    WR(dbgbvr1_el1, uaddr(d_line));
    WR(dbgbcr1_el1, BCR(ONLY_EL1));
    ISB();
    el0_call(d_line, 0, 0, 0);
    CHECK("EL1 only", U.esr, ESR_SVC0);
    WR(dbgbcr1_el1, BCR(BOTH) & ~1ull);
    ISB();
    el0_call(d_line, 0, 0, 0);
    CHECK("E clear", U.esr, ESR_SVC0);
    WR(dbgbcr1_el1, BCR(BOTH));
    debug_on(0);
    el0_call(d_line, 0, 0, 0);
    CHECK("MDE clear", U.esr, ESR_SVC0);
    debug_on(MDE);
    el0_call(d_line, 0, 0, 0);
    CHECK("on again", U.esr, ESR_BP0);
    debug_off();
}

/* Alone in its page, so that calls of it cross into a page that was looked up before it mattered. */
__asm__(".pushsection .text\n.balign 4096\nalone: add x0, x0, #1\nret\n.balign 4096\n.popsection");
u64 alone(u64 x);

static u64 calls(u64 (*fn)(u64), u64 n)
{
    u64 x = 0;
    while (n--)
        x = fn(x);
    return x;
}
TEST(debug_os_lock)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    WR(dbgbvr0_el1, uaddr(d_line));
    WR(dbgbcr0_el1, BCR(BOTH));
    debug_on(MDE);
    WR(oslar_el1, 1);
    ISB();
    el0_call(d_line, 0, 0, 0);
    CHECK("locked", U.esr, ESR_SVC0);
    debug_on(MDE);
    el0_call(d_line, 0, 0, 0);
    CHECK("unlocked", U.esr, ESR_BP0);
    WR(dbgbvr0_el1, (u64)alone);
    debug_on(MDE | KDE);
    WR(oslar_el1, 1);
    ISB();
    CHECK("locked at EL1", calls(alone, 100), 100);
    WR(oslar_el1, 0);
    ISB();
    expect(FM_LR);
    alone(3);
    unexpect();
    CHECK("unlocked at EL1", fault.count, 1);
    debug_off();
}

TEST(debug_linked)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    pt_use(&t);
    unsigned last = idf(RD(id_aa64dfr0_el1), 12);
    if (last != 5)
        skip("not six breakpoints");
    debug_on(MDE);
    WR(dbgbvr5_el1, 0x1234);
    WR(dbgbcr5_el1, BCR(BOTH) | 3ull << 20);      /* linked context ID match */
    WR(dbgbvr0_el1, uaddr(d_line) + 8);
    WR(dbgbcr0_el1, BCR(ONLY_EL0) | 1ull << 20 | 5ull << 16);
    WR(contextidr_el1, 0x1235);
    ISB();
    el0_call(d_line, 0, 0, 0);
    CHECK("another context", U.esr, ESR_SVC0);
    WR(contextidr_el1, 0x1234);
    ISB();
    el0_call(d_line, 0, 0, 0);
    CHECK("its context", U.esr, ESR_BP0);
    CHECK("elr", U.elr, uaddr(d_line) + 8);
    WR(contextidr_el1, 0);
    debug_off();
}

static u64 nothing(u64 x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 1;
}
TEST(debug_break_el1)
{
    u64 (*volatile fn)(u64) = nothing;
    CHECK("plain", fn(1), 2);
    WR(dbgbvr0_el1, (u64)nothing);
    WR(dbgbcr0_el1, BCR(ONLY_EL1));
    debug_on(MDE);
    CHECK("KDE clear", fn(2), 3);
    debug_on(MDE | KDE);
    expect(FM_LR);
    fn(3);
    unexpect();
    CHECK("hits", fault.count, 1);
    CHECK("esr", fault.esr, ESR_BP1);
    CHECK("elr", fault.elr, (u64)nothing);
    debug_off();
    CHECK("off", fn(4), 5);
}

TEST(debug_break_armed_late)
{
    u64 (*volatile fn)(u64) = alone;
    WR(dbgbvr0_el1, (u64)alone);
    WR(dbgbcr0_el1, BCR(ONLY_EL1));
    WR(oslar_el1, 0);
    WR(mdscr_el1, MDE | KDE);
    ISB();
    CHECK("PSTATE.D", calls(fn, 100), 100);
    WR(mdscr_el1, KDE);
    __asm__ volatile("msr daifclr, #8");
    ISB();
    CHECK("MDE clear", calls(fn, 100), 100);
    for (unsigned i = 0; i < 3; i++) {
        debug_on(i == 0 ? KDE : MDE);
        CHECKN("off", i, calls(fn, 100), 100);
        debug_on(MDE | KDE);
        expect(FM_LR);
        fn(3);
        unexpect();
        CHECKN("hits", i, fault.count, 1);
        CHECKN("elr", i, fault.elr, (u64)alone);
    }
    debug_off();
    CHECK("off", calls(fn, 100), 100);
}

USTUB(d_ld, "ldrb w1, [x0]")
USTUB(d_ldx, "ldr x1, [x0]")
USTUB(d_ldp, "ldp x1, x2, [x0]")
USTUB(d_ldq, "ldr q0, [x0]")
USTUB(d_stx, "str x1, [x0]")
USTUB(d_stb, "strb w1, [x0]")
USTUB(d_zva, "dc zva, x0")
TEST(debug_watchpoints)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    u64 pa = page4k();
    pt_map(&t, VA, pa, 3, A_STD | A_URW | A_XN);
    pt_map(&t, VA + 4096, page4k(), 3, A_STD | A_URW | A_XN);
    pt_use(&t);
    const u64 at = VA + 0x100;
    el0_call(d_stx, at, 0x55, 0);                 /* the page is in use before it is watched */
    CHECK("plain", U.esr, ESR_SVC0);
    debug_on(MDE);
    WR(dbgwvr0_el1, at);
    WR(dbgwcr0_el1, WCR(ONLY_EL0, ALL, 0x0c));    /* bytes 2 and 3 */
    ISB();
    const struct { const char *stub; s64 off; bool hits, write; s64 far; } c[] = {
        { d_ld, 1, false, false, 0 }, { d_ld, 2, true, false, 2 }, { d_ld, 3, true, false, 3 }, { d_ld, 4, false, false, 0 },
        { d_ldx, 0, true, false, 2 }, { d_ldx, -4, true, false, 2 }, { d_ldx, -8, false, false, 0 }, { d_ldx, 8, false, false, 0 },
        { d_ldx, -5, true, false, 2 }, { d_stx, 0, true, true, 2 }, { d_stb, 2, true, true, 2 }, { d_stb, 1, false, true, 0 },
        { d_ldp, -8, true, false, 2 }, { d_ldq, -8, true, false, 2 }, { d_ldq, 16, false, false, 0 }, { d_ldx, 0x200, false, false, 0 },
    };
    for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        el0_call(c[i].stub, at + (u64)c[i].off, 0xa5, 0);
        CHECKN("esr", i, U.esr, c[i].hits ? ESR_WP0(c[i].write) : ESR_SVC0);
        if (c[i].hits) {
            CHECKN("far", i, U.far, at + (u64)c[i].far);
            CHECKN("elr", i, U.elr, uaddr(c[i].stub));
        }
    }
    CHECK("a store that hit wrote nothing", ((volatile u8 *)kva(pa))[0x102], 0);
    /* EL1 sees nothing of it with PAC = EL0; an unprivileged access counts as EL0's. */
    CHECK("EL1 load", ld64(at), ld64(at));
    WR(dbgwcr0_el1, WCR(ONLY_EL0, STORES, 0xff));
    ISB();
    el0_call(d_ldx, at, 0, 0);
    CHECK("loads are not watched", U.esr, ESR_SVC0);
    el0_call(d_stx, at, 0, 0);
    CHECK("stores are", U.esr, ESR_WP0(1));
    el0_call(d_zva, at, 0, 0);
    CHECK("DC ZVA is one", U.esr, ESR_WP0(1));
    WR(dbgwcr0_el1, WCR(ONLY_EL0, LOADS, 0xff));
    ISB();
    el0_call(d_stx, at, 0, 0);
    CHECK("stores are not", U.esr, ESR_SVC0);
    /* MASK: 4 KiB from VA on. */
    WR(dbgwvr0_el1, VA);
    WR(dbgwcr0_el1, WCR(ONLY_EL0, ALL, 0xff) | 12ull << 24);
    ISB();
    el0_call(d_ldx, VA + 4088, 0, 0);
    CHECK("mask, last", U.esr, ESR_WP0(0));
    el0_call(d_ldx, VA + 4096, 0, 0);
    CHECK("mask, behind", U.esr, ESR_SVC0);
    el0_call(d_ldx, VA + 4092, 0, 0);
    CHECK("mask, across", U.esr, ESR_WP0(0));
    /* Off: the page is as any other again. */
    WR(dbgwcr0_el1, 0);
    ISB();
    el0_call(d_ldx, at, 0, 0);
    CHECK("off", U.esr, ESR_SVC0);
    debug_off();
}

TEST(debug_watch_el1)
{
    struct pt t = pt_new(12, 48, 1);
    pt_map(&t, VA, page4k(), 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
    st64(VA + 64, 7);
    check_nofault("plain", 0);
    WR(dbgwvr1_el1, VA + 64);
    WR(dbgwcr1_el1, WCR(ONLY_EL1, STORES, 0xff));
    debug_on(MDE | KDE);
    st64(VA + 64, 8);
    check_fault("store", 0, ESR_WP1(1), VA + 64);
    CHECK("load", ld64(VA + 64), 7);
    check_nofault("load", 0);
    /* Translation faults come first. */
    WR(dbgwvr1_el1, VA + 4096);
    ISB();
    st64(VA + 4096, 8);
    check_fault("no page", 0, ESR_WR(FSC_TRANS(3)), VA + 4096);
    debug_off();
    st64(VA + 64, 9);
    CHECK("off", ld64(VA + 64), 9);
}
