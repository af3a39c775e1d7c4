/*
 * trace.c - code that jumps about within its page, as translators like to put together: loops closed by a jump or by running into
 * their start, faults in the middle, parts written anew one at a time, breakpoints and interrupts in them.
 */
#include "suite.h"
#include "irq.h"

#define VA 0x50000000ull
#define DATA 0x50100000ull
#define PPI_VIRT 27
#define MDE_KDE (1ull << 15 | 1ull << 13)

/*
 * x0 rounds, x1 an address, x2 and x3 sums, x4 what was loaded last. LOW, MID and JOIN lie in lines of their own; each begins with
 * an addition, which tests patch.
 */
#define LOW 0
#define MID 128
#define JOIN 192
#define RUN_IN (320 + 8)
#define WAIT 512
#define SHORT 576
extern const char trace_code[], trace_code_end[];
__asm__(".pushsection .rodata\n.balign 64\n.global trace_code, trace_code_end\ntrace_code:\n"
        "add x3, x3, #5\n ldr x4, [x1]\n add x2, x2, x4\n subs x0, x0, #1\n b.eq 9f\n b 1f\n"
        ".balign 128\n1: add x3, x3, #7\n tbz x0, #0, 2f\n add x3, x3, #100\n b 3f\n2: add x3, x3, #1\n b 3f\n"
        ".balign 64\n3: add x2, x2, #2\n b trace_code\n"
        ".balign 64\n9: add x0, x2, x3, lsl #32\n ret\n"
        /* Entered at 4, runs into its start. */
        ".balign 64\n5: add x2, x2, #3\n nop\n4: subs x0, x0, #1\n b.eq 9b\n add x3, x3, #1\n b 5b\n"
        /* Entered at 8, until *x1 is not 0: the second part leads forward to a block below the first, and that to the first. */
        ".balign 64\n6: ldr x4, [x1]\n cbnz x4, 0f\n cbz x4, 7f\n ret\n"
        ".balign 64\n7: cbz x4, 8f\n ret\n"
        ".balign 64\n8: b 6b\n0: mov x0, xzr\n ret\n"
        ".balign 64\n5: ldr x4, [x1], #8\n sub x0, x0, #1\n cmp x0, x3\n add x2, x2, x4\n cbnz x0, 5b\n mov x0, x2\n ret\n"
        "trace_code_end:\n.popsection\n");

static struct pt t;
static u64 pa, data;

static void set_up(void)
{
    t = pt_new(12, 48, 1);
    pa = page4k();
    data = page4k();
    volatile u32 *c = kva(pa);
    const u32 *s = (const u32 *)trace_code;
    for (unsigned i = 0; i < (unsigned)(trace_code_end - trace_code) / 4; i++)
        c[i] = s[i];
    code_sync((u64)c, 4096);
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_UXN);
    pt_map(&t, DATA, data, 3, A_STD | A_KRW | A_XN);
    pt_use(&t);
}

static u64 run3(u64 at, u64 rounds, u64 x1, u64 x3)
{
    register u64 r0 __asm__("x0") = rounds;
    register u64 r1 __asm__("x1") = x1;
    register u64 r2 __asm__("x2") = 0;
    register u64 r3 __asm__("x3") = x3;
    register u64 r4 __asm__("x4") = 0x11;
    __asm__ volatile("blr %5" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4) : "r"(at) : "x30", "cc", "memory");
    return r0;
}

static u64 run(u64 at, u64 rounds, u64 x1) { return run3(at, rounds, x1, 0); }

/* What run(VA + MID) returns. */
static u64 expected(u64 rounds, u64 loaded, u64 low, u64 mid, u64 join)
{
    u64 x2 = 0, x3 = 0;
    for (; rounds; rounds--) {
        x3 += mid + (rounds & 1 ? 100 : 1) + low;
        x2 += join + loaded;
    }
    return x2 + (x3 << 32);
}

TEST(trace_loops)
{
    set_up();
    pdata(data)[0] = 3;
    for (unsigned n = 1; n < 60; n++) {
        CHECKN("closed by a jump", n, run(VA + MID, n, DATA), expected(n, 3, 5, 7, 2));
        CHECKN("from its last part", n, run(VA + LOW, n, DATA), expected(n - 1, 3, 5, 7, 2) + 3 + (5ull << 32));
        CHECKN("run into", n, run(VA + RUN_IN, n, DATA), (n - 1) * 3 + ((u64)(n - 1) << 32));
    }
}

