/*
 * smc.c - self-modifying code: with the maintenance that the architecture asks for the new code must run; without it, old or new.
 */
#include "suite.h"

#define VA 0x50000000ull
#define ALIAS 0x7000000000ull

static struct pt t;
static u64 pa;
/* Writable and executable at VA (EL1), writable at ALIAS. */
static void set_up(unsigned pages)
{
    t = pt_new(12, 48, 1);
    pa = page_alloc(pages * 4096, 4096);
    for (unsigned i = 0; i < pages; i++) {
        pt_map(&t, VA + i * 4096, pa + i * 4096, 3, A_STD | A_KRW | A_UXN);
        pt_map(&t, ALIAS + i * 4096, pa + i * 4096, 3, A_STD | A_KRW | A_XN);
    }
    pt_use(&t);
}
TEST(smc_same_va)
{
    set_up(1);
    for (unsigned n = 0; n < 400; n++) {
        code_fn(VA + (n % 5) * 64, n);
        code_sync(VA + (n % 5) * 64, 8);
        CHECKN("run", n, call(VA + (n % 5) * 64), n);
    }
}
TEST(smc_alias)
{
    set_up(1);
    for (unsigned n = 0; n < 200; n++) {
        code_fn(ALIAS, n);
        code_sync(ALIAS, 8);                                   /* maintenance by the alias reaches the physical line */
        CHECKN("alias", n, call(VA), n);
        code_fn((u64)kva(pa), n + 1000);
        code_sync((u64)kva(pa), 8);
        CHECKN("kernel alias", n, call(VA), n + 1000);
        code_fn(ALIAS, n + 2000);
        code_sync(VA, 8);                                      /* and by the VA that runs */
        CHECKN("run VA", n, call(VA), n + 2000);
    }
}
TEST(smc_iallu)
{
    set_up(4);
    for (unsigned n = 0; n < 200; n++) {
        for (unsigned i = 0; i < 4; i++)
            code_fn(VA + i * 4096 + 128, n * 4 + i);
        for (unsigned i = 0; i < 4; i++)
            __asm__ volatile("dc cvau, %0" : : "r"(VA + i * 4096 + 128) : "memory");
        if (n & 1)
            __asm__ volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" : : : "memory");
        else
            __asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
        for (unsigned i = 0; i < 4; i++)
            CHECKN("run", n, call(VA + i * 4096 + 128), n * 4 + i);
    }
}
/* Code that runs over a page boundary, patched on either side. */
TEST(smc_cross_page)
{
    set_up(2);
    volatile u32 *c = (volatile u32 *)(VA + 4096 - 8);
    c[0] = insn_movz_w0(0);
    c[1] = 0xd503201f;                                         /* nop */
    c[2] = 0xd503201f;
    c[3] = INSN_RET;
    code_sync((u64)c, 16);
    for (unsigned n = 0; n < 100; n++) {
        c[2] = 0x11000000 | n << 10;                           /* add w0, w0, #n: second page */
        code_sync((u64)(c + 2), 4);
        CHECKN("second page", n, call((u64)c), n);
        c[1] = 0x11000000 | 1000 << 10;
        code_sync((u64)(c + 1), 4);
        CHECKN("first page", n, call((u64)c), n + 1000);
        c[1] = 0xd503201f;
        code_sync((u64)(c + 1), 4);
    }
}
/* A function that patches the instruction right behind its own maintenance. */
extern const char smc_self[], smc_self_end[];
__asm__(".pushsection .rodata\n.balign 4\n.global smc_self, smc_self_end\nsmc_self:\n"
        "adr x1, 1f\n str w0, [x1]\n dc cvau, x1\n dsb ish\n ic ivau, x1\n dsb ish\n isb\n 1: nop\n ret\nsmc_self_end:\n.popsection\n");
