/*
 * pci_test.c - configuration space through ECAM, BARs, INTx, MSI-X to the GICv2m frame, the virtio PCI transport; random
 * accesses to all of it.
 */
#include "hw/gicv2.h"
#include "hw/gicv2m.h"
#include "hw/virtio_pci.h"

#include "virtio_drv.h"

#define ECAM 0x4010000000ull
#define M32 0x10000000ull
#define M64 0x8000000000ull
#define V2M 0x08020000ull
#define DIST 0x08000000ull
#define CPUIF 0x08010000ull

#define CFG(slot, reg) (ECAM + ((uint64_t)(slot) << 15) + (reg))

static uint64_t rds(uint64_t a, unsigned size)
{
    uint64_t v = 0;
    CHECK(mem_mmio_read(a, size, &v));
    return v;
}
static void wrs(uint64_t a, uint64_t v, unsigned size) { CHECK(mem_mmio_write(a, size, v)); }

static unsigned find_cap(unsigned slot, unsigned id, unsigned type)
{
    unsigned at = rds(CFG(slot, 0x34), 1);
    for (unsigned i = 0; at && i < 48; i++, at = rds(CFG(slot, at + 1), 1))
        if (rds(CFG(slot, at), 1) == id && (id != 9 || rds(CFG(slot, at + 3), 1) == type))
            return at;
    return 0;
}

static void test_config(void)
{
    CHECK_EQ(rd(CFG(0, 0)), 0x00081b36);
    CHECK_EQ(rd(CFG(1, 0)), 0x10441af4);
    CHECK_EQ(rd(CFG(2, 0)), 0x10431af4);
    CHECK_EQ(rd(CFG(3, 0)), 0xffffffff);
    CHECK_EQ(rd(CFG(1, 0) + 0x1000), 0xffffffff);        /* function 1 */
    CHECK_EQ(rd(CFG(1, 0) + 0x100000), 0xffffffff);      /* bus 1 */
    CHECK_EQ(rd(CFG(1, 0x100)), 0);
    wr(CFG(1, 0), 0);
    CHECK_EQ(rd(CFG(1, 0)), 0x10441af4);
    CHECK_EQ(rds(CFG(1, 2), 2), 0x1044);
    CHECK_EQ(rds(CFG(1, 0xe), 1), 0);
    CHECK_EQ(rds(CFG(1, 0x3d), 1), 1);
    /* sizing */
    wr(CFG(1, 0x10), 0xffffffff);
    CHECK_EQ(rd(CFG(1, 0x10)), 0);
    wr(CFG(1, 0x14), 0xffffffff);
    CHECK_EQ(rd(CFG(1, 0x14)), 0xfffff000);
    wr(CFG(1, 0x20), 0xffffffff);
    wr(CFG(1, 0x24), 0xffffffff);
    CHECK_EQ(rd(CFG(1, 0x20)), 0xffffc00c);
    CHECK_EQ(rd(CFG(1, 0x24)), 0xffffffff);
    CHECK(find_cap(1, 0x11, 0) && !find_cap(1, 0x42, 0));
    for (unsigned t = 1; t <= 5; t++)
        CHECK(find_cap(1, 9, t));
}

static void place(unsigned slot, uint32_t b1, uint64_t b4)
{
    wr(CFG(slot, 0x14), b1);
    wr(CFG(slot, 0x20), (uint32_t)b4);
    wr(CFG(slot, 0x24), (uint32_t)(b4 >> 32));
}

static void test_bars(void)
{
    place(1, M32 + 0x1000, M64 + 0x4000);
    CHECK_EQ(rd(M64 + 0x4000 + 0x12), 0xffffffff);       /* decoding is off */
    wrs(CFG(1, 4), 6, 2);
    CHECK_EQ(rds(M64 + 0x4000 + 0x12, 2), 1);            /* one queue */
    CHECK_EQ(rd(M64), 0xffffffff);
    CHECK_EQ(rd(M32 + 0x100c), 1);                       /* masked */
    CHECK_EQ(rd(M32 + 0x1000000), 0xffffffff);
    place(1, M32 + 0x5000, M64 + 0x8000000);             /* moved */
    CHECK_EQ(rds(M64 + 0x4000 + 0x12, 2), 0xffff);
    CHECK_EQ(rds(M64 + 0x8000000 + 0x12, 2), 1);
    place(1, M32 + 0x1000, M64 + 0x4000);
    /* the window in configuration space */
    unsigned w = find_cap(1, 9, 5);
    wrs(CFG(1, w + 4), 4, 1);
    wr(CFG(1, w + 8), 0x12);
    wr(CFG(1, w + 12), 2);
    CHECK_EQ(rd(CFG(1, w + 16)), 1);
    wr(CFG(1, w + 8), 0xfffffffe);
    (void)rd(CFG(1, w + 16));
    wrs(CFG(1, w + 4), 9, 1);
    wr(CFG(1, w + 16), 77);
}

