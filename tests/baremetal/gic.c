/*
 * gic.c - interrupts through GICv2 (MMIO) or GICv3 (system registers): SGI to self, priorities, masking, nesting, SPI by software.
 */
#include "suite.h"
#include "irq.h"

unsigned gic_version(void) { return idf(RD(id_aa64pfr0_el1), 24) ? 3 : 2; }

#define SGI_BASE (GICR + 0x10000)

/* Registers of INTID n that live in the redistributor for n < 32 of a GICv3. */
static u64 reg_of(unsigned id, u64 off)
{
    return gic_version() == 3 && id < 32 ? SGI_BASE + off : GICD + off;
}
void gic_init(void)
{
    if (gic_version() == 2) {
        mmio_w(GICC + 0, 0);
        mmio_w(GICD + 0, 1);
        mmio_w(GICC + 4, 0xff);                                /* PMR */
        mmio_w(GICC + 8, 0);                                   /* BPR */
        mmio_w(GICC + 0, 1);
    } else {
        mmio_w(GICD + 0, 0x12);                                /* ARE_NS, group 1 */
        mmio_w(GICR + 0x14, 0);                                /* WAKER: awake */
        while (mmio_r(GICR + 0x14) & 4)
            ;
        mmio_w(SGI_BASE + 0x80, ~0u);                          /* IGROUPR0: group 1 */
        WR(s3_0_c12_c12_5, 1);                                 /* ICC_SRE_EL1 */
        ISB();
        WR(s3_0_c4_c6_0, 0xff);                                /* ICC_PMR_EL1 */
        WR(s3_0_c12_c12_3, 0);                                 /* ICC_BPR1_EL1 */
        WR(s3_0_c12_c12_4, 0);                                 /* ICC_CTLR_EL1 */
        WR(s3_0_c12_c12_7, 1);                                 /* ICC_IGRPEN1_EL1 */
        ISB();
    }
    for (unsigned i = 0; i < 64; i++) {
        gic_enable(i, false);
        gic_pend(i, false);
        gic_prio(i, 0xa0);
        mmio_w(reg_of(i, 0x380 + i / 32 * 4), 1u << i % 32);   /* ICACTIVER */
    }
}
void gic_enable(unsigned id, bool on) { mmio_w(reg_of(id, (on ? 0x100 : 0x180) + id / 32 * 4), 1u << id % 32); }
void gic_pend(unsigned id, bool on) { mmio_w(reg_of(id, (on ? 0x200 : 0x280) + id / 32 * 4), 1u << id % 32); }
bool gic_pending(unsigned id) { return mmio_r(reg_of(id, 0x200 + id / 32 * 4)) >> id % 32 & 1; }
bool gic_active(unsigned id) { return mmio_r(reg_of(id, 0x300 + id / 32 * 4)) >> id % 32 & 1; }
void gic_prio(unsigned id, u8 p) { *(volatile u8 *)(reg_of(id, 0x400 + id)) = p; }
void gic_pmr(u8 p)
{
    if (gic_version() == 2) {
        mmio_w(GICC + 4, p);
    } else {
        WR(s3_0_c4_c6_0, p);
        ISB();
    }
}
u32 gic_ack(void) { return gic_version() == 2 ? mmio_r(GICC + 0xc) : (u32)RD(s3_0_c12_c12_0); }
void gic_eoi(u32 id)
{
    if (gic_version() == 2)
        mmio_w(GICC + 0x10, id);
    else
        WR(s3_0_c12_c12_1, id);
}
u32 gic_rpr(void) { return gic_version() == 2 ? mmio_r(GICC + 0x14) : (u32)RD(s3_0_c12_c11_3); }
void gic_sgi(unsigned id)
{
    DSB();
    if (gic_version() == 2) {
        mmio_w(GICD + 0xf00, 2u << 24 | id);                   /* to self */
    } else {
        u64 mpidr = RD(mpidr_el1);
        WR(s3_0_c12_c11_5, (u64)id << 24 | 1ull << (mpidr & 15) | (mpidr >> 8 & 0xff) << 16 | (mpidr >> 16 & 0xff) << 32);
        ISB();
    }
}

