/*
 * gpio_test.c - the PL061's registers and interrupts, and the key that a timer lets go (Arm DDI 0190).
 */
#include "base/base.h"
#include "base/loop.h"
#include "hw/pl061.h"
#include "mem/mem.h"

#include "check.h"

#define GPIO 0x09030000ull

static bool line;
static unsigned rises;
static struct device *gpio;

static void on_irq(void *opaque, unsigned n, bool level)
{
    rises += level && !line;
    line = level;
}

static uint32_t rd(uint64_t reg)
{
    uint64_t v = 0;
    CHECK(mem_mmio_read(GPIO + reg, 4, &v));
    return (uint32_t)v;
}
static void wr(uint64_t reg, uint32_t v) { CHECK(mem_mmio_write(GPIO + reg, 4, v)); }

static void test_data(void)
{
    static const uint8_t id[8] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(rd(0xfe0 + 4 * i), id[i]);
    wr(0x400, 0x0f);                                     /* lines 0..3 are outputs */
    wr(0x3fc, 0xff);
    CHECK_EQ(rd(0x3fc), 0x0f);
    wr(0x3fc & 0x5 << 2, 0);                             /* the address masks */
    CHECK_EQ(rd(0x3fc), 0x0a);
    pl061_set_input(gpio, 5, true);
    pl061_set_input(gpio, 1, true);                      /* an output: what is outside is not seen */
    CHECK_EQ(rd(0x3fc), 0x2a);
    CHECK_EQ(rd(0x20 << 2), 0x20);
    CHECK_EQ(rd(0), 0);
    wr(0x400, 0);
    CHECK_EQ(rd(0x3fc), 0x22);
    pl061_set_input(gpio, 5, false);
    pl061_set_input(gpio, 1, false);
    wr(0x41c, 0xff);
    CHECK_EQ(rd(0x414), 0);
    rd(0x800);                                           /* reserved */
    wr(0x800, 1);
}

static void pulse(unsigned n)
{
    pl061_set_input(gpio, n, true);
    pl061_set_input(gpio, n, false);
}

static void test_edges(void)
{
    wr(0x404, 0);
    wr(0x40c, 0x08);                                     /* line 3 rising, line 4 falling, line 2 both */
    wr(0x408, 0x04);
    wr(0x41c, 0xff);
    pl061_set_input(gpio, 3, true);
    CHECK_EQ(rd(0x414), 0x08);
    CHECK_EQ(rd(0x418), 0);                              /* masked */
    CHECK(!line);
    wr(0x410, 0xff);
    CHECK(line);
    CHECK_EQ(rd(0x418), 0x08);
    wr(0x41c, 0x08);
    CHECK(!line);
    pl061_set_input(gpio, 3, false);
    CHECK(!line);
    pl061_set_input(gpio, 4, true);
    CHECK(!line);
    pl061_set_input(gpio, 4, false);
    CHECK_EQ(rd(0x418), 0x10);
    wr(0x41c, 0x10);
    for (unsigned i = 0; i < 2; i++) {
        pl061_set_input(gpio, 2, i == 0);
        CHECK_EQ(rd(0x418), 0x04);
        wr(0x41c, 0x04);
        CHECK(!line);
    }
    rises = 0;
    pulse(3);
    pulse(3);
    CHECK_EQ(rises, 1);                                  /* one interrupt until it is cleared */
    wr(0x41c, 0xff);
}

static void test_levels(void)
{
    wr(0x404, 0x40);
    wr(0x40c, 0x40);
    pl061_set_input(gpio, 6, true);
    CHECK(line);
    wr(0x41c, 0x40);                                     /* does not clear a level */
    CHECK(line);
    pl061_set_input(gpio, 6, false);
    CHECK(!line);
    wr(0x40c, 0);                                        /* low is the active level now */
    CHECK(line);
    wr(0x410, 0);
    CHECK(!line);
    gpio->reset(gpio);
    CHECK_EQ(rd(0x404) | rd(0x408) | rd(0x40c) | rd(0x410) | rd(0x414) | rd(0x400), 0);
}

static struct loop_timer later;

static void when_let_go(void *opaque) { loop_quit(3); }

/* Nobody has read the key yet: however slow a guest is, it finds it pressed. */
static void when_guest_looks(void *opaque)
{
    machine_unlock();                                    /* an access takes it */
    CHECK(!line);
    CHECK_EQ(rd(0x10 << 2), 0);                          /* another line: the key is still unseen */
    CHECK_EQ(rd(0x08 << 2), 0x08);
    machine_lock();
    /* The key's timer is the earlier one, however late the loop is. */
    loop_timer_init(&later, when_let_go, NULL);
    loop_timer_arm(&later, now_ns() + 150000000);
}

/* Linux's gpio-keys want both edges of line 3, and read it some time after the interrupt. */
static void test_key(void)
{
    wr(0x408, 0x08);
    wr(0x410, 0x08);
    pl061_press(gpio, 3);
    CHECK(line);
    wr(0x41c, 0x08);
    CHECK(!line);
    loop_timer_init(&later, when_guest_looks, NULL);
    loop_timer_arm(&later, now_ns() + 200000000);
    CHECK_EQ(loop_run(), 3);
    CHECK(line);
    CHECK_EQ(rd(0x3fc), 0);
    wr(0x41c, 0x08);
    /* A reset lets go at once, and no edge is left over from before it. */
    pl061_press(gpio, 3);
    gpio->reset(gpio);
    CHECK_EQ(rd(0x3fc) | rd(0x414), 0);
    CHECK(!line);
}

int main(void)
{
    loop_init();
    gpio = pl061_new(GPIO, (struct irq){ on_irq, NULL, 0 });
    test_data();
    test_edges();
    test_levels();
    test_key();
    return check_done();
}
