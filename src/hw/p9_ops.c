/*
 * p9_ops.c - the 9P2000.L messages on files: attributes, contents, directories, names, extended attributes, locks.
 *
 * Owns nothing. The rules of p9.c hold.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hw/p9_internal.h"
#include "hw/p9_wire.h"

#define V9FS_MAGIC 0x01021997u
#define IOHDR 24u                                /* what clients keep free of data in a message */
#define XATTR_MAX 65536u
#define XATTR_TOTAL (64u << 20)                  /* values held for the guest at a time */

/* ---- attributes ---- */

enum { GETATTR_BASIC = 0x7ff, GETATTR_BTIME = 0x800 };

int p9_do_getattr(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint64_t want = p9_u64(in), have = GETATTR_BASIC;
    struct stat st;
    struct statx x = { 0 };
    if (e || in->bad || (e = p9_fs_stat(s, f->node, &st)))
        return e ? e : EINVAL;
    if (want & GETATTR_BTIME && !statx(f->node->fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) && x.stx_mask & STATX_BTIME)
        have |= GETATTR_BTIME;
    p9_put(out, have, 8);
    p9_put_qid(s, out, &st);
    p9_put(out, st.st_mode, 4);
    p9_put(out, st.st_uid, 4);
    p9_put(out, st.st_gid, 4);
    p9_put(out, st.st_nlink, 8);
    p9_put(out, st.st_rdev, 8);
    p9_put(out, (uint64_t)st.st_size, 8);
    /* Programs size their buffers by this: a message's worth. */
    p9_put(out, MAX((uint64_t)st.st_blksize, ALIGN_DOWN(s->msize - IOHDR, 4096u)), 8);
    p9_put(out, (uint64_t)st.st_blocks, 8);
    const struct timespec t[] = { st.st_atim, st.st_mtim, st.st_ctim };
    for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
        p9_put(out, (uint64_t)t[i].tv_sec, 8);
        p9_put(out, (uint64_t)t[i].tv_nsec, 8);
    }
    p9_put(out, have & GETATTR_BTIME ? (uint64_t)x.stx_btime.tv_sec : 0, 8);
    p9_put(out, have & GETATTR_BTIME ? x.stx_btime.tv_nsec : 0, 8);
    p9_put(out, 0, 8);                           /* generation and data version: not in HAVE */
    p9_put(out, 0, 8);
    return 0;
}

enum {
    SET_MODE = 0x1, SET_UID = 0x2, SET_GID = 0x4, SET_SIZE = 0x8, SET_ATIME = 0x10, SET_MTIME = 0x20, SET_CTIME = 0x40,
    SET_ATIME_SET = 0x80, SET_MTIME_SET = 0x100,
};

static struct timespec new_time(uint32_t valid, uint32_t touch, uint32_t set, uint64_t sec, uint64_t nsec)
{
    struct timespec t = { .tv_sec = (time_t)sec, .tv_nsec = (long)nsec };
    if (!(valid & touch))
        t = (struct timespec){ 0, UTIME_OMIT };
    else if (!(valid & set))
        t = (struct timespec){ 0, UTIME_NOW };
    return t;
}

