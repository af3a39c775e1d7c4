/*
 * p9_fs.c - what the 9P server does on the host's file system, by security model.
 *
 * Owns nothing: it works on the nodes' descriptors. Must not use a path, but for /proc/self/fd/N of a descriptor that it
 * holds. Under the mapped models the guest's owner, mode and device number never become the host's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hw/p9_internal.h"

#define VIRTFS "user.virtfs."
#define OWNED O_CLOEXEC | O_NOFOLLOW

struct p9_proc p9_proc_path(int fd)
{
    struct p9_proc p;
    snprintf(p.path, sizeof p.path, "/proc/self/fd/%d", fd);
    return p;
}

static void proc_number(int fd, char buf[16])
{
    snprintf(buf, 16, "%d", fd);
}

bool p9_fs_hidden(const struct p9_server *s, const char *name)
{
    return s->model == P9_MAPPED_FILE && (!strcmp(name, P9_META_DIR) || !strcmp(name, P9_META_ROOT));
}

/* ---- owner and mode as the guest sees them ---- */

/* Records by name are no use for a file that has lost its own: it is about to go. */
static bool named(const struct p9_node *n) { return n->linked || !n->parent; }

static bool attr32(const char *path, const char *name, uint32_t *v)
{
    uint8_t b[4];
    if (getxattr(path, name, b, sizeof b) != sizeof b)
        return false;
    *v = p9_get32(b);
    return true;
}

static int put_attr(const char *path, const char *name, uint64_t v, unsigned size)
{
    uint8_t b[8];
    for (unsigned i = 0; i < size; i++)
        b[i] = (uint8_t)(v >> 8 * i);
    return setxattr(path, name, b, size, 0) < 0 ? errno : 0;
}

int p9_fs_stat(struct p9_server *s, struct p9_node *n, struct stat *st)
{
    int fd = p9_node_fd(s, n);
    if (fd < 0)
        return -fd;
    if (fstatat(fd, "", st, AT_EMPTY_PATH) < 0)
        return errno;
    struct p9_meta m = { 0 };
    if (s->model == P9_MAPPED_XATTR && !S_ISLNK(st->st_mode)) {
        struct p9_proc p = p9_proc_path(fd);
        uint8_t b[8];
        m.have |= attr32(p.path, VIRTFS "uid", &m.uid) ? META_UID : 0;
        m.have |= attr32(p.path, VIRTFS "gid", &m.gid) ? META_GID : 0;
        m.have |= attr32(p.path, VIRTFS "mode", &m.mode) ? META_MODE : 0;
        if (m.have & META_MODE && (S_ISCHR(m.mode) || S_ISBLK(m.mode)) &&
            getxattr(p.path, VIRTFS "rdev", b, sizeof b) == sizeof b) {
            m.rdev = p9_get32(b) | (uint64_t)p9_get32(b + 4) << 32;
            m.have |= META_RDEV;
        }
    } else if (s->model == P9_MAPPED_FILE && named(n)) {
        int e = p9_meta_read(s, n->parent, n->name, &m);
        if (e)
            return e;
    }
    st->st_uid = m.have & META_UID ? m.uid : st->st_uid;
    st->st_gid = m.have & META_GID ? m.gid : st->st_gid;
    if (m.have & META_MODE) {
        /* A directory stays one, and nothing else becomes one, whatever is written there. */
        mode_t type = m.mode & S_IFMT;
        bool dir = S_ISDIR(st->st_mode);
        if (!type || (type == S_IFDIR) != dir)
            type = st->st_mode & S_IFMT;
        st->st_mode = type | (m.mode & 07777);
    }
    st->st_rdev = m.have & META_RDEV ? m.rdev : st->st_rdev;
    return 0;
}

/* Record what C says of the file at FD (any descriptor), known as DIR/NAME. */
static int record(struct p9_server *s, int fd, struct p9_node *dir, const char *name, const struct p9_meta *m)
{
    if (s->model == P9_MAPPED_FILE)
        return p9_meta_write(s, dir, name, m);
    struct p9_proc p = p9_proc_path(fd);
    int e = 0;
    if (!e && m->have & META_UID)
        e = put_attr(p.path, VIRTFS "uid", m->uid, 4);
    if (!e && m->have & META_GID)
        e = put_attr(p.path, VIRTFS "gid", m->gid, 4);
    if (!e && m->have & META_MODE)
        e = put_attr(p.path, VIRTFS "mode", m->mode, 4);
    if (!e && m->have & META_RDEV)
        e = put_attr(p.path, VIRTFS "rdev", m->rdev, 8);
    return e;
}

static int chmod_fd(int fd, mode_t mode)
{
    struct p9_proc p = p9_proc_path(fd);
    return chmod(p.path, mode & 07777) < 0 ? errno : 0;
}

