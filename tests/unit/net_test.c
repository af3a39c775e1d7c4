/*
 * net_test.c - the virtio network device against a network that the test plays; the options of user networking.
 */
#include "hw/net.h"

#include "virtio_drv.h"

#define NET 0x0a003e00ull
#define CSUM 1ull
#define GUEST_CSUM 2ull
#define GUEST_TSO4 (1ull << 7)
#define MRG_RXBUF (1ull << 15)

static uint8_t last[NET_MAX_FRAME];
static size_t last_len;
static unsigned sent;

static void on_send(struct netdev *n, const uint8_t *frame, size_t len)
{
    memcpy(last, frame, len);
    last_len = len;
    sent++;
}

static struct netdev net = { .send = on_send };
static struct drv rx, tx;

static void start(uint64_t features)
{
    negotiate(NET, features | VIRTIO_F_VERSION_1);
    queue(&rx, NET, 0, 0x10000, 16);
    queue(&tx, NET, 1, 0x20000, 16);
    wr(NET + 0x70, 0xf);
}

static void give_rx(unsigned i, uint32_t len)
{
    set_desc(&rx, i, RAM + 0x100000 + 0x1000 * i, len, WRITE, 0);
    offer(&rx, (uint16_t)i);
}

static void test_receive(void)
{
    uint8_t frame[3000];
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)i;
    CHECK(!net.can_receive(net.card));
    net.receive(net.card, frame, 60);            /* no driver: lost */
    start(GUEST_CSUM);
    net.receive(net.card, frame, 60);            /* no buffer: lost */
    give_rx(0, 2048);
    net.receive(net.card, frame, 60);
    CHECK_EQ(used_idx(&rx), 1);
    CHECK_EQ(r32(rx.at + 0x2008), 72);
    CHECK_EQ(*(uint8_t *)ram(0x100000), 2);      /* DATA_VALID */
    CHECK_EQ(r16(0x10000a), 1);
    CHECK(!memcmp(ram(0x10000c), frame, 60));
    CHECK(irq[0]);
    give_rx(1, 2048);
    net.receive(net.card, frame, 3000);          /* too long for the buffer, which stays */
    CHECK_EQ(used_idx(&rx), 1);
    net.receive(net.card, frame, 100);
    CHECK_EQ(used_idx(&rx), 2);
    CHECK_EQ(r32(rx.at + 0x2004 + 8), 1);

    start(MRG_RXBUF);
    for (unsigned i = 0; i < 3; i++)
        give_rx(i, 1024);
    net.receive(net.card, frame, 3000);
    CHECK_EQ(used_idx(&rx), 3);
    CHECK_EQ(r16(0x10000a), 3);
    CHECK_EQ(*(uint8_t *)ram(0x100000), 0);
    CHECK(!memcmp(ram(0x10000c), frame, 1012) && !memcmp(ram(0x101000), frame + 1012, 1024) &&
          !memcmp(ram(0x102000), frame + 2036, 964));
    give_rx(3, 1024);
    net.receive(net.card, frame, 3000);          /* not enough of them: none is taken */
    CHECK_EQ(used_idx(&rx), 3);
    net.receive(net.card, frame, 1012);
    CHECK_EQ(used_idx(&rx), 4);

    start(0);
    give_rx(0, 12);                              /* no room behind the header */
    net.receive(net.card, frame, 60);
    CHECK(rd(NET + 0x70) & 0x40);
}

static void be16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A segment of DATA bytes, each the low byte of its place in the stream; returns the frame's length. */
static size_t segment(uint8_t *f, uint32_t seq, unsigned data, uint8_t flags)
{
    static const uint8_t head[54] = {
        0x52, 0x54, 0, 1, 2, 3, 0x52, 0x55, 10, 0, 2, 2, 8, 0, 0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15,
        0x12, 0x34, 0x14, 0x51, 0, 0, 0, 0, 0, 1, 2, 3, 0x50, 0x10, 0x22, 0x22, 0xab, 0xcd, 0, 0,
    };
    memcpy(f, head, sizeof head);
    be16(f + 16, 40 + data);
    be16(f + 38, seq >> 16);
    be16(f + 40, seq);
    f[47] = flags;
    for (unsigned i = 0; i < data; i++)
        f[54 + i] = (uint8_t)(seq + i);
    return 54 + data;
}

