/*
 * serial_test.c - virtio-serial's ports and control queues, the balloon, limits of the entropy device.
 */
#include "base/loop.h"
#include "hw/chardev_impl.h"

#include "virtio_drv.h"

#define SER 0x0a003a00ull
#define BAL 0x0a003800ull
#define RNG 0x0a003600ull
#define MULTIPORT 2ull

struct fake { struct chardev c; struct chardev_front front; char out[256]; size_t used; unsigned accepts; };

static void fake_attach(struct chardev *c, const struct chardev_front *f) 
{
    ((struct fake *)c)->front = *f;
    f->event(f->opaque, CHARDEV_OPENED);
}
static void fake_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    struct fake *f = (struct fake *)c;
    len = MIN(len, sizeof f->out - f->used - 1);
    memcpy(f->out + f->used, buf, len);
    f->used += len;
    f->out[f->used] = 0;
}
static void fake_accept(struct chardev *c) { ((struct fake *)c)->accepts++; }
static const struct chardev_ops fake_ops = { .attach = fake_attach, .write = fake_write, .accept_input = fake_accept };

static struct fake con = { .c.ops = &fake_ops }, chan = { .c.ops = &fake_ops };

static size_t type(struct fake *f, const char *s)
{
    size_t n = MIN(f->front.can_receive(f->front.opaque), strlen(s));
    if (n)
        f->front.receive(f->front.opaque, (const uint8_t *)s, n);
    return n;
}

static struct drv ctrl_in, ctrl_out;
static unsigned seen;                            /* of ctrl_in's used ring */

static void say(uint32_t id, uint16_t event, uint16_t value)
{
    unsigned i = ctrl_out.avail % 16;
    uint64_t at = 0x50000 + 16 * i;
    memcpy(ram(at), &id, 4);
    w16(at + 4, event);
    w16(at + 6, value);
    set_desc(&ctrl_out, i, RAM + at, 8, 0, 0);
    offer(&ctrl_out, (uint16_t)i);
    wr(SER + 0x50, 3);
}

/* The next control message, its buffer given back; event 0xffff: none. */
static struct { uint32_t id; uint16_t event, value; char name[32]; } msg;
static void hear(void)
{
    memset(&msg, 0, sizeof msg);
    msg.event = 0xffff;
    if (used_idx(&ctrl_in) == seen)
        return;
    uint32_t i = r32(ctrl_in.at + 0x2004 + 8 * (seen % 16)), len = r32(ctrl_in.at + 0x2008 + 8 * (seen % 16));
    seen++;
    memcpy(&msg, ram(0x60000 + 64 * i), MIN(len, 40));
    offer(&ctrl_in, (uint16_t)i);
    wr(SER + 0x50, 2);
}

static void expect(uint32_t id, uint16_t event, uint16_t value)
{
    hear();
    CHECK_EQ(msg.id, id);
    CHECK_EQ(msg.event, event);
    CHECK_EQ(msg.value, value);
}

static void test_serial(void)
{
    const struct virtio_serial_port ports[] = { { 0, true, NULL, &con.c }, { 3, false, "org.gnomon.test", &chan.c } };
    virtio_mmio_new(SER, (struct irq){ on_irq, NULL, 0 }, virtio_serial_new(ports, 2, 4));
    CHECK_EQ(rd(SER + 0x104), 4);
    negotiate(SER, MULTIPORT | VIRTIO_F_VERSION_1);
    struct drv rx0, tx0, rx3, tx3;
    queue(&rx0, SER, 0, 0x10000, 16);
    queue(&tx0, SER, 1, 0x14000, 16);
    queue(&ctrl_in, SER, 2, 0x18000, 16);
    queue(&ctrl_out, SER, 3, 0x1c000, 16);
    queue(&rx3, SER, 8, 0x20000, 16);
    queue(&tx3, SER, 9, 0x24000, 16);
    wr(SER + 0x70, 0xf);
    for (unsigned i = 0; i < 2; i++) {           /* two buffers only: the others wait */
        set_desc(&ctrl_in, i, RAM + 0x60000 + 64 * i, 64, WRITE, 0);
        offer(&ctrl_in, (uint16_t)i);
    }
    say(0, 0, 1);
    expect(0, 1, 1);
    expect(3, 1, 1);
    hear();
    CHECK_EQ(msg.event, 0xffff);
    say(0, 3, 1);
    say(3, 3, 1);
    expect(0, 4, 1);
    expect(0, 6, 1);
    expect(3, 7, 1);
    CHECK(!strcmp(msg.name, "org.gnomon.test"));
    expect(3, 6, 1);
    set_desc(&rx3, 0, RAM + 0x70000, 8, WRITE, 0);
    offer(&rx3, 0);
    wr(SER + 0x50, 8);
    CHECK_EQ(type(&chan, "x"), 0);               /* the guest has not opened it */
    say(3, 6, 1);
    CHECK(chan.accepts >= 2);
    CHECK_EQ(type(&chan, "0123456789"), 8);
    CHECK(!memcmp(ram(0x70000), "01234567", 8));
    CHECK_EQ(type(&chan, "89"), 0);              /* no buffer: it stays with the host */
    memcpy(ram(0x71000), "up", 2);
    set_desc(&tx3, 0, RAM + 0x71000, 2, 0, 0);
    offer(&tx3, 0);
    wr(SER + 0x50, 9);
    CHECK(!strcmp(chan.out, "up") && !con.used);
    say(3, 6, 0);
    set_desc(&rx3, 0, RAM + 0x70000, 8, WRITE, 0);
    offer(&rx3, 0);
    CHECK_EQ(type(&chan, "x"), 0);
    chan.front.event(chan.front.opaque, CHARDEV_CLOSED);
    expect(3, 6, 0);
    chan.front.event(chan.front.opaque, CHARDEV_OPENED);
    expect(3, 6, 1);
    /* nonsense is harmless: ports and events that are not there, a flood, short messages, data for no port */
    for (unsigned i = 0; i < 2000; i++)
        say(i * 77777777u, (uint16_t)(i % 9), (uint16_t)i);
    set_desc(&ctrl_out, 0, RAM + 0x50000, 3, 0, 0);
    offer(&ctrl_out, 0);
    wr(SER + 0x50, 3);
    for (unsigned q = 0; q < 70; q++)
        wr(SER + 0x50, q);
    CHECK(!(rd(SER + 0x70) & 0x40));
    wr(SER + 0x70, 0);
    CHECK_EQ(type(&chan, "x"), 0);
}

