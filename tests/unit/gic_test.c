/*
 * gic_test.c - GICv2 and GICv3 as a driver uses them: priorities, preemption, EOI modes, SGIs, level and edge, routing.
 */
#include <string.h>

#include "hw/gicv2.h"
#include "hw/gicv3.h"
#include "mem/mem.h"

#include "check.h"

#define GICD 0x08000000ull
#define GICC 0x08010000ull
#define GICR 0x080a0000ull
#define GICD3 0x18000000ull

static bool irq_line[8], fiq_line[8];
static void on_irq(void *opaque, unsigned n, bool level) { irq_line[n] = level; }
static void on_fiq(void *opaque, unsigned n, bool level) { fiq_line[n] = level; }

static uint32_t rd(uint64_t a)
{
    uint64_t v = 0;
    CHECK(mem_mmio_read(a, 4, &v));
    return (uint32_t)v;
}
static void wr(uint64_t a, uint32_t v) { CHECK(mem_mmio_write(a, 4, v)); }
static void wr8(uint64_t a, uint8_t v) { CHECK(mem_mmio_write(a, 1, v)); }

static void line(struct irq q, bool level) { irq_set(&q, level); }

static void reset(struct gic_core *g, bool v2)
{
    mem_master = 0;
    g->dev.reset(&g->dev);
    if (!v2)
        return;
    wr(GICD, 1);
    for (unsigned i = 0; i < 2; i++) {
        mem_master = i;
        wr(GICC + 0x04, 0xf0);
        wr(GICC, 1);
    }
    mem_master = 0;
}

static void enable(unsigned id, unsigned prio, unsigned targets)
{
    wr8(GICD + 0x400 + id, (uint8_t)prio);
    wr8(GICD + 0x800 + id, (uint8_t)targets);
    wr(GICD + 0x100 + id / 32 * 4, 1u << id % 32);
}

static void test_v2_basics(struct gic_core *g)
{
    reset(g, true);
    CHECK_EQ(rd(GICD + 4) & 0x1f, 8);
    CHECK_EQ(rd(GICD + 4) >> 5 & 7, 1);
    CHECK_EQ(rd(GICD + 0xfe8), 0x2b);
    CHECK_EQ(rd(GICD + 0x800) & 0xff, 1);        /* own mask */
    mem_master = 1;
    CHECK_EQ(rd(GICD + 0x800) & 0xff, 2);
    mem_master = 0;
    CHECK_EQ(rd(GICC + 0x0c), 1023);

    /* level: stays pending while high */
    enable(33, 0xa0, 1);
    line(gic_spi(g, 1), true);
    CHECK(irq_line[0] && !irq_line[1]);
    CHECK_EQ(rd(GICC + 0x18), 33);
    CHECK_EQ(rd(GICC + 0x0c), 33);
    CHECK(!irq_line[0]);
    CHECK_EQ(rd(GICC + 0x14), 0xa0);
    CHECK_EQ(rd(GICD + 0x304), 2);
    CHECK_EQ(rd(GICC + 0x0c), 1023);
    wr(GICC + 0x10, 33);
    CHECK(irq_line[0]);
    CHECK_EQ(rd(GICC + 0x14), 0xff);
    line(gic_spi(g, 1), false);
    CHECK(!irq_line[0]);

    /* edge: latched once */
    wr(GICD + 0xc08, 2u << 2 * 1);
    CHECK_EQ(rd(GICD + 0xc08), 2u << 2);
    line(gic_spi(g, 1), true);
    line(gic_spi(g, 1), false);
    CHECK(irq_line[0]);
    CHECK_EQ(rd(GICC + 0x0c), 33);
    line(gic_spi(g, 1), true);                   /* again while active: pending and active */
    line(gic_spi(g, 1), false);
    CHECK(!irq_line[0]);
    CHECK_EQ(rd(GICD + 0x204), 2);
    wr(GICC + 0x10, 33);
    CHECK(irq_line[0]);
    wr(GICD + 0x284, 2);                         /* taken back */
    CHECK(!irq_line[0]);

    /* masking by priority, by enable, by CTLR */
    wr(GICD + 0x204, 2);
    CHECK(irq_line[0]);
    wr(GICC + 0x04, 0xa0);
    CHECK(!irq_line[0]);
    wr(GICC + 0x04, 0xf0);
    wr(GICD + 0x184, 2);
    CHECK(!irq_line[0]);
    wr(GICD + 0x104, 2);
    CHECK(irq_line[0]);
    wr(GICD, 0);
    CHECK(!irq_line[0]);
    wr(GICD, 1);
    CHECK(irq_line[0]);

    /* routing */
    wr8(GICD + 0x800 + 33, 2);
    CHECK(!irq_line[0] && irq_line[1]);
    wr8(GICD + 0x800 + 33, 3);
    CHECK(irq_line[0] && irq_line[1]);
    mem_master = 1;
    CHECK_EQ(rd(GICC + 0x0c), 33);
    CHECK(!irq_line[0] && !irq_line[1]);
    wr(GICC + 0x10, 33);
    mem_master = 0;

    /* private peripheral: banked */
    line(gic_ppi(g, 1, 27), true);
    mem_master = 1;
    wr(GICD + 0x100, 1u << 27);
    wr8(GICD + 0x400 + 27, 0x80);
    CHECK(irq_line[1] && !irq_line[0]);
    CHECK_EQ(rd(GICC + 0x0c), 27);
    wr(GICC + 0x10, 27);
    CHECK(irq_line[1]);
    line(gic_ppi(g, 1, 27), false);
    CHECK(!irq_line[1]);
    mem_master = 0;
    CHECK_EQ(rd(GICD + 0x100) >> 27 & 1, 0);
}

