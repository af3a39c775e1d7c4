/*
 * code.c - random instructions: any bits, the lines of the decode tables, and system instructions by rules of their own.
 */
#include "hostile.h"
#include "insns.h"

static u32 from(const struct line *l, unsigned n)
{
    const struct line *p = &l[below(n)];
    return p->value | ((u32)rnd() & ~p->mask);
}

/* Branches stay near and go forward mostly: an endless loop is a run wasted, if not for ever (the timer ends it). */
static u32 near(u32 i)
{
    u32 back = one_in(12), d = 1 + (u32)below(back ? 8 : 24);
    d = back ? 0u - d : d;
    if (one_in(40))
        return i;
    if ((i & 0x7c000000) == 0x14000000)
        return (i & 0xfc000000) | (d & 0x3ffffff);
    if ((i & 0xff000000) == 0x54000000 || (i & 0x7e000000) == 0x34000000)
        return (i & ~(0x7ffffu << 5)) | (d & 0x7ffff) << 5;
    if ((i & 0x7e000000) == 0x36000000)
        return (i & ~(0x3fffu << 5)) | (d & 0x3fff) << 5;
    return i;
}

/* Registers whose writing ends the run soon: left to seeds that are meant to. */
static int deadly(u32 r)
{
    switch (r & 0x1fffe0) {
    case 0x181000:                               /* SCTLR_EL1 */
    case 0x182000: case 0x182020: case 0x182040: /* TTBR0, TTBR1, TCR */
    case 0x18c000:                               /* VBAR */
        return 1;
    }
    return 0;
}

static u32 system_insn(void)
{
    u32 rt = (u32)below(32);
    static const u32 sys[] = {
        0xd50b7420, 0xd50b7a20, 0xd50b7b20, 0xd50b7e20, 0xd5087620, 0xd5087640, 0xd5087a40, 0xd5087e40, /* DC ZVA, CVAC, CVAU, CIVAC, IVAC, ISW.. */
        0xd50b7520, 0xd508751f, 0xd508711f,                                          /* IC IVAU, IALLU, IALLUIS */
        0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860, 0xd5087900, 0xd5087920,      /* AT S1E1R, W, S1E0R, W, S1E1RP, WP */
        0xd508871f, 0xd508831f, 0xd5088720, 0xd5088320, 0xd5088740, 0xd5088340, 0xd5088760, 0xd5088360, 0xd50887a0, 0xd50883a0,
        0xd50887e0, 0xd50883e0, 0xd508811f, 0xd5088620, 0xd5088660, 0xd5088220, 0xd5088260,                /* TLBI, outer and range forms */
    };
    switch (below(10)) {
    case 0: case 1: case 2: return (sys[below(N(sys))] & (one_in(16) ? ~0u : ~31u)) | rt;
    case 3: return 0xd5080000 | ((u32)rnd() & 0x27ffff);                             /* any SYS, SYSL */
    case 4: return 0xd5100000 | ((u32)rnd() & (one_in(2) ? 0x2fffff : 0x20ffff));    /* any MSR, MRS */
    case 5: return one_in(4) ? 0xd4000002 | (u32)below(2) << 5 : 0xd5033fdf;         /* HVC, ISB */
    case 6: return 0xd500401f | ((u32)rnd() & 0x70fe0);                              /* MSR immediate */
    case 7: return one_in(6) ? 0xd69f03e0 : one_in(2) ? 0xd503201f | (u32)below(128) << 5 : 0xd503301f | (u32)below(128) << 5;
    default: {
        u32 r = sysregs[below(N(sysregs))];
        if (one_in(2))
            return 0xd5300000 | r | rt;
        if (deadly(r) && (!(params.wild & WILD_REGS) || !one_in(24)))
            return 0xd5300000 | r | rt;
        return 0xd5100000 | r | rt;
    }
    }
}

u32 random_insn(void)
{
    u32 i;
    switch (below(20)) {
    case 0: return (u32)rnd();
    case 1: case 2: case 3: case 4: case 5: case 6: case 7: case 8:
        i = from(lines_mem, N(lines_mem));
        /* Bases are x8 to x30, where the pointers are; what is loaded goes elsewhere. */
        if (!one_in(8))
            i = (i & ~0x3e0u) | (8 + (u32)below(24)) << 5;
        if (!one_in(6))
            i &= ~0x18u;
        return i;
    case 9: case 10:
        i = system_insn();
        /* Never by accident what a tame run must not do. */
        if ((i & 0xfff00000) == 0xd5100000 && !(params.wild & WILD_REGS) && deadly(i))
            i |= 0x200000;
        if ((i & 0xffe0001f) == 0xd4000002 && !(params.wild & WILD_RESET))
            i = 0xd503201f;
        return i;
    case 11:
        i = near(from(lines_branch, N(lines_branch)));
        return (i & 0xffe0001f) == 0xd4000002 && !(params.wild & WILD_RESET) ? 0xd503201f : i;
    case 12: case 13: case 14: case 15: return from(lines_simd, N(lines_simd));
    default: return from(lines_dp, N(lines_dp)) & (one_in(6) ? ~0u : ~0x18u);
    }
}

void code_fill(u64 pa, u64 bytes)
{
    volatile u32 *p = (volatile u32 *)pa;
    for (u64 k = 0; k < bytes / 4; k++) {
        u32 i = random_insn();
        if ((i & 0xfff00000) == 0xd5100000 && deadly(i) && !(params.wild & WILD_REGS))
            i = 0xd503201f;
        p[k] = i;
    }
}

u64 random_value(void)
{
    u64 v = rnd();
    switch (below(6)) {
    case 0: return v;
    case 1: return v >> below(64);
    case 2: return 1ull << below(64);
    case 3: return (u64)((s64)v >> below(64));
    case 4: return below(64);
    default: return random_va();
    }
}
