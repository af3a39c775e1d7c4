/*
 * p9_test.c - the 9P server on a temporary tree: messages, security models, attempts to leave the tree, and the virtio device
 * with its flush.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/loop.h"
#include "hw/p9.h"

#include "virtio_drv.h"

/* ---- a client ---- */

static struct p9_server *srv;
static uint8_t req[1 << 20], rep[1 << 20];
static size_t n_req, n_rep;

static void u(uint64_t v, unsigned n) { for (unsigned i = 0; i < n; i++) req[n_req++] = (uint8_t)(v >> 8 * i); }
static void str(const char *s)
{
    u(strlen(s), 2);
    memcpy(req + n_req, s, strlen(s));
    n_req += strlen(s);
}
static void begin(unsigned type) { n_req = 4; u(type, 1); u(1, 2); }

/* Send it; returns 0 or the error. */
static unsigned send_(size_t cap)
{
    unsigned type = req[4];
    size_t len = n_req;
    n_req = 0;
    u(len, 4);
    n_req = len;
    n_rep = p9_handle(srv, req, len, rep, cap);
    CHECK(n_rep >= 7 && p9_get32(rep) == n_rep && p9_get16(rep + 5) == 1);
    if (rep[4] == 7)
        return p9_get32(rep + 7);
    CHECK_EQ(rep[4], type + 1);
    return 0;
}
static unsigned go(void) { return send_(sizeof rep); }

static unsigned version(uint32_t msize) { begin(100); u(msize, 4); str("9P2000.L"); return go(); }
static unsigned attach(uint32_t fid, uint32_t uid) { begin(104); u(fid, 4); u(~0u, 4); str("u"); str(""); u(uid, 4); return go(); }
static unsigned clunk(uint32_t fid) { begin(120); u(fid, 4); return go(); }
static unsigned lopen(uint32_t fid, uint32_t flags) { begin(12); u(fid, 4); u(flags, 4); return go(); }
static unsigned lcreate(uint32_t fid, const char *name, uint32_t flags, uint32_t mode)
{
    begin(14); u(fid, 4); str(name); u(flags, 4); u(mode, 4); u(0, 4);
    return go();
}
static unsigned mkdir_(uint32_t fid, const char *name) { begin(72); u(fid, 4); str(name); u(0755, 4); u(0, 4); return go(); }
static unsigned symlink_(uint32_t fid, const char *name, const char *to) { begin(16); u(fid, 4); str(name); str(to); u(0, 4); return go(); }
static unsigned unlinkat_(uint32_t fid, const char *name, uint32_t flags) { begin(76); u(fid, 4); str(name); u(flags, 4); return go(); }
static unsigned renameat_(uint32_t a, const char *old, uint32_t b, const char *name)
{
    begin(74); u(a, 4); str(old); u(b, 4); str(name);
    return go();
}
static unsigned read_(uint32_t fid, uint64_t off, uint32_t n) { begin(116); u(fid, 4); u(off, 8); u(n, 4); return go(); }
static unsigned write_(uint32_t fid, uint64_t off, const char *text)
{
    begin(118); u(fid, 4); u(off, 8); u(strlen(text), 4);
    memcpy(req + n_req, text, strlen(text));
    n_req += strlen(text);
    return go();
}
static unsigned getattr(uint32_t fid) { begin(24); u(fid, 4); u(0x7ff, 8); return go(); }
static uint32_t attr_mode(void) { return p9_get32(rep + 7 + 8 + 13); }
static uint32_t attr_uid(void) { return p9_get32(rep + 7 + 8 + 13 + 4); }

/* "a/b/../c" from FID to NEW; a failed step is the error. */
static unsigned walk(uint32_t fid, uint32_t new, const char *path)
{
    unsigned n = 0;
    begin(110);
    u(fid, 4);
    u(new, 4);
    size_t at = n_req;
    u(0, 2);
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *save, *p = strtok_r(copy, "/", &save); p; p = strtok_r(NULL, "/", &save), n++)
        str(p);
    req[at] = (uint8_t)n;
    unsigned e = go();
    return e ? e : p9_get16(rep + 7) == n ? 0 : ENOENT;
}

