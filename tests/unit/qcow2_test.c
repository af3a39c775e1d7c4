/*
 * qcow2_test.c - qcow2 images as qemu-img makes them: read, changed at random, and judged by qemu-img afterwards; killed in
 * the middle of writes; broken on purpose.
 *
 * qemu-img (package qemu-utils) is the reference.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "block/block.h"

#include "check.h"

#define SIZE (6u << 20)

static char dir[] = "/tmp/gnomon-qcow2-test-XXXXXX";
static uint8_t *model;                           /* what the disk should hold */

/* ---- tools ---- */

static int run(const char *fmt, ...) PRINTF_LIKE(1, 2);
static int run(const char *fmt, ...)
{
    char cmd[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(cmd, sizeof cmd, "cd %s && { ", dir);
    n += vsnprintf(cmd + n, sizeof cmd - (size_t)n, fmt, ap);
    snprintf(cmd + n, sizeof cmd - (size_t)n, " ; } >log 2>&1");
    va_end(ap);
    int st = system(cmd);
    return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static void show_log(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "cat %s/log", dir);
    (void)!system(cmd);
}

static uint64_t seed;
static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t v = rnd();
        memcpy(p + i, &v, MIN(4, n - i));
    }
}

static char *name(const char *n) { return xasprintf("%s/%s", dir, n); }

static void write_file(const char *n, const void *p, size_t len)
{
    char *path = name(n);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK(fd >= 0 && write(fd, p, len) == (ssize_t)len);
    close(fd);
    free(path);
}

static struct block *open_image(struct block_options o, const char *n)
{
    char *why = NULL;
    o.path = name(n);
    struct block *b = block_try_open(&o, &why);
    if (!b) {
        printf("%s: %s\n", n, why);
        CHECK(b != NULL);
    }
    return b;
}

static int rw(struct block *b, enum block_op op, uint64_t off, void *buf, size_t len, bool unmap)
{
    size_t a = len / 3, c = len / 2;
    struct iovec v[3] = { { buf, a }, { (char *)buf + a, c - a }, { (char *)buf + c, len - c } };
    struct block_req r = { .op = op, .off = off, .len = len, .iov = v, .n_iov = op < BLOCK_FLUSH ? 3 : 0, .unmap = unmap };
    return block_do(b, &r);
}

static bool same(struct block *b)
{
    static uint8_t buf[SIZE];
    memset(buf, 0x11, SIZE);
    CHECK_EQ(rw(b, BLOCK_READ, 0, buf, SIZE, false), 0);
    for (unsigned i = 0; i < SIZE; i++)
        if (buf[i] != model[i]) {
            printf("byte 0x%x is 0x%x, not 0x%x\n", i, buf[i], model[i]);
            return false;
        }
    return true;
}

/* ---- random use ---- */

static void random_ops(struct block *b, unsigned n, bool discard)
{
    static uint8_t buf[300 << 10];
    for (unsigned i = 0; i < n; i++) {
        size_t len = 512 * (1 + rnd() % (rnd() % 4 ? 40 : sizeof buf / 512));
        size_t off = rnd() % (SIZE / 512) * 512;
        if (rnd() % 3 == 0)
            off = off % (512 << 10);             /* a place where much happens */
        len = MIN(len, SIZE - off);
        switch (rnd() % 10) {
        case 0: case 1: case 2: case 3: case 4:
            fill(buf, len);
            memcpy(model + off, buf, len);
            CHECK_EQ(rw(b, BLOCK_WRITE, off, buf, len, false), 0);
            break;
        case 5:
            CHECK_EQ(rw(b, BLOCK_FLUSH, 0, NULL, 0, false), 0);
            break;
        case 6: case 7:
            memset(model + off, 0, len);
            CHECK_EQ(rw(b, BLOCK_ZERO, off, NULL, len, rnd() & 1), 0);
            break;
        case 8:
            if (!discard)
                break;
            CHECK_EQ(rw(b, BLOCK_DISCARD, off, NULL, len, true), 0);
            /* Some of it may read as zeros now. */
            CHECK_EQ(rw(b, BLOCK_READ, off, buf, len, false), 0);
            for (size_t k = 0; k < len; k++)
                if (buf[k] != model[off + k]) {
                    CHECK(buf[k] == 0);
                    model[off + k] = 0;
                }
            break;
        default:
            CHECK_EQ(rw(b, BLOCK_READ, off, buf, len, false), 0);
            CHECK(!memcmp(buf, model + off, len));
        }
    }
}

