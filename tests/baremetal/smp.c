/*
 * smp.c - several CPUs: PSCI, SGIs, WFI and SEV across CPUs; TLB and instruction cache maintenance of one CPU as another sees it;
 * exclusives. Skipped on a machine with one CPU.
 *
 * CPU 1 runs what run() gives it, at EL1 with the boot tables; its exceptions must be interrupts.
 */
#include "suite.h"
#include "irq.h"

#define VA 0x50000000ull
#define OTHER 1ull                                /* affinity of the second CPU */
#define CPU_OFF 0x84000002u
#define CPU_ON 0xc4000003u
#define AFFINITY_INFO 0xc4000004u

u8 other_stack[16384] __attribute__((aligned(16)));
void other_main(u64 context) __attribute__((noreturn));
extern const char other_start[];

#define LOAD(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

static u64 psci(u64 fn, u64 a, u64 b, u64 c)
{
    register u64 x0 __asm__("x0") = fn, x1 __asm__("x1") = a, x2 __asm__("x2") = b, x3 __asm__("x3") = c;
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                     "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return x0;
}

/*
 * What spins says so, as Linux does: without it a waiter whose CPU has no host CPU to itself uses up its time slice before the one
 * that it waits for comes on.
 */
static inline void relax(void) { __asm__ volatile("yield" : : : "memory"); }

/* What looks until it is told to stop lets others run now and then: by far not as often as it looks. */
static inline void relax_at(u64 i)
{
    if (!(i & 1023))
        relax();
}

static void (*job)(void);
static u64 started, context_seen, mpidr_seen;

void other_main(u64 context)
{
    context_seen = context;
    mpidr_seen = RD(mpidr_el1);
    STORE(started, LOAD(started) + 1);
    for (;;) {
        void (*f)(void);
        while (!(f = LOAD(job)))
            __asm__ volatile("wfe");
        f();
        STORE(job, (void (*)(void))0);
    }
}

static void delay_us(u64 us)
{
    u64 end = RD(cntvct_el0) + us * RD(cntfrq_el0) / 1000000;
    while (RD(cntvct_el0) < end)
        relax();
}

static bool wait_for(volatile u64 *p, u64 want)
{
    u64 end = RD(cntvct_el0) + 5 * RD(cntfrq_el0);
    while (LOAD(*p) != want) {
        if (RD(cntvct_el0) > end)
            return false;
        relax();
    }
    return true;
}

static u64 on(u64 context) { return psci(CPU_ON, OTHER, pa_of(other_start), context); }

static void need_other(void)
{
    if (LOAD(started))
        return;
    u64 r = on(0x1234);
    if (r == (u64)-2 || r == (u32)-2)
        skip("one CPU");
    CHECK("CPU_ON", r, 0);
    CHECK("it starts", wait_for(&started, 1), true);
}

static void begin(void (*f)(void))
{
    STORE(job, f);
    DSB();
    __asm__ volatile("sev");
}
static void end(void)
{
    u64 limit = RD(cntvct_el0) + 10 * RD(cntfrq_el0);
    while (LOAD(job)) {
        if (RD(cntvct_el0) > limit) {
            CHECK("the other CPU is done", 0, 1);
            return;
        }
        relax();
    }
}

static void off(void) { STORE(job, (void (*)(void))0); psci(CPU_OFF, 0, 0, 0); }

TEST(smp_psci)
{
    need_other();
    CHECK("context", context_seen, 0x1234);
    CHECK("MPIDR", mpidr_seen & 0xff00ffffff, OTHER);
    for (unsigned i = 0; i < 20; i++) {
        u64 before = LOAD(started);
        CHECKN("ALREADY_ON", i, on(0) & 0xffffffff, (u32)-4);
        CHECKN("AFFINITY_INFO on", i, psci(AFFINITY_INFO, OTHER, 0, 0), 0);
        begin(off);
        u64 limit = RD(cntvct_el0) + 5 * RD(cntfrq_el0);
        while (psci(AFFINITY_INFO, OTHER, 0, 0) != 1 && RD(cntvct_el0) < limit)
            relax();
        CHECKN("AFFINITY_INFO off", i, psci(AFFINITY_INFO, OTHER, 0, 0), 1);
        CHECKN("CPU_ON", i, on(i), 0);
        CHECKN("it starts", i, wait_for(&started, before + 1), true);
        CHECKN("context", i, context_seen, i);
    }
    CHECK("no such CPU", psci(CPU_ON, 0x77, pa_of(other_start), 0) & 0xffffffff, (u32)-2);
}

/* ---- what the other CPU sees of translations and code ---- */

