/*
 * timer.c - the generic timer: counters, virtual and physical timer interrupts (PPI 27 and 30), WFI.
 */
#include "suite.h"
#include "irq.h"

#define PPI_VIRT 27
#define PPI_PHYS 30

TEST(timer_count)
{
    u64 f = RD(cntfrq_el0), a = RD(cntvct_el0), p = RD(cntpct_el0);
    for (volatile unsigned i = 0; i < 100000; i++)
        ;
    u64 b = RD(cntvct_el0), q = RD(cntpct_el0);
    CHECK("CNTVCT advances", b > a, 1);
    CHECK("CNTPCT advances", q > p, 1);
    CHECK("less than a minute", b - a < f * 60, 1);
    for (unsigned i = 0; i < 1000; i++) {
        a = RD(cntvct_el0);
        b = RD(cntvct_el0);
        CHECKN("monotonic", i, b >= a, 1);
    }
}
/* TVAL and CVAL are two views of one register; ISTATUS. */
TEST(timer_registers)
{
    WR(cntv_ctl_el0, 2);                                       /* IMASK */
    WR(cntv_cval_el0, 0x123456789abcull);
    CHECK("CVAL", RD(cntv_cval_el0), 0x123456789abcull);
    WR(cntv_tval_el0, 100000000);
    u64 c = RD(cntv_cval_el0) - RD(cntvct_el0);
    CHECK("TVAL", c <= 100000000 && c > 50000000, 1);
    WR(cntv_ctl_el0, 3);
    CHECK("ISTATUS 0", RD(cntv_ctl_el0), 3);
    WR(cntv_tval_el0, -1);
    CHECK("negative TVAL", (u32)RD(cntv_tval_el0) >> 31, 1);
    ISB();
    CHECK("ISTATUS 1", RD(cntv_ctl_el0), 7);
    WR(cntv_ctl_el0, 0);
}
static volatile u64 fired_at;
static bool phys;
static void irq_timer(struct frame *f)
{
    (void)f;
    u32 id = gic_ack();
    if (irq_n < 64)
        irq_log[irq_n++] = id & 0x3ff;
    fired_at = RD(cntvct_el0);
    /* Level triggered: quiet before the end of interrupt. */
    if (phys)
        WR(cntp_ctl_el0, 0);
    else
        WR(cntv_ctl_el0, 0);
    ISB();
    if ((id & 0x3ff) < 1020)
        gic_eoi(id);
}
static void one_timer(bool wfi)
{
    irq_begin();
    irq_hook = irq_timer;
    unsigned id = phys ? PPI_PHYS : PPI_VIRT;
    gic_enable(id, true);
    irq_unmask();
    u64 f = RD(cntfrq_el0);
    for (unsigned n = 0; n < 5; n++) {
        u64 want = RD(cntvct_el0) + f / 100;                   /* 10 ms */
        if (phys) {
            WR(cntp_tval_el0, f / 100);
            WR(cntp_ctl_el0, 1);
        } else {
            WR(cntv_cval_el0, want);
            WR(cntv_ctl_el0, 1);
        }
        ISB();
        if (wfi) {
            while (irq_n <= n)
                __asm__ volatile("wfi" : : : "memory");
        } else {
            irq_wait(n + 1);
        }
        CHECKN("fired", n, irq_n, n + 1);
        CHECKN("id", n, irq_log[n], id);
        CHECKN("not early", n, fired_at >= want - (phys ? f / 1000 : 0), 1);
        CHECKN("not a second late", n, fired_at < want + f, 1);
    }
    irq_mask();
    gic_enable(id, false);
}
TEST(timer_virt_irq) { phys = false; one_timer(false); }
TEST(timer_phys_irq) { phys = true; one_timer(false); }
TEST(timer_virt_wfi) { phys = false; one_timer(true); }
TEST(timer_phys_wfi) { phys = true; one_timer(true); }
/* WFI with interrupts masked at the CPU still wakes up; the line is level: it stays until the timer is quiet. */
TEST(timer_wfi_masked)
{
    irq_begin();
    gic_enable(PPI_VIRT, true);
    u64 f = RD(cntfrq_el0), t0 = RD(cntvct_el0);
    WR(cntv_cval_el0, t0 + f / 50);
    WR(cntv_ctl_el0, 1);
    ISB();
    while (!(RD(isr_el1) & 0x80))
        __asm__ volatile("wfi" : : : "memory");
    CHECK("woke", RD(cntvct_el0) >= t0 + f / 50, 1);
    CHECK("not taken", irq_n, 0);
    CHECK("GIC pending", gic_pending(PPI_VIRT), 1);
    WR(cntv_ctl_el0, 0);
    ISB();
    CHECK("line went down", RD(isr_el1) & 0x80, 0);
    CHECK("GIC not pending", gic_pending(PPI_VIRT), 0);
    /* IMASK. */
    WR(cntv_cval_el0, 0);
    WR(cntv_ctl_el0, 3);
    ISB();
    CHECK("IMASK", RD(isr_el1) & 0x80, 0);
    CHECK("ISTATUS", RD(cntv_ctl_el0), 7);
    WR(cntv_ctl_el0, 1);
    ISB();
    CHECK("IMASK off", RD(isr_el1) & 0x80, 0x80);
    WR(cntv_ctl_el0, 0);
    gic_enable(PPI_VIRT, false);
}
/* An interrupt must break a tight loop of translated code. */
TEST(timer_tight_loop)
{
    irq_begin();
    phys = false;
    irq_hook = irq_timer;
    gic_enable(PPI_VIRT, true);
    fired_at = 0;
    WR(cntv_cval_el0, RD(cntvct_el0) + RD(cntfrq_el0) / 100);
    WR(cntv_ctl_el0, 1);
    irq_unmask();
    u64 v;
    __asm__ volatile("1: ldr %0, [%1]\n\tcbz %0, 1b" : "=&r"(v) : "r"(&fired_at) : "memory");
    irq_mask();
    CHECK("fired", irq_n, 1);
    gic_enable(PPI_VIRT, false);
}