/* An edge-triggered SPI for this CPU, disabled. */
static void spi_init(unsigned id)
{
    if (gic_version() == 2) {
        *(volatile u8 *)(GICD + 0x800 + id) = 1;
    } else {
        mmio_w(GICD + 0x80 + id / 32 * 4, ~0u);
        *(volatile u64 *)(GICD + 0x6000 + id * 8) = RD(mpidr_el1) & 0xff00ffffffull;
    }
    mmio_w(GICD + 0xc00 + id / 16 * 4, 2u << id % 16 * 2);
}

volatile u32 irq_log[64];
volatile unsigned irq_n;
void irq_simple(struct frame *f)
{
    (void)f;
    u32 id = gic_ack();
    if (irq_n < 64)
        irq_log[irq_n++] = id & 0x3ff;
    if ((id & 0x3ff) < 1020)
        gic_eoi(id);
}
void irq_begin(void)
{
    gic_init();
    irq_n = 0;
    irq_hook = irq_simple;
}
void irq_unmask(void) { __asm__ volatile("msr daifclr, #2\n\tisb" : : : "memory"); }
void irq_mask(void) { __asm__ volatile("msr daifset, #2\n\tisb" : : : "memory"); }
/* Wait for n interrupts, at most some hundred milliseconds. */
bool irq_wait(unsigned n)
{
    u64 end = RD(cntvct_el0) + RD(cntfrq_el0);
    while (irq_n < n)
        if (RD(cntvct_el0) > end)
            return false;
    return true;
}