#define C (M64 + 0x4000)

/* The entropy device through the transport: features, queue 0 of 8 at 0x10000. */
static struct drv start(uint16_t vector)
{
    struct drv q = { C, 0x10000, 8, 0 };
    memset(ram(q.at), 0, 0x4000);
    wrs(C + 0x14, 0, 1);
    wrs(C + 0x14, 3, 1);
    wr(C + 8, 1);
    wr(C + 0xc, 1);
    wrs(C + 0x14, 0xb, 1);
    CHECK_EQ(rds(C + 0x14, 1), 0xb);
    wrs(C + 0x16, 0, 2);
    wrs(C + 0x18, 8, 2);
    wrs(C + 0x1a, vector, 2);
    wrs(C + 0x20, RAM + q.at, 8);
    wrs(C + 0x28, RAM + q.at + 0x1000, 8);
    wrs(C + 0x30, RAM + q.at + 0x2000, 8);
    wrs(C + 0x1c, 1, 2);
    CHECK_EQ(rds(C + 0x1c, 2), 1);
    wrs(C + 0x14, 0xf, 1);
    return q;
}

static void draw(struct drv *q)
{
    set_desc(q, 0, RAM + 0x8000, 32, WRITE, 0);
    offer(q, 0);
    wrs(C + 0x3000, 0, 2);
}

static void test_intx(void)
{
    struct drv q = start(0xffff);
    draw(&q);
    CHECK_EQ(used_idx(&q), 1);
    CHECK(irq[1]);                               /* slot 1, INTA: the second line */
    CHECK(rds(CFG(1, 6), 2) & 8);
    wrs(CFG(1, 4), 0x406, 2);
    CHECK(!irq[1]);
    wrs(CFG(1, 4), 6, 2);
    CHECK(irq[1]);
    CHECK_EQ(rds(C + 0x1000, 1), 1);
    CHECK(!irq[1]);
    CHECK_EQ(rds(C + 0x1000, 1), 0);
}

/* The interrupt that the CPU would take, acknowledged and ended. */
static unsigned taken(void)
{
    unsigned id = rd(CPUIF + 0xc);
    if (id < 1020)
        wr(CPUIF + 0x10, id);
    return id;
}

static void test_msix(void)
{
    unsigned cap = find_cap(1, 0x11, 0);
    wr(DIST, 1);
    wr(CPUIF, 1);
    wr(CPUIF + 4, 0xff);
    unsigned id = 32 + 48 + 5;
    wr(DIST + 0x100 + id / 32 * 4, 1u << id % 32);
    wr(DIST + 0xc00 + id / 16 * 4, 2u << id % 16 * 2);   /* edge */
    wrs(DIST + 0x800 + id, 1, 1);
    CHECK_EQ(rd(V2M + 8), (32u + 48) << 16 | 64);
    wr(V2M + 0x40, id);
    CHECK_EQ(taken(), id);
    wr(V2M + 0x40, 79);                          /* not the frame's */
    wr(V2M + 0x40, 32 + 48 + 64);
    CHECK_EQ(taken(), 1023);

    CHECK_EQ(rds(CFG(1, cap + 2), 2), 1);        /* two vectors */
    wrs(CFG(1, cap + 2), 0x8000, 2);
    struct drv q = start(1);
    CHECK_EQ(rds(C + 0x1a, 2), 1);
    wr(M32 + 0x1010, (uint32_t)V2M + 0x40);
    wr(M32 + 0x1014, 0);
    wr(M32 + 0x1018, id);
    draw(&q);
    CHECK_EQ(taken(), 1023);                     /* the vector is masked */
    CHECK_EQ(rd(M32 + 0x1800), 2);
    wr(M32 + 0x101c, 0);
    CHECK_EQ(rd(M32 + 0x1800), 0);
    CHECK_EQ(taken(), id);
    CHECK(!irq[1]);
    wrs(CFG(1, cap + 2), 0xc000, 2);             /* all masked */
    draw(&q);
    CHECK_EQ(taken(), 1023);
    wrs(CFG(1, cap + 2), 0x8000, 2);
    CHECK_EQ(taken(), id);
    wrs(CFG(1, 4), 2, 2);                        /* not a bus master */
    draw(&q);
    CHECK_EQ(taken(), 1023);
    wrs(CFG(1, 4), 6, 2);
    wr(M32 + 0x1010, 0x40000000);                /* a message into RAM: dropped */
    draw(&q);
    CHECK_EQ(r32(0), 0);
    wrs(C + 0x1a, 2, 2);                         /* no such vector */
    CHECK_EQ(rds(C + 0x1a, 2), 0xffff);
    draw(&q);
    wrs(C + 0x16, 700, 2);                       /* no such queue */
    CHECK_EQ(rds(C + 0x18, 2), 0);
    wrs(C + 0x1c, 1, 2);
    wrs(C + 0x20, 1, 8);
}