TEST(smc_in_own_block)
{
    set_up(1);
    volatile u32 *c = (volatile u32 *)VA;
    const u32 *s = (const u32 *)smc_self;
    for (unsigned i = 0; i < (smc_self_end - smc_self) / 4; i++)
        c[i] = s[i];
    code_sync(VA, 64);
    for (unsigned n = 0; n < 300; n++) {
        expect(FM_LR);
        u64 r = ((u64(*)(u64))VA)(insn_movz_w0(n));
        unexpect();
        CHECKN("run", n, r, n);
    }
}
/* Without maintenance: old or new, never anything else; new after the maintenance. */
TEST(smc_lazy)
{
    set_up(1);
    code_fn(VA, 1);
    code_sync(VA, 8);
    CHECK("first", call(VA), 1);
    for (unsigned n = 2; n < 200; n++) {
        volatile u32 *c = (volatile u32 *)VA;
        c[0] = insn_movz_w0(n);
        u64 r = call(VA);
        CHECKN("old or new", n, r == n - 1 || r == n, 1);
        code_sync(VA, 8);
        CHECKN("new", n, call(VA), n);
    }
}
/* Many functions in a page, one patched at a time, all called: chained blocks must not go stale. */
static __attribute__((noinline)) u64 sum_of(unsigned n)
{
    u64 s = 0;
    for (unsigned i = 0; i < n; i++)
        s += call(VA + i * 32);
    return s;
}
TEST(smc_many)
{
    set_up(1);
    u64 want = 0;
    for (unsigned i = 0; i < 64; i++) {
        code_fn(VA + i * 32, i);
        want += i;
    }
    code_sync(VA, 2048);
    for (unsigned n = 0; n < 200; n++) {
        CHECKN("sum", n, sum_of(64), want);
        unsigned i = n * 29 % 64;
        u64 old = call(VA + i * 32);
        code_fn(VA + i * 32, n + 500);
        code_sync(VA + i * 32, 8);
        want += n + 500 - old;
    }
}
/* A direct branch whose target is patched (a chained jump), and a patched branch. */
TEST(smc_branch)
{
    set_up(2);
    volatile u32 *c = (volatile u32 *)VA;
    for (unsigned k = 0; k < 8; k++) {
        c[64 + 2 * k] = insn_movz_w0(100 + k);
        c[65 + 2 * k] = INSN_RET;
        c[1024 + 2 * k] = insn_movz_w0(200 + k);               /* in the next page */
        c[1025 + 2 * k] = INSN_RET;
    }
    code_sync(VA, 8192);
    for (unsigned n = 0; n < 300; n++) {
        unsigned k = n % 8, far = n >> 3 & 1;
        c[0] = 0x14000000 | (far ? 1024 + 2 * k : 64 + 2 * k);
        code_sync(VA, 4);
        CHECKN("branch", n, call(VA), (far ? 200 : 100) + k);
    }
}
/* Physical pages recycled: another page's code behind the same VA after TLBI, and the same page at another VA. */
TEST(smc_remap)
{
    set_up(3);
    for (unsigned i = 0; i < 3; i++) {
        code_fn(VA + i * 4096, 10 + i);
        code_sync(VA + i * 4096, 8);
    }
    for (unsigned n = 0; n < 300; n++) {
        unsigned i = n % 3;
        pte_set(pt_slot(&t, VA + 0x100000, 3), (pa + i * 4096) | A_STD | A_KRO | A_UXN | 3);
        TLBI_A(vae1, ((VA + 0x100000) >> 12) | 1ull << 48);
        CHECKN("remap", n, call(VA + 0x100000), 10 + i);
    }
}
/* EL0 code written by the kernel, EL0's own maintenance (SCTLR.UCI). */
USTUB(u_smc, "str w1, [x0]\n dc cvau, x0\n dsb ish\n ic ivau, x0\n dsb ish\n isb\n mov x9, x30\n blr x0\n mov x30, x9")
TEST(smc_el0)
{
    struct pt u = pt_new(12, 48, 2);
    user_map(&u);
    u64 pg = page4k();
    ((volatile u32 *)kva(pg))[1] = INSN_RET;
    pt_map(&u, VA, pg, 3, A_STD | A_URW | A_PXN);
    pt_use(&u);
    for (unsigned n = 0; n < 300; n++) {
        u64 r = el0_call(u_smc, VA, insn_movz_w0(n), 0);
        CHECKN("esr", n, U.esr, ESR_SVC0);
        CHECKN("run", n, r, n);
    }
}
/* Data and code in one page: stores next to code must not disturb it. */
TEST(smc_data_beside)
{
    set_up(1);
    code_fn(VA, 0x321);
    code_sync(VA, 8);
    for (unsigned n = 0; n < 2000; n++) {
        st64(VA + 1024 + n % 128 * 8, n);
        CHECKN("run", n, call(VA), 0x321);
        CHECKN("data", n, ld64(VA + 1024 + n % 128 * 8), n);
    }
}