/* Odd: maintenance is under way. Even: the page or code of number phase / 2 % 2 is what must be seen. */
static u64 phase, stop, bad, rounds;
static u64 other_ttbr, other_tcr;

static void use_table(void)
{
    WR(tcr_el1, other_tcr);
    WR(ttbr0_el1, other_ttbr);
    ISB();
    __asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

static void table_gone(void)
{
    WR(ttbr0_el1, pa_of(boot_l2));                /* nothing that is used: entries of RAM blocks are no tables of the low half */
    WR(tcr_el1, RD(tcr_el1) | 1 << 7);            /* EPD0: no walks */
    ISB();
    __asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

static void look(void)
{
    use_table();
    for (u64 i = 1; !LOAD(stop); i++) {
        u64 before = LOAD(phase);
        u64 v = *(volatile u64 *)VA;
        __asm__ volatile("dmb ishld" : : : "memory");
        u64 after = LOAD(phase);
        if (before == after && !(before & 1)) {
            bad += v != 0xa0 + before / 2 % 2;
            STORE(rounds, rounds + 1);
        }
        relax_at(i);
    }
    table_gone();
}

/* Does not relax: where the CPUs share a host CPU it is to be interrupted between a store's look-up and the store. */
static void scribble(void)
{
    use_table();
    for (u64 i = 1; !LOAD(stop); i++) {
        *(volatile u64 *)(VA + 8) = i;
        if (!(i & 15))
            STORE(rounds, rounds + 1);
    }
    table_gone();
}

/* Until the other CPU has made some rounds more. */
static void some_rounds(void)
{
    u64 from = LOAD(rounds), limit = RD(cntvct_el0) + RD(cntfrq_el0) / 50;
    while (LOAD(rounds) - from < 20 && RD(cntvct_el0) < limit)
        relax();
}

static void start_looking(void (*f)(void), const struct pt *t)
{
    pt_use(t);
    other_ttbr = pt_ttbr(t);
    other_tcr = pt_tcr(t);
    phase = stop = bad = rounds = 0;
    begin(f);
    some_rounds();
}

/* Scattered addresses, more than anybody would note one by one, and the one that matters among them. */
static void tlbi_many(u64 asid)
{
    DSB();
    for (u64 i = 0; i < 16; i++) {
        __asm__ volatile("tlbi vale1is, %0" : : "r"((VA + i * 0x30000) >> 12 | asid << 48) : "memory");
        __asm__ volatile("tlbi vale1is, %0" : : "r"((VA + i * 0x30000) >> 12 | (asid ^ 1) << 48) : "memory");
    }
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

/* The address that matters under another ASID first, and maintenance of that ASID on top. */
static void tlbi_pair(u64 asid)
{
    DSB();
    __asm__ volatile("tlbi vae1is, %0" : : "r"(VA >> 12 | (asid ^ 1) << 48) : "memory");
    __asm__ volatile("tlbi vae1is, %0" : : "r"(VA >> 12 | asid << 48) : "memory");
    __asm__ volatile("tlbi aside1is, %0" : : "r"((asid ^ 1) << 48) : "memory");
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

#define TLBI_FORMS 6
static void tlbi_form(unsigned form, u64 asid)
{
    switch (form) {
    case 4: tlbi_many(asid); break;
    case 5: tlbi_pair(asid); break;
    case 0: TLBI_A(vae1is, VA >> 12 | asid << 48); break;
    case 1: TLBI_A(vaale1is, VA >> 12); break;
    case 2: TLBI_A(aside1is, asid << 48); break;
    default: TLBI(vmalle1is);
    }
}

#define FLIPS 60
TEST(smp_tlbi_load)
{
    need_other();
    struct pt t = pt_new(12, 48, 5);
    u64 page[2] = { page4k(), page4k() };
    pdata(page[0])[0] = 0xa0;
    pdata(page[1])[0] = 0xa1;
    for (unsigned form = 0; form < TLBI_FORMS; form++) {
        pt_map(&t, VA, page[0], 3, A_STD | A_KRW | A_XN);
        volatile u64 *d = pt_slot(&t, VA, 3);
        start_looking(look, &t);
        for (unsigned i = 1; i <= FLIPS; i++) {
            STORE(phase, phase + 1);
            pte_set(d, page[i % 2] | A_STD | A_KRW | A_XN | 3);
            tlbi_form(form, 5);
            STORE(phase, phase + 1);
            some_rounds();
        }
        STORE(stop, 1);
        end();
        CHECKN("stale loads", form, bad, 0);
    }
}

/* When the TLBI is complete no store of the other CPU may reach the old page any more. */
TEST(smp_tlbi_store)
{
    need_other();
    struct pt t = pt_new(12, 48, 6);
    u64 page[2] = { page4k(), page4k() };
    for (unsigned form = 0; form < TLBI_FORMS; form++) {
        pt_map(&t, VA, page[0], 3, A_STD | A_KRW | A_XN);
        volatile u64 *d = pt_slot(&t, VA, 3);
        start_looking(scribble, &t);
        u64 late = 0;
        for (unsigned i = 1; i <= FLIPS; i++) {
            pte_set(d, page[i % 2] | A_STD | A_KRW | A_XN | 3);
            tlbi_form(form, 6);
            volatile u64 *old = &pdata(page[(i + 1) % 2])[1];
            *old = 0x5e5e;
            some_rounds();
            late += *old != 0x5e5e;
        }
        STORE(stop, 1);
        end();
        CHECKN("late stores", form, late, 0);
    }
}

static u64 code_va;
static void execute(void)
{
    for (u64 i = 1; !LOAD(stop); i++) {
        u64 before = LOAD(phase);
        ISB();
        u64 v = ((u64(*)(void))code_va)();
        u64 after = LOAD(phase);
        if (before == after && !(before & 1)) {
            bad += v != 0xa0 + before / 2 % 2;
            STORE(rounds, rounds + 1);
        }
        relax_at(i);
    }
}

TEST(smp_icache)
{
    need_other();
    struct pt t = pt_new(12, 48, 7);
    u64 page = page4k();
    code_fn((u64)kva(page), 0xa0);
    code_sync((u64)kva(page), 8);
    pt_map(&t, VA, page, 3, A_STD | A_KRW | A_UXN);
    for (unsigned form = 0; form < 2; form++) {
        code_va = VA;
        code_fn((u64)kva(page), 0xa0);
        code_sync((u64)kva(page), 8);
        pt_use(&t);
        other_ttbr = pt_ttbr(&t);
        other_tcr = pt_tcr(&t);
        phase = stop = bad = rounds = 0;
        begin(use_table);
        end();
        begin(execute);
        some_rounds();
        for (unsigned i = 1; i <= FLIPS; i++) {
            STORE(phase, phase + 1);
            code_fn((u64)kva(page), 0xa0 + i % 2);
            if (form == 0)
                code_sync((u64)kva(page), 8);
            else
                __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : "r"(kva(page)) : "memory");
            STORE(phase, phase + 1);
            some_rounds();
        }
        STORE(stop, 1);
        end();
        CHECKN("stale code", form, bad, 0);
    }
    begin(table_gone);
    end();
}

/* A function that calls the one in the page before it, then returns value. */
static void calling_fn(u64 va, unsigned value)
{
    volatile u32 *c = (volatile u32 *)va;
    c[0] = 0xf81f0ffe;                                         /* str x30, [sp, #-16]! */
    c[1] = 0x97fffbff;                                         /* bl .-4100 */
    c[2] = insn_movz_w0(value);
    c[3] = 0xf84107fe;                                         /* ldr x30, [sp], #16 */
    c[4] = INSN_RET;
}

/*
 * The other CPU runs a branch into a page that is remapped here, or a function there that others return to. The last form
 * writes it anew where it is.
 */
static void remap_code(bool calls)
{
    need_other();
    struct pt t = pt_new(12, 48, 8);
    void (*make)(u64 va, unsigned value) = calls ? calling_fn : code_fn;
    u64 from = page4k(), to[2] = { page4k(), page4k() };
    if (calls)
        code_fn((u64)kva(from), 0x55);
    else
        *(volatile u32 *)kva(from) = 0x14000400;               /* b .+4096 */
    code_sync((u64)kva(from), 8);
    for (unsigned i = 0; i < 2; i++) {
        make((u64)kva(to[i]), 0xa0 + i);
        code_sync((u64)kva(to[i]), 20);
    }
    pt_map(&t, VA - 4096, from, 3, A_STD | A_KRO | A_UXN);
    for (unsigned form = 0; form < 5; form++) {
        pt_map(&t, VA, to[0], 3, A_STD | A_KRO | A_UXN);
        volatile u64 *d = pt_slot(&t, VA, 3);
        code_va = calls ? VA : VA - 4096;
        pt_use(&t);
        tlbi_form(form, 8);
        other_ttbr = pt_ttbr(&t);
        other_tcr = pt_tcr(&t);
        phase = stop = bad = rounds = 0;
        begin(use_table);
        end();
        begin(execute);
        some_rounds();
        for (unsigned i = 1; i <= FLIPS; i++) {
            STORE(phase, phase + 1);
            if (form == 4) {
                make((u64)kva(to[0]), 0xa0 + i % 2);
                code_sync((u64)kva(to[0]), 20);
            } else {
                pte_set(d, to[i % 2] | A_STD | A_KRO | A_UXN | 3);
                tlbi_form(form, 8);
            }
            CHECKN("here", i, call(code_va), 0xa0 + i % 2);
            STORE(phase, phase + 1);
            some_rounds();
        }
        STORE(stop, 1);
        end();
        CHECKN("stale code", form, bad, 0);
    }
    begin(table_gone);
    end();
}
TEST(smp_remap_code) { remap_code(false); }
TEST(smp_remap_caller) { remap_code(true); }

/* ---- interrupts and events ---- */

static u64 sgis[16], from_ok;
static void other_irq(struct frame *f)
{
    (void)f;
    u32 v = gic_ack(), id = v & 0x3ff;
    if (id < 16) {
        from_ok += gic_version() == 3 || v >> 10 == 0;
        STORE(sgis[id], sgis[id] + 1);
    }
    if (id < 1020)
        gic_eoi(v);
}

/* This CPU's own part of the controller: banked registers, or redistributor 1. */
static void other_gic(void)
{
    u64 sgi = gic_version() == 3 ? GICR + 0x30000 : GICD;
    if (gic_version() == 3) {
        mmio_w(GICR + 0x20014, 0);
        while (mmio_r(GICR + 0x20014) & 4)
            ;
        mmio_w(sgi + 0x80, ~0u);
        WR(s3_0_c12_c12_5, 1);
        ISB();
        WR(s3_0_c4_c6_0, 0xff);
        WR(s3_0_c12_c12_7, 1);
        ISB();
    } else {
        mmio_w(GICC + 4, 0xff);
        mmio_w(GICC + 0, 1);
    }
    mmio_w(sgi + 0x100, 0xffff);
}

static void send(unsigned id)
{
    DSB();
    if (gic_version() == 2) {
        mmio_w(GICD + 0xf00, 1u << (16 + OTHER) | id);
    } else {
        WR(s3_0_c12_c11_5, (u64)id << 24 | 1u << OTHER);
        ISB();
    }
}

/* Until SGI 15. One that comes between the look and the WFI must end that: masked it stays pending. */
static void sleep_in_wfi(void)
{
    other_gic();
    STORE(rounds, 1);
    while (!LOAD(sgis[15])) {
        __asm__ volatile("wfi");
        irq_unmask();
        ISB();
        irq_mask();
    }
}

TEST(smp_sgi)
{
    need_other();
    gic_init();
    irq_hook = other_irq;
    rounds = from_ok = 0;
    for (unsigned i = 0; i < 16; i++)
        sgis[i] = 0;
    begin(sleep_in_wfi);
    CHECK("ready", wait_for(&rounds, 1), true);
    for (unsigned i = 0; i < 200; i++) {
        unsigned id = i % 15;
        u64 before = LOAD(sgis[id]);
        if (i & 32)                               /* it has been asleep for a while, or went to sleep just now */
            delay_us(100);
        send(id);
        if (!wait_for(&sgis[id], before + 1)) {
            CHECKN("SGI", i, 0, 1);
            break;
        }
    }
    send(15);
    end();
    CHECK("source", from_ok, 201);
    irq_hook = 0;
}

static u64 flag;
static void sleep_in_wfe(void)
{
    for (u64 i = 1; i <= 200; i++) {
        while (LOAD(flag) != i)
            __asm__ volatile("wfe");
        STORE(rounds, i);
    }
}

TEST(smp_event)
{
    need_other();
    flag = rounds = 0;
    begin(sleep_in_wfe);
    for (u64 i = 1; i <= 200; i++) {
        STORE(flag, i);
        DSB();
        __asm__ volatile("sev");
        if (!wait_for(&rounds, i)) {
            CHECKN("woken", i, 0, 1);
            STORE(flag, 200);
            return;
        }
    }
    end();
}

/* ---- exclusives ---- */

static u64 counter[2] __attribute__((aligned(16)));
static void count(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        u64 a, b;
        u32 fail;
        __asm__ volatile("1: ldxr %0, [%3]\n\tadd %0, %0, #1\n\tstxr %w2, %0, [%3]\n\tcbnz %w2, 1b\n\t"
                         "2: ldaxp %0, %1, [%3]\n\tadd %0, %0, #1\n\tadd %1, %1, #1\n\tstlxp %w2, %0, %1, [%3]\n\tcbnz %w2, 2b"
                         : "=&r"(a), "=&r"(b), "=&r"(fail) : "r"(counter) : "memory");
    }
}

TEST(smp_exclusives)
{
    need_other();
    counter[0] = counter[1] = 0;
    begin(count);
    count();
    end();
    CHECK("single and pair", counter[0], 80000);
    CHECK("pair", counter[1], 40000);
}