static void put_segment(uint32_t seq, unsigned data, uint8_t flags)
{
    static uint8_t f[NET_MAX_FRAME];
    size_t len = segment(f, seq, data, flags);
    net.receive(net.card, f, len);
}

static void merging(unsigned buffers, uint32_t len)
{
    start(GUEST_CSUM | GUEST_TSO4 | MRG_RXBUF);
    for (unsigned i = 0; i < buffers; i++)
        give_rx(i, len);
}

/* What lies in the receive buffers, from the first on. */
static uint8_t got(unsigned i, uint32_t len) { return *(uint8_t *)ram(0x100000 + 0x1000 * (i / len) + i % len); }
static unsigned got16(unsigned i) { return (unsigned)got(i, 1024) << 8 | got(i + 1, 1024); }

static void test_merging(void)
{
    enum { H = 12 };                             /* the virtio header */
    merging(8, 1024);
    put_segment(0xfffffff0, 1000, 0x10);         /* the sequence number wraps */
    put_segment(0xfffffff0 + 1000, 1000, 0x10);
    put_segment(0xfffffff0 + 2000, 1000, 0x10);
    put_segment(0xfffffff0 + 3000, 500, 0x18);
    CHECK_EQ(used_idx(&rx), 0);
    net.received(net.card);
    CHECK_EQ(used_idx(&rx), 4);
    CHECK_EQ(r32(0x100000), 54u << 16 | 1 << 8 | 1);             /* NEEDS_CSUM, TCPV4, header */
    CHECK_EQ(r16(0x100004), 1000);
    CHECK_EQ(r16(0x100006), 34);
    CHECK_EQ(r16(0x100008), 16);
    CHECK_EQ(r16(0x10000a), 4);
    CHECK_EQ(got16(H + 16), 40 + 3500);
    uint32_t sum = 0, pseudo = 6 + 20 + 3500;
    for (unsigned i = 0; i < 20; i += 2)
        sum += got16(H + 14 + i);
    CHECK_EQ((sum & 0xffff) + (sum >> 16), 0xffff);
    for (unsigned i = 0; i < 8; i += 2)
        pseudo += got16(H + 26 + i);
    CHECK_EQ(got16(H + 50), (pseudo & 0xffff) + (pseudo >> 16));
    CHECK_EQ(got(H + 47, 1024), 0x18);
    bool right = true;
    for (unsigned i = 0; i < 3500; i++)
        right &= got(H + 54 + i, 1024) == (uint8_t)(0xf0 + i);
    CHECK(right);
    net.received(net.card);                      /* once */
    CHECK_EQ(used_idx(&rx), 4);

    /* What does not continue it comes behind it, and by itself. */
    static const struct { uint32_t seq; unsigned data; uint8_t flags, at, value; } other[] = {
        { 101, 100, 0x10, 0, 0x52 }, { 100, 101, 0x10, 0, 0x52 }, { 100, 100, 0x11, 0, 0x52 }, { 100, 0, 0x10, 0, 0x52 },
        { 100, 100, 0x10, 33, 16 }, { 100, 100, 0x10, 36, 1 }, { 100, 100, 0x10, 45, 9 }, { 100, 100, 0x10, 48, 1 },
        { 100, 100, 0x10, 46, 0x60 }, { 100, 100, 0x10, 14, 0x46 }, { 100, 100, 0x10, 20, 0x20 }, { 100, 100, 0x10, 23, 17 },
        { 100, 100, 0x10, 17, 1 }, { 100, 100, 0x10, 53, 1 }, { 100, 100, 0x10, 22, 1 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(other); i++) {
        uint8_t f[300];
        merging(2, 1024);
        put_segment(0, 100, 0x10);
        size_t len = segment(f, other[i].seq, other[i].data, other[i].flags);
        f[other[i].at] = other[i].value;
        net.receive(net.card, f, len);
        net.received(net.card);
        CHECK_EQ(used_idx(&rx), 2);
        CHECK_EQ(r32(rx.at + 0x2008), H + 154);
        CHECK_EQ(r32(rx.at + 0x2010), H + len);
        CHECK_EQ(r32(0x100000), 2);              /* DATA_VALID and whole */
        CHECK(!memcmp(ram(0x10100c), f, len));
    }
    merging(2, 1024);                            /* a short one, or PSH, is the last */
    put_segment(0, 100, 0x10);
    put_segment(100, 50, 0x10);
    put_segment(150, 50, 0x10);
    net.received(net.card);
    CHECK_EQ(used_idx(&rx), 2);
    CHECK_EQ(r32(rx.at + 0x2008), H + 204);

    merging(1, 1024);                            /* no room: it waits, others are lost */
    put_segment(0, 600, 0x10);
    put_segment(600, 600, 0x10);
    net.received(net.card);
    put_segment(7, 10, 0x10);
    net.received(net.card);
    CHECK_EQ(used_idx(&rx), 0);
    give_rx(1, 1024);
    wr(NET + 0x50, 0);
    CHECK_EQ(used_idx(&rx), 2);
    CHECK_EQ(r16(0x10000a), 2);
    CHECK_EQ(r32(rx.at + 0x2008) + r32(rx.at + 0x2010), H + 1254);
    merging(0, 0);                               /* a reset forgets it */
    put_segment(0, 600, 0x10);
    merging(1, 1024);
    net.received(net.card);
    CHECK_EQ(used_idx(&rx), 0);

    merging(0, 0);                               /* no more than fits into a packet */
    for (unsigned i = 0; i < 16; i++)
        give_rx(i, 4096);
    for (unsigned i = 0; i < 50; i++)
        put_segment(i * 1400, 1400, 0x10);
    CHECK_EQ(used_idx(&rx), 16);
    CHECK_EQ(r16(0x10000e + 14) >> 8 | (r16(0x10000e + 14) & 0xff) << 8, 40 + 46 * 1400);

    start(GUEST_CSUM | GUEST_TSO4);              /* not for one who has a buffer for a frame */
    give_rx(0, 2048);
    put_segment(0, 100, 0x10);
    CHECK_EQ(used_idx(&rx), 1);
}

static void send_frame(uint32_t len)
{
    set_desc(&tx, 0, RAM + 0x200000, 12, NEXT, 1);
    set_desc(&tx, 1, RAM + 0x200100, len, 0, 0);
    offer(&tx, 0);
    wr(NET + 0x50, 1);
}

static void test_transmit(void)
{
    start(CSUM);
    memset(ram(0x200000), 0, 12);
    for (unsigned i = 0; i < 0x20000; i++)
        *(uint8_t *)ram(0x200100 + i) = (uint8_t)(i * 7);
    send_frame(100);
    CHECK_EQ(sent, 1);
    CHECK_EQ(last_len, 100);
    CHECK(!memcmp(last, ram(0x200100), 100));
    CHECK_EQ(used_idx(&tx), 1);
    /* a checksum over 20 bytes from 34 on, into 34 + 6 */
    memset(ram(0x200100), 0, 64);
    w16(0x200100 + 34, 0x3412);
    w16(0x200100 + 36, 0x7856);
    *(uint8_t *)ram(0x200100 + 42) = 0x01;       /* an odd length */
    *(uint8_t *)ram(0x200000) = 1;
    w16(0x200006, 34);
    w16(0x200008, 6);
    send_frame(43);
    CHECK_EQ(last[40] << 8 | last[41], (uint16_t)~(0x1234 + 0x5678 + 0x0100));
    /* places outside the frame are harmless */
    static const uint16_t bad[][2] = { { 34, 60 }, { 65535, 0 }, { 0, 65535 }, { 43, 0 }, { 34, 8 }, { 65535, 65535 } };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        unsigned before = sent;
        w16(0x200006, bad[i][0]);
        w16(0x200008, bad[i][1]);
        send_frame(43);
        CHECK_EQ(sent, before + 1);
    }
    unsigned before = sent;
    send_frame(13);                              /* less than an Ethernet header */
    send_frame(0x1ffff);                         /* longer than any frame */
    CHECK_EQ(sent, before);
    CHECK(!(rd(NET + 0x70) & 0x40));
    set_desc(&tx, 0, RAM + 0x200000, 11, 0, 0);  /* less than the header */
    offer(&tx, 0);
    wr(NET + 0x50, 1);
    CHECK(rd(NET + 0x70) & 0x40);
}