/* Leaks are no error where ALLOW_LEAKS. */
static void judge(const char *image, bool allow_leaks)
{
    int st = run("qemu-img check %s", image);
    CHECK(st == 0 || (st == 3 && allow_leaks));
    if (st && !(st == 3 && allow_leaks))
        show_log();
    write_file("model", model, SIZE);
    st = run("qemu-img compare -f qcow2 -F raw %s model", image);
    CHECK_EQ(st, 0);
    if (st)
        show_log();
}

/* An image of each kind: how it is made (from `base`, SIZE bytes, raw). */
static const struct {
    const char *make;
    bool from_base;                              /* holds base's bytes */
} kinds[] = {
    { "qemu-img create -f qcow2 i 6M", false },
    { "qemu-img create -f qcow2 -o compat=0.10 i 6M", false },
    { "qemu-img create -f qcow2 -o cluster_size=512 i 6M", false },
    { "qemu-img create -f qcow2 -o cluster_size=512,refcount_bits=64 i 6M", false },
    { "qemu-img create -f qcow2 -o cluster_size=2M i 6M", false },
    { "qemu-img create -f qcow2 -o cluster_size=4k,refcount_bits=1 i 6M", false },
    { "qemu-img create -f qcow2 -o cluster_size=1k,refcount_bits=2 i 6M", false },
    { "qemu-img create -f qcow2 -o refcount_bits=8 i 6M", false },
    { "qemu-img create -f qcow2 -o lazy_refcounts=on i 6M", false },
    { "qemu-img create -f qcow2 -o preallocation=metadata i 6M", false },
    { "qemu-img create -f qcow2 -o preallocation=falloc i 6M", false },
    { "qemu-img create -f qcow2 -b base -F raw i", true },
    { "qemu-img create -f qcow2 -o compat=0.10 -b base -F raw i", true },
    { "qemu-img convert -O qcow2 base mid && qemu-img create -f qcow2 -o cluster_size=4k -b mid -F qcow2 i", true },
    { "qemu-img create -f qcow2 -b base -F raw mid && qemu-img create -f qcow2 -b mid -F qcow2 m2 && "
      "qemu-img create -f qcow2 -b file:m2 -F qcow2 i", true },
    { "qemu-img convert -c -O qcow2 base i", true },
    { "qemu-img convert -c -O qcow2 -o cluster_size=4k base i", true },
    { "qemu-img convert -c -O qcow2 -o compression_type=zstd base i", true },
    { "qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=2M base i", true },
    { "qemu-img convert -c -O qcow2 base mid && qemu-img create -f qcow2 -b mid -F qcow2 i", true },
    { "qemu-img convert -O qcow2 base i && qemu-img snapshot -c one i", true },
    { "qemu-img convert -c -O qcow2 -o cluster_size=4k base i && qemu-img snapshot -c one i && qemu-img snapshot -c two i", true },
    { "qemu-img convert -O qcow2 base i && qemu-img bitmap --add i b0", true },
    { "truncate -s 1M short && qemu-img create -f qcow2 -b short -F raw i 6M", false },
};

static void make(unsigned k)
{
    CHECK_EQ(run("rm -f i mid m2; %s", kinds[k].make), 0);
    memset(model, 0, SIZE);
    if (kinds[k].from_base) {
        char *p = name("base");
        int fd = open(p, O_RDONLY);
        CHECK(read(fd, model, SIZE) == SIZE);
        close(fd);
        free(p);
    }
}