/* ---- the tree ---- */

static char top[64], dir[80], secret[80];

static const char *in_tree(const char *name)
{
    static char p[4][256];
    static unsigned i;
    char *b = p[i++ % 4];
    snprintf(b, 256, "%s/%s", dir, name);
    return b;
}

static void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static bool file_is(const char *path, const char *text)
{
    char b[256];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, b, sizeof b);
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) && !memcmp(b, text, (size_t)n);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f) { return remove(path); }

static void make_tree(void)
{
    snprintf(top, sizeof top, "/tmp/p9-test-XXXXXX");
    CHECK(mkdtemp(top) != NULL);
    snprintf(dir, sizeof dir, "%s/export", top);
    snprintf(secret, sizeof secret, "%s/secret", top);
    CHECK(!mkdir(dir, 0755));
    put_file(secret, "secret");
}

static void open_tree(struct p9_options o)
{
    o.path = dir;
    srv = p9_new(&o);
    CHECK_EQ(version(65536), 0);
    CHECK_EQ(p9_get32(rep + 7), 65536);
    CHECK_EQ(attach(0, 1000), 0);
}

/* ---- tests ---- */

static void test_session(void)
{
    srv = p9_new(&(struct p9_options){ .path = dir });
    CHECK_EQ(attach(0, 0), EPROTO);
    CHECK_EQ(version(100), EMSGSIZE);
    begin(100); u(8192, 4); str("9P2000.u");
    CHECK_EQ(go(), 0);
    CHECK(!memcmp(rep + 11, "\7\0unknown", 9));
    CHECK_EQ(version(1u << 30), 0);
    CHECK_EQ(p9_get32(rep + 7), P9_MAX_MSIZE);
    CHECK_EQ(version(8192), 0);
    CHECK_EQ(attach(7, 0), 0);
    CHECK_EQ(attach(7, 0), EINVAL);
    begin(102); u(1, 4); str("u"); str(""); u(0, 4);
    CHECK_EQ(go(), EOPNOTSUPP);                  /* Tauth */
    CHECK_EQ(clunk(9), EBADF);
    /* every message, cut short anywhere, is refused */
    for (unsigned type = 0; type < 128; type++)
        for (unsigned len = 0; len < 12; len++) {
            if (type == 100)
                continue;
            begin(type);
            for (unsigned i = 0; i < len; i++)
                u(0xff, 1);
            CHECK(go() != 0);
        }
    CHECK_EQ(p9_handle(srv, req, 3, rep, sizeof rep), 0);
    CHECK_EQ(p9_handle(srv, req, 7, rep, 10), 0);
    begin(120); u(7, 4);
    req[0] = 0xff;
    CHECK(p9_handle(srv, (const uint8_t *)"\xff\xff\0\0\x78\1\0\7\0\0\0", 11, rep, sizeof rep) == 11 && rep[4] == 7);
    CHECK_EQ(version(8192), 0);                  /* forgets the fids */
    CHECK_EQ(clunk(7), EBADF);
    p9_free(srv);
}

