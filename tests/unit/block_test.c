/*
 * block_test.c - disk images (size, locking, thrown-away writes) and the virtio block device with good and hostile
 * requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/loop.h"
#include "block/block.h"

#include "virtio_drv.h"

#define BLK 0x0a003e00ull
#define SECTORS 64u

static char path[] = "/tmp/gnomon-block-test-XXXXXX";

static void make_image(void)
{
    uint8_t data[SECTORS * 512 - 100];           /* the last sector is not whole */
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i / 512 + i);
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, data, sizeof data) == (ssize_t)sizeof data);
    close(fd);
}

static uint8_t expected(unsigned i) { return i < SECTORS * 512 - 100 ? (uint8_t)(i / 512 + i) : 0; }

static int rw(struct block *b, enum block_op op, uint64_t off, void *buf, size_t len)
{
    struct iovec v[2] = { { buf, len / 3 }, { (char *)buf + len / 3, len - len / 3 } };
    struct block_req r = { .op = op, .off = off, .len = len, .iov = v, .n_iov = 2 };
    return block_do(b, &r);
}

static void open_it(void *o)
{
    struct block *b = block_open(o);
    (void)b;
}

static void test_open(void)
{
    struct block_options none = { .path = "/nonexistent/x" }, dir = { .path = "/tmp" }, q = { .path = path, .format = "qcow2" };
    CHECK(dies(open_it, &none) && dies(open_it, &dir) && dies(open_it, &q));
    char alien[] = "/tmp/gnomon-block-test-XXXXXX";
    int fd = mkstemp(alien);
    CHECK(write(fd, "QFI\xfb....", 8) == 8);
    struct block_options a = { .path = alien };
    CHECK(dies(open_it, &a));
    a.format = "raw";
    CHECK(!dies(open_it, &a));
    close(fd);
    unlink(alien);
}

static void test_overlay(void)
{
    struct block_options o = { .path = path, .snapshot = true };
    struct block *b = block_open(&o);
    uint8_t buf[9000], want[9000];
    CHECK_EQ(block_sectors(b), SECTORS);
    CHECK(!block_readonly(b));
    memset(buf, 0xaa, sizeof buf);
    CHECK_EQ(rw(b, BLOCK_WRITE, 3 * 512, buf, 5 * 512), 0);      /* across a cluster's end */
    CHECK_EQ(rw(b, BLOCK_READ, 0, buf, 8704), 0);
    for (unsigned i = 0; i < 8704; i++)
        want[i] = i >= 3 * 512 && i < 8 * 512 ? 0xaa : expected(i);
    CHECK(!memcmp(buf, want, 8704));
    struct block_req z = { .op = BLOCK_ZERO, .off = 512, .len = 512 }, f = { .op = BLOCK_FLUSH };
    CHECK_EQ(block_do(b, &z), 0);
    CHECK_EQ(block_do(b, &f), 0);
    CHECK_EQ(rw(b, BLOCK_READ, 512, buf, 512), 0);
    for (unsigned i = 0; i < 512; i++)
        CHECK(buf[i] == 0);
    CHECK_EQ(rw(b, BLOCK_READ, 63 * 512, buf, 512), 0);          /* past the end of the file */
    for (unsigned i = 0; i < 512; i++)
        CHECK(buf[i] == expected(63 * 512 + i));
    struct block_options ro = { .path = path, .readonly = true }; /* both leave the file alone: they go together */
    struct block *b2 = block_open(&ro);
    CHECK_EQ(rw(b2, BLOCK_READ, 3 * 512, buf, 512), 0);
    for (unsigned i = 0; i < 512; i++)
        CHECK(buf[i] == expected(3 * 512 + i));
    struct block_options w = { .path = path };
    CHECK(dies(open_it, &w));                    /* a writer does not */
    w.no_lock = true;
    CHECK(!dies(open_it, &w));
}

/* ---- the device ---- */

static struct drv q;

static void start(uint64_t features)
{
    negotiate(BLK, features | VIRTIO_F_VERSION_1);
    queue(&q, BLK, 0, 0x10000, 16);
    wr(BLK + 0x70, 0xf);
}