int p9_do_setattr(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint32_t valid = p9_u32(in), mode = p9_u32(in), uid = p9_u32(in), gid = p9_u32(in);
    uint64_t size = p9_u64(in), t[4];
    for (unsigned i = 0; i < 4; i++)
        t[i] = p9_u64(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    if (s->readonly)
        return EROFS;
    if ((valid & SET_ATIME_SET && t[1] >= 1000000000) || (valid & SET_MTIME_SET && t[3] >= 1000000000))
        return EINVAL;
    struct p9_node *n = f->node;
    if (valid & SET_SIZE)
        e = p9_fs_truncate(s, n, size);
    if (!e && valid & (SET_UID | SET_GID))
        e = p9_fs_chown(s, n, valid & SET_UID ? uid : ~0u, valid & SET_GID ? gid : ~0u);
    else if (!e && !(valid & ~(uint32_t)SET_CTIME) && valid)
        e = p9_fs_chown(s, n, ~0u, ~0u);         /* only a new change time */
    if (!e && valid & SET_MODE)
        e = p9_fs_chmod(s, n, mode);
    if (!e && valid & (SET_ATIME | SET_MTIME)) {
        const struct timespec ts[2] = {
            new_time(valid, SET_ATIME, SET_ATIME_SET, t[0], t[1]), new_time(valid, SET_MTIME, SET_MTIME_SET, t[2], t[3]),
        };
        e = p9_fs_utimes(s, n, ts);
    }
    return e;
}

int p9_do_statfs(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f), fd = e ? -e : p9_node_fd(s, f->node);
    struct statfs b;
    if (fd < 0)
        return -fd;
    if (fstatfs(fd, &b) < 0)
        return errno;
    /* Not the host's type: programs would use what only that file system can do. */
    p9_put(out, V9FS_MAGIC, 4);
    p9_put(out, (uint64_t)b.f_bsize, 4);
    p9_put(out, b.f_blocks, 8);
    p9_put(out, b.f_bfree, 8);
    p9_put(out, b.f_bavail, 8);
    p9_put(out, b.f_files, 8);
    p9_put(out, b.f_ffree, 8);
    p9_put(out, (uint32_t)b.f_fsid.__val[0] | (uint64_t)(uint32_t)b.f_fsid.__val[1] << 32, 8);
    p9_put(out, NAME_MAX, 4);
    return 0;
}

/* ---- contents ---- */