static void test_v2_priorities(struct gic_core *g)
{
    reset(g, true);
    enable(40, 0x80, 1);
    enable(41, 0x40, 1);
    enable(42, 0x48, 1);
    wr(GICC + 0x08, 3);                          /* groups are bits 7:4 */
    wr(GICD + 0x204, 1u << 8);
    CHECK_EQ(rd(GICC + 0x0c), 40);
    wr(GICD + 0x204, 1u << 10);
    CHECK(irq_line[0]);                          /* preempts */
    CHECK_EQ(rd(GICC + 0x0c), 42);
    CHECK_EQ(rd(GICC + 0x14), 0x40);
    wr(GICD + 0x204, 1u << 9);
    CHECK(!irq_line[0]);                         /* same group: no preemption */
    CHECK_EQ(rd(GICC + 0x18), 41);
    wr(GICC + 0x10, 42);
    CHECK(irq_line[0]);
    CHECK_EQ(rd(GICC + 0x14), 0x80);
    CHECK_EQ(rd(GICC + 0x0c), 41);
    wr(GICC + 0x10, 41);
    wr(GICC + 0x10, 40);
    CHECK_EQ(rd(GICC + 0x14), 0xff);

    /* EOImode 1: priority drop and deactivation apart */
    wr(GICC, 0x201);
    wr(GICD + 0x204, 1u << 8);
    CHECK_EQ(rd(GICC + 0x0c), 40);
    wr(GICD + 0x204, 1u << 8);
    wr(GICC + 0x10, 40);
    CHECK_EQ(rd(GICC + 0x14), 0xff);
    CHECK_EQ(rd(GICD + 0x304), 1u << 8);
    CHECK(!irq_line[0]);
    wr(GICC + 0x1000, 40);
    CHECK_EQ(rd(GICD + 0x304), 0);
    CHECK(irq_line[0]);
    CHECK_EQ(rd(GICC + 0x0c), 40);

    /* groups: 1 is not acknowledged through IAR, FIQEn makes group 0 a FIQ */
    reset(g, true);
    wr(GICD, 3);
    wr(GICC, 0x0b);
    enable(40, 0x80, 1);
    enable(41, 0x40, 1);
    wr(GICD + 0x84, 1u << 8);
    wr(GICD + 0x204, 1u << 8);
    CHECK(irq_line[0] && !fiq_line[0]);
    CHECK_EQ(rd(GICC + 0x0c), 1022);
    CHECK_EQ(rd(GICC + 0x28), 40);
    CHECK_EQ(rd(GICC + 0x20), 40);
    wr(GICD + 0x204, 1u << 9);
    CHECK(!irq_line[0] && fiq_line[0]);
    CHECK_EQ(rd(GICC + 0x20), 1023);
    CHECK_EQ(rd(GICC + 0x0c), 41);
    wr(GICC + 0x10, 41);
    wr(GICC + 0x24, 40);
    CHECK_EQ(rd(GICC + 0x14), 0xff);
}