static void test_files(void)
{
    open_tree((struct p9_options){ .model = P9_PASSTHROUGH });
    CHECK_EQ(walk(0, 1, ""), 0);
    CHECK_EQ(lcreate(1, "a", 0102, 0640), 0);
    CHECK_EQ(write_(1, 0, "hello"), 0);
    CHECK_EQ(p9_get32(rep + 7), 5);
    CHECK_EQ(read_(1, 1, 100), 0);
    CHECK(p9_get32(rep + 7) == 4 && !memcmp(rep + 11, "ello", 4));
    CHECK_EQ(read_(1, ~0ull, 100), EINVAL);
    CHECK_EQ(getattr(1), 0);
    CHECK_EQ(attr_mode(), S_IFREG | 0640);
    CHECK_EQ(attr_uid(), 1000);
    CHECK(file_is(in_tree("a"), "hello"));
    /* no name any more, and still a file */
    CHECK_EQ(walk(0, 2, "a"), 0);
    CHECK_EQ(unlinkat_(0, "a", 0), 0);
    CHECK_EQ(walk(0, 3, "a"), ENOENT);
    CHECK_EQ(write_(1, 5, "!"), 0);
    CHECK_EQ(lopen(2, 0), 0);
    CHECK_EQ(read_(2, 0, 100), 0);
    CHECK_EQ(p9_get32(rep + 7), 6);
    CHECK_EQ(clunk(1) | clunk(2), 0);
    /* a directory that is moved takes what is known below it along */
    CHECK_EQ(mkdir_(0, "d") | walk(0, 4, "d") | mkdir_(4, "e") | walk(4, 5, "e"), 0);
    CHECK_EQ(mkdir_(0, "d"), EEXIST);
    CHECK_EQ(renameat_(0, "d", 0, "moved"), 0);
    CHECK_EQ(mkdir_(5, "f"), 0);
    CHECK(!access(in_tree("moved/e/f"), F_OK));
    CHECK_EQ(walk(5, 6, "..") | getattr(6), 0);
    CHECK_EQ(renameat_(0, "moved", 5, "x"), EINVAL);     /* into itself */
    begin(20); u(5, 4); u(0, 4); str("up");      /* Trename */
    CHECK_EQ(go(), 0);
    CHECK(!access(in_tree("up/f"), F_OK));
    CHECK_EQ(unlinkat_(0, "up", 0), EISDIR);
    CHECK_EQ(unlinkat_(0, "up", 0x200), ENOTEMPTY);
    CHECK_EQ(unlinkat_(5, "f", 0x200), 0);
    begin(122); u(5, 4);                         /* Tremove */
    CHECK_EQ(go(), 0);
    CHECK(access(in_tree("up"), F_OK));
    CHECK_EQ(clunk(5), EBADF);
    /* a large directory in small pieces, with stable cookies */
    CHECK_EQ(walk(0, 10, "moved"), 0);
    for (unsigned i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%03u", i);
        put_file(in_tree("moved/x") , "");
        CHECK(!rename(in_tree("moved/x"), in_tree(xasprintf("moved/%s", name))));
    }
    CHECK_EQ(lopen(10, 0), 0);
    unsigned seen = 0;
    for (uint64_t off = 0, last = 1; last;) {
        begin(40); u(10, 4); u(off, 8); u(400, 4);
        CHECK_EQ(go(), 0);
        uint32_t n = p9_get32(rep + 7);
        CHECK(n <= 400);
        last = n;
        for (uint32_t at = 0; at < n; seen++) {
            const uint8_t *e = rep + 11 + at;
            off = p9_get32(e + 13) | (uint64_t)p9_get32(e + 17) << 32;
            at += 24u + p9_get16(e + 22);
        }
    }
    CHECK_EQ(seen, 302);
    begin(40); u(10, 4); u(0, 8); u(10, 4);
    CHECK_EQ(go(), EINVAL);
    /* attributes */
    begin(32); u(4, 4); str("user.k"); u(3, 8); u(0, 4);
    CHECK_EQ(go(), 0);
    CHECK_EQ(write_(4, 2, "xx"), ENOSPC);
    CHECK_EQ(write_(4, 0, "val") | clunk(4), 0);
    begin(30); u(10, 4); u(20, 4); str("user.k");
    CHECK_EQ(go(), 0);
    CHECK(p9_get32(rep + 7) == 3 && read_(20, 0, 10) == 0 && !memcmp(rep + 11, "val", 3));
    begin(30); u(10, 4); u(21, 4); str("");
    CHECK(go() == 0 && p9_get32(rep + 7) >= 7);
    p9_free(srv);
}

