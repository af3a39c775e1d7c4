/*
 * pl011.c - Arm PrimeCell UART (PL011), revision r1p4: 16-byte FIFOs.
 *
 * Owns the registers and the receive FIFO. Transmission takes no time: the transmit FIFO is always empty. Baud rate
 * and modem lines have no effect. Source: Arm DDI 0183.
 */
#include "hw/pl011.h"

#include "base/log.h"
#include "mem/mem.h"

#define FIFO 16u

#define FR_RXFE 0x10u
#define FR_RXFF 0x40u
#define FR_TXFE 0x80u
#define LCRH_FEN 0x10u
#define CR_UARTEN 0x001u
#define CR_LBE 0x080u
#define CR_TXE 0x100u
#define INT_RX 0x010u
#define INT_TX 0x020u
#define INT_RT 0x040u
#define INT_BE 0x200u
#define INT_OE 0x400u
#define INT_ALL 0x7ffu
#define DATA_BE 0x400u
#define DATA_OE 0x800u

struct pl011 {
    struct device dev;                           /* first */
    struct irq irq;
    struct chardev *chr;
    uint16_t fifo[FIFO];                         /* data and error bits, as DR reads */
    unsigned head, used;
    bool overrun;
    uint32_t rsr, ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, ris, dmacr;
};

static unsigned depth(const struct pl011 *s)
{
    return s->lcr_h & LCRH_FEN ? FIFO : 1;
}

/* Bytes in the FIFO at which the receive interrupt comes (IFLS). */
static unsigned rx_trigger(const struct pl011 *s)
{
    static const uint8_t level[8] = { 2, 4, 8, 12, 14, 8, 8, 8 };
    return s->lcr_h & LCRH_FEN ? level[s->ifls >> 3 & 7] : 1;
}

static void update(struct pl011 *s)
{
    irq_set(&s->irq, (s->ris & s->imsc) != 0);
}

static void put(struct pl011 *s, uint16_t v)
{
    if (s->used >= depth(s)) {
        s->overrun = true;
        s->ris |= INT_OE;
    } else {
        s->fifo[(s->head + s->used++) % FIFO] = v;
        /* Below the trigger the receive timeout reports it; 32 bit periods are not waited for. */
        s->ris |= s->used >= rx_trigger(s) ? INT_RX : INT_RT;
    }
    update(s);
}

static uint32_t get(struct pl011 *s)
{
    if (!s->used)
        return 0;
    uint32_t v = s->fifo[s->head];
    s->head = (s->head + 1) % FIFO;
    s->used--;
    if (s->overrun) {
        v |= DATA_OE;
        s->overrun = false;
    }
    s->rsr = v >> 8;
    if (s->used < rx_trigger(s))
        s->ris = (s->ris & ~INT_RX) | INT_RT;    /* what is left will time out */
    if (!s->used)
        s->ris &= ~INT_RT;
    update(s);
    chardev_accept_input(s->chr);
    return v;
}

/* ---- the backend's side ---- */

static size_t can_receive(void *opaque)
{
    const struct pl011 *s = opaque;
    unsigned d = depth(s);
    return s->cr & CR_LBE || s->used >= d ? 0 : d - s->used;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(opaque, buf[i]);
}

static void send_break(void *opaque)
{
    struct pl011 *s = opaque;
    s->ris |= INT_BE;
    put(s, DATA_BE);
}

/* ---- registers ---- */

static void transmit(struct pl011 *s, uint8_t byte)
{
    if ((s->cr & (CR_UARTEN | CR_TXE)) != (CR_UARTEN | CR_TXE))
        log_to(guest_errors, "pl011: data written while the transmitter is off (sent all the same)\n");
    if (s->cr & CR_LBE)
        put(s, byte);
    else
        chardev_write(s->chr, &byte, 1);
    s->ris |= INT_TX;
    update(s);
}

static uint64_t reg_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t id[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl011 *s = opaque;
    if (off >= 0xfe0)
        return id[(off - 0xfe0) / 4];
    switch (off) {
    case 0x00: return get(s);
    case 0x04: return s->rsr;
    case 0x18: return FR_TXFE | (s->used ? 0 : FR_RXFE) | (s->used >= depth(s) ? FR_RXFF : 0);
    case 0x20: return s->ilpr;
    case 0x24: return s->ibrd;
    case 0x28: return s->fbrd;
    case 0x2c: return s->lcr_h;
    case 0x30: return s->cr;
    case 0x34: return s->ifls;
    case 0x38: return s->imsc;
    case 0x3c: return s->ris;
    case 0x40: return s->ris & s->imsc;
    case 0x48: return s->dmacr;
    default:
        log_to(guest_errors, "pl011: read of 0x%llx\n", (unsigned long long)off);
        return 0;
    }
}

static void reg_write(void *opaque, uint64_t off, uint64_t v64, unsigned size)
{
    struct pl011 *s = opaque;
    uint32_t v = (uint32_t)v64;
    switch (off) {
    case 0x00: transmit(s, (uint8_t)v); return;
    case 0x04: s->rsr = 0; return;
    case 0x18: return;                           /* flags: read only */
    case 0x20: s->ilpr = v & 0xff; return;
    case 0x24: s->ibrd = v & 0xffff; return;
    case 0x28: s->fbrd = v & 0x3f; return;
    case 0x2c:
        if ((s->lcr_h ^ v) & LCRH_FEN) {         /* the FIFOs start empty */
            s->used = 0;
            s->ris &= ~(INT_RX | INT_RT);
        }
        s->lcr_h = v & 0xff;
        break;
    case 0x30: s->cr = v & 0xff87; break;
    case 0x34: s->ifls = v & 0x3f; break;
    case 0x38: s->imsc = v & INT_ALL; break;
    case 0x44: s->ris &= ~v; break;
    case 0x48:
        s->dmacr = v & 7;
        if (v & 3)
            log_to(unimp, "pl011: DMA is not connected\n");
        return;
    default:
        log_to(guest_errors, "pl011: write of 0x%llx\n", (unsigned long long)off);
        return;
    }
    update(s);
    chardev_accept_input(s->chr);
}

static const struct mmio_ops ops = { .name = "pl011", .read = reg_read, .write = reg_write, .max_size = 4 };

static void reset(struct device *d)
{
    struct pl011 *s = (struct pl011 *)d;
    s->head = s->used = 0;
    s->overrun = false;
    s->rsr = s->ilpr = s->ibrd = s->fbrd = s->lcr_h = s->imsc = s->ris = s->dmacr = 0;
    s->cr = 0x300;
    s->ifls = 0x12;
    update(s);
    chardev_accept_input(s->chr);
}

struct device *pl011_new(uint64_t base, struct irq irq, struct chardev *chr)
{
    struct pl011 *s = xcalloc(1, sizeof *s);
    s->dev = (struct device){ .name = "pl011", .reset = reset };
    s->irq = irq;
    s->chr = chr ? chr : chardev_null();
    mem_add_mmio(base, 0x1000, &ops, s);
    const struct chardev_front front = { can_receive, receive, send_break, s };
    chardev_attach(s->chr, &front);
    reset(&s->dev);
    return &s->dev;
}