static void test_v2_sgi(struct gic_core *g)
{
    reset(g, true);
    wr(GICD + 0xf00, 1u << 24 | 5);              /* all others */
    CHECK(!irq_line[0] && irq_line[1]);
    mem_master = 1;
    wr(GICD + 0xf00, 2u << 24 | 5);              /* self */
    CHECK_EQ(rd(GICD + 0xf24), 3u << 8);
    CHECK_EQ(rd(GICC + 0x0c), 5);                /* from 0 */
    CHECK(!irq_line[1]);
    wr(GICC + 0x10, 5);
    CHECK(irq_line[1]);
    CHECK_EQ(rd(GICC + 0x0c), 1u << 10 | 5);     /* from 1 */
    wr(GICC + 0x10, 1u << 10 | 5);
    CHECK(!irq_line[1]);
    wr(GICD + 0xf00, 3u << 16 | 7);              /* list */
    CHECK(irq_line[0] && irq_line[1]);
    wr8(GICD + 0xf17, 0xff);                     /* CPENDSGIR */
    CHECK(irq_line[0] && !irq_line[1]);
    wr(GICD + 0xf00, 0xffu << 16 | 1);           /* CPUs that are not there */
    wr(GICC + 0x10, 1000);                       /* nonsense */
    wr(GICC + 0x10, 300);
    wr(GICC + 0x1000, 0x3ff);
    (void)rd(GICD + 0xffc);
    (void)rd(GICD + 0x7fc);
    wr(GICD + 0x9fc, ~0u);
    wr(GICD + 0xbfc, ~0u);
    mem_master = 0;
}

#define PMR A64_SYSREG(3u, 0u, 4u, 6u, 0u)
#define ICC(crm, op2) A64_SYSREG(3u, 0u, 12u, (unsigned)(crm), (unsigned)(op2))
static struct gic_core *g3;
static uint64_t icc_r(unsigned cpu, uint32_t r) { return gicv3_sysregs.read(g3, cpu, r); }
static void icc_w(unsigned cpu, uint32_t r, uint64_t v) { gicv3_sysregs.write(g3, cpu, r, v); }

static void init_v3(void)
{
    reset(g3, false);
    wr(GICD3, 3);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t rb = GICR + 0x20000 * i;
        CHECK_EQ(rd(rb + 0x14), 6);
        wr(rb + 0x14, 0);
        CHECK_EQ(rd(rb + 0x14), 0);
        wr(rb + 0x10080, ~0u);
        icc_w(i, PMR, 0xf0);
        icc_w(i, ICC(12, 7), 1);
    }
    for (unsigned w = 1; w < 9; w++)
        wr(GICD3 + 0x80 + 4 * w, ~0u);
}