static void test_control(void)
{
    struct drv ctrl;
    negotiate(NET, 1ull << 17 | VIRTIO_F_VERSION_1);
    queue(&ctrl, NET, 2, 0x30000, 16);
    wr(NET + 0x70, 0xf);
    w16(0x200000, 0);                            /* class RX, promiscuous */
    set_desc(&ctrl, 0, RAM + 0x200000, 3, NEXT, 1);
    set_desc(&ctrl, 1, RAM + 0x200010, 1, WRITE, 0);
    *(uint8_t *)ram(0x200010) = 9;
    offer(&ctrl, 0);
    wr(NET + 0x50, 2);
    CHECK_EQ(*(uint8_t *)ram(0x200010), 0);
    w16(0x200000, 4);                            /* a class that is not there */
    offer(&ctrl, 0);
    wr(NET + 0x50, 2);
    CHECK_EQ(*(uint8_t *)ram(0x200010), 1);
    set_desc(&ctrl, 0, RAM + 0x200000, 1, NEXT, 1);
    offer(&ctrl, 0);
    wr(NET + 0x50, 2);
    CHECK(rd(NET + 0x70) & 0x40);
}

static void make_user(void *o)
{
    struct netdev *n = net_user_new(o);
    (void)n;
}

static void test_user_options(void)
{
    static const char *const bad_fwd[] = {
        "", "tcp", "tcp::", "tcp::1-", "tcp::99999-:22", "tcp::1-:0", "sctp::5555-:22", "tcp:300.1.1.1:5555-:22", "tcp::x-:22", "-::", "tcp:[::1:5-:22", "tcp:[::g]:5-:22",
        "tcp:127.0.0.1:5-[fec0::15]:22",
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad_fwd); i++) {
        struct net_user_options o = { .hostfwd = { bad_fwd[i] }, .n_hostfwd = 1 };
        CHECK(dies(make_user, &o));
    }
    struct net_user_options good = { .hostfwd = { "tcp:127.0.0.1:0-:22", "udp:127.0.0.1:0-10.0.2.15:53" }, .n_hostfwd = 2,
                                     .restricted = true };
    CHECK(!dies(make_user, &good));
    struct net_user_options v6 = { .hostfwd = { "tcp:[::1]:0-:22" }, .n_hostfwd = 1, .net6 = "fd00:1::/64", .dns6 = "fd00:1::53",
                                   .dnssearch = { "a.example" }, .n_dnssearch = 1 };
    struct net_user_options bad6[] = { { .net6 = "x" }, { .net6 = "fec0::/127" }, { .host6 = "1.2.3.4" } };
    CHECK(!dies(make_user, &v6));
    for (unsigned i = 0; i < ARRAY_LEN(bad6); i++)
        CHECK(dies(make_user, &bad6[i]));
    struct net_user_options net1 = { .net = "192.168.7.0/24", .dhcpstart = "192.168.7.9" }, net2 = { .net = "10.0.0.0/40" },
                            net3 = { .net = "x" };
    CHECK(!dies(make_user, &net1) && dies(make_user, &net2) && dies(make_user, &net3));
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
    test_user_options();
    virtio_mmio_new(NET, (struct irq){ on_irq, NULL, 0 }, virtio_net_new(&net, mac));
    CHECK_EQ(rd(NET + 0x100), 0x01005452);
    CHECK_EQ(rd(NET + 0x104), 0x00010302);
    test_receive();
    test_merging();
    test_transmit();
    test_control();
    return check_done();
}
