/*
 * devices.c - the interrupt controller and timer that keep the run alive, and random deeds to every chip.
 */
#include "hostile.h"

static u32 r32(u64 a) { u32 v; __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(a) : "memory"); return v; }
static void w32(u64 a, u32 v) { __asm__ volatile("str %w0, [%1]" : : "r"(v), "r"(a) : "memory"); }
static void w16(u64 a, u32 v) { __asm__ volatile("strh %w0, [%1]" : : "r"(v), "r"(a) : "memory"); }
static void w8(u64 a, u32 v) { __asm__ volatile("strb %w0, [%1]" : : "r"(v), "r"(a) : "memory"); }
static void w64(u64 a, u64 v) { __asm__ volatile("str %0, [%1]" : : "r"(v), "r"(a) : "memory"); }
static int v3(void) { return (RD(id_aa64pfr0_el1) >> 24 & 15) != 0; }

#define GICD 0x08000000ull
#define GICC 0x08010000ull
#define GICR 0x080a0000ull

void gic_init(void)
{
    if (v3()) {
        WR(s3_0_c12_c12_5, 7);                   /* ICC_SRE */
        ISB();
        w32(GICD, 0x12);
        w32(GICR + 0x14, 0);                     /* awake */
        w32(GICR + 0x10080, ~0u);
        w32(GICR + 0x10400 + 24, 0x80808080);
        w32(GICR + 0x10100, 1u << 27 | 1u << 30);
        WR(s3_0_c4_c6_0, 0xf0);
        WR(s3_0_c12_c12_4, 0);
        WR(s3_0_c12_c12_7, 1);
    } else {
        w32(GICD, 1);
        w32(GICD + 0x400 + 24, 0x80808080);
        w32(GICD + 0x100, 1u << 27 | 1u << 30);
        w32(GICC + 4, 0xf0);
        w32(GICC, 1);
    }
    ISB();
}

u32 irq_ack(void)
{
    u32 id;
    if (v3()) {
        id = (u32)RD(s3_0_c12_c12_0);
        WR(s3_0_c12_c12_1, id);
    } else {
        id = r32(GICC + 12);
        w32(GICC + 16, id);
    }
    return id;
}

void timer_arm(void)
{
    WR(cntv_tval_el0, 500 + below(one_in(8) ? 60000 : 6000));
    WR(cntv_ctl_el0, 1);
    ISB();
}

static void wild_write(u64 a)
{
    u64 v = random_value();
    switch (below(8)) {
    case 0: w8(a, (u32)v); break;
    case 1: w16(a & ~1ull, (u32)v); break;
    case 2: w64(a & ~7ull, v); break;
    case 3: (void)r32(a & ~3ull); break;
    default: w32(a & ~3ull, (u32)v); break;
    }
}

static u64 dma_addr(void)
{
    if (one_in(8))
        return random_value();
    if (one_in(8))
        return RAM + RAM_SIZE - below(64);
    return ARENA + (below(ARENA_SIZE) & ~15ull);
}

/* A plausible queue full of implausible descriptors at pa: 256 at most, then the rings. */
#define QUEUE_SIZE 256
static void make_queue(u64 pa)
{
    volatile u64 *d = (volatile u64 *)pa;
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        u64 len = one_in(8) ? rnd() & 0xffffffff : one_in(3) ? 16 : below(5000), flags = one_in(16) ? rnd() & 0xffff : below(8);
        if (!one_in(4))
            flags &= ~4ull;
        d[2 * i] = dma_addr();
        if (!(params.wild & WILD_RAM) && len > 0x10000 && flags & 2)
            len = 0x10000;                       /* nothing of the handler is overwritten */
        if (!(params.wild & WILD_RAM) && d[2 * i] >= ARENA + ARENA_SIZE - 0x10000 && d[2 * i] < RAM + RAM_SIZE)
            d[2 * i] = ARENA;
        if (!(params.wild & WILD_RAM) && d[2 * i] >= RAM && d[2 * i] < ARENA)
            d[2 * i] = ARENA;
        d[2 * i + 1] = len | flags << 32 | (one_in(3) ? below(QUEUE_SIZE + 2) : (u64)i + 1) << 48;
    }
    volatile u16 *avail = (volatile u16 *)(pa + 4096);
    avail[0] = (u16)below(2);
    for (unsigned i = 0; i < QUEUE_SIZE + 1; i++)
        avail[2 + i] = (u16)below(one_in(32) ? 65536 : QUEUE_SIZE);
    DSB();
    avail[1] = (u16)(one_in(8) ? rnd() : below(one_in(2) ? 4 : QUEUE_SIZE));
}

#define QUEUES (ARENA + ARENA_SIZE + 0x10000)    /* behind the arena: mapped by nobody in tame runs */

