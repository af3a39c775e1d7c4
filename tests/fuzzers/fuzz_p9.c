/*
 * fuzz_p9.c - libFuzzer target: a hostile client of the 9P server, on a small tree that is made anew for each input. Must not crash,
 * hang, or touch anything outside the tree: a file beside it and the directory that both are in are looked at after each input.
 *
 * Input: a byte that chooses the security model, then messages: type, length[2], payload, of which the first field is a fid.
 */
// links: src/base/*.c src/hw/p9.c src/hw/p9_fs.c src/hw/p9_meta.c src/hw/p9_node.c src/hw/p9_ops.c
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/p9.h"

static char top[64], dir[80], secret[80];
static struct p9_server *server[5];
static uint8_t req[70000], rep[70000];

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        abort();
    close(fd);
}

static int remove_below(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    if (f->level)
        remove(path);
    return 0;
}

static void make_tree(void)
{
    char p[128];
    (void)!nftw(dir, remove_below, 16, FTW_DEPTH | FTW_PHYS);
    snprintf(p, sizeof p, "%s/a", dir);
    put(p, "text");
    snprintf(p, sizeof p, "%s/d", dir);
    mkdir(p, 0755);
    snprintf(p, sizeof p, "%s/d/b", dir);
    put(p, "more");
    snprintf(p, sizeof p, "%s/l", dir);
    if (symlink("../secret", p) < 0 && access(p, F_OK) < 0)
        abort();
}

static void look(void)
{
    char b[16] = "";
    int fd = open(secret, O_RDONLY);
    if (fd < 0 || read(fd, b, sizeof b) != 6 || memcmp(b, "secret", 6))
        abort();
    close(fd);
    DIR *d = opendir(top);
    unsigned n = 0;
    while (d && readdir(d))
        n++;
    if (n != 4)
        abort();
    closedir(d);
}

static void clean_up(void)
{
    (void)!nftw(dir, remove_below, 16, FTW_DEPTH | FTW_PHYS);
    remove(secret);
    remove(dir);
    remove(top);
}

static void set_up(void)
{
    snprintf(top, sizeof top, "/dev/shm/gnomon-fuzz-XXXXXX");
    if (!mkdtemp(top))
        abort();
    snprintf(dir, sizeof dir, "%s/export", top);
    snprintf(secret, sizeof secret, "%s/secret", top);
    if (mkdir(dir, 0755) < 0)
        abort();
    put(secret, "secret");
    atexit(clean_up);
    /* tmpfs keeps no user attributes before Linux 6.6: mapped-xattr is left to the unit test. The last one is read-only. */
    for (unsigned i = 0; i < 4; i++) {
        static const enum p9_model models[] = { P9_NONE, P9_PASSTHROUGH, P9_MAPPED_FILE, P9_NONE };
        const struct p9_options o = { .path = dir, .model = models[i], .multidevs = i % 3, .readonly = i == 3 };
        server[i] = p9_new(&o);
    }
}

static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }

static void send_(struct p9_server *s, uint8_t type, const void *payload, size_t len)
{
    put32(req, (uint32_t)(len + P9_HDR));
    req[4] = type;
    req[5] = req[6] = 0;
    memcpy(req + P9_HDR, payload, len);
    /* A copy of exactly its size, so that the sanitizer sees a read past the end. */
    uint8_t *m = malloc(len + P9_HDR);
    memcpy(m, req, len + P9_HDR);
    size_t n = p9_handle(s, m, len + P9_HDR, rep, sizeof rep);
    free(m);
    if (n < P9_HDR || n > sizeof rep || p9_get32(rep) != n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server[0])
        set_up();
    if (!size)
        return 0;
    struct p9_server *s = server[*data & 3];
    make_tree();
    p9_reset(s);
    send_(s, P9_TVERSION, "\0\0\1\0\x08\0" "9P2000.L", 14);
    send_(s, 104, "\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 16);
    send_(s, 110, "\0\0\0\0\1\0\0\0\1\0\1\0a", 13);
    send_(s, 110, "\0\0\0\0\2\0\0\0\1\0\1\0d", 13);
    send_(s, 110, "\2\0\0\0\3\0\0\0\1\0\1\0b", 13);
    send_(s, 110, "\0\0\0\0\4\0\0\0\1\0\1\0l", 13);
    const uint8_t *p = data + 1, *end = data + size;
    for (unsigned n = 0; end - p >= 3 && n < 200; n++) {
        uint8_t payload[60000], type = p[0];
        size_t len = p9_get16(p + 1) % sizeof payload;
        p += 3;
        len = len < (size_t)(end - p) ? len : (size_t)(end - p);
        memcpy(payload, p, len);
        p += len;
        if (len >= 4 && type != P9_TVERSION)
            put32(payload, payload[0] & 7u);
        send_(s, type, payload, len);
    }
    look();
    return 0;
}