/* Everything that has tried to leave the tree, one way or another. */
static void test_escapes(void)
{
    open_tree((struct p9_options){ .model = P9_PASSTHROUGH });
    static const char *const bad[] = { "..", ".", "a/b", "../secret", "/etc/passwd", "/" };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK(lcreate(0, bad[i], 0102, 0600) != 0);
        CHECK(mkdir_(0, bad[i]) != 0);
        CHECK(symlink_(0, bad[i], "x") != 0);
        CHECK(unlinkat_(0, bad[i], 0) != 0);
        CHECK(unlinkat_(0, bad[i], 0x200) != 0);
        CHECK(renameat_(0, bad[i], 0, "x") != 0);
        CHECK(renameat_(0, "moved", 0, bad[i]) != 0);
        begin(110); u(0, 4); u(99, 4); u(1, 2); str(bad[i]);
        if (i >= 2)
            CHECK(go() != 0);
    }
    begin(110); u(0, 4); u(99, 4); u(1, 2); u(3, 2); u('a', 1); u(0, 1); u('b', 1);
    CHECK_EQ(go(), EINVAL);                      /* a NUL inside */
    struct stat st, root;
    CHECK(!stat(dir, &root));
    CHECK_EQ(walk(0, 50, "../../../.."), 0);     /* the root's parent is the root */
    CHECK_EQ(getattr(50), 0);
    CHECK_EQ(p9_get32(rep + 7 + 8 + 5), (uint32_t)root.st_ino);
    /* links are for the guest to follow, not for us */
    CHECK(!symlink("/", in_tree("abs")) && !symlink("../secret", in_tree("rel")) && !symlink(top, in_tree("dirlink")));
    CHECK_EQ(walk(0, 51, "rel"), 0);
    CHECK_EQ(lopen(51, 0), ELOOP);
    CHECK_EQ(lopen(51, 01001), ELOOP);
    CHECK(walk(0, 52, "abs/etc") != 0);
    CHECK(walk(0, 52, "dirlink/secret") != 0);
    CHECK_EQ(walk(0, 53, "abs"), 0);
    CHECK_EQ(mkdir_(53, "p9-test-escaped"), ENOTDIR);
    CHECK_EQ(lcreate(0, "rel", 01102, 0600), ELOOP);
    begin(26); u(51, 4); u(8, 4); u(0, 4); u(0, 4); u(0, 4); u(0, 8); u(0, 8); u(0, 8); u(0, 8); u(0, 8);
    CHECK(go() != 0);                            /* Tsetattr: truncate through the link */
    CHECK(file_is(secret, "secret"));
    /* a FIFO or device of the host is not opened */
    CHECK(!mkfifo(in_tree("fifo"), 0666));
    CHECK_EQ(walk(0, 54, "fifo"), 0);
    CHECK_EQ(lopen(54, 0), ENXIO);
    /* a known directory replaced by a link */
    CHECK_EQ(mkdir_(0, "victim") | walk(0, 55, "victim"), 0);
    CHECK(!rename(in_tree("victim"), in_tree("victim2")) && !symlink(top, in_tree("victim")));
    CHECK(walk(55, 56, "secret") != 0);
    CHECK_EQ(mkdir_(55, "inside"), 0);
    CHECK(!stat(in_tree("victim2/inside"), &st));
    p9_free(srv);
}

static char swap_a[128], swap_b[128], swap_c[128];
static volatile bool stop;

/* A directory and a link to the outside change places all the time. */
static void *swapper(void *arg)
{
    while (!stop) {
        (void)!rename(swap_a, swap_c);
        (void)!rename(swap_b, swap_a);
        (void)!rename(swap_a, swap_b);
        (void)!rename(swap_c, swap_a);
    }
    return NULL;
}