static void test_kinds(void)
{
    for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
        unsigned before = n_failed;
        make(k);
        seed = k + 1;
        struct block_options o = { .discard = k & 1, .threads = k & 2, .direct = k % 5 == 4, .no_flush = k % 8 };
        if (k % 3 == 0)
            o.l2_cache = o.refcount_cache = 1;   /* the smallest: much is written back */
        struct block *b = open_image(o, "i");
        if (!b)
            continue;
        CHECK_EQ(block_sectors(b), SIZE / 512);
        CHECK(same(b));
        random_ops(b, 150, o.discard);
        CHECK(same(b));
        block_close(b);
        bool leaks = strstr(kinds[k].make, "bitmap") != NULL;      /* they are no longer valid, and no longer counted */
        judge("i", leaks);
        o.readonly = true;
        b = open_image(o, "i");
        CHECK(b && same(b));
        block_close(b);
        o.readonly = false;
        o.detect = BLOCK_DETECT_UNMAP;
        b = open_image(o, "i");
        random_ops(b, 100, o.discard);
        CHECK(same(b));
        block_close(b);
        judge("i", leaks);
        if (n_failed != before)
            printf("  with: %s\n", kinds[k].make);
    }
}

/* Snapshots still hold what they held. */
static void test_snapshots(void)
{
    make(20);
    struct block *b = open_image((struct block_options){ .discard = true }, "i");
    random_ops(b, 100, true);
    block_close(b);
    CHECK_EQ(run("qemu-img check i && qemu-img convert -l one -O raw i old && cmp old base"), 0);
}

static void test_temporary(void)
{
    make(13);
    write_file("model0", model, SIZE);
    struct block *b = open_image((struct block_options){ .snapshot = true }, "i");
    random_ops(b, 200, true);
    CHECK(same(b));
    block_close(b);
    CHECK_EQ(run("qemu-img compare i model0"), 0);
}

/* ---- many requests at once ---- */

struct flight { struct block_req r; struct iovec v; uint8_t *buf; size_t slot; bool busy; };
static unsigned ended;
static void flight_done(struct block_req *r)
{
    struct flight *f = (struct flight *)r;
    CHECK_EQ(r->error, 0);
    if (r->op == BLOCK_READ)
        CHECK(!memcmp(f->buf, model + f->r.off, f->r.len));
    f->busy = false;
    ended++;
}

static void test_many(bool threads, bool direct)
{
    enum { N = 32, PIECE = 4096, SLOTS = SIZE / PIECE };
    static struct flight f[N];
    static bool taken[SLOTS];
    make(11);
    struct block *b = open_image((struct block_options){ .discard = true, .threads = threads, .direct = direct }, "i");
    seed = 99;
    for (unsigned i = 0; i < N; i++)
        f[i].buf = f[i].buf ? f[i].buf : aligned_alloc(PIECE, PIECE);
    for (unsigned i = 0; i < 3000; i++) {
        struct flight *x = &f[i % N];
        for (;;) {
            machine_lock();
            if (!x->busy)
                break;
            machine_unlock();
            sched_yield();
        }
        if (x->slot)
            taken[x->slot - 1] = false;
        size_t s;
        do
            s = rnd() % (SLOTS / 4);
        while (taken[s]);
        taken[s] = true;
        x->slot = s + 1;
        x->v = (struct iovec){ x->buf, PIECE };
        x->r = (struct block_req){ .off = s * PIECE, .len = PIECE, .iov = &x->v, .n_iov = 1, .done = flight_done };
        unsigned what = rnd() % 8;
        x->r.op = what < 4 ? BLOCK_WRITE : what < 6 ? BLOCK_READ : what < 7 ? BLOCK_ZERO : BLOCK_FLUSH;
        x->r.unmap = rnd() & 1;
        if (x->r.op == BLOCK_WRITE) {
            fill(x->buf, PIECE);
            memcpy(model + x->r.off, x->buf, PIECE);
        } else if (x->r.op == BLOCK_ZERO) {
            memset(model + x->r.off, 0, PIECE);
        } else if (x->r.op == BLOCK_READ) {
            memset(x->buf, 0x22, PIECE);
        }
        x->busy = true;
        block_submit(b, &x->r);
        machine_unlock();
    }
    block_drain_all();
    CHECK_EQ(ended, 3000);
    ended = 0;
    for (unsigned i = 0; i < N; i++)
        f[i].slot = 0;
    memset(taken, 0, sizeof taken);
    CHECK(same(b));
    block_close(b);
    judge("i", false);
}