static uint64_t rnd(void)
{
    static uint64_t s = 88172645463325252ull;
    s ^= s << 13;
    s ^= s >> 7;
    return s ^= s << 17;
}

static void test_random(void)
{
    for (unsigned i = 0; i < 300000; i++) {
        static const uint64_t bases[] = { ECAM, M64 + 0x4000, M32 + 0x1000, M64 + 0x8000, M32 + 0x2000, V2M };
        unsigned which = rnd() % ARRAY_LEN(bases), size = 1u << rnd() % 4;
        uint64_t off = which == 0 ? (1 + rnd() % 2) << 15 | rnd() % 0x108 : rnd() % (which == 5 ? 0xff0 : 0x3400);
        uint64_t v = rnd() & 1 ? rnd() : rnd() % 16, got;
        if (which && rnd() % 2)
            off &= ~0xfc0ull;
        if (which == 0 && (off & 0xfff) < 0x28 && rnd() % 8)
            continue;                            /* the BARs stay for a while */
        if (rnd() & 1)
            (void)!mem_mmio_write(bases[which] + off, size, v);
        else
            (void)!mem_mmio_read(bases[which] + off, size, &got);
        if (i % 4096 == 0) {
            place(1, M32 + 0x1000, M64 + 0x4000);
            place(2, M32 + 0x2000, M64 + 0x8000);
            wrs(CFG(1, 4), 6, 2);
            wrs(CFG(2, 4), 6, 2);
        }
    }
    CHECK_EQ(rd(CFG(1, 0)), 0x10441af4);
}

static struct pci_bus *bus;

static void add_at(void *slot)
{
    pci_add(bus, virtio_pci_new(virtio_rng_new(&(struct virtio_rng_options){ 0 })), *(int *)slot);
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    struct gic_core *gic = gicv2_new(1, DIST, CPUIF);
    gic->dev.reset(&gic->dev);
    struct gicv2m *v2m = gicv2m_new(gic, V2M, 48, 64);
    struct pci_map map = {
        .ecam = ECAM, .ecam_size = 0x10000000, .pio = 0x3eff0000, .pio_size = 0x10000, .mem32 = M32, .mem32_size = 0x2eff0000,
        .mem64 = M64, .mem64_size = 0x8000000000, .message = gicv2m_message, .message_opaque = v2m,
    };
    for (unsigned i = 0; i < 4; i++)
        map.intx[i] = (struct irq){ on_irq, NULL, i };
    bus = pci_bus_new(&map);
    pci_add(bus, virtio_pci_new(virtio_rng_new(&(struct virtio_rng_options){ 0 })), 1);
    pci_add(bus, virtio_pci_new(virtio_serial_new(&(struct virtio_serial_port){ 0, true, NULL, NULL }, 1, 1)), -1);
    int taken_slot = 2, no_slot = 32, bridge = 0;
    CHECK(dies(add_at, &taken_slot) && dies(add_at, &no_slot) && dies(add_at, &bridge));
    struct device *dev = pci_bus_device(bus);
    dev->reset(dev);
    test_config();
    test_bars();
    test_intx();
    test_msix();
    test_random();
    dev->reset(dev);
    CHECK_EQ(rds(CFG(1, 4), 2), 0);
    test_config();
    test_bars();
    test_intx();
    test_msix();
    CHECK_EQ(rds(0x3eff0000, 4), 0xffffffff);
    return check_done();
}