int p9_do_read(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint64_t off = p9_u64(in);
    uint32_t count = p9_u32(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    uint8_t *head = p9_room(out, 4);
    if (!head)
        return EMSGSIZE;
    count = (uint32_t)MIN(count, (size_t)(out->end - out->p));
    ssize_t n;
    if (f->kind == FID_XATTR_READ) {
        n = off < f->xattr_len ? (ssize_t)MIN(count, f->xattr_len - off) : 0;
        if (n)
            memcpy(out->p, f->xattr + off, (size_t)n);
    } else if (f->kind == FID_FILE && f->node->type == S_IFREG) {
        struct p9_file *file = f->file;
        file->refs++;
        pthread_mutex_unlock(&s->lock);
        n = off > INT64_MAX ? (errno = EINVAL, -1) : pread(file->fd, out->p, count, (off_t)off);
        e = n < 0 ? errno : 0;
        pthread_mutex_lock(&s->lock);
        p9_file_put(s, file);
        if (e)
            return e;
    } else {
        return f->kind == FID_FILE ? EISDIR : EINVAL;
    }
    for (unsigned i = 0; i < 4; i++)
        head[i] = (uint8_t)((uint64_t)n >> 8 * i);
    out->p += n;
    return 0;
}

int p9_do_write(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint64_t off = p9_u64(in);
    uint32_t count = p9_u32(in);
    const uint8_t *data = p9_take(in, count);
    if (e || in->bad)
        return e ? e : EINVAL;
    ssize_t n = count;
    if (f->kind == FID_XATTR_WRITE) {
        if (off > f->xattr_len || count > f->xattr_len - off)
            return ENOSPC;
        if (count)
            memcpy(f->xattr + off, data, count);
        f->xattr_done = MAX(f->xattr_done, off + count);
    } else if (f->kind == FID_FILE && f->node->type == S_IFREG) {
        struct p9_file *file = f->file;
        file->refs++;
        pthread_mutex_unlock(&s->lock);
        n = off > INT64_MAX ? (errno = EFBIG, -1) : pwrite(file->fd, data, count, (off_t)off);
        e = n < 0 ? errno : 0;
        pthread_mutex_lock(&s->lock);
        p9_file_put(s, file);
    } else {
        e = f->kind == FID_FILE ? EISDIR : EINVAL;
    }
    p9_put(out, (uint64_t)n, 4);
    return e;
}

int p9_do_fsync(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint32_t datasync = in->end - in->p >= 4 ? p9_u32(in) : 0;
    if (e || f->kind != FID_FILE)
        return e ? e : EINVAL;
    struct p9_file *file = f->file;
    file->refs++;
    pthread_mutex_unlock(&s->lock);
    e = (datasync ? fdatasync(file->fd) : fsync(file->fd)) < 0 ? errno : 0;
    pthread_mutex_lock(&s->lock);
    p9_file_put(s, file);
    return e;
}

/*
 * Locks between programs of the guest are kept by the guest's own kernel; that of the host is not told, since one process
 * of the guest may lock a file through two fids, which the host would take for two owners.
 */
int p9_do_lock(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint8_t type = p9_u8(in);
    uint32_t flags = p9_u32(in);
    (void)p9_take(in, 8 + 8 + 4);
    (void)p9_string(in);
    if (e || in->bad || type > 2 || flags > 3)
        return e ? e : EINVAL;
    if (f->kind != FID_FILE)
        return EBADF;
    p9_put(out, 0, 1);                           /* success */
    return 0;
}

int p9_do_getlock(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    (void)p9_u8(in);
    uint64_t start = p9_u64(in), len = p9_u64(in);
    uint32_t proc = p9_u32(in);
    struct p9_str client = p9_string(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    if (f->kind != FID_FILE)
        return EBADF;
    p9_put(out, 2, 1);                           /* unlocked */
    p9_put(out, start, 8);
    p9_put(out, len, 8);
    p9_put(out, proc, 4);
    p9_put_str(out, client.s, client.len);
    return 0;
}

/* ---- directories ---- */

struct kernel_dirent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; };

/* One entry; false: no room. The offset is the host's cookie, which stays valid while others come and go. */
static bool put_entry(struct p9_server *s, struct p9_node *dir, const struct kernel_dirent *d, struct p9_out *out)
{
    size_t len = strlen(d->name);
    if ((size_t)(out->end - out->p) < 13 + 8 + 1 + 2 + len)
        return false;
    const struct p9_node *up = !strcmp(d->name, ".") ? dir : strcmp(d->name, "..") ? NULL : dir->parent ? dir->parent : dir;
    uint64_t id = up ? p9_identity(s, up->dev, up->ino) : p9_identity(s, dir->dev, d->ino);
    /* A regular file may be anything to the guest under the mapped models. */
    uint8_t type = p9_mapped(s) && d->type != DT_DIR ? DT_UNKNOWN : d->type;
    p9_put_qid_parts(out, d->type == DT_DIR ? 0x80 : d->type == DT_LNK ? 0x02 : 0, 0, id);
    p9_put(out, (uint64_t)d->off, 8);
    p9_put(out, type, 1);
    p9_put_str(out, d->name, len);
    return true;
}

int p9_do_readdir(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint64_t off = p9_u64(in);
    uint32_t count = p9_u32(in);
    if (e || in->bad || f->kind != FID_FILE)
        return e ? e : EINVAL;
    if (f->node->type != S_IFDIR)
        return ENOTDIR;
    uint8_t *head = p9_room(out, 4);
    if (!head)
        return EMSGSIZE;
    struct p9_out part = { out->p, out->p + MIN(count, (size_t)(out->end - out->p)), false };
    if (lseek(f->file->fd, (off_t)off, SEEK_SET) < 0)
        return errno;
    uint64_t raw[4096 / 8 * 4];
    bool room = true, any = false;
    while (room) {
        /* No more than may fit: an entry is as long for the guest as it is for the host, about. */
        size_t want = MIN(sizeof raw, MAX((size_t)(part.end - part.p), 512));
        long n = syscall(SYS_getdents64, f->file->fd, raw, want);
        if (n < 0)
            return errno;
        if (!n)
            break;
        for (long at = 0; at < n && room;) {
            const struct kernel_dirent *d = (const void *)((const uint8_t *)raw + at);
            at += d->reclen;
            if (p9_fs_hidden(s, d->name))
                continue;
            room = put_entry(s, f->node, d, &part);
            any |= room;
        }
    }
    if (!room && !any)
        return EINVAL;                           /* COUNT is too small for a single entry */
    uint32_t len = (uint32_t)(part.p - out->p);
    for (unsigned i = 0; i < 4; i++)
        head[i] = (uint8_t)(len >> 8 * i);
    out->p = part.p;
    return 0;
}

/* ---- names ---- */

static int put_child(struct p9_server *s, struct p9_out *out, struct p9_node *dir, const char *name)
{
    struct p9_node *n;
    int e = p9_node_walk(s, dir, name, &n);
    if (e)
        return e;
    e = p9_put_node_qid(s, out, n);
    p9_node_put(s, n);
    return e;
}

int p9_do_mkdir(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    char name[NAME_MAX + 1];
    int e = p9_dir_and_name(s, in, &f, name);
    uint32_t mode = p9_u32(in), gid = p9_u32(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    e = p9_fs_mkdir(s, f->node, name, (struct p9_cred){ .uid = f->uid, .gid = gid, .mode = mode });
    return e ? e : put_child(s, out, f->node, name);
}

int p9_do_mknod(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    char name[NAME_MAX + 1];
    int e = p9_dir_and_name(s, in, &f, name);
    uint32_t mode = p9_u32(in), major = p9_u32(in), minor = p9_u32(in), gid = p9_u32(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    e = p9_fs_mknod(s, f->node, name, (struct p9_cred){ .uid = f->uid, .gid = gid, .mode = mode, .rdev = makedev(major, minor) });
    return e ? e : put_child(s, out, f->node, name);
}

int p9_do_symlink(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    char name[NAME_MAX + 1], target[PATH_MAX];
    int e = p9_dir_and_name(s, in, &f, name);
    struct p9_str str = p9_string(in);
    uint32_t gid = p9_u32(in);
    if (e || in->bad || (e = p9_text(str, target, sizeof target)))
        return e ? e : EINVAL;
    if (!*target)
        return ENOENT;
    e = p9_fs_symlink(s, f->node, name, target, (struct p9_cred){ .uid = f->uid, .gid = gid });
    return e ? e : put_child(s, out, f->node, name);
}

int p9_do_readlink(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    char target[PATH_MAX];
    int e = p9_fid_arg(s, in, &f);
    if (e || (e = p9_fs_readlink(s, f->node, target)))
        return e;
    p9_put_str(out, target, strlen(target));
    return 0;
}

int p9_do_link(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *dir, *f;
    char name[NAME_MAX + 1];
    int e = p9_fid_arg(s, in, &dir), e2 = p9_fid_arg(s, in, &f);
    struct p9_str str = p9_string(in);
    if (e || e2 || in->bad)
        return e ? e : e2 ? e2 : EINVAL;
    if (s->readonly)
        return EROFS;
    if (dir->node->type != S_IFDIR)
        return ENOTDIR;
    if (f->node->type == S_IFDIR)
        return EPERM;
    e = p9_component(s, str, name);
    return e ? e : p9_fs_link(s, f->node, dir->node, name);
}

static int unlink_checked(struct p9_server *s, struct p9_node *n)
{
    struct stat st;
    int dir = n->parent ? p9_node_fd(s, n->parent) : -EBUSY;
    if (dir < 0 || !n->linked)
        return dir < 0 ? -dir : ENOENT;
    if (fstatat(dir, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno;
    if (st.st_dev != n->dev || st.st_ino != n->ino)
        return ESTALE;
    char name[NAME_MAX + 1];
    memcpy(name, n->name, strlen(n->name) + 1);
    return p9_fs_unlink(s, n->parent, name, n->type == S_IFDIR);
}

int p9_do_remove(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    if (e)
        return e;
    e = s->readonly ? EROFS : f->kind >= FID_XATTR_READ ? EINVAL : unlink_checked(s, f->node);
    p9_fid_free(s, f);                           /* also when it fails */
    return e;
}

int p9_do_unlinkat(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    char name[NAME_MAX + 1];
    int e = p9_dir_and_name(s, in, &f, name);
    uint32_t flags = p9_u32(in);
    if (e || in->bad || flags & ~(uint32_t)AT_REMOVEDIR)
        return e ? e : EINVAL;
    return p9_fs_unlink(s, f->node, name, flags & AT_REMOVEDIR);
}

int p9_do_renameat(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *from, *to;
    char old[NAME_MAX + 1], name[NAME_MAX + 1];
    int e = p9_dir_and_name(s, in, &from, old), e2 = e ? 0 : p9_dir_and_name(s, in, &to, name);
    if (e || e2)
        return e ? e : e2;
    return p9_fs_rename(s, from->node, old, to->node, name);
}

int p9_do_rename(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f, *to;
    char old[NAME_MAX + 1], name[NAME_MAX + 1];
    struct stat st;
    int e = p9_fid_arg(s, in, &f), e2 = e ? 0 : p9_dir_and_name(s, in, &to, name);
    if (e || e2)
        return e ? e : e2;
    struct p9_node *n = f->node;
    if (!n->parent)
        return EBUSY;
    int dir = p9_node_fd(s, n->parent);
    if (dir < 0 || !n->linked)
        return dir < 0 ? -dir : ENOENT;
    if (fstatat(dir, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != n->dev || st.st_ino != n->ino)
        return ESTALE;
    memcpy(old, n->name, strlen(n->name) + 1);
    return p9_fs_rename(s, n->parent, old, to->node, name);
}

/* ---- extended attributes ---- */

int p9_do_xattrwalk(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f, *x;
    int e = p9_fid_arg(s, in, &f);
    uint32_t number = p9_u32(in);
    struct p9_str str = p9_string(in);
    char name[XATTR_NAME_MAX + 1], *value = NULL;
    ssize_t len;
    if (e || in->bad || (e = p9_text(str, name, sizeof name)))
        return e ? e : EINVAL;
    if (!*name) {
        len = p9_fs_listxattr(s, f->node, &value);
    } else {
        len = p9_fs_getxattr(s, f->node, name, NULL, 0);
        if (len > 0) {
            value = xcalloc(1, (size_t)len);
            len = p9_fs_getxattr(s, f->node, name, value, (size_t)len);
        }
    }
    e = len < 0 ? (int)-len : s->xattr_bytes > XATTR_TOTAL ? ENOMEM : p9_fid_new(s, number, f->node, f->uid, &x);
    if (e) {
        free(value);
        return e;
    }
    x->kind = FID_XATTR_READ;
    x->xattr = value;
    x->xattr_len = (size_t)len;
    s->xattr_bytes += x->xattr_len;
    p9_put(out, (uint64_t)len, 8);
    return 0;
}

int p9_do_xattrcreate(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    struct p9_str str = p9_string(in);
    uint64_t size = p9_u64(in);
    uint32_t flags = p9_u32(in);
    char name[XATTR_NAME_MAX + 1];
    if (e || in->bad || f->kind != FID_PATH || (e = p9_text(str, name, sizeof name)))
        return e ? e : EINVAL;
    if (s->readonly)
        return EROFS;
    if (size > XATTR_MAX || s->xattr_bytes > XATTR_TOTAL)
        return size > XATTR_MAX ? ENOSPC : ENOMEM;
    if (flags > (XATTR_CREATE | XATTR_REPLACE))
        return EINVAL;
    f->kind = FID_XATTR_WRITE;
    f->xattr = xcalloc(1, size + 1);
    f->xattr_len = size;
    s->xattr_bytes += size;
    f->xattr_done = 0;
    f->xattr_flags = (int)flags;
    f->xattr_name = xasprintf("%s", name);
    return 0;
}