static void poke_virtio_mmio(void)
{
    u64 base = 0x0a000000 + 0x200 * (24 + below(8));
    if (r32(base) != 0x74726976)
        return;
    for (u64 n = below(12); n; n--)
        wild_write(base + below(0x200));
    w32(base + 0x70, 0);
    w32(base + 0x70, 3);
    for (u32 sel = 0; sel < 2; sel++) {
        w32(base + 0x24, sel);
        w32(base + 0x20, one_in(2) ? sel : (u32)rnd());
    }
    w32(base + 0x70, 11);
    for (u32 q = 0; q < 3; q++) {
        u64 pa = QUEUES + q * 0x4000;
        make_queue(pa);
        w32(base + 0x30, one_in(16) ? (u32)rnd() : q);
        w32(base + 0x38, one_in(8) ? (u32)rnd() : 1u << below(9));
        u64 a[3] = { pa, pa + 4096, pa + 8192 };
        for (unsigned k = 0; k < 3; k++) {
            u64 v = one_in(16) ? random_value() & (params.wild & WILD_RAM ? ~0ull : 0xffffffff00000000ull) : a[k];
            w32(base + 0x80 + 16 * k, (u32)v);
            w32(base + 0x84 + 16 * k, (u32)(v >> 32));
        }
        w32(base + 0x44, 1);
    }
    w32(base + 0x70, 15);
    for (u64 n = 1 + below(6); n; n--) {
        w32(base + 0x50, one_in(16) ? (u32)rnd() : (u32)below(3));
        if (one_in(2))
            make_queue(QUEUES + below(3) * 0x4000);
    }
    for (u64 n = below(6); n; n--)
        (void)r32(base + 0x100 + (below(0x100) & ~3ull));
}

#define ECAM 0x4010000000ull
static void poke_pci(void)
{
    u64 dev = below(one_in(4) ? 32 : 5), cfg = ECAM + (dev << 15) + (one_in(16) ? below(8) << 12 : 0);
    u32 id = r32(cfg);
    if (one_in(4))
        for (u64 n = below(20); n; n--)
            wild_write(cfg + below(one_in(8) ? 4096 : 256));
    if (id == ~0u)
        return;
    u64 bar = 0x10000000 + dev * 0x100000;
    for (unsigned b = 0; b < 6; b++)
        w32(cfg + 0x10 + 4 * b, one_in(16) ? (u32)rnd() : (b == 5 ? 0 : (u32)bar + 0x10000 * b));
    w32(cfg + 4, 7);
    u64 c = bar + 0x40000;
    if (id >> 16 < 0x1000 || (id & 0xffff) != 0x1af4)
        return;
    if (one_in(2))                               /* MSI-X with random vectors */
        for (unsigned k = 0; k < 16; k++)
            w32(bar + 0x10000 + 4 * k, one_in(2) ? (k & 3 ? (u32)below(64) : 0x08020040) : (u32)rnd());
    for (u64 n = below(12); n; n--)
        wild_write(c + below(0x4000));
    w8(c + 0x14, 0);
    w8(c + 0x14, 3);
    for (u32 sel = 0; sel < 2; sel++) {
        w32(c + 8, sel);
        w32(c + 12, one_in(2) ? sel : (u32)rnd());
    }
    w8(c + 0x14, 11);
    for (u32 q = 0; q < 3; q++) {
        u64 pa = QUEUES + q * 0x4000;
        make_queue(pa);
        w16(c + 0x16, q);
        w16(c + 0x18, one_in(8) ? (u32)rnd() : 1u << below(9));
        w16(c + 0x1a, (u32)below(4));
        u64 a[3] = { pa, pa + 4096, pa + 8192 };
        for (unsigned k = 0; k < 3; k++) {
            w32(c + 0x20 + 8 * k, (u32)a[k]);
            w32(c + 0x24 + 8 * k, (u32)(a[k] >> 32));
        }
        w16(c + 0x1c, 1);
    }
    w8(c + 0x14, 15);
    for (u64 n = 1 + below(6); n; n--) {
        u32 q = (u32)below(3);
        w16(c + 0x3000 + 4 * q, q);
    }
}

void poke_devices(void)
{
    switch (below(8)) {
    case 0: case 1: case 2: poke_virtio_mmio(); break;
    case 3: case 4: poke_pci(); break;
    case 5:
        for (u64 n = below(40); n; n--)
            wild_write((one_in(3) ? GICC : one_in(2) && v3() ? GICR + 0x10000 * below(3) : GICD) + below(one_in(4) ? 0x10000 : 0xd00));
        break;
    case 6:
        for (u64 n = below(12); n; n--)
            wild_write((one_in(2) ? 0x09000000 : 0x09010000) + below(one_in(4) ? 0x1000 : 0x50));
        break;
    default:
        for (u64 n = below(12); n; n--)
            wild_write(one_in(2) ? 0x08020000 + below(0x1000) : random_pa() < RAM ? random_pa() % RAM + below(4096) : 0x09000000);
        break;
    }
    gic_init();
}
