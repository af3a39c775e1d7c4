/*
 * flow.c - control flow between pages: branches, calls and returns whose target's page changes mapping, rights, code or space.
 */
#include "suite.h"

#define VA 0x50000000ull
#define NEXT (VA + 4096)
#define TIMES 40

static struct pt t;

static u32 insn_b(u64 from, u64 to) { return 0x14000000u | ((u32)((to - from) >> 2) & 0x3ffffff); }
static u32 insn_bl(u64 from, u64 to) { return insn_b(from, to) | 0x80000000u; }

/* A page that begins with a branch to the page behind it. */
static u64 jumping_page(void)
{
    u64 pa = page4k();
    volatile u32 *c = kva(pa);
    c[0] = insn_b(VA, NEXT);
    code_sync((u64)c, 4);
    return pa;
}

static u64 value_page(unsigned value)
{
    u64 pa = page4k();
    code_fn((u64)kva(pa), value);
    code_sync((u64)kva(pa), 8);
    return pa;
}

static void tlbi(unsigned form, u64 va, u64 asid)
{
    switch (form) {
    case 0: TLBI_A(vae1, va >> 12 | asid << 48); break;
    case 1: TLBI_A(vaae1is, va >> 12); break;
    case 2: TLBI_A(aside1, asid << 48); break;
    default: TLBI(vmalle1);
    }
}

