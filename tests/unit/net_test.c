/*
 * net_test.c - the virtio network device against a network that the test plays; the options of user networking.
 */
#include "hw/net.h"

#include "virtio_drv.h"

#define NET 0x0a003e00ull
#define CSUM 1ull
#define GUEST_CSUM 2ull
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
    test_transmit();
    test_control();
    return check_done();
}