/* Something new at FD: give it its owner and mode. */
static int settle(struct p9_server *s, int fd, struct p9_node *dir, const char *name, const struct p9_cred *c)
{
    if (p9_mapped(s)) {
        struct p9_meta m = { .uid = c->uid, .gid = c->gid, .mode = c->mode, .rdev = c->rdev,
                             .have = META_MODE | (c->uid != ~0u ? META_UID : 0) | (c->gid != ~0u ? META_GID : 0) };
        if (S_ISCHR(c->mode) || S_ISBLK(c->mode))
            m.have |= META_RDEV;
        return record(s, fd, dir, name, &m);
    }
    if (fchownat(fd, "", c->uid, c->gid, AT_EMPTY_PATH) < 0 && s->model != P9_NONE)
        return errno;
    /* After the owner, which clears set-user-ID; the host's umask has no say. */
    return S_ISLNK(c->mode) ? 0 : chmod_fd(fd, c->mode);
}

/* The same by name, for what was made without a descriptor. */
static int settle_name(struct p9_server *s, struct p9_node *dir, const char *name, const struct p9_cred *c, mode_t host_type)
{
    int dir_fd = p9_node_fd(s, dir), e;
    int fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_PATH | OWNED);
    struct stat st;
    if (fd < 0)
        return dir_fd < 0 ? -dir_fd : errno;
    if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
        e = errno;
    else
        e = (st.st_mode & S_IFMT) == host_type ? settle(s, fd, dir, name, c) : EEXIST;   /* swapped under our hands */
    close(fd);
    if (e)
        (void)!unlinkat(dir_fd, name, host_type == S_IFDIR ? AT_REMOVEDIR : 0);
    return e;
}

/* ---- opening and making ---- */

int p9_fs_open(struct p9_server *s, struct p9_node *n, int flags)
{
    int fd = p9_node_fd(s, n), r;
    if (fd < 0)
        return fd;
    flags |= O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (n->type == S_IFDIR) {
        if ((flags & O_ACCMODE) != O_RDONLY)
            return -EISDIR;
        r = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else if (n->type == S_IFREG) {
        char number[16];
        proc_number(fd, number);
        r = openat(s->proc, number, flags);
    } else {
        return n->type == S_IFLNK ? -ELOOP : -ENXIO;     /* the host's devices and pipes are not the guest's */
    }
    return r < 0 ? -errno : r;
}

int p9_fs_create(struct p9_server *s, struct p9_node *dir, const char *name, int flags, struct p9_cred c)
{
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return dir_fd;
    /* What is written by the guest must be readable for us later on, whatever mode the guest gives it. */
    mode_t mode = p9_mapped(s) ? s->fmode : c.mode & 07777;
    int fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL | O_NONBLOCK | O_NOCTTY | OWNED, mode);
    if (fd < 0)
        return -errno;
    c.mode = (c.mode & 07777) | S_IFREG;
    int e = settle(s, fd, dir, name, &c);
    if (!e)
        return fd;
    close(fd);
    (void)!unlinkat(dir_fd, name, 0);
    return -e;
}

int p9_fs_mkdir(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_cred c)
{
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return -dir_fd;
    if (mkdirat(dir_fd, name, p9_mapped(s) ? s->dmode : c.mode & 07777) < 0)
        return errno;
    c.mode = (c.mode & 07777) | S_IFDIR;
    return settle_name(s, dir, name, &c, S_IFDIR);
}

/* Under the mapped models a regular file stands for what the host must not have. */
static int placeholder(struct p9_server *s, struct p9_node *dir, const char *name, const void *text, size_t len, const struct p9_cred *c)
{
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return -dir_fd;
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | OWNED, s->fmode);
    if (fd < 0)
        return errno;
    ssize_t w = len ? write(fd, text, len) : 0;
    int e = w < 0 ? errno : (size_t)w != len ? ENOSPC : settle(s, fd, dir, name, c);
    close(fd);
    if (e)
        (void)!unlinkat(dir_fd, name, 0);
    return e;
}