static void test_race(void)
{
    open_tree((struct p9_options){ .model = P9_NONE });
    snprintf(swap_a, sizeof swap_a, "%s/swap", dir);
    snprintf(swap_b, sizeof swap_b, "%s/link", dir);
    snprintf(swap_c, sizeof swap_c, "%s/other", dir);
    CHECK(!mkdir(swap_a, 0755) && !symlink(top, swap_b));
    put_file(in_tree("swap/secret"), "inside");
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, swapper, NULL));
    unsigned opened = 0, leaked = 0;
    /* how the threads take turns is the host's business: race on until the directory was met at least once */
    for (unsigned i = 0; i < 3000 || (!opened && i < 3000000); i++) {
        if (walk(0, 60, "swap/secret") == 0) {
            if (lopen(60, 2) == 0) {
                opened++;
                CHECK_EQ(read_(60, 0, 6), 0);
                leaked += memcmp(rep + 11, "inside", 6) != 0;
            }
            (void)clunk(60);
        }
        if (walk(0, 61, "swap") == 0) {
            if (lcreate(61, "new", 01102, 0600) == 0)
                (void)unlinkat_(0, "new", 0);
            (void)clunk(61);
        }
        if (walk(0, 62, "swap") == 0) {
            (void)unlinkat_(62, "new", 0);
            (void)clunk(62);
        }
    }
    stop = true;
    pthread_join(t, NULL);
    CHECK(opened > 0);
    CHECK_EQ(leaked, 0);
    char outside[128];
    snprintf(outside, sizeof outside, "%s/new", top);
    CHECK(access(outside, F_OK) < 0);
    CHECK(file_is(secret, "secret"));
    p9_free(srv);
}

