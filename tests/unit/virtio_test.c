/*
 * virtio_test.c - the MMIO transport, split queues with good and hostile rings, entropy and console devices, mux,
 * PL011.
 */
#include <string.h>

#include "hw/chardev_impl.h"
#include "hw/pl011.h"

#include "virtio_drv.h"

#define RNG 0x0a003e00ull
#define CON 0x0a003c00ull
#define EMPTY_SLOT 0x0a003a00ull
#define UART 0x09000000ull

/* Read-only memory; a write to it would be a device's. */
#define FLASH 0ull
#define FLASH_SIZE 0x10000u
static void flash_write(void *opaque, uint64_t off, uint64_t v, unsigned size) { CHECK(!"flash is written to"); }
static const struct mmio_ops flash_ops = { .name = "flash", .write = flash_write };

static void start_rng(struct drv *q, uint64_t features)
{
    negotiate(RNG, features);
    queue(q, RNG, 0, 0x10000, 8);
    wr(RNG + 0x70, 0xf);
}

static bool needs_reset(uint64_t dev) { return rd(dev + 0x70) & 0x40; }

static bool all_zero(uint64_t off, unsigned n)
{
    const uint8_t *p = ram(off);
    for (unsigned i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void test_transport(void)
{
    CHECK_EQ(rd(EMPTY_SLOT), 0x74726976);
    CHECK_EQ(rd(EMPTY_SLOT + 4), 2);
    CHECK_EQ(rd(EMPTY_SLOT + 8), 0);
    wr(EMPTY_SLOT + 0x70, 1);
    CHECK_EQ(rd(EMPTY_SLOT + 0x70), 0);
    CHECK_EQ(rd(RNG + 8), 4);
    CHECK_EQ(rd(CON + 8), 3);
    wr(RNG + 0x14, 1);
    CHECK_EQ(rd(RNG + 0x10), 1);                 /* VERSION_1 */
    wr(RNG + 0x14, 2);
    CHECK_EQ(rd(RNG + 0x10), 0);
    negotiate(RNG, 0);                           /* no VERSION_1: refused */
    CHECK_EQ(rd(RNG + 0x70), 3);
    negotiate(RNG, VIRTIO_F_VERSION_1 | 1);      /* never offered */
    CHECK_EQ(rd(RNG + 0x70), 3);
    negotiate(RNG, VIRTIO_F_VERSION_1);
    CHECK_EQ(rd(RNG + 0x70), 0xb);
    wr(RNG + 0x30, 1);
    CHECK_EQ(rd(RNG + 0x34), 0);
    wr(RNG + 0x30, 0);
    CHECK_EQ(rd(RNG + 0x34), 8);
    wr(RNG + 0x50, 77);                          /* no such queue */
    wr(RNG + 0x50, 0);                           /* not ready */
    CHECK_EQ(rd(CON + 0x104), 1);                /* max_nr_ports */
    CHECK_EQ(rd(CON + 0x10c), 0);
    CHECK_EQ(rd(CON + 0x1fc), 0);
}

static void test_rng(void)
{
    struct drv q;
    start_rng(&q, VIRTIO_F_VERSION_1);
    set_desc(&q, 3, RAM + 0x8000, 64, WRITE, 0);
    memset(ram(0x8000), 0, 128);
    offer(&q, 3);
    wr(RNG + 0x50, 0);
    CHECK_EQ(used_idx(&q), 1);
    CHECK_EQ(r32(q.at + 0x2004), 3);
    CHECK_EQ(r32(q.at + 0x2008), 64);
    CHECK(!all_zero(0x8000, 64) && all_zero(0x8040, 64));
    CHECK(irq[0] && rd(RNG + 0x60) == 1);
    wr(RNG + 0x64, 1);
    CHECK(!irq[0]);
    w16(q.at + 0x1000, 1);                       /* NO_INTERRUPT */
    for (unsigned i = 0; i < 20; i++) {          /* around the ring */
        offer(&q, 3);
        wr(RNG + 0x50, 0);
    }
    CHECK_EQ(used_idx(&q), 21);
    CHECK(!irq[0]);
    /* a chain of two, the request longer than what is given at once */
    set_desc(&q, 0, RAM + 0x20000, 60000, WRITE | NEXT, 5);
    set_desc(&q, 5, RAM + 0x40000, 60000, WRITE, 0);
    offer(&q, 0);
    wr(RNG + 0x50, 0);
    CHECK_EQ(used_idx(&q), 22);
    CHECK_EQ(r32(q.at + 0x2004 + 8 * (21 % 8) + 4), 65536);

    /* indirect and event index */
    start_rng(&q, VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
    struct drv table = { .at = 0x9000 };
    set_desc(&table, 0, RAM + 0xa000, 16, WRITE | NEXT, 1);
    set_desc(&table, 1, RAM + 0xa100, 16, WRITE, 0);
    set_desc(&q, 1, RAM + 0x9000, 32, INDIRECT, 0);
    w16(q.at + 0x1000 + 4 + 2 * 8, 1);           /* used_event: after the second */
    offer(&q, 1);
    wr(RNG + 0x50, 0);
    CHECK_EQ(used_idx(&q), 1);
    CHECK_EQ(r32(q.at + 0x2008), 32);
    CHECK_EQ(r16(q.at + 0x2000 + 4 + 8 * 8), 1); /* avail_event */
    wr(RNG + 0x64, 3);
    offer(&q, 1);
    wr(RNG + 0x50, 0);
    CHECK(irq[0]);
    wr(RNG + 0x64, 3);
    offer(&q, 1);
    wr(RNG + 0x50, 0);
    CHECK(!irq[0]);                              /* event is behind */
    CHECK_EQ(used_idx(&q), 3);
    wr(RNG + 0x70, 0);
    CHECK_EQ(rd(RNG + 0x70), 0);
    CHECK_EQ(rd(RNG + 0x44), 0);
}

/* Each way to break a ring: the device asks for a reset, nothing is used, and after a reset it works. */
static void hostile(unsigned how)
{
    struct drv q;
    start_rng(&q, VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC);
    set_desc(&q, 0, RAM + 0x8000, 64, WRITE, 0);
    uint16_t head = 0;
    bool broken = true;
    switch (how) {
    case 0: head = 8; break;
    case 1: head = 0xffff; break;
    case 2: set_desc(&q, 0, RAM + 0x8000, 0, WRITE, 0); break;
    case 3: set_desc(&q, 0, 0x20000000, 64, WRITE, 0); break;                  /* nothing there */
    case 4: set_desc(&q, 0, RAM + mem_ram.size - 32, 64, WRITE, 0); break;
    case 5: set_desc(&q, 0, UINT64_MAX - 8, 64, WRITE, 0); break;
    case 6: set_desc(&q, 0, RAM + 0x8000, 64, WRITE | NEXT, 0); break;         /* itself */
    case 7: set_desc(&q, 0, RAM + 0x8000, 64, WRITE | NEXT, 9); break;
    case 8:                                                                    /* readable after writable */
        set_desc(&q, 0, RAM + 0x8000, 64, WRITE | NEXT, 1);
        set_desc(&q, 1, RAM + 0x8000, 64, 0, 0);
        break;
    case 9: set_desc(&q, 0, RAM + 0x9000, 33, INDIRECT, 0); break;
    case 10: set_desc(&q, 0, RAM + 0x9000, 0, INDIRECT, 0); break;
    case 11: set_desc(&q, 0, 0x20000000, 32, INDIRECT, 0); break;
    case 12: set_desc(&q, 0, RAM + 0x9000, 32, INDIRECT | NEXT, 1); break;
    case 13: {                                                                 /* indirect in indirect */
        struct drv t = { .at = 0x9000 };
        set_desc(&t, 0, RAM + 0x9000, 32, INDIRECT, 0);
        set_desc(&q, 0, RAM + 0x9000, 32, INDIRECT, 0);
        break;
    }
    case 14: {                                                                 /* more than a chain may have */
        struct drv t = { .at = 0x50000 };
        for (unsigned i = 0; i < 2000; i++)
            set_desc(&t, i, RAM + 0x8000, 4, WRITE | (i < 1999 ? NEXT : 0), i + 1);
        set_desc(&q, 0, RAM + 0x50000, 2000 * 16, INDIRECT, 0);
        break;
    }
    case 15: {                                                                 /* 4 GiB in sum */
        struct drv t = { .at = 0x50000 };
        for (unsigned i = 0; i < 1000; i++)
            set_desc(&t, i, RAM, (uint32_t)mem_ram.size, WRITE | (i < 999 ? NEXT : 0), i + 1);
        set_desc(&q, 0, RAM + 0x50000, 1000 * 16, INDIRECT, 0);
        break;
    }
    case 16: {                                                                 /* a loop through the indirect table */
        struct drv t = { .at = 0x50000 };
        set_desc(&t, 0, RAM + 0x8000, 4, WRITE | NEXT, 1);
        set_desc(&t, 1, RAM + 0x8000, 4, WRITE | NEXT, 0);
        set_desc(&q, 0, RAM + 0x50000, 32, INDIRECT, 0);
        break;
    }
    case 17: w16(q.at + 0x1002, 500); q.avail = 500; break;                    /* too far ahead */
    case 18: set_desc(&q, 0, RAM + 0x8000, 64, 0, 0); broken = false; break;   /* nothing to write to: legal */
    case 19: set_desc(&q, 0, RAM + 0x11008, 4000, WRITE, 0); broken = false; break;  /* the rings themselves */
    case 20: set_desc(&q, 0, FLASH + 0x100, 64, WRITE, 0); break;              /* flash, also to be read only; its end */
    case 21: set_desc(&q, 0, FLASH + 0x100, 64, 0, 0); break;
    case 22: set_desc(&q, 0, FLASH + FLASH_SIZE - 32, 64, WRITE, 0); break;
    case 23: set_desc(&q, 0, FLASH, 16, INDIRECT, 0); break;                   /* a good table, but in flash */
    case 24: set_desc(&q, 0, RNG, 64, WRITE, 0); break;                        /* registers; its own notification */
    case 25: set_desc(&q, 0, RNG + 0x50, 4, WRITE, 0); break;
    case 26: set_desc(&q, 0, RNG, 32, INDIRECT, 0); break;
    }
    if (how != 17)
        offer(&q, head);
    wr(RNG + 0x50, 0);
    if (how == 19)
        return;
    if (needs_reset(RNG) != broken)
        printf("hostile ring %u:\n", how);
    CHECK(needs_reset(RNG) == broken);
    CHECK_EQ(used_idx(&q), broken ? 0 : 1);
    if (broken) {
        CHECK(rd(RNG + 0x60) & 2);
        wr(RNG + 0x70, 0xf);                     /* only a reset helps */
        CHECK(needs_reset(RNG));
        wr(RNG + 0x50, 0);
    }
}

static void test_bad_queues(void)
{
    static const struct { uint32_t num; uint64_t desc, avail, used; } bad[] = {
        { 0, RAM, RAM + 0x1000, RAM + 0x2000 }, { 3, RAM, RAM + 0x1000, RAM + 0x2000 },
        { 16, RAM, RAM + 0x1000, RAM + 0x2000 }, { 0x80000008, RAM, RAM + 0x1000, RAM + 0x2000 },
        { 8, RAM + 8, RAM + 0x1000, RAM + 0x2000 }, { 8, RAM, RAM + 0x1001, RAM + 0x2000 },
        { 8, RAM, RAM + 0x1000, RAM + 0x2002 }, { 8, 0, RAM + 0x1000, RAM + 0x2000 },
        { 8, RAM, 0x1000, RAM + 0x2000 }, { 8, RAM, RAM + 0x1000, ~3ull },
        { 8, RAM, RAM + 0x1000, RAM + 0x1000000 - 32 }, { 8, FLASH, RAM + 0x1000, RAM + 0x2000 },
        { 8, RAM, FLASH + 0x1000, RAM + 0x2000 }, { 8, RAM, RAM + 0x1000, FLASH + 0x2000 }, { 8, RNG, RAM + 0x1000, RAM + 0x2000 },
        { 8, RAM, RAM + 0x1000, RNG }, { 8, 0x20000000, RAM + 0x1000, RAM + 0x2000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        negotiate(RNG, VIRTIO_F_VERSION_1);
        wr(RNG + 0x30, 0);
        wr(RNG + 0x38, bad[i].num);
        wr(RNG + 0x80, (uint32_t)bad[i].desc);
        wr(RNG + 0x84, (uint32_t)(bad[i].desc >> 32));
        wr(RNG + 0x90, (uint32_t)bad[i].avail);
        wr(RNG + 0x94, (uint32_t)(bad[i].avail >> 32));
        wr(RNG + 0xa0, (uint32_t)bad[i].used);
        wr(RNG + 0xa4, (uint32_t)(bad[i].used >> 32));
        wr(RNG + 0x44, 1);
        CHECK_EQ(rd(RNG + 0x44), 0);
        CHECK(needs_reset(RNG));
    }
}

/* ---- a backend that the test plays ---- */

static struct {
    struct chardev c;
    struct chardev_front front;
    char out[256];
    size_t used;
} host;

static void host_attach(struct chardev *c, const struct chardev_front *f) { host.front = *f; }
static void host_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len && host.used < sizeof host.out - 1; i++)
        host.out[host.used++] = (char)buf[i];
    host.out[host.used] = 0;
}
static void host_accept(struct chardev *c) { }
static const struct chardev_ops host_ops = { host_attach, host_write, host_accept };

/* Type S as far as the front takes it; returns the bytes taken. */
static size_t type(const char *s, size_t len)
{
    size_t n = MIN(host.front.can_receive(host.front.opaque), len);
    if (n)
        host.front.receive(host.front.opaque, (const uint8_t *)s, n);
    return n;
}

static void test_console(void)
{
    struct drv rx, tx;
    CHECK_EQ(type("early", 5), 0);               /* no driver yet */
    negotiate(CON, VIRTIO_F_VERSION_1);
    queue(&rx, CON, 0, 0x10000, 16);
    queue(&tx, CON, 1, 0x20000, 16);
    wr(CON + 0x70, 0xf);
    memcpy(ram(0x8000), "to the host", 11);
    set_desc(&tx, 0, RAM + 0x8000, 7, NEXT, 2);
    set_desc(&tx, 2, RAM + 0x8007, 4, 0, 0);
    offer(&tx, 0);
    wr(CON + 0x50, 1);
    CHECK(!strcmp(host.out, "to the host"));
    CHECK_EQ(used_idx(&tx), 1);
    CHECK(irq[1]);
    wr(CON + 0x64, 3);

    CHECK_EQ(type("x", 1), 0);                   /* no buffer yet */
    set_desc(&rx, 0, RAM + 0x9000, 4, WRITE, 0);
    offer(&rx, 0);
    wr(CON + 0x50, 0);
    CHECK_EQ(type("abcdef", 6), 4);
    CHECK(irq[1]);
    CHECK_EQ(used_idx(&rx), 1);
    CHECK_EQ(r32(rx.at + 0x2008), 4);
    CHECK(!memcmp(ram(0x9000), "abcd", 4));
    CHECK_EQ(type("ef", 2), 0);
    host.used = 0;
    wr(CON + 0x108, '!');                        /* emergency write */
    CHECK(!strcmp(host.out, "!"));
}

static void test_mux_and_pl011(struct chardev *mux)
{
    struct device *uart = pl011_new(UART, (struct irq){ on_irq, NULL, 2 }, mux);
    CHECK_EQ(rd(UART + 0xfe0), 0x11);
    CHECK_EQ(rd(UART + 0x18), 0x90);
    host.used = 0;
    wr(UART, 'H');
    wr(UART, 'i');
    CHECK(!strcmp(host.out, "Hi"));
    wr(UART + 0x38, 0x50);                       /* RX and timeout */
    CHECK(!irq[2]);
    CHECK_EQ(type("ab", 2), 2);                  /* no FIFO: one in the register, one waits in the mux */
    CHECK(irq[2]);
    CHECK_EQ(rd(UART + 0x18), 0xc0);
    CHECK_EQ(rd(UART), 'a');
    CHECK_EQ(rd(UART), 'b');
    CHECK(!irq[2]);
    wr(UART + 0x2c, 0x70);                       /* FIFO on */
    wr(UART + 0x34, 0x12);
    type("0123456789abcdefghij", 20);
    CHECK_EQ(rd(UART + 0x3c) & 0x50, 0x50);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(rd(UART), (uint32_t)"0123456789abcdefghij"[i]);
    CHECK_EQ(rd(UART + 0x18) & 0x10, 0x10);
    CHECK(!irq[2]);
    type("q\001\001z", 4);
    CHECK_EQ(rd(UART), 'q');
    CHECK_EQ(rd(UART), 1);
    CHECK_EQ(rd(UART), 'z');
    type("\001b", 2);
    CHECK_EQ(rd(UART), 0x400);
    CHECK_EQ(rd(UART + 4), 4);
    host.used = 0;
    type("\001h", 2);
    CHECK(strstr(host.out, "C-a x"));
    host.used = 0;
    type("\001c", 2);
    CHECK(strstr(host.out, "monitor"));
    for (unsigned i = 0; i < 5000; i++)
        type("m", 1);
    CHECK_EQ(type("m", 1), 0);                   /* everything is full: the host waits */
    CHECK_EQ(rd(UART), 'm');
    CHECK_EQ(type("m", 1), 1);
    wr(UART + 0x30, 0x380);                      /* loop back */
    host.used = 0;
    while (!(rd(UART + 0x18) & 0x10))
        (void)rd(UART);
    wr(UART, 'L');
    CHECK_EQ(rd(UART), 'L');
    CHECK_EQ(host.used, 0);
    (void)rd(UART + 0xffc);
    (void)rd(UART + 0x7fc);
    uart->reset(uart);
    CHECK_EQ(rd(UART + 0x30), 0x300);
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    host.c.ops = &host_ops;
    struct device *rng = virtio_mmio_new(RNG, (struct irq){ on_irq, NULL, 0 }, virtio_rng_new(&(struct virtio_rng_options){ 0 }));
    virtio_mmio_new(CON, (struct irq){ on_irq, NULL, 1 }, virtio_serial_new(&(struct virtio_serial_port){ 0, true, NULL, &host.c }, 1, 1));
    virtio_mmio_new(EMPTY_SLOT, (struct irq){ on_irq, NULL, 3 }, NULL);
    test_transport();
    test_rng();
    const struct desc good = { RAM + 0x8000, 64, WRITE, 0 };
    memcpy(mem_add_rom(FLASH, FLASH_SIZE, &flash_ops, NULL)->view, &good, sizeof good);
    for (unsigned how = 0; how < 27; how++)
        hostile(how);
    test_bad_queues();
    test_rng();                                  /* still works after all that */
    rng->reset(rng);
    CHECK_EQ(rd(RNG + 0x70), 0);
    test_console();
    host.front = (struct chardev_front){ 0 };
    test_mux_and_pl011(chardev_mux(&host.c));
    return check_done();
}