/* ---- killed ---- */

/* The child writes and flushes, and says what is safe; it is killed; what it said must be there, and no errors. */
static void test_kill(unsigned round, unsigned kind, bool lazy)
{
    make(kind);
    struct { unsigned flushed, done; } *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (!pid) {
        seed = round + 1000;
        struct block *b = open_image((struct block_options){ .discard = true, .no_flush = true, .l2_cache = round & 1, .refcount_cache = round & 1,
                                                             .lazy_refcounts = lazy ? 1 : -1 }, "i");
        static uint8_t buf[64 << 10];
        for (unsigned i = 1;; i++) {
            uint64_t at = i * 7919ull % (SIZE >> 13) << 12, other = SIZE / 2 + (i * 104729ull % (SIZE >> 17) << 16);
            memset(buf, (int)(i % 251) + 1, sizeof buf);
            if (rw(b, BLOCK_WRITE, at, buf, 4096, false))
                _exit(1);
            /* Elsewhere: clusters that come and go. */
            if (i % 3 == 0 && rw(b, i % 2 ? BLOCK_WRITE : BLOCK_DISCARD, other, buf, sizeof buf, true))
                _exit(1);
            shared->done = i;
            if (i % 8 == 0) {
                if (rw(b, BLOCK_FLUSH, 0, NULL, 0, false))
                    _exit(1);
                shared->flushed = i;
            }
        }
    }
    unsigned want = 20 + round * 37 % 400;
    while (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) < want && !waitpid(pid, NULL, WNOHANG))
        usleep(100);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    int st = run("qemu-img check i");
    if (lazy)
        st = run("qemu-img check i; qemu-img check -r all i; qemu-img check i");
    CHECK(st == 0 || st == 3);
    if (st && st != 3)
        show_log();
    struct block *b = open_image((struct block_options){ .discard = true }, "i");
    uint8_t buf[4096];
    unsigned last = shared->flushed, n = SIZE >> 13;
    for (unsigned i = last > n ? last - n + 1 : 1; b && i <= last; i++) {
        uint64_t at = i * 7919ull % n << 12;
        unsigned later = i + n;
        if (later <= shared->done + 1)
            continue;
        CHECK_EQ(rw(b, BLOCK_READ, at, buf, 4096, false), 0);
        CHECK(buf[0] == i % 251 + 1 && buf[4095] == i % 251 + 1);
    }
    munmap(shared, 4096);
    if (b)
        block_close(b);
    CHECK_EQ(run("qemu-img check -r leaks i; qemu-img check i"), 0);
}