/* The branch stays, the page it leads to is another one. */
TEST(flow_remap)
{
    t = pt_new(12, 48, 1);
    u64 to[3] = { value_page(10), value_page(11), value_page(12) };
    pt_map(&t, VA, jumping_page(), 3, A_STD | A_KRO | A_UXN);
    pt_map(&t, NEXT, to[0], 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    for (unsigned form = 0; form < 4; form++)
        for (unsigned n = 0; n < TIMES; n++) {
            pte_set(pt_slot(&t, NEXT, 3), to[n % 3] | A_STD | A_KRO | A_UXN | 3);
            tlbi(form, NEXT, 1);
            for (unsigned k = 0; k < 3; k++)
                CHECKN("remapped", form << 8 | n, call(VA), 10 + n % 3);
        }
}

/* The page is gone, or must not be executed: the abort names its address. */
TEST(flow_rights)
{
    t = pt_new(12, 48, 1);
    u64 to = value_page(33);
    pt_map(&t, VA, jumping_page(), 3, A_STD | A_KRO | A_UXN);
    pt_map(&t, NEXT, to, 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    for (unsigned n = 0; n < TIMES; n++) {
        CHECKN("allowed", n, call(VA), 33);
        pte_set(pt_slot(&t, NEXT, 3), n & 1 ? 0 : to | A_STD | A_KRO | A_XN | 3);
        tlbi(n / 2 % 4, NEXT, 1);
        expect(FM_LR);
        ((void (*)(void))VA)();
        unexpect();
        CHECKN("abort", n, fault.esr, ESR(0x21, n & 1 ? FSC_TRANS(3) : FSC_PERM(3)));
        CHECKN("address", n, fault.far, NEXT);
        pte_set(pt_slot(&t, NEXT, 3), to | A_STD | A_KRO | A_UXN | 3);
        tlbi(n / 2 % 4, NEXT, 1);
    }
}

/* One page with the branch, shared by spaces that have other pages behind it; and at two addresses of each space. */
TEST(flow_spaces)
{
    struct pt s[4];
    u64 from = jumping_page();
    for (unsigned i = 0; i < 4; i++) {
        s[i] = pt_new(12, 48, 20 + i);
        pt_map(&s[i], VA, from, 3, A_STD | A_KRO | A_UXN);
        pt_map(&s[i], NEXT, value_page(100 + i), 3, A_STD | A_KRO | A_UXN);
        pt_map(&s[i], VA + 0x10000, from, 3, A_STD | A_KRO | A_UXN);
        pt_map(&s[i], NEXT + 0x10000, value_page(200 + i), 3, A_STD | A_KRO | A_UXN);
    }
    pt_use(&s[0]);
    u64 seed = 7;
    for (unsigned n = 0; n < 20 * TIMES; n++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        unsigned i = seed >> 60 & 3, high = seed >> 50 & 1;
        pt_ttbr0(&s[i]);
        for (unsigned k = 0; k <= n % 4; k++)
            CHECKN("space", n, call(VA + high * 0x10000), (high ? 200 : 100) + i);
    }
}

/* The target's code is written anew, by its own address and by another. */
TEST(flow_smc)
{
    t = pt_new(12, 48, 1);
    u64 to = value_page(1);
    pt_map(&t, VA, jumping_page(), 3, A_STD | A_KRO | A_UXN);
    pt_map(&t, NEXT, to, 3, A_STD | A_KRW | A_UXN);
    pt_use(&t);
    for (unsigned n = 0; n < 3 * TIMES; n++) {
        u64 by = n & 1 ? NEXT : (u64)kva(to);
        code_fn(by, n);
        code_sync(by, 8);
        for (unsigned k = 0; k < 3; k++)
            CHECKN("patched", n, call(VA), n);
    }
}

/* Conditional branches both of whose ways leave the page, forwards and backwards. */
TEST(flow_both_ways)
{
    t = pt_new(12, 48, 1);
    u64 mid = page4k();
    volatile u32 *c = kva(mid);
    c[1023] = 0x54000000u | (((0ull - 4096 - 4092) >> 2 & 0x7ffff) << 5) | 1;  /* b.ne two pages back; else into the next */
    code_sync((u64)&c[1023], 4);
    pt_map(&t, VA, value_page(5), 3, A_STD | A_KRO | A_UXN);
    pt_map(&t, VA + 2 * 4096, mid, 3, A_STD | A_KRO | A_UXN);
    pt_map(&t, VA + 3 * 4096, value_page(6), 3, A_STD | A_KRO | A_UXN);
    /* From the second page's last instruction the branch leads to VA. */
    pt_map(&t, VA + 4096, value_page(7), 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    c[1023] = 0x54000000u | (((0ull - 2 * 4096 - 4092) >> 2 & 0x7ffff) << 5) | 1;
    code_sync((u64)&c[1023], 4);
    for (unsigned n = 0; n < 6 * TIMES; n++) {
        u64 x0 = n / 3 & 1;
        expect(FM_LR);
        register u64 r __asm__("x0") = x0;
        __asm__ volatile("cmp x0, #0\n blr %1" : "+r"(r) : "r"(VA + 2 * 4096 + 4092) : "x30", "cc", "memory", "x1", "x2");
        unexpect();
        CHECKN("way", n, r, x0 ? 5 : 6);
    }
}

/* A function returns into a page that it had remapped, and to addresses that nobody called from. */
static unsigned remap_n;
static u64 remap_to[2];
static void remap_caller(void)
{
    remap_n++;
    pte_set(pt_slot(&t, VA, 3), remap_to[remap_n & 1] | A_STD | A_KRO | A_UXN | 3);
    tlbi(remap_n / 2 % 4, VA, 1);
}
TEST(flow_return_remap)
{
    t = pt_new(12, 48, 1);
    for (unsigned i = 0; i < 2; i++) {
        remap_to[i] = page4k();
        volatile u32 *c = kva(remap_to[i]);
        c[0] = 0xf81f0ffe;                                     /* str x30, [sp, #-16]! */
        c[1] = 0xd63f0000;                                     /* blr x0 */
        c[2] = insn_movz_w0(70 + i);
        c[3] = 0xf84107fe;                                     /* ldr x30, [sp], #16 */
        c[4] = INSN_RET;
        code_sync((u64)c, 20);
    }
    pt_map(&t, VA, remap_to[0], 3, A_STD | A_KRO | A_UXN);
    pt_use(&t);
    remap_n = 0;
    for (unsigned n = 1; n <= 3 * TIMES; n++) {
        u64 r = ((u64(*)(void (*)(void)))VA)(remap_caller);
        CHECKN("return", n, r, 70 + (n & 1));
    }
}

/* Calls without returns, returns without calls. */
static __attribute__((noinline)) u64 dive(struct jmp *j, unsigned depth, unsigned n)
{
    if (depth == 0) {
        if (n & 1)
            longjmp_(j, 5);
        return 1;
    }
    u64 v = dive(j, depth - 1, n) + 1;
    __asm__ volatile("" : "+r"(v));
    return v;
}
TEST(flow_longjmp)
{
    for (unsigned n = 0; n < 5 * TIMES; n++) {
        struct jmp j;
        unsigned depth = n % 60;
        int r = setjmp_(&j);
        if (r)
            CHECKN("jumped", n, r, 5);
        else
            CHECKN("returned", n, dive(&j, depth, n), depth + 1);
    }
}
TEST(flow_return_elsewhere)
{
    t = pt_new(12, 48, 1);
    u64 pa = page_alloc(3 * 4096, 4096);
    volatile u32 *c = kva(pa);
    for (unsigned i = 0; i < 3; i++)
        pt_map(&t, VA + i * 4096, pa + i * 4096, 3, A_STD | A_KRO | A_UXN);
    c[0] = 0xaa1e03ef;                                         /* mov x15, x30 */
    c[1] = insn_bl(VA + 4, VA + 8192);                         /* a function in the third page */
    c[2] = insn_movz_w0(1);
    c[3] = 0xd65f01e0;                                         /* ret x15 */
    c[1024] = insn_movz_w0(2);
    c[1025] = 0xd65f01e0;
    c[2048] = 0xb4000040;                                      /* cbz x0, +8 */
    c[2049] = 0xaa0103fe;                                      /* mov x30, x1 */
    c[2050] = INSN_RET;
    code_sync((u64)c, 3 * 4096);
    pt_use(&t);
    for (unsigned n = 0; n < 5 * TIMES; n++) {
        unsigned astray = n * n / 3 & 1;
        CHECKN("return", n, ((u64(*)(u64, u64))VA)(astray, NEXT), astray ? 2 : 1);
    }
}

/* Deeper than anybody remembers returns, with a return to each call in order. */
extern u64 flow_dive(u64 depth, u64 *stack, u64 sum);
__asm__(".pushsection .text, \"ax\"\n.balign 4\n"
        "flow_dive: str x30, [x1], #8\n add x2, x2, x0\n subs x0, x0, #1\n b.eq 1f\n bl flow_dive\n add x2, x2, #1\n"
        "1: ldr x30, [x1, #-8]!\n mov x0, x2\n ret\n.popsection\n");
TEST(flow_deep)
{
    static const u64 depth[] = { 1, 40, 16000, 16383, 16384, 16385, 50000, 17000 };
    u64 *stack = kva(page_alloc(400 << 10, 4096));
    for (unsigned n = 0; n < 3 * sizeof(depth) / sizeof(depth[0]); n++) {
        u64 d = depth[n % (sizeof(depth) / sizeof(depth[0]))];
        CHECKN("deep", d, flow_dive(d, stack, 0), d * (d + 1) / 2 + d - 1);
    }
}

/* The function writes anew what is behind the call, by either address of the page. */
static u64 smc_by;
static unsigned smc_n;
static void rewrite_caller(void)
{
    ((volatile u32 *)smc_by)[2] = insn_movz_w0(smc_n);
    code_sync(smc_by, 20);
}
TEST(flow_return_smc)
{
    t = pt_new(12, 48, 1);
    u64 pa = page4k();
    volatile u32 *c = kva(pa);
    c[0] = 0xf81f0ffe;                                         /* str x30, [sp, #-16]! */
    c[1] = 0xd63f0000;                                         /* blr x0 */
    c[2] = insn_movz_w0(0);
    c[3] = 0xf84107fe;                                         /* ldr x30, [sp], #16 */
    c[4] = INSN_RET;
    code_sync((u64)c, 20);
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_UXN);
    pt_use(&t);
    for (unsigned n = 1; n <= 3 * TIMES; n++) {
        smc_by = n & 1 ? VA : (u64)kva(pa);
        smc_n = n;
        CHECKN("rewritten", n, ((u64(*)(void (*)(void)))VA)(rewrite_caller), n);
    }
}

/* The function switches to another space, where other code is behind the call; direct calls within the page and out of it. */
static struct pt ret_space[3];
static unsigned ret_to;
static void switch_space(void) { pt_ttbr0(&ret_space[ret_to]); }
TEST(flow_return_space)
{
    for (unsigned i = 0; i < 3; i++) {
        u64 pa = page_alloc(2 * 4096, 4096);
        volatile u32 *c = kva(pa);
        ret_space[i] = pt_new(12, 48, 30 + i);
        pt_map(&ret_space[i], VA, pa, 3, A_STD | A_KRO | A_UXN);
        pt_map(&ret_space[i], NEXT, pa + 4096, 3, A_STD | A_KRO | A_UXN);
        c[0] = 0xf81f0ffe;                                     /* str x30, [sp, #-16]! */
        c[1] = 0xb4000061;                                     /* cbz x1, +12 */
        c[2] = insn_bl(VA + 8, VA + 0x100);
        c[3] = insn_b(VA + 12, VA + 0x20);
        c[4] = insn_bl(VA + 16, NEXT);
        c[5] = 0xaa1f03e1;                                     /* mov x1, xzr */
        c[8] = insn_movz_w0(90 + i);
        c[9] = 0xf84107fe;                                     /* ldr x30, [sp], #16 */
        c[10] = INSN_RET;
        c[64] = 0xd61f0000;                                    /* br x0 */
        c[1024] = 0xd61f0000;
        c[6] = insn_b(VA + 24, VA + 0x20);
        code_sync((u64)c, 8192);
    }
    pt_use(&ret_space[0]);
    u64 seed = 3;
    for (unsigned n = 0; n < 10 * TIMES; n++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        ret_to = (seed >> 40) % 3;
        CHECKN("space", n, ((u64(*)(void (*)(void), u64))VA)(switch_space, seed >> 50 & 1), 90 + ret_to);
    }
}
