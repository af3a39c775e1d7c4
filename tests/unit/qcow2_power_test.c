/*
 * qcow2_power_test.c - a power failure at any moment: what was written since the last sync of the file may be there or not, in any
 * combination. qemu-img must find leaks at worst, and what the guest had flushed must be there.
 *
 * The block layer's writes and syncs are recorded (the linker's --wrap); images are made from the record.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "block/block.h"

#include "check.h"

#define SIZE (1u << 20)
#define SECTORS (SIZE / 512)
#define OPS 220

static char dir[] = "/tmp/gnomon-power-test-XXXXXX";

static uint64_t seed;
static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33);
}

/* ---- the record ---- */

struct event { bool sync; uint64_t off; size_t len; uint8_t *data; };
static struct event *events;
static unsigned n_events, room;
static bool recording;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void record(struct event e)
{
    pthread_mutex_lock(&lock);
    if (n_events == room)
        events = realloc(events, (room = 2 * room + 64) * sizeof *events);
    events[n_events++] = e;
    pthread_mutex_unlock(&lock);
}

ssize_t __real_pwrite64(int fd, const void *buf, size_t n, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t n, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t n, off_t off)
{
    if (recording)
        record((struct event){ false, (uint64_t)off, n, memcpy(malloc(n), buf, n) });
    return __real_pwrite64(fd, buf, n, off);
}

ssize_t __real_pwritev64(int fd, const struct iovec *iov, int n, off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t off)
{
    uint64_t at = (uint64_t)off;
    for (int i = 0; recording && i < n; i++, at += iov[i - 1].iov_len)
        record((struct event){ false, at, iov[i].iov_len, memcpy(malloc(iov[i].iov_len + 1), iov[i].iov_base, iov[i].iov_len) });
    return __real_pwritev64(fd, iov, n, off);
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    if (recording)
        record((struct event){ .sync = true });
    return 0;
}

/* ---- operations, and what they promise ---- */

static struct { unsigned before, after; uint32_t first, n; bool flush; uint8_t *model; } ops[OPS];

static void use_image(struct block *b, uint8_t *model)
{
    static uint8_t buf[64 << 10];
    for (unsigned i = 0; i < OPS; i++) {
        uint32_t n = 1 + rnd() % (rnd() % 4 ? 12 : 128), first = rnd() % SECTORS;
        n = MIN(n, SECTORS - first);
        struct iovec v = { buf, n * 512 };
        struct block_req r = { .off = first * 512ull, .len = n * 512ull, .iov = &v, .n_iov = 1, .unmap = rnd() & 1 };
        unsigned what = rnd() % 12;
        r.op = what < 6 ? BLOCK_WRITE : what < 8 ? BLOCK_ZERO : what < 10 ? BLOCK_DISCARD : BLOCK_FLUSH;
        for (unsigned k = 0; k < v.iov_len; k += 4)
            memcpy(buf + k, &(uint32_t){ rnd() }, 4);
        ops[i].before = n_events;
        if (r.op == BLOCK_WRITE)
            memcpy(model + r.off, buf, r.len);
        else if (r.op == BLOCK_ZERO)
            memset(model + r.off, 0, r.len);
        CHECK_EQ(block_do(b, &r), 0);
        if (r.op == BLOCK_DISCARD) {             /* what it now reads as */
            struct iovec w = { model + r.off, r.len };
            struct block_req back = { .op = BLOCK_READ, .off = r.off, .len = r.len, .iov = &w, .n_iov = 1 };
            CHECK_EQ(block_do(b, &back), 0);
        }
        ops[i].after = n_events;
        ops[i].flush = r.op == BLOCK_FLUSH;
        ops[i].first = first;
        ops[i].n = ops[i].flush ? 0 : n;
        ops[i].model = ops[i].flush ? memcpy(malloc(SIZE), model, SIZE) : NULL;
    }
}

/* ---- the failure ---- */