/* Wait for N used buffers (the workers need a moment); false: they did not come. */
static bool wait_used(unsigned n)
{
    for (unsigned i = 0; i < 2000; i++) {
        machine_lock();
        bool there = used_idx(&q) == n;
        machine_unlock();
        if (there)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    return false;
}

/* A request of OUT bytes at 0x8000 (the header first) and IN bytes at 0x20000 (the status last). Returns the status. */
static int request(uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
    uint32_t head[4] = { type, 0, (uint32_t)sector, (uint32_t)(sector >> 32) };
    unsigned was = used_idx(&q);
    memcpy(ram(0x8000), head, MIN(out, 16u));
    memset(ram(0x20000), 0x77, in);
    set_desc(&q, 0, RAM + 0x8000, out, in ? NEXT : 0, 1);
    set_desc(&q, 1, RAM + 0x20000, in, WRITE, 0);
    offer(&q, 0);
    wr(BLK + 0x50, 0);
    if (!in || rd(BLK + 0x70) & 0x40 || !wait_used((uint16_t)(was + 1)))
        return -1;
    return *(uint8_t *)ram(0x20000 + in - 1);
}

static void test_requests(void)
{
    start(0);
    CHECK_EQ(rd(BLK + 8), 2);
    CHECK_EQ(rd(BLK + 0x100), SECTORS);
    CHECK_EQ(request(0, 1, 16, 1025), 0);
    for (unsigned i = 0; i < 1024; i++)
        CHECK(*(uint8_t *)ram(0x20000 + i) == expected(512 + i));
    CHECK_EQ(r32(q.at + 0x2008), 1025);
    CHECK(irq[0]);
    wr(BLK + 0x64, 1);
    memset(ram(0x8010), 0x5a, 512);
    CHECK_EQ(request(1, 2, 16 + 512, 1), 0);
    CHECK_EQ(request(4, 0, 16, 1), 0);
    CHECK_EQ(request(0, 2, 16, 513), 0);
    CHECK(*(uint8_t *)ram(0x20000) == 0x5a && *(uint8_t *)ram(0x201ff) == 0x5a);
    CHECK_EQ(request(8, 0, 16, 21), 0);
    CHECK(!strcmp(ram(0x20000), "serial"));
    uint32_t range[4] = { 2, 0, 1, 0 };
    memcpy(ram(0x8010), range, sizeof range);
    CHECK_EQ(request(13, 0, 32, 1), 0);
    CHECK_EQ(request(0, 2, 16, 513), 0);
    CHECK(*(uint8_t *)ram(0x20000) == 0 && *(uint8_t *)ram(0x201ff) == 0);
    memcpy(ram(0x8010), range, sizeof range);
    CHECK_EQ(request(11, 0, 32, 1), 0);
}

static void test_bad_requests(void)
{
    start(0);
    CHECK_EQ(request(0, SECTORS, 16, 513), 1);
    CHECK_EQ(request(0, SECTORS - 1, 16, 1025), 1);
    CHECK_EQ(request(0, UINT64_MAX, 16, 513), 1);
    CHECK_EQ(request(0, UINT64_MAX / 512 + 1, 16, 513), 1);
    CHECK_EQ(request(0, 0, 16, 512), 1);         /* not whole sectors */
    CHECK_EQ(request(1, 0, 16 + 100, 1), 1);
    CHECK_EQ(request(1, SECTORS, 16 + 512, 1), 1);
    CHECK_EQ(request(0, SECTORS, 16, 1), 0);     /* nothing at the very end: nothing wrong */
    CHECK_EQ(request(99, 0, 16, 1), 2);
    CHECK_EQ(request(11, 0, 16, 1), 1);          /* no range */
    uint32_t range[4] = { 0, 0, SECTORS + 1, 0 };
    memcpy(ram(0x8010), range, sizeof range);
    CHECK_EQ(request(11, 0, 32, 1), 1);
    range[2] = UINT32_MAX;
    memcpy(ram(0x8010), range, sizeof range);
    CHECK_EQ(request(13, 0, 32, 1), 1);
    range[2] = 1;
    range[3] = 2;                                /* a flag that does not exist */
    memcpy(ram(0x8010), range, sizeof range);
    CHECK_EQ(request(13, 0, 32, 1), 2);
    CHECK_EQ(request(8, 0, 16, 1), 0);           /* no room for the serial number */
    static const uint32_t broken[][2] = { { 15, 1 }, { 1, 1 }, { 16, 0 } };
    for (unsigned i = 0; i < ARRAY_LEN(broken); i++) {
        start(0);
        CHECK_EQ(request(0, 0, broken[i][0], broken[i][1]), -1);
        CHECK(rd(BLK + 0x70) & 0x40);
    }
    start(0);
    CHECK_EQ(request(0, 0, 16, 513), 0);
}

/* A reset with many requests under way: none is reported afterwards, none touches memory. */
static void test_reset(void)
{
    for (unsigned round = 0; round < 50; round++) {
        start(0);
        uint32_t head[4] = { 0, 0, round, 0 };
        memcpy(ram(0x8000), head, sizeof head);
        set_desc(&q, 0, RAM + 0x8000, 16, NEXT, 1);
        set_desc(&q, 1, RAM + 0x20000, 4097, WRITE, 0);
        for (unsigned i = 0; i < 40; i++) {      /* more often than the queue has entries */
            offer(&q, 0);
            wr(BLK + 0x50, 0);
        }
        wr(BLK + 0x70, 0);
        memset(ram(0x20000), 0x33, 4097);
        memset(ram(0x12000), 0, 0x100);
        nanosleep(&(struct timespec){ .tv_nsec = 300000 }, NULL);
        CHECK(*(uint8_t *)ram(0x20000) == 0x33 && *(uint8_t *)ram(0x20fff) == 0x33);
        CHECK_EQ(r16(0x12002), 0);
        CHECK_EQ(rd(BLK + 0x60), 0);
    }
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    make_image();
    test_open();
    test_overlay();
    struct block_options o = { .path = path, .no_lock = true };
    virtio_mmio_new(BLK, (struct irq){ on_irq, NULL, 0 }, virtio_blk_new(block_open(&o), &(struct virtio_blk_options){ .serial = "serial" }));
    test_requests();
    test_bad_requests();
    test_reset();
    test_bad_requests();
    unlink(path);
    return check_done();
}
