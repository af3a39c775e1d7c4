/*
 * guest.c - the hostile guest's run: random address spaces, random code, random registers, until the budget is spent.
 *
 * handler() gets every exception. It goes on behind the faulting instruction or somewhere else with new registers, rewrites code and
 * tables now and then (with the maintenance that the architecture wants), and plays with the devices.
 */
#include "hostile.h"

volatile struct params params __attribute__((section(".data"))) = { 0x676e6f686f737401ull, 1, 500, 0, 0x8000 };

struct frame { u64 x[31], sp1, sp0, vec, cpacr; };
_Static_assert(__builtin_offsetof(struct frame, sp1) == 248 && __builtin_offsetof(struct frame, vec) == 264, "entry.S");
extern struct frame frame;
extern char vectors_off[], vectors_on[];
void enter(struct frame *f, u64 sctlr, const void *v) __attribute__((noreturn));
void handler(void);
void hostile_main(void);

static u64 state;
static u64 count;
static volatile int busy;                        /* the handler is running: an exception now is its own */
static u64 vbits[64] __attribute__((aligned(16)));

u64 rnd(void)
{
    u64 z = state += 0x9e3779b97f4a7c15ull;      /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void power_off(void)
{
    static const char text[] = "hostile: done\n";
    /* With the MMU on the UART may be out of reach. */
    for (const char *s = text; *s && !(RD(sctlr_el1) & 1); s++)
        *(volatile u32 *)0x09000000 = (u8)*s;
    register u64 x0 __asm__("x0") = 0x84000008;
    __asm__ volatile("hvc #0" : "+r"(x0) : : "memory");
    for (;;)
        ;
}

static u64 random_sctlr(void)
{
    u64 v = 0x30d00800 | 1 << 26 | 1 << 18 | 1 << 16 | 1 << 15 | 1 << 14 | 1 << 12 | 1 << 9 | 1 << 2 | 1;
    if (one_in(4))
        v ^= rnd() & (1 << 1 | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 9 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 23 | 1 << 26);
    if (one_in(32))
        v &= ~1ull;                              /* MMU off */
    if (one_in(32) && params.wild & WILD_REGS)
        v ^= rnd() & ~1ull;
    return v;
}

static void use(unsigned i)
{
    const struct space *s = &spaces[i];
    current = i;
    WR(tcr_el1, s->tcr);
    WR(mair_el1, s->mair);
    WR(ttbr0_el1, one_in(2) ? s->ttbr0 : (s->ttbr0 & 0xffffffffffffull) | below(3) << 48);
    WR(ttbr1_el1, s->ttbr1);
    ISB();
}

static u64 random_spsr(void)
{
    u64 r = rnd(), m = one_in(3) ? 0 : one_in(4) ? 4 : 5;
    u64 v = (r & 0xf0000000) | (one_in(16) ? r & 0x3c0 : 0) | m;
    if (one_in(8))
        v |= r & (1 << 22 | 1 << 23 | 1 << 24 | 1 << 12);
    if (one_in(64))
        v |= r & (1 << 20 | 1 << 21 | 0x1f);
    return v;
}

static void fresh(void)
{
    for (unsigned i = 0; i < 31; i++)
        frame.x[i] = i < 8 ? random_value() : random_va();
    if (one_in(3))                               /* index registers are small, then */
        for (unsigned i = 8; i < 16; i++)
            frame.x[i] = one_in(4) ? random_value() : below(4096);
    frame.sp1 = one_in(8) ? random_va() : random_va() & ~15ull;
    WR(sp_el0, one_in(8) ? random_va() : random_va() & ~15ull);
    WR(elr_el1, code_va());
    WR(spsr_el1, random_spsr());
}

void handler(void)
{
    int again = busy;
    busy = 1;
    u64 ec = RD(esr_el1) >> 26 & 63, sync = (frame.vec & 3) == 0;
    if (++count >= params.budget)
        power_off();
    if (!sync && !again)
        irq_ack();
    u64 mode = below(4);
    if (again || mode == 0 || ec == 0x20 || ec == 0x21 || ec == 0x22 || ec == 0x0e)
        mode = 0;                                /* elsewhere: nothing to go back to */
    if (one_in(12)) {
        u64 pa = ARENA + (below(params.code_bytes) & ~0xffull);
        code_fill(pa, 0x100);
        if (!one_in(8))
            for (u64 o = 0; o < 0x100; o += 64)
                __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" : : "r"(pa + o) : "memory");
        __asm__ volatile("ic iallu\n\tdsb ish\n\tisb" : : : "memory");
    }
    int on = RD(sctlr_el1) & 1;
    if (!on && one_in(60)) {
        unsigned i = (unsigned)below(SPACES);
        space_build(i);
        use(i);                                  /* its TCR changed as well */
        mode = 0;
    }
    if (one_in(12))
        space_alter((unsigned)below(SPACES));
    if (!on && (one_in(6) || again)) {
        use((unsigned)below(SPACES));
        mode = 0;
    }
    WR(vbar_el1, one_in(3) ? (u64)vectors_on : (u64)vectors_off);
    if (!on && one_in(10))
        poke_devices();
    if (again || one_in(20))
        gic_init();
    timer_arm();
    WR(mdscr_el1, one_in(16) ? rnd() & 1 : 0);
    WR(cntkctl_el1, rnd() & 0x303);
    if (mode == 0) {
        fresh();
    } else {
        if (sync && ec != 0x15)
            WR(elr_el1, RD(elr_el1) + 4);
        WR(spsr_el1, RD(spsr_el1) & ~(1ull << 20 | 1ull << 7));
        if (mode == 1)
            frame.x[8 + below(23)] = random_va();
    }
    const void *v = 0;
    if (one_in(8)) {
        for (unsigned i = 0; i < N(vbits); i++)
            vbits[i] = random_value();
        v = vbits;
        WR(cpacr_el1, 3 << 20);
        ISB();
        WR(s3_3_c4_c4_0, one_in(2) ? 0 : rnd() & 0x07f79f00);    /* FPCR */
    }
    frame.cpacr = one_in(24) ? rnd() & 3 << 20 : 3 << 20;
    busy = 0;
    BARRIER();
    enter(&frame, random_sctlr(), v);
}

void hostile_main(void)
{
    state = params.seed * 0xd1342543de82ef95ull;
    code_fill(ARENA, params.code_bytes);
    for (unsigned i = 0; i < SPACES; i++)
        space_build(i);
    use(0);
    WR(vbar_el1, (u64)vectors_off);
    gic_init();
    timer_arm();
    fresh();
    frame.cpacr = 3 << 20;
    __asm__ volatile("ic iallu\n\tdsb sy\n\tisb" : : : "memory");
    enter(&frame, random_sctlr(), 0);
}