static bool is_zero(uint64_t off, size_t len)
{
    const uint8_t *p = ram(off);
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static void test_balloon(void)
{
    struct virtio_balloon_info info;
    CHECK(!virtio_balloon_query(&info) && !virtio_balloon_set(1));
    virtio_mmio_new(BAL, (struct irq){ on_irq, NULL, 1 },
                    virtio_balloon_new(&(struct virtio_balloon_options){ .free_page_reporting = true, .free_page_hint = true }));
    negotiate(BAL, 1ull << 1 | 1ull << 4 | 1ull << 5 | VIRTIO_F_VERSION_1);
    struct drv inf, def, stats, rep;
    queue(&inf, BAL, 0, 0x10000, 16);
    queue(&def, BAL, 1, 0x14000, 16);
    queue(&stats, BAL, 2, 0x18000, 16);
    queue(&rep, BAL, 4, 0x1c000, 16);
    wr(BAL + 0x70, 0xf);
    CHECK(virtio_balloon_set(mem_ram.size - 0x400000));
    CHECK_EQ(rd(BAL + 0x100), 0x400);
    CHECK(irq[1]);
    memset(ram(0x200000), 0x55, 0x100000);
    /* pages 2, 1, 0 downwards, 8, and one that is not RAM */
    const uint32_t pfn[] = { 0x40202, 0x40201, 0x40200, 0x40208, 0xfffff, 0x10 };
    memcpy(ram(0x8000), pfn, sizeof pfn);
    set_desc(&inf, 0, RAM + 0x8000, sizeof pfn, 0, 0);
    offer(&inf, 0);
    wr(BAL + 0x50, 0);
    CHECK_EQ(used_idx(&inf), 1);
    CHECK(is_zero(0x200000, 0x3000) && is_zero(0x208000, 0x1000));
    CHECK(!is_zero(0x203000, 1) && !is_zero(0x207fff, 1) && !is_zero(0x209000, 1));
    wr(BAL + 0x104, 4);
    CHECK(virtio_balloon_query(&info) && info.actual == mem_ram.size - 0x4000 && !info.have);
    set_desc(&def, 0, RAM + 0x8000, sizeof pfn, 0, 0);
    offer(&def, 0);
    wr(BAL + 0x50, 1);
    CHECK_EQ(used_idx(&def), 1);
    /* reported pages: whole ones only */
    set_desc(&rep, 0, RAM + 0x210800, 0x2000, WRITE, 0);
    offer(&rep, 0);
    wr(BAL + 0x50, 4);
    CHECK_EQ(used_idx(&rep), 1);
    CHECK(!is_zero(0x210800, 1) && is_zero(0x211000, 0x1000) && !is_zero(0x212000, 1));
    /* a driver that poisons free pages keeps them */
    wr(BAL + 0x10c, 0xaa);
    set_desc(&rep, 0, RAM + 0x220000, 0x2000, WRITE, 0);
    offer(&rep, 0);
    wr(BAL + 0x50, 4);
    CHECK_EQ(used_idx(&rep), 2);
    CHECK(!is_zero(0x220000, 1));
    /* statistics: held until somebody asks */
    static const struct { uint16_t tag; uint64_t v; } __attribute__((packed)) st[] = { { 4, 1234 }, { 99, 1 }, { 5, 5678 } };
    memcpy(ram(0x9000), st, sizeof st);
    set_desc(&stats, 0, RAM + 0x9000, sizeof st, 0, 0);
    offer(&stats, 0);
    wr(BAL + 0x50, 2);
    CHECK_EQ(used_idx(&stats), 0);
    CHECK(virtio_balloon_query(&info) && info.have == 0x30 && info.stat[4] == 1234 && info.stat[5] == 5678);
    CHECK_EQ(used_idx(&stats), 1);
}

static void test_rng_limits(void)
{
    static const struct virtio_rng_options o = { .max_bytes = 100, .period_ms = 1000000 };
    virtio_mmio_new(RNG, (struct irq){ on_irq, NULL, 2 }, virtio_rng_new(&o));
    struct drv q;
    negotiate(RNG, VIRTIO_F_VERSION_1);
    queue(&q, RNG, 0, 0x10000, 8);
    wr(RNG + 0x70, 0xf);
    for (unsigned i = 0; i < 3; i++) {
        set_desc(&q, i, RAM + 0x300000 + 0x1000 * i, 64, WRITE, 0);
        offer(&q, (uint16_t)i);
        wr(RNG + 0x50, 0);
    }
    CHECK_EQ(used_idx(&q), 2);                   /* 64, 36, and then the period is over */
    CHECK_EQ(r32(q.at + 0x2008), 64);
    CHECK_EQ(r32(q.at + 0x2010), 36);
    CHECK(is_zero(0x302000, 64) && !is_zero(0x300000, 64));
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    loop_init();
    test_serial();
    test_balloon();
    test_rng_limits();
    return check_done();
}
