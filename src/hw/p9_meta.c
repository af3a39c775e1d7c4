/*
 * p9_meta.c - security_model=mapped-file: owner, mode and device number in small text files of QEMU's layout.
 *
 * Owns the directories .virtfs_metadata (one in each directory of the export, holding a file for each recorded name) and
 * the file .virtfs_metadata_root. Each holds lines "virtfs.uid=N" and so on.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/p9_internal.h"

#define MAX_RECORD 400

static const struct { const char *name; unsigned bit; } fields[] = {
    { "virtfs.uid", META_UID }, { "virtfs.gid", META_GID }, { "virtfs.mode", META_MODE }, { "virtfs.rdev", META_RDEV },
};

/* The directory that holds DIR's records, made if CREATE; -errno. The caller closes it. */
static int meta_dir(struct p9_server *s, struct p9_node *dir, bool create)
{
    int fd = p9_node_fd(s, dir ? dir : s->root);
    if (fd < 0)
        return fd;
    if (!dir)
        return openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (create && mkdirat(fd, P9_META_DIR, 0700) < 0 && errno != EEXIST)
        return -errno;
    int r = openat(fd, P9_META_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return r < 0 ? -errno : r;
}

static const char *file_of(const struct p9_node *dir, const char *name) { return dir ? name : P9_META_ROOT; }

int p9_meta_read(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_meta *m)
{
    char text[MAX_RECORD + 1];
    *m = (struct p9_meta){ 0 };
    int at = meta_dir(s, dir, false);
    if (at < 0)
        return at == -ENOENT || at == -ESTALE ? 0 : -at;
    int fd = openat(at, file_of(dir, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(at);
    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    ssize_t len = read(fd, text, MAX_RECORD);
    close(fd);
    text[MAX(len, 0)] = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *eq = strchr(line, '=');
        if (!eq)
            continue;
        *eq = 0;
        uint64_t v = strtoull(eq + 1, NULL, 10);
        for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
            if (strcmp(fields[i].name, line))
                continue;
            m->have |= fields[i].bit;
            switch (fields[i].bit) {
            case META_UID: m->uid = (uint32_t)v; break;
            case META_GID: m->gid = (uint32_t)v; break;
            case META_MODE: m->mode = (uint32_t)v; break;
            default: m->rdev = v;
            }
        }
    }
    return 0;
}

int p9_meta_write(struct p9_server *s, struct p9_node *dir, const char *name, const struct p9_meta *add)
{
    struct p9_meta m;
    int e = p9_meta_read(s, dir, name, &m);
    if (e)
        return e;
    m.uid = add->have & META_UID ? add->uid : m.uid;
    m.gid = add->have & META_GID ? add->gid : m.gid;
    m.mode = add->have & META_MODE ? add->mode : m.mode;
    m.rdev = add->have & META_RDEV ? add->rdev : m.rdev;
    m.have |= add->have;
    char text[MAX_RECORD];
    int len = 0;
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
        if (!(m.have & fields[i].bit))
            continue;
        uint64_t v = fields[i].bit == META_UID ? m.uid : fields[i].bit == META_GID ? m.gid : fields[i].bit == META_MODE ? m.mode : m.rdev;
        len += snprintf(text + len, sizeof text - (size_t)len, "%s=%llu\n", fields[i].name, (unsigned long long)v);
    }
    int at = meta_dir(s, dir, true);
    if (at < 0)
        return -at;
    int fd = openat(at, file_of(dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    e = fd < 0 || write(fd, text, (size_t)len) != len ? errno : 0;
    if (fd >= 0)
        close(fd);
    close(at);
    return e;
}

int p9_meta_link(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name, bool move)
{
    int a = meta_dir(s, from, false);
    int b = meta_dir(s, to, a >= 0);
    int e = 0;
    if (b >= 0)
        (void)!unlinkat(b, name, 0);             /* what is recorded of a file that was there before */
    if (a >= 0 && b >= 0 && (move ? renameat(a, old, b, name) : linkat(a, old, b, name, 0)) < 0 && errno != ENOENT)
        e = errno;
    else if (a >= 0 && b < 0)
        e = -b;
    if (a >= 0)
        close(a);
    if (b >= 0)
        close(b);
    return e;
}

int p9_meta_unlink(struct p9_server *s, struct p9_node *dir, const char *name)
{
    int at = meta_dir(s, dir, false);
    if (at < 0)
        return at == -ENOENT ? 0 : -at;
    int e = unlinkat(at, name, 0) < 0 && errno != ENOENT ? errno : 0;
    close(at);
    return e;
}

/* Is the directory at FD empty but for our records? */
static bool only_records(int fd)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return false;
    }
    bool only = true;
    for (const struct dirent *e; (e = readdir(d));)
        only &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, P9_META_DIR);
    closedir(d);
    return only;
}

int p9_meta_rmdir(struct p9_server *s, struct p9_node *dir, const char *name)
{
    int up = p9_node_fd(s, dir);
    if (up < 0)
        return -up;
    int fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? ENOTDIR : errno;
    int again = dup(fd);
    if (again < 0 || !only_records(again)) {
        close(fd);
        return again < 0 ? EMFILE : ENOTEMPTY;
    }
    /* Records of names that are gone: nobody needs them. */
    int at = openat(fd, P9_META_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int again2 = at < 0 ? -1 : dup(at);
    DIR *d = again2 < 0 ? NULL : fdopendir(again2);
    if (!d && again2 >= 0)
        close(again2);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            (void)!unlinkat(at, e->d_name, 0);
    if (d)
        closedir(d);
    if (at >= 0)
        close(at);
    (void)!unlinkat(fd, P9_META_DIR, AT_REMOVEDIR);
    close(fd);
    return 0;
}
