/*
 * mmio.c - device registers by every access width, pairs, vector registers; alignment on Device memory.
 */
#include "suite.h"

#define UART (KBASE + 0x09000000ull)
#define RTC (KBASE + 0x09010000ull)
#define GICD (KBASE + 0x08000000ull)
#define VA 0x40000000ull

TEST(mmio_widths)
{
    static const u8 uart_id[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    static const u8 rtc_id[8] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    for (unsigned i = 0; i < 8; i++) {
        CHECKN("uart 32", i, ld32(UART + 0xfe0 + 4 * i), uart_id[i]);
        CHECKN("uart 16", i, ld16(UART + 0xfe0 + 4 * i), uart_id[i]);
        CHECKN("uart 8", i, ld8(UART + 0xfe0 + 4 * i), uart_id[i]);
        CHECKN("rtc 32", i, ld32(RTC + 0xfe0 + 4 * i), rtc_id[i]);
    }
    CHECK("uart 64", ld64(UART + 0xfe0), 0x0000001000000011ull);
    CHECK("uart 64", ld64(UART + 0xff8), 0x000000b100000005ull);
    /* Sign extension of device loads. */
    u64 v;
    __asm__ volatile("ldrsb %0, [%1]" : "=r"(v) : "r"(UART + 0xff4) : "memory");
    CHECK("ldrsb", v, 0xfffffffffffffff0ull);
    __asm__ volatile("ldrsw %0, [%1]" : "=r"(v) : "r"(UART + 0xff4) : "memory");
    CHECK("ldrsw", v, 0xf0);
    u64 base = UART + 0xf00;
    __asm__ volatile("ldr %w0, [%1, #0xe0]!" : "=&r"(v), "+r"(base) : : "memory");
    CHECK("pre-index", v, 0x11);
    CHECK("pre-index base", base, UART + 0xfe0);
}
TEST(mmio_pairs)
{
    u64 a, b;
    __asm__ volatile("ldp %w0, %w1, [%2]" : "=&r"(a), "=&r"(b) : "r"(UART + 0xfe0) : "memory");
    CHECK("ldp w 1", a, 0x11);
    CHECK("ldp w 2", b, 0x10);
    __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(UART + 0xfe0) : "memory");
    CHECK("ldp x 1", a, 0x1000000011ull);
    CHECK("ldp x 2", b, 0x0000000014ull);
    __asm__ volatile("ldr q0, [%2]\n\tumov %0, v0.d[0]\n\tumov %1, v0.d[1]" : "=&r"(a), "=&r"(b) : "r"(UART + 0xff0) : "memory");
    CHECK("ldr q lo", a, 0xf00000000dull);
    CHECK("ldr q hi", b, 0xb100000005ull);
    __asm__ volatile("ldr d0, [%1]\n\tfmov %0, d0" : "=&r"(a) : "r"(UART + 0xff0) : "memory");
    CHECK("ldr d", a, 0xf00000000dull);
    /* Stores: baud rate divisors are plain registers. */
    u64 ibrd = ld32(UART + 0x24), fbrd = ld32(UART + 0x28);
    __asm__ volatile("stp %w0, %w1, [%2]" : : "r"(0x21), "r"(0x13), "r"(UART + 0x24) : "memory");
    CHECK("stp 1", ld32(UART + 0x24), 0x21);
    CHECK("stp 2", ld32(UART + 0x28), 0x13);
    st32(UART + 0x24, ibrd);
    st32(UART + 0x28, fbrd);
}
/* The same load instruction now on RAM, now on a device, now on a fault. */
static __attribute__((noinline)) u64 one_site(u64 va) { return ld32(va); }
TEST(mmio_mixed_site)
{
    struct pt t = pt_new(12, 48, 1);
    u64 pa = page4k();
    *pdata(pa) = 0xabc;
    pt_map(&t, VA, pa, 3, A_STD | A_KRW | A_XN);
    pt_map(&t, VA + 4096, 0x09000000, 3, A_AF | A_NG | A_DEVICE | A_KRW | A_XN);
    pt_use(&t);
    for (unsigned i = 0; i < 200; i++) {
        CHECKN("ram", i, one_site(VA), 0xabc);
        CHECKN("device", i, one_site(VA + 4096 + 0xfe4), 0x10);
        if (i % 3 == 0) {
            CHECKN("fault", i, (u32)one_site(VA + 8192), (u32)SENTINEL);
            check_fault("fault", i, ESR_RD(FSC_TRANS(3)), VA + 8192);
        }
    }
}
TEST(mmio_rtc)
{
    u64 a = ld32(RTC), b;
    CHECK("alive", a > 1000000000, 1);
    /* The clock is an offset: writing the load register sets the time. */
    st32(RTC + 8, 1000);
    b = ld32(RTC);
    CHECK("set", b - 1000 < 3, 1);
    st32(RTC + 8, a);
    CHECK("restored", ld32(RTC) - a < 3, 1);
}
TEST(mmio_gic_widths)
{
    u64 v3 = idf(RD(id_aa64pfr0_el1), 24);
    u64 prio = GICD + 0x400 + 40;                              /* SPI 40..43 */
    u64 old = ld32(prio);
    st32(prio, 0x40302010);
    CHECK("32", ld32(prio), 0x40302010);
    CHECK("8", ld8(prio + 2), 0x30);
    st8(prio + 1, 0x80);
    CHECK("8 stored", ld32(prio), 0x40308010);
    st32(prio, old);
    CHECK("PIDR2 arch", ld32(GICD + (v3 ? 0xffe8 : 0xfe8)) >> 4 & 15, v3 ? 3 : 2);
}
TEST(mmio_device_unaligned)
{
    CHECK("load", ld32(UART + 0xfe2), SENTINEL);
    check_fault("load", 0, ESR_RD(FSC_ALIGN), UART + 0xfe2);
    st32(UART + 0x26, 0);
    check_fault("store", 0, ESR_WR(FSC_ALIGN), UART + 0x26);
    u64 pa = page4k();
    struct pt t = pt_new(12, 48, 1);
    pt_map(&t, VA, pa, 3, A_AF | A_NG | A_DEVICE | A_KRW | A_XN);
    pt_use(&t);
    st64(VA, 0x123456789abcdef0ull);
    CHECK("device RAM", ld64(VA), 0x123456789abcdef0ull);
    ld64(VA + 1);
    check_fault("device RAM", 0, ESR_RD(FSC_ALIGN), VA + 1);
}
/* Nothing answers: a synchronous external abort, or (allowed) zero. */
TEST(mmio_hole)
{
    u64 v = ld32(KBASE + 0x0fff0000ull);
    if (fault.count) {
        CHECK("esr", fault.esr & ~(1ull << 9 /* EA */ | 0x3full), ESR_RD(0));
        CHECK("fsc", fault.esr & 0x3f, 0x10);
        CHECK("value", v, SENTINEL);
    }
}