int p9_fs_mknod(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_cred c)
{
    mode_t type = c.mode & S_IFMT;
    if (!type)
        c.mode |= type = S_IFREG;
    if (type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
        return EINVAL;
    if (p9_mapped(s))
        return placeholder(s, dir, name, NULL, 0, &c);
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return -dir_fd;
    if (mknodat(dir_fd, name, type | (c.mode & 07777), c.rdev) < 0)
        return errno;
    return settle_name(s, dir, name, &c, type);
}

int p9_fs_symlink(struct p9_server *s, struct p9_node *dir, const char *name, const char *target, struct p9_cred c)
{
    c.mode = S_IFLNK | 0777;
    if (p9_mapped(s))
        return placeholder(s, dir, name, target, strlen(target), &c);
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return -dir_fd;
    if (symlinkat(target, dir_fd, name) < 0)
        return errno;
    return settle_name(s, dir, name, &c, S_IFLNK);
}

int p9_fs_link(struct p9_server *s, struct p9_node *n, struct p9_node *dir, const char *name)
{
    int fd = p9_node_fd(s, n), dir_fd = p9_node_fd(s, dir);
    if (fd < 0 || dir_fd < 0)
        return fd < 0 ? -fd : -dir_fd;
    char number[16];
    proc_number(fd, number);
    if (linkat(s->proc, number, dir_fd, name, AT_SYMLINK_FOLLOW) < 0)
        return errno;
    int e = 0;
    if (s->model == P9_MAPPED_FILE && n->linked)
        e = p9_meta_link(s, n->parent, n->name, dir, name, false);
    if (e)
        (void)!unlinkat(dir_fd, name, 0);
    return e;
}

int p9_fs_readlink(struct p9_server *s, struct p9_node *n, char buf[PATH_MAX])
{
    int fd = p9_node_fd(s, n);
    ssize_t len;
    if (fd < 0)
        return -fd;
    if (n->type == S_IFLNK) {
        len = readlinkat(fd, "", buf, PATH_MAX - 1);
    } else {
        struct stat st;
        int e = p9_mapped(s) ? p9_fs_stat(s, n, &st) : EINVAL;
        if (e || !S_ISLNK(st.st_mode))
            return e ? e : EINVAL;
        int file = p9_fs_open(s, n, O_RDONLY);
        if (file < 0)
            return -file;
        len = pread(file, buf, PATH_MAX - 1, 0);
        close(file);
    }
    if (len < 0)
        return errno;
    buf[len] = 0;
    return 0;
}

int p9_fs_unlink(struct p9_server *s, struct p9_node *dir, const char *name, bool rmdir)
{
    int dir_fd = p9_node_fd(s, dir), e = 0;
    if (dir_fd < 0)
        return -dir_fd;
    p9_node_hold(s, dir, name);
    if (s->model == P9_MAPPED_FILE && rmdir)
        e = p9_meta_rmdir(s, dir, name);
    if (e)
        return e;
    if (unlinkat(dir_fd, name, rmdir ? AT_REMOVEDIR : 0) < 0)
        return errno;
    p9_node_unlinked(s, dir, name);
    return s->model == P9_MAPPED_FILE ? p9_meta_unlink(s, dir, name) : 0;
}

int p9_fs_rename(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name)
{
    int from_fd = p9_node_fd(s, from), to_fd = p9_node_fd(s, to);
    if (from_fd < 0 || to_fd < 0)
        return from_fd < 0 ? -from_fd : -to_fd;
    p9_node_hold(s, from, old);
    p9_node_hold(s, to, name);
    struct stat a, b;
    if (s->model == P9_MAPPED_FILE && !fstatat(from_fd, old, &a, AT_SYMLINK_NOFOLLOW) && S_ISDIR(a.st_mode) &&
        !fstatat(to_fd, name, &b, AT_SYMLINK_NOFOLLOW) && S_ISDIR(b.st_mode) && (a.st_dev != b.st_dev || a.st_ino != b.st_ino)) {
        int e = p9_meta_rmdir(s, to, name);      /* an empty directory may be replaced: its records are not content */
        if (e)
            return e;
    }
    if (renameat(from_fd, old, to_fd, name) < 0)
        return errno;
    p9_node_renamed(s, from, old, to, name);
    return s->model == P9_MAPPED_FILE ? p9_meta_link(s, from, old, to, name, true) : 0;
}

/* ---- changing ---- */

int p9_fs_chmod(struct p9_server *s, struct p9_node *n, mode_t mode)
{
    int fd = p9_node_fd(s, n);
    if (fd < 0)
        return -fd;
    if (n->type == S_IFLNK)
        return EOPNOTSUPP;
    if (!p9_mapped(s))
        return chmod_fd(fd, mode);
    struct stat st;
    int e = p9_fs_stat(s, n, &st);
    if (s->model == P9_MAPPED_FILE && !named(n))
        return 0;
    const struct p9_meta m = { .mode = (st.st_mode & S_IFMT) | (mode & 07777), .have = META_MODE };
    return e ? e : record(s, fd, n->parent, n->name, &m);
}

int p9_fs_chown(struct p9_server *s, struct p9_node *n, uint32_t uid, uint32_t gid)
{
    int fd = p9_node_fd(s, n);
    if (fd < 0)
        return -fd;
    if (!p9_mapped(s)) {
        if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0 || (s->model == P9_NONE && errno == EPERM))
            return 0;
        return errno;
    }
    if (n->type == S_IFLNK)
        return EOPNOTSUPP;
    if (s->model == P9_MAPPED_FILE && !named(n))
        return 0;
    const struct p9_meta m = { .uid = uid, .gid = gid, .have = (uid != ~0u ? META_UID : 0) | (gid != ~0u ? META_GID : 0) };
    return record(s, fd, n->parent, n->name, &m);
}