/* Each load faults and is skipped: address and registers are those of its place. */
TEST(trace_fault)
{
    set_up();
    for (unsigned n = 0; n < 40; n++) {
        bool gone = n & 1;
        unsigned rounds = 1 + n % 3;
        pte_set(pt_slot(&t, DATA, 3), gone ? 0 : data | A_STD | A_KRW | A_XN | 3);
        TLBI_A(vae1, DATA >> 12 | 1ull << 48);
        expect(FM_SKIP);
        u64 got = run(VA + MID, rounds, DATA + 8);
        unexpect();
        CHECKN("sums", n, got, expected(rounds, gone ? 0x11 : 0, 5, 7, 2));
        CHECKN("faults", n, fault.count, gone ? rounds : 0);
        if (gone) {
            CHECKN("esr", n, fault.esr, ESR_RD(FSC_TRANS(3)));
            CHECKN("elr", n, fault.elr, VA + LOW + 4);
            CHECKN("far", n, fault.far, DATA + 8);
        }
    }
}

/* A short loop runs off its page: whichever round the fault is in, it sees the flags of the one before. */
TEST(trace_flags)
{
    set_up();
    for (unsigned i = 0; i < 512; i++)
        pdata(data)[i] = i + 1;
    for (unsigned n = 0; n < 90; n++) {
        unsigned good = n / 9, bad = 1 + n % 3, x3 = n / 3 % 3;
        u64 sum = 0, last = 0x11;
        for (unsigned k = 0; k < good; k++)
            sum += last = 512 - good + k + 1;
        expect(FM_SKIP);
        u64 got = run3(VA + SHORT, good + bad, DATA + 4096 - 8 * good, x3);
        unexpect();
        CHECKN("sum", n, got, sum + bad * last);
        CHECKN("faults", n, fault.count, bad);
        CHECKN("far", n, fault.far, DATA + 4096);
        CHECKN("elr", n, fault.elr, VA + SHORT);
        if (good + bad > 1)
            CHECKN("flags", n, fault.spsr >> 28, x3 == 0 ? 2 : x3 == 1 ? 6 : 8);
    }
}

/* One part is written anew at a time, announced by line or altogether. */
TEST(trace_smc)
{
    static const u32 at[3] = { LOW, MID, JOIN }, insn[3] = { 0x91000063, 0x91000063, 0x91000042 };   /* add xN, xN, #0 */
    u64 imm[3] = { 5, 7, 2 };
    set_up();
    CHECK("first", run(VA + MID, 5, DATA), expected(5, 0, 5, 7, 2));
    for (unsigned n = 0; n < 240; n++) {
        unsigned k = n % 3;
        u64 by = (n & 4 ? (u64)kva(pa) : VA) + at[k];
        imm[k] = n + 10;
        *(volatile u32 *)by = insn[k] | (u32)imm[k] << 10;
        if (n & 8)
            __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic iallu\n\tdsb ish\n\tisb" : : "r"(by) : "memory");
        else
            code_sync(by, 4);
        for (unsigned rounds = 1; rounds < 4; rounds++)
            CHECKN("sums", n, run(VA + MID, rounds, DATA), expected(rounds, 0, imm[0], imm[1], imm[2]));
    }
}

/* A breakpoint in any part stops there, though the code has run as a whole before, and does so again when it is gone. */
TEST(trace_breakpoint)
{
    static const u32 at[] = { MID, MID + 4, MID + 12, JOIN, JOIN + 4, LOW, LOW + 8, LOW + 20 };
    set_up();
    CHECK("plain", run(VA + MID, 9, DATA), expected(9, 0, 5, 7, 2));
    for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        WR(oslar_el1, 0);
        WR(dbgbvr0_el1, VA + at[i]);
        WR(dbgbcr0_el1, 1ull | 1ull << 1 | 0xfull << 5);       /* at EL1 */
        WR(mdscr_el1, MDE_KDE);
        __asm__ volatile("msr daifclr, #8");
        ISB();
        expect(FM_LR);
        run(VA + MID, 3, DATA);
        unexpect();
        WR(dbgbcr0_el1, 0);
        WR(mdscr_el1, 0);
        __asm__ volatile("msr daifset, #8");
        ISB();
        CHECKN("hits", i, fault.count, 1);
        CHECKN("elr", i, fault.elr, VA + at[i]);
        CHECKN("off", i, run(VA + MID, 9, DATA), expected(9, 0, 5, 7, 2));
    }
}

/* Loops without end are left for an interrupt. */
static void irq_flag(struct frame *f)
{
    (void)f;
    u32 id = gic_ack();
    WR(cntv_ctl_el0, 0);
    ISB();
    pdata(data)[0] = 1;
    irq_n++;
    gic_eoi(id);
}
TEST(trace_interrupt)
{
    set_up();
    irq_begin();
    irq_hook = irq_flag;
    gic_enable(PPI_VIRT, true);
    irq_unmask();
    for (unsigned n = 1; n < 4; n++) {
        pdata(data)[0] = 0;
        WR(cntv_cval_el0, RD(cntvct_el0) + RD(cntfrq_el0) / 200);
        WR(cntv_ctl_el0, 1);
        ISB();
        CHECKN("the loop ends", n, run(VA + WAIT, 0, DATA), 0);
        CHECKN("interrupts", n, irq_n, n);
    }
    irq_mask();
    gic_enable(PPI_VIRT, false);
}