TEST(gic_sgi_self)
{
    irq_begin();
    for (unsigned i = 0; i < 16; i++)
        gic_enable(i, true);
    irq_unmask();
    for (unsigned i = 0; i < 16; i++) {
        gic_sgi(i);
        irq_wait(i + 1);
        CHECKN("taken", i, irq_n, i + 1);
        CHECKN("id", i, irq_log[i], i);
    }
    irq_mask();
    CHECK("spurious", gic_ack() & 0x3ff, 1023);
}
TEST(gic_masking)
{
    irq_begin();
    gic_enable(3, true);
    gic_sgi(3);
    CHECK("I masked", irq_n, 0);
    CHECK("ISR_EL1", RD(isr_el1) & 0x80, 0x80);
    CHECK("pending", gic_pending(3), 1);
    irq_unmask();
    irq_wait(1);
    CHECK("unmasked", irq_n, 1);
    CHECK("not pending", gic_pending(3), 0);
    CHECK("ISR_EL1 clear", RD(isr_el1) & 0x80, 0);
    /* Disabled at the distributor (an SPI: whether an SGI can be disabled is a choice of the implementation). */
    spi_init(41);
    gic_pend(41, true);
    for (volatile unsigned i = 0; i < 10000; i++)
        ;
    CHECK("disabled", irq_n, 1);
    gic_enable(41, true);
    irq_wait(2);
    CHECK("enabled", irq_n, 2);
    CHECK("SPI", irq_log[1], 41);
    gic_enable(41, false);
    /* PMR. */
    gic_prio(3, 0x80);
    gic_pmr(0x80);                                             /* only priorities above (below in number) 0x80 */
    gic_sgi(3);
    for (volatile unsigned i = 0; i < 10000; i++)
        ;
    CHECK("PMR", irq_n, 2);
    gic_pmr(0xf0);
    irq_wait(3);
    CHECK("PMR open", irq_n, 3);
    irq_mask();
}
/* Pending interrupts come in order of priority. */
TEST(gic_priority_order)
{
    irq_begin();
    static const u8 prio[5] = { 0x90, 0x30, 0x70, 0x10, 0x50 };
    for (unsigned i = 0; i < 5; i++) {
        gic_prio(i, prio[i]);
        gic_enable(i, true);
        gic_sgi(i);
    }
    irq_unmask();
    irq_wait(5);
    irq_mask();
    static const u8 order[5] = { 3, 1, 4, 2, 0 };
    CHECK("count", irq_n, 5);
    for (unsigned i = 0; i < 5; i++)
        CHECKN("order", i, irq_log[i], order[i]);
    CHECK("idle priority", gic_rpr() & 0xff, 0xff);
}
/* A higher priority preempts a handler that unmasks; a lower one waits. */
static volatile unsigned nest_depth, nest_max;
static void irq_nest(struct frame *f)
{
    (void)f;
    u64 elr = RD(elr_el1), spsr = RD(spsr_el1);
    u32 id = gic_ack();
    if ((id & 0x3ff) >= 1020)
        return;
    if (irq_n < 64)
        irq_log[irq_n++] = id & 0x3ff;
    if (++nest_depth > nest_max)
        nest_max = nest_depth;
    if (id == 5) {
        CHECK("running priority", gic_rpr() & 0xff, 0x80);
        CHECK("active", gic_active(5), 1);
        gic_sgi(6);                                            /* lower priority */
        gic_sgi(7);                                            /* higher */
        irq_unmask();
        for (volatile unsigned i = 0; i < 10000; i++)
            ;
        irq_mask();
        irq_log[irq_n++] = 0x55;
    }
    nest_depth--;
    gic_eoi(id);
    WR(elr_el1, elr);
    WR(spsr_el1, spsr);
}
TEST(gic_preemption)
{
    irq_begin();
    nest_depth = nest_max = 0;
    irq_hook = irq_nest;
    gic_prio(5, 0x80);
    gic_prio(6, 0xb0);
    gic_prio(7, 0x20);
    for (unsigned i = 5; i < 8; i++)
        gic_enable(i, true);
    irq_unmask();
    gic_sgi(5);
    irq_wait(4);
    irq_mask();
    CHECK("events", irq_n, 4);
    CHECK("first", irq_log[0], 5);
    CHECK("preempts", irq_log[1], 7);
    CHECK("resumed", irq_log[2], 0x55);
    CHECK("lower last", irq_log[3], 6);
    CHECK("depth", nest_max, 2);
}
/* An SPI made pending by software (ISPENDR), target and routing set. */
TEST(gic_spi)
{
    irq_begin();
    unsigned id = 32 + 8;
    spi_init(id);
    gic_enable(id, true);
    irq_unmask();
    gic_pend(id, true);
    irq_wait(1);
    irq_mask();
    CHECK("count", irq_n, 1);
    CHECK("id", irq_log[0], id);
    CHECK("pending", gic_pending(id), 0);
    gic_enable(id, false);
}
/* From EL0, and right at the unmasking by ERET. */
USTUB(u_spin, "1: ldr x1, [x0]\n cbz x1, 1b")
static u64 flag_pa;
static void irq_flag(struct frame *f)
{
    CHECK("from EL0", f->spsr & 0xf, 0);
    irq_simple(f);
    *pdata(flag_pa) = 0x66;
}
TEST(gic_el0)
{
    struct pt t = pt_new(12, 48, 1);
    user_map(&t);
    flag_pa = page4k();
    pt_map(&t, 0x50000000, flag_pa, 3, A_STD | A_URW | A_XN);
    pt_use(&t);
    irq_begin();
    irq_hook = irq_flag;
    gic_enable(9, true);
    for (unsigned n = 0; n < 50; n++) {
        *pdata(flag_pa) = 0;
        gic_sgi(9);
        for (unsigned i = 0; i < 31; i++)
            U.x[i] = i * 0x101;
        U.x[0] = 0x50000000;
        U.elr = uaddr(u_spin);
        U.spsr = 0x340;                                        /* I clear */
        U.sp_el0 = USTACK + 4096;
        el0_run();
        CHECKN("svc", n, U.esr, ESR_SVC0);
        CHECKN("x1", n, U.x[1], 0x66);
        CHECKN("x29", n, U.x[29], 29 * 0x101);
        CHECKN("irqs", n, irq_n > n ? 1 : 0, 1);
    }
}