/* Left with the dirty bit: opening repairs by itself. */
static void test_lazy(void)
{
    make(8);
    pid_t pid = fork();
    if (!pid) {
        struct block *b = open_image((struct block_options){ .discard = true }, "i");
        seed = 5;
        random_ops(b, 60, true);
        (void)!rw(b, BLOCK_FLUSH, 0, NULL, 0, false);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
    CHECK_EQ(run("qemu-img info i | grep -q 'corrupt: false' && cp i copy && ! qemu-img check copy"), 0);
    struct block *b = open_image((struct block_options){ .discard = true }, "i");
    CHECK(b != NULL);
    if (b)
        block_close(b);
    CHECK_EQ(run("qemu-img check i"), 0);
}

/* ---- hostile ---- */

static void poke(const char *n, uint64_t off, uint64_t v, unsigned size)
{
    char *p = name(n);
    int fd = open(p, O_RDWR);
    uint8_t b[8];
    for (unsigned i = 0; i < size; i++)
        b[i] = (uint8_t)(v >> 8 * (size - 1 - i));
    CHECK(pwrite(fd, b, size, (off_t)off) == (ssize_t)size);
    close(fd);
    free(p);
}

static bool refuses(struct block_options o, const char *n, const char *text)
{
    char *why = NULL;
    o.path = name(n);
    struct block *b = block_try_open(&o, &why);
    if (b)
        block_close(b);
    if (!b && !strstr(why, text))
        printf("%s: says: %s\n", text, why);
    return !b && strstr(why, text);
}

static void test_refusals(void)
{
    static const struct { const char *make; uint64_t off, v; unsigned size; const char *text; } bad[] = {
        { "", 4, 4, 4, "version 4" }, { "", 20, 8, 4, "clusters of 2^8" }, { "", 20, 22, 4, "clusters of 2^22" },
        { "", 32, 1, 4, "encrypted" }, { "", 36, 0, 4, "L1 table is too short" }, { "", 36, 0xffffffff, 4, "L1 table is too long" },
        { "", 40, 0x30001, 8, "L1 table is too long or not aligned" }, { "", 40, ~0xffffull, 8, "not aligned" },
        { "", 48, 12345, 8, "refcount table" }, { "", 56, 0, 4, "refcount table" }, { "", 56, 0xffffffff, 4, "refcount table" },
        { "", 24, ~0ull, 8, "too short" }, { "", 8, 1, 8, "backing file's name" }, { "", 60, 70000, 4, "snapshots" },
        { "", 72, 4, 8, "external data file" }, { "", 72, 16, 8, "extended L2" }, { "", 72, 1ull << 40, 8, "feature bit 40" },
        { "", 72, 2, 8, "marked corrupt" }, { "", 96, 7, 4, "refcounts of 2^7" }, { "", 100, 50, 4, "header of 50" },
        { "", 0x10000, 0x12345, 8, "refcount block" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_EQ(run("rm -f h; qemu-img create -f qcow2 h 6M"), 0);
        poke("h", bad[i].off, bad[i].v, bad[i].size);
        if (!refuses((struct block_options){ 0 }, "h", bad[i].text))
            printf("header %u: 0x%llx\n", (unsigned)bad[i].off, (unsigned long long)bad[i].v);
        CHECK(refuses((struct block_options){ 0 }, "h", bad[i].text));
    }
    CHECK_EQ(run("rm -f h; qemu-img create -f qcow2 -o extended_l2=on h 6M"), 0);
    CHECK(refuses((struct block_options){ 0 }, "h", "extended L2"));
    CHECK_EQ(run("rm -f h; qemu-img create -f qcow2 -o data_file=d h 6M"), 0);
    CHECK(refuses((struct block_options){ 0 }, "h", "external data file"));
    CHECK_EQ(run("rm -f h g; qemu-img create -u -f qcow2 -b g -F qcow2 h 6M && qemu-img create -u -f qcow2 -b h -F qcow2 g 6M"), 0);
    CHECK(refuses((struct block_options){ .readonly = true }, "h", "circle"));
    CHECK_EQ(run("rm -f h; qemu-img create -u -f qcow2 -b nbd://x/ -F raw h 6M"), 0);
    CHECK(refuses((struct block_options){ 0 }, "h", "not a local file"));
    CHECK_EQ(run("rm -f h; qemu-img create -u -f qcow2 -b gone -F raw h 6M"), 0);
    CHECK(refuses((struct block_options){ 0 }, "h", "gone"));
    CHECK_EQ(run("rm -f h; qemu-img create -f vmdk h 6M"), 0);
    CHECK(refuses((struct block_options){ 0 }, "h", "vmdk"));
    CHECK_EQ(run("rm -f h; qemu-img create -f raw h 6M"), 0);
    CHECK(refuses((struct block_options){ .format = "qcow2" }, "h", "not a qcow2"));
    CHECK(refuses((struct block_options){ .format = "vdi" }, "h", "format vdi"));
}

/* Tables that point at nonsense: errors, never metadata overwritten, and all still goes when they are read. */
static void test_bad_tables(void)
{
    static const struct { uint64_t off, v; const char *text; } bad[] = {
        { 0x30000, 0x8000000000012345, "L1 not aligned" }, { 0x30000, 0x80ffffffffff0000, "L1 far away" },
        { 0x40000, 0x8000000000000200, "data not aligned" }, { 0x40000, 0x8000000000000000 | 0x10000, "data on the refcount table" },
        { 0x40000, 0x8000000000000000 | 0x20000, "data on a refcount block" }, { 0x40000, 0x8000000000000000 | 0x30000, "on L1" },
        { 0x40000, 0x8000000000000000 | 0x40000, "data on the L2 table" }, { 0x40000, 0x80fffffffff00000, "data far away" },
        { 0x40000, 0x7fffffffffffffff, "compressed, long" }, { 0x40000, 0x4000000000050000, "compressed, no stream" },
    };
    static uint8_t buf[SIZE];
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_EQ(run("rm -f h; qemu-img create -f qcow2 h 6M && qemu-io -c 'write 0 128k' h"), 0);
        poke("h", bad[i].off, bad[i].v, 8);
        struct block *b = open_image((struct block_options){ .discard = true }, "h");
        (void)!rw(b, BLOCK_READ, 0, buf, SIZE, false);
        (void)!rw(b, BLOCK_WRITE, 0, buf, 4096, false);
        (void)!rw(b, BLOCK_WRITE, 65536, buf, 4096, false);
        (void)!rw(b, BLOCK_ZERO, 0, NULL, 1 << 20, true);
        (void)!rw(b, BLOCK_DISCARD, 0, NULL, SIZE, true);
        (void)!rw(b, BLOCK_WRITE, 0, buf, SIZE, false);
        block_close(b);
        CHECK(run("qemu-img info h") == 0);      /* the header has survived */
    }
}

static void test_locks(void)
{
    make(0);
    struct block *b = open_image((struct block_options){ 0 }, "i");
    CHECK(run("qemu-img check i") != 0);
    CHECK(run("qemu-io -c 'write 0 512' i") != 0);
    CHECK(refuses((struct block_options){ 0 }, "i", "lock"));
    block_close(b);
    CHECK_EQ(run("qemu-io -c 'write 0 512' i"), 0);
    b = open_image((struct block_options){ .readonly = true }, "i");
    CHECK(run("qemu-io -c 'write 0 512' i") != 0);
    CHECK_EQ(run("qemu-io -r -c 'read 0 512' i"), 0);
    block_close(b);
}

int main(int argc, char *argv[])
{
    bool longer = argc > 1 && !strcmp(argv[1], "long");
    CHECK(mkdtemp(dir) != NULL);
    model = malloc(SIZE);
    seed = 42;
    for (unsigned i = 0; i < SIZE; i += 4096)   /* some of it compresses, some is zero */
        if (i >> 16 & 1)
            fill(model + i, 2048);
        else
            memset(model + i, i >> 17 & 1 ? 0 : (int)(i >> 12), 4096);
    write_file("base", model, SIZE);
    /* First: a child of fork() has no pool of threads once this process has. */
    for (unsigned i = 0; i < (longer ? 200 : 12); i++) {
        static const unsigned which[] = { 0, 2, 11, 15, 20, 13 };
        test_kill(i, which[i % ARRAY_LEN(which)], false);
    }
    for (unsigned i = 0; i < (longer ? 30 : 3); i++)
        test_kill(i, 0, true);
    test_lazy();
    test_kinds();
    test_snapshots();
    test_temporary();
    test_many(false, false);                     /* mostly at once, by the ring, by the pool */
    test_many(false, true);
    test_many(true, false);
    test_refusals();
    test_bad_tables();
    test_locks();
    CHECK_EQ(system(xasprintf("rm -rf %s", dir)), 0);
    return check_done();
}