static void lose_power(unsigned at)
{
    CHECK_EQ(system(xasprintf("cd %s && cp start i", dir)), 0);
    char *path = xasprintf("%s/i", dir);
    int fd = open(path, O_RDWR);
    unsigned last_sync = 0;
    for (unsigned i = 0; i < at; i++)
        if (events[i].sync)
            last_sync = i;
    unsigned chance = rnd() % 4;                 /* of 4: how much of the rest has come through */
    for (unsigned i = 0; i < at; i++)
        if (!events[i].sync && (i < last_sync || rnd() % 4 < chance))
            CHECK(__real_pwrite64(fd, events[i].data, events[i].len, (off_t)events[i].off) == (ssize_t)events[i].len);
    close(fd);
    int st = system(xasprintf("cd %s && qemu-img check i >log 2>&1", dir));
    st = WEXITSTATUS(st);
    CHECK(st == 0 || st == 3);
    if (st != 0 && st != 3) {
        printf("after event %u of %u (synced up to %u):\n", at, n_events, last_sync);
        fflush(stdout);
        (void)!system(xasprintf("head -5 %s/log", dir));
    }
    /* The last flush that had ended, and what was touched since. */
    int flushed = -1;
    static bool touched[SECTORS];
    memset(touched, 0, sizeof touched);
    for (int i = 0; i < OPS && ops[i].before <= at; i++)
        if (ops[i].flush && ops[i].after <= at)
            flushed = i;
    for (int i = flushed + 1; i < OPS && ops[i].before <= at; i++)
        memset(touched + ops[i].first, 1, ops[i].n);
    if (flushed < 0)
        return;
    static uint8_t disk[SIZE];
    CHECK_EQ(system(xasprintf("cd %s && qemu-img convert -O raw i r", dir)), 0);
    fd = open(xasprintf("%s/r", dir), O_RDONLY);
    CHECK(read(fd, disk, SIZE) == SIZE);
    close(fd);
    unsigned bad = 0;
    for (unsigned s = 0; s < SECTORS; s++)
        bad += !touched[s] && memcmp(disk + 512 * s, ops[flushed].model + 512 * s, 512);
    CHECK_EQ(bad, 0);
}

int main(int argc, char *argv[])
{
    unsigned rounds = argc > 1 ? 120 : 12;
    static const char *const make[] = {
        "qemu-img create -q -f qcow2 -o cluster_size=4k start 1M", "qemu-img create -q -f qcow2 -o cluster_size=512 start 1M",
        "qemu-img convert -c -O qcow2 -o cluster_size=2k -f raw base start && qemu-img snapshot -c s start",
        "qemu-img create -q -f qcow2 -o cluster_size=1k,refcount_bits=64 -b base -F raw start",
    };
    static uint8_t model[SIZE];
    CHECK(mkdtemp(dir) != NULL);
    seed = 7;
    for (unsigned i = 0; i < SIZE; i += 4)
        memcpy(model + i, &(uint32_t){ i >> 10 & 3 ? i >> 9 : 0 }, 4);
    int fd = open(xasprintf("%s/base", dir), O_CREAT | O_WRONLY, 0600);
    CHECK(write(fd, model, SIZE) == SIZE);
    close(fd);
    for (unsigned k = 0; k < ARRAY_LEN(make); k++) {
        if (system(xasprintf("cd %s && rm -f start && %s && cp start i", dir, make[k]))) {
            CHECK(false);
            continue;
        }
        struct block_options o = { .path = xasprintf("%s/i", dir), .discard = true, .threads = true, .no_lock = true,
                                   .l2_cache = k & 1, .refcount_cache = k & 1 };
        char *why;
        struct block *b = block_try_open(&o, &why);
        CHECK(b != NULL);
        struct iovec v = { model, SIZE };
        struct block_req r = { .op = BLOCK_READ, .len = SIZE, .iov = &v, .n_iov = 1 };
        CHECK_EQ(block_do(b, &r), 0);
        n_events = 0;
        recording = true;
        use_image(b, model);
        block_close(b);
        recording = false;
        for (unsigned i = 0; i < rounds; i++)
            lose_power(rnd() % (n_events + 1));
        lose_power(n_events);
    }
    CHECK_EQ(system(xasprintf("rm -rf %s", dir)), 0);
    return check_done();
}