static void test_v3(void)
{
    init_v3();
    CHECK_EQ(rd(GICD3), 0x53);
    CHECK_EQ(rd(GICD3 + 4) & 0x1f, 8);
    CHECK_EQ(rd(GICD3 + 0xffe8), 0x3b);
    CHECK_EQ(rd(GICR + 0x20000 + 8), 1u << 8 | 1u << 4);
    CHECK_EQ(rd(GICR + 0x20000 + 12), 1);
    CHECK_EQ(rd(GICR + 8), 0);
    CHECK_EQ(icc_r(0, ICC(12, 5)), 7);
    CHECK_EQ(icc_r(0, ICC(12, 4)) >> 8 & 7, 4);
    icc_w(0, ICC(12, 3), 0);
    CHECK_EQ(icc_r(0, ICC(12, 3)), 3);
    icc_w(0, PMR, 0xff);
    CHECK_EQ(icc_r(0, PMR), 0xf8);

    /* SPI to CPU 1 by affinity */
    wr8(GICD3 + 0x400 + 33, 0xa3);
    CHECK_EQ(rd(GICD3 + 0x420) >> 8 & 0xff, 0xa0);
    wr(GICD3 + 0x104, 2);
    CHECK(mem_mmio_write(GICD3 + 0x6000 + 8 * 33, 8, 1));
    uint64_t v;
    CHECK(mem_mmio_read(GICD3 + 0x6000 + 8 * 33, 8, &v) && v == 1);
    line(gic_spi(g3, 1), true);
    CHECK(!irq_line[0] && irq_line[1] && !fiq_line[1]);
    CHECK_EQ(icc_r(1, ICC(12, 2)), 33);
    CHECK_EQ(icc_r(1, ICC(8, 0)), 1023);         /* wrong group */
    CHECK_EQ(icc_r(1, ICC(12, 0)), 33);
    CHECK_EQ(icc_r(1, ICC(11, 3)), 0xa0);
    CHECK(!irq_line[1]);
    line(gic_spi(g3, 1), false);
    icc_w(1, ICC(12, 1), 33);
    CHECK_EQ(icc_r(1, ICC(11, 3)), 0xff);
    CHECK(!irq_line[1]);
    CHECK(mem_mmio_write(GICD3 + 0x6000 + 8 * 33, 8, 0x100));        /* nobody has this affinity */
    line(gic_spi(g3, 1), true);
    CHECK(!irq_line[0] && !irq_line[1]);
    line(gic_spi(g3, 1), false);

    /* PPI, EOImode 1 */
    wr(GICR + 0x10100, 1u << 27 | 0xffff);
    line(gic_ppi(g3, 0, 27), true);
    CHECK(irq_line[0]);
    icc_w(0, ICC(12, 4), 2);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 27);
    icc_w(0, ICC(12, 1), 27);
    CHECK(!irq_line[0]);
    CHECK_EQ(rd(GICR + 0x10300), 1u << 27);
    icc_w(0, ICC(11, 1), 27);
    CHECK(irq_line[0]);
    line(gic_ppi(g3, 0, 27), false);
    CHECK(!irq_line[0]);
    icc_w(0, ICC(12, 4), 0);

    /* SGIs */
    wr(GICR + 0x20000 + 0x10100, 0xffff);
    icc_w(0, ICC(11, 5), 3u << 24 | 3);          /* list: both */
    CHECK(irq_line[0] && irq_line[1]);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 3);
    CHECK_EQ(icc_r(1, ICC(12, 0)), 3);
    icc_w(0, ICC(12, 1), 3);
    icc_w(1, ICC(12, 1), 3);
    icc_w(0, ICC(11, 5), 1ull << 40 | 4u << 24); /* all but self */
    CHECK(!irq_line[0] && irq_line[1]);
    CHECK_EQ(icc_r(1, ICC(12, 0)), 4);
    icc_w(1, ICC(12, 1), 4);
    icc_w(0, ICC(11, 7), 4u << 24 | 3);          /* group 0 register, group 1 interrupt: not sent */
    icc_w(0, ICC(11, 5), 1ull << 16 | 4u << 24 | 3);                 /* other cluster */
    CHECK(!irq_line[0] && !irq_line[1]);

    /* group 0 is a FIQ */
    wr(GICR + 0x10080, ~(1u << 6));
    icc_w(0, ICC(12, 6), 1);
    icc_w(0, ICC(11, 7), 6u << 24 | 1);
    CHECK(fiq_line[0] && !irq_line[0]);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 1023);
    CHECK_EQ(icc_r(0, ICC(8, 0)), 6);
    icc_w(0, ICC(8, 1), 6);
    CHECK(!fiq_line[0]);

    /* preemption and its return */
    wr(GICR + 0x10400, 0x40804080);
    icc_w(0, ICC(11, 5), 0u << 24 | 1);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 0);
    icc_w(0, ICC(11, 5), 2u << 24 | 1);          /* equal priority */
    CHECK(!irq_line[0]);
    icc_w(0, ICC(11, 5), 1u << 24 | 1);
    CHECK(irq_line[0]);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 1);
    CHECK_EQ(icc_r(0, ICC(9, 0)), 1u << 16 | 1u << 8);
    icc_w(0, ICC(12, 1), 1);
    CHECK_EQ(icc_r(0, ICC(11, 3)), 0x80);
    icc_w(0, ICC(12, 1), 0);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 2);
    icc_w(0, ICC(12, 1), 2);
    icc_w(0, ICC(12, 1), 1023);
    icc_w(0, ICC(12, 1), 0xffffff);
    icc_w(0, ICC(11, 1), 0xffffff);
    CHECK_EQ(icc_r(0, ICC(12, 0)), 1023);
}

int main(void)
{
    struct gic_core *g = gicv2_new(2, GICD, GICC);
    g3 = gicv3_new(2, GICD3, GICR);
    for (unsigned i = 0; i < 2; i++) {
        gic_connect(g, i, (struct irq){ on_irq, NULL, i }, (struct irq){ on_fiq, NULL, i });
        gic_connect(g3, i, (struct irq){ on_irq, NULL, i }, (struct irq){ on_fiq, NULL, i });
    }
    test_v2_basics(g);
    test_v2_priorities(g);
    test_v2_sgi(g);
    reset(g, false);
    test_v3();
    return check_done();
}