int p9_fs_utimes(struct p9_server *s, struct p9_node *n, const struct timespec ts[2])
{
    int fd = p9_node_fd(s, n);
    if (fd < 0)
        return -fd;
    if (utimensat(fd, "", ts, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != EINVAL || n->type == S_IFLNK)
        return errno;
    struct p9_proc p = p9_proc_path(fd);         /* a kernel before 5.8 */
    return utimensat(AT_FDCWD, p.path, ts, 0) < 0 ? errno : 0;
}

int p9_fs_truncate(struct p9_server *s, struct p9_node *n, uint64_t size)
{
    if (n->type == S_IFDIR)
        return EISDIR;
    if (size > INT64_MAX)
        return EFBIG;
    int fd = p9_fs_open(s, n, O_WRONLY);
    if (fd < 0)
        return -fd;
    int e = ftruncate(fd, (off_t)size) < 0 ? errno : 0;
    close(fd);
    return e;
}

/* ---- extended attributes ---- */

#define ACL "system.posix_acl_"

/*
 * Where the guest's attribute NAME is kept; an errno: not at all. Under the mapped models access control lists speak of the
 * guest's users and are therefore kept as plain attributes.
 */
static int attr_name(const struct p9_server *s, const char *name, char out[300])
{
    if (!*name || strlen(name) > XATTR_NAME_MAX)
        return *name ? ERANGE : EINVAL;
    if (p9_mapped(s) && !strncmp(name, VIRTFS, strlen(VIRTFS)))
        return EACCES;
    if (p9_mapped(s) && !strncmp(name, ACL, strlen(ACL)))
        snprintf(out, 300, "%s%s", VIRTFS, name);
    else if (p9_mapped(s) && strncmp(name, "user.", 5))
        return EOPNOTSUPP;                       /* the host's own security. and trusted. have a meaning here */
    else
        snprintf(out, 300, "%s", name);
    return 0;
}

ssize_t p9_fs_getxattr(struct p9_server *s, struct p9_node *n, const char *name, void *buf, size_t size)
{
    char real[300];
    int e = attr_name(s, name, real), fd = p9_node_fd(s, n);
    if (e || fd < 0)
        return e == EACCES ? -ENODATA : e ? -e : fd;
    struct p9_proc p = p9_proc_path(fd);
    ssize_t r = getxattr(p.path, real, buf, size);
    return r < 0 ? -errno : r;
}

ssize_t p9_fs_listxattr(struct p9_server *s, struct p9_node *n, char **list)
{
    int fd = p9_node_fd(s, n);
    *list = NULL;
    if (fd < 0)
        return fd;
    struct p9_proc p = p9_proc_path(fd);
    char *raw = xcalloc(1, XATTR_LIST_MAX + 1), *out = xcalloc(1, XATTR_LIST_MAX + 1);
    ssize_t len = listxattr(p.path, raw, XATTR_LIST_MAX), o = 0;
    int e = len < 0 ? errno : 0;
    for (ssize_t i = 0, l; i < len; i += l + 1) {
        const char *name = raw + i;
        l = (ssize_t)strlen(name);
        if (p9_mapped(s) && !strncmp(name, VIRTFS, strlen(VIRTFS))) {
            name += strlen(VIRTFS);              /* an access control list is shown, the rest is ours */
            if (strncmp(name, ACL, strlen(ACL)))
                continue;
        } else if (p9_mapped(s) && strncmp(name, "user.", 5)) {
            continue;
        }
        size_t part = strlen(name) + 1;
        memcpy(out + o, name, part);
        o += (ssize_t)part;
    }
    free(raw);
    if (e) {
        free(out);
        return -e;
    }
    *list = out;
    return o;
}

int p9_fs_setxattr(struct p9_server *s, struct p9_node *n, const char *name, const void *buf, size_t size, int flags)
{
    char real[300];
    int e = attr_name(s, name, real), fd = p9_node_fd(s, n);
    if (e || fd < 0)
        return e ? e : -fd;
    struct p9_proc p = p9_proc_path(fd);
    return setxattr(p.path, real, buf, size, flags) < 0 ? errno : 0;
}

int p9_fs_removexattr(struct p9_server *s, struct p9_node *n, const char *name)
{
    char real[300];
    int e = attr_name(s, name, real), fd = p9_node_fd(s, n);
    if (e || fd < 0)
        return e ? e : -fd;
    struct p9_proc p = p9_proc_path(fd);
    return removexattr(p.path, real) < 0 ? errno : 0;
}