static void test_mapped(enum p9_model model)
{
    struct stat st;
    char sub[32];
    open_tree((struct p9_options){ .model = model });
    snprintf(sub, sizeof sub, "mapped%d", (int)model);
    CHECK_EQ(mkdir_(0, sub) | walk(0, 1, sub), 0);
    CHECK_EQ(walk(1, 2, "") | lcreate(2, "f", 0102, 04755), 0);
    CHECK_EQ(getattr(2), 0);
    CHECK_EQ(attr_mode(), S_IFREG | 04755);
    CHECK_EQ(attr_uid(), 1000);
    char path[128];
    snprintf(path, sizeof path, "%s/%s/f", dir, sub);
    CHECK(!stat(path, &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
    CHECK_EQ(st.st_uid, getuid());
    CHECK_EQ(symlink_(1, "l", "/etc/passwd") | walk(1, 3, "l"), 0);
    CHECK_EQ(getattr(3), 0);
    CHECK_EQ(attr_mode(), S_IFLNK | 0777);
    begin(22); u(3, 4);
    CHECK(go() == 0 && p9_get16(rep + 7) == 11 && !memcmp(rep + 9, "/etc/passwd", 11));
    snprintf(path, sizeof path, "%s/%s/l", dir, sub);
    CHECK(!lstat(path, &st) && S_ISREG(st.st_mode));
    begin(18); u(1, 4); str("dev"); u(S_IFCHR | 0666, 4); u(1, 4); u(3, 4); u(0, 4);
    CHECK_EQ(go(), 0);
    CHECK_EQ(walk(1, 4, "dev") | getattr(4), 0);
    CHECK_EQ(attr_mode(), S_IFCHR | 0666);
    CHECK_EQ(p9_get32(rep + 7 + 8 + 13 + 4 + 4 + 4 + 8), 0x103);
    CHECK_EQ(renameat_(1, "f", 1, "g") | walk(1, 5, "g") | getattr(5), 0);
    CHECK_EQ(attr_mode(), S_IFREG | 04755);
    /* what the models keep beside the files is out of the guest's reach */
    if (model == P9_MAPPED_XATTR) {
        begin(32); u(5, 4); str("user.virtfs.uid"); u(4, 8); u(0, 4);
        CHECK(go() == 0 && write_(5, 0, "0000") == 0);
        CHECK_EQ(clunk(5), EACCES);
        begin(30); u(1, 4); u(6, 4); str("user.virtfs.uid");
        CHECK_EQ(go(), ENODATA);
        begin(32); u(4, 4); str("security.capability"); u(4, 8); u(0, 4);
        CHECK(go() == 0 && write_(4, 0, "0000") == 0);
        CHECK_EQ(clunk(4), EOPNOTSUPP);
    } else {
        CHECK_EQ(walk(1, 6, ".virtfs_metadata"), EINVAL);
        CHECK_EQ(unlinkat_(1, ".virtfs_metadata", 0x200), EINVAL);
    }
    CHECK_EQ(unlinkat_(1, "g", 0) | unlinkat_(1, "l", 0) | unlinkat_(1, "dev", 0) | unlinkat_(0, sub, 0x200), 0);
    p9_free(srv);
}

/* More files than descriptors: what is not in use is closed and found again, under its name of today. */
static void test_many(void)
{
    const struct rlimit few = { 512, 512 };
    char name[160];
    CHECK(!setrlimit(RLIMIT_NOFILE, &few));
    open_tree((struct p9_options){ .model = P9_NONE, .multidevs = P9_REMAP });
    CHECK_EQ(mkdir_(0, "many") | walk(0, 1, "many") | mkdir_(1, "sub") | walk(1, 2, "sub"), 0);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%s/many/sub/%u", dir, i);
        put_file(name, "x");
        snprintf(name, sizeof name, "%u", i);
        CHECK_EQ(walk(2, 100 + i, name), 0);
    }
    CHECK_EQ(renameat_(0, "many", 0, "renamed"), 0);
    CHECK_EQ(unlinkat_(2, "5", 0), 0);
    unsigned bad = 0;
    for (unsigned i = 0; i < 1000; i++)
        bad += getattr(100 + i) != 0;
    CHECK_EQ(bad, 0);
    /* one that the host has replaced since is not taken for the same */
    snprintf(name, sizeof name, "%s/renamed/sub/7", dir);
    CHECK(!unlink(name) && !mkdir(name, 0755));
    CHECK_EQ(getattr(107), ESTALE);
    /* a chain of directories deeper than the limit */
    CHECK_EQ(walk(0, 3, ""), 0);
    for (unsigned i = 0; i < 700; i++)
        CHECK_EQ(mkdir_(3, "d") | walk(3, 3, "d"), 0);
    for (unsigned i = 0; i < 300; i++)
        (void)getattr(100 + i);
    CHECK_EQ(mkdir_(3, "last"), 0);
    /* open files have a limit of their own, and the rest goes on */
    unsigned opened = 0;
    while (opened < 900 && lopen(200 + opened, 0) == 0)
        opened++;
    CHECK(opened >= 100 && opened < 200);
    CHECK_EQ(lopen(999, 0), EMFILE);
    CHECK_EQ(walk(0, 4, "renamed") | getattr(4), 0);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_EQ(clunk(100 + i), 0);
    for (unsigned i = 0; i < 701; i++) {
        CHECK_EQ(unlinkat_(3, i ? "d" : "last", 0x200), 0);
        CHECK_EQ(walk(3, 3, ".."), 0);
    }
    p9_free(srv);
}

static void test_readonly(void)
{
    put_file(in_tree("ro"), "text");
    open_tree((struct p9_options){ .model = P9_NONE, .readonly = true });
    CHECK_EQ(walk(0, 1, "ro"), 0);
    CHECK_EQ(lopen(1, 1), EROFS);
    CHECK_EQ(lopen(1, 01000), EROFS);
    CHECK_EQ(mkdir_(0, "x"), EROFS);
    CHECK_EQ(unlinkat_(0, "ro", 0), EROFS);
    CHECK_EQ(lcreate(0, "x", 0102, 0600), EROFS);
    CHECK_EQ(renameat_(0, "ro", 0, "x"), EROFS);
    begin(26); u(1, 4); u(1, 4); u(0, 4); u(0, 4); u(0, 4); u(0, 8); u(0, 8); u(0, 8); u(0, 8); u(0, 8);
    CHECK_EQ(go(), EROFS);
    begin(122); u(1, 4);
    CHECK_EQ(go(), EROFS);
    CHECK(file_is(in_tree("ro"), "text"));
    p9_free(srv);
}

/* ---- the device ---- */

#define DEV 0x0a003c00ull

/* The loop is not running here: the workers give back under the lock, and we look. */
static void wait_used(const struct drv *q, uint16_t want)
{
    while (*(volatile uint16_t *)ram(q->at + 0x2002) != want)
        usleep(100);
}

static void put_request(struct drv *q, unsigned slot)
{
    uint64_t at = 0x100000 + 0x4000 * slot;
    size_t len = n_req;
    n_req = 0;
    u(len, 4);
    memcpy(ram(at), req, len);
    memset(ram(at + 0x2000), 0, 16);
    set_desc(q, 2 * slot, RAM + at, (uint32_t)len, NEXT, 2 * slot + 1);
    set_desc(q, 2 * slot + 1, RAM + at + 0x2000, 0x1000, WRITE, 0);
    offer(q, (uint16_t)(2 * slot));
}

static void test_device(void)
{
    struct p9_options o = { .path = dir };
    virtio_mmio_new(DEV, (struct irq){ on_irq, NULL, 0 }, virtio_9p_new(&o, "tag"));
    CHECK_EQ(rd(DEV + 8), 9);
    CHECK_EQ(rd(DEV + 0x100), 3 | 't' << 16 | 'a' << 24);
    struct drv q;
    negotiate(DEV, 1 | VIRTIO_F_VERSION_1);
    queue(&q, DEV, 0, 0x10000, 32);
    wr(DEV + 0x70, 0xf);
    begin(100); u(8192, 4); str("9P2000.L");
    put_request(&q, 0);
    wr(DEV + 0x50, 0);
    wait_used(&q, 1);
    CHECK_EQ(*(uint8_t *)ram(0x102004), 101);
    /* a request and the flush of it: the request's answer, if any, comes first */
    for (unsigned round = 0, used = 1; round < 50; round++) {
        begin(120); u(1234, 4); req[5] = 77;     /* a fid that is not there */
        put_request(&q, 1);
        begin(108); u(77, 2); req[5] = 78;
        put_request(&q, 2);
        begin(108); u(78, 2); req[5] = 79;
        put_request(&q, 3);
        wr(DEV + 0x50, 0);
        used += 3;
        wait_used(&q, (uint16_t)used);
        uint64_t ring = q.at + 0x2004;
        CHECK_EQ(r32(ring + 8 * ((used - 3) % 32)), 2);
        uint32_t len = r32(ring + 8 * ((used - 3) % 32) + 4);
        CHECK(len == 0 || len == 11);
        CHECK_EQ(r32(ring + 8 * ((used - 2) % 32)), 4);
        CHECK_EQ(*(uint8_t *)ram(0x100000 + 0x8000 + 0x2004), 109);
        CHECK_EQ(r16(0x100000 + 0x8000 + 0x2005), 78);
        CHECK_EQ(*(uint8_t *)ram(0x100000 + 0xc000 + 0x2004), 109);
    }
    /* a reset with requests under way */
    for (unsigned i = 0; i < 12; i++) {
        begin(120); u(i, 4);
        put_request(&q, i);
    }
    wr(DEV + 0x50, 0);
    wr(DEV + 0x70, 0);
    memset(ram(0x100000), 0x55, 0x40000);
    usleep(2000);
    for (unsigned i = 0; i < 0x40000; i++)
        if (*(uint8_t *)ram(0x100000 + i) != 0x55) {
            CHECK(!"memory written after a reset");
            break;
        }
    negotiate(DEV, 1 | VIRTIO_F_VERSION_1);
    queue(&q, DEV, 0, 0x10000, 32);
    wr(DEV + 0x70, 0xf);
    begin(120);
    n_req = 6;
    put_request(&q, 0);
    wr(DEV + 0x50, 0);
    CHECK(rd(DEV + 0x70) & 0x40);                /* no whole header */
}

int main(void)
{
    mem_init(RAM, 0x1000000);
    loop_init();
    make_tree();
    test_session();
    test_files();
    test_escapes();
    test_race();
    test_mapped(P9_MAPPED_XATTR);
    test_mapped(P9_MAPPED_FILE);
    test_readonly();
    test_many();
    test_device();
    (void)!nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return check_done();
}
