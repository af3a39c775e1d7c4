/*
 * p9.c - the 9P2000.L messages: fids, and one handler a message.
 *
 * Owns the table of fids and the open files. Must not touch the host but through nodes and p9_fs_*(). All of it runs under
 * the server's lock, which is given up only while file contents are read, written or flushed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/log.h"
#include "hw/p9_internal.h"
#include "hw/p9_wire.h"

#define MIN_MSIZE 4096u
#define MAX_FIDS (1u << 19)
#define MAX_WALK 16u
#define RLERROR 7u
#define WIRE_EXCL 0200u

enum { QT_DIR = 0x80, QT_SYMLINK = 0x02, QT_FILE = 0x00 };

/* ---- fids ---- */

static struct p9_fid **fid_at(struct p9_server *s, uint32_t number)
{
    struct p9_fid **f = &s->fids[(number * 2654435761u >> 7) & (s->fid_buckets - 1)];
    while (*f && (*f)->number != number)
        f = &(*f)->next;
    return f;
}

struct p9_fid *p9_fid_find(struct p9_server *s, uint32_t number) { return *fid_at(s, number); }

int p9_fid_new(struct p9_server *s, uint32_t number, struct p9_node *node, uint32_t uid, struct p9_fid **out)
{
    if (p9_fid_find(s, number) || number == ~0u)
        return EINVAL;
    if (s->n_fids >= MAX_FIDS)
        return ENFILE;
    if (s->n_fids >= s->fid_buckets) {
        struct p9_fid **old = s->fids;
        size_t n = s->fid_buckets;
        s->fid_buckets *= 4;
        s->fids = xcalloc(s->fid_buckets, sizeof *s->fids);
        for (size_t i = 0; i < n; i++)
            for (struct p9_fid *f = old[i], *next; f; f = next) {
                next = f->next;
                f->next = NULL;
                *fid_at(s, f->number) = f;
            }
        free(old);
    }
    struct p9_fid *f = xcalloc(1, sizeof *f);
    f->number = number;
    f->node = p9_node_get(node);
    f->uid = uid;
    *fid_at(s, number) = f;
    s->n_fids++;
    if (out)
        *out = f;
    return 0;
}

void p9_file_put(struct p9_server *s, struct p9_file *f)
{
    if (--f->refs)
        return;
    close(f->fd);
    free(f);
    s->n_files--;
}

void p9_fid_free(struct p9_server *s, struct p9_fid *f)
{
    *fid_at(s, f->number) = f->next;
    s->n_fids--;
    if (f->file)
        p9_file_put(s, f->file);
    p9_node_put(s, f->node);
    s->xattr_bytes -= f->xattr_len;
    free(f->xattr);
    free(f->xattr_name);
    free(f);
}

static void attach_file(struct p9_server *s, struct p9_fid *f, int fd)
{
    f->file = xcalloc(1, sizeof *f->file);
    *f->file = (struct p9_file){ 1, fd };
    f->kind = FID_FILE;
    s->n_files++;
}

int p9_fid_arg(struct p9_server *s, struct p9_in *in, struct p9_fid **f)
{
    uint32_t number = p9_u32(in);
    *f = in->bad ? NULL : p9_fid_find(s, number);
    return *f ? 0 : EBADF;
}

/* ---- names and identities ---- */

/* One component that may be made, removed or stepped to. */
int p9_component(const struct p9_server *s, struct p9_str n, char out[NAME_MAX + 1])
{
    if (n.len > NAME_MAX)
        return ENAMETOOLONG;
    if (!n.len || memchr(n.s, '/', n.len) || memchr(n.s, 0, n.len))
        return n.len ? EINVAL : ENOENT;
    memcpy(out, n.s, n.len);
    out[n.len] = 0;
    if (!strcmp(out, ".") || !strcmp(out, ".."))
        return EINVAL;
    return p9_fs_hidden(s, out) ? EINVAL : 0;
}

int p9_text(struct p9_str n, char *out, size_t size)
{
    if (n.len >= size)
        return ENAMETOOLONG;
    if (memchr(n.s, 0, n.len))
        return EINVAL;
    memcpy(out, n.s, n.len);
    out[n.len] = 0;
    return 0;
}

/* A number that tells files apart, also those of several file systems if that was asked for. */
uint64_t p9_identity(struct p9_server *s, dev_t dev, ino_t ino)
{
    if (s->multidevs == P9_WARN && dev != s->root->dev && !s->warned) {
        s->warned = true;
        warn("shared folder: it holds more than one file system, files may have equal inode numbers (multidevs=remap helps)");
    }
    if (s->multidevs != P9_REMAP)
        return ino;
    unsigned i = 0;
    while (i < s->n_devs && s->devs[i] != dev)
        i++;
    if (i == s->n_devs && i < 0x7fff) {
        if ((i & (i - 1)) == 0) {
            dev_t *d = realloc(s->devs, (i ? 2 * i : 1) * sizeof *d);
            if (!d)
                die("out of memory");
            s->devs = d;
        }
        s->devs[s->n_devs++] = dev;
    }
    if (i < 0x7fff && ino >> 48 == 0)
        return (uint64_t)i << 48 | ino;
    /* Neither fits: mixed into 63 bits, of which equal ones are not to be expected. */
    uint64_t h = ino * 0x9e3779b97f4a7c15ull ^ (uint64_t)dev * 0xc2b2ae3d27d4eb4full;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
    return (h ^ h >> 29) | 1ull << 63;
}

void p9_put_qid_parts(struct p9_out *out, unsigned type, uint32_t version, uint64_t path)
{
    p9_put(out, type, 1);
    p9_put(out, version, 4);
    p9_put(out, path, 8);
}

void p9_put_qid(struct p9_server *s, struct p9_out *out, const struct stat *st)
{
    unsigned type = S_ISDIR(st->st_mode) ? QT_DIR : S_ISLNK(st->st_mode) ? QT_SYMLINK : QT_FILE;
    p9_put_qid_parts(out, type, (uint32_t)st->st_mtime ^ (uint32_t)((uint64_t)st->st_size << 8), p9_identity(s, st->st_dev, st->st_ino));
}

int p9_put_node_qid(struct p9_server *s, struct p9_out *out, struct p9_node *n)
{
    struct stat st;
    int e = p9_fs_stat(s, n, &st);
    if (!e)
        p9_put_qid(s, out, &st);
    return e;
}

/* ---- session ---- */

int p9_do_version(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    uint32_t msize = p9_u32(in);
    struct p9_str v = p9_string(in);
    static const char ours[] = "9P2000.L";
    if (in->bad)
        return EINVAL;
    p9_reset(s);
    if (v.len != sizeof ours - 1 || memcmp(v.s, ours, v.len)) {
        p9_put(out, msize, 4);
        p9_put_str(out, "unknown", 7);
        return 0;
    }
    if (msize < MIN_MSIZE)
        return EMSGSIZE;
    s->msize = MIN(msize, P9_MAX_MSIZE);
    p9_put(out, s->msize, 4);
    p9_put_str(out, ours, sizeof ours - 1);
    return 0;
}

int p9_do_attach(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    uint32_t number = p9_u32(in), afid = p9_u32(in);
    (void)p9_string(in);
    (void)p9_string(in);
    uint32_t uid = p9_u32(in);
    if (in->bad || afid != ~0u)
        return EINVAL;
    int e = p9_fid_new(s, number, s->root, uid, NULL);
    return e ? e : p9_put_node_qid(s, out, s->root);
}

int p9_do_walk(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint32_t number = p9_u32(in);
    unsigned n = p9_u16(in), done = 0;
    if (e || in->bad || n > MAX_WALK || f->kind >= FID_XATTR_READ)
        return e ? e : EINVAL;
    if (number != f->number && p9_fid_find(s, number))
        return EINVAL;
    struct p9_node *at = p9_node_get(f->node);
    uint8_t *count = p9_room(out, 2);
    for (; done < n; done++) {
        char name[NAME_MAX + 1];
        struct p9_node *next = NULL;
        struct p9_str str = p9_string(in);
        if (in->bad) {
            e = EINVAL;
            break;
        }
        if (str.len == 2 && !memcmp(str.s, "..", 2))
            next = p9_node_get(at->parent ? at->parent : at);
        else if (str.len == 1 && *str.s == '.')
            next = p9_node_get(at);
        else if (!(e = p9_component(s, str, name)))
            e = at->type == S_IFDIR ? p9_node_walk(s, at, name, &next) : ENOTDIR;
        if (!e && (e = p9_put_node_qid(s, out, next)))
            p9_node_put(s, next);
        if (e)
            break;
        p9_node_put(s, at);
        at = next;
    }
    if (done == n) {
        if (number == f->number) {
            if (f->kind == FID_FILE) {
                e = EINVAL;
            } else {
                p9_node_put(s, f->node);
                f->node = p9_node_get(at);
            }
        } else {
            e = p9_fid_new(s, number, at, f->uid, NULL);
        }
    } else if (done && !in->bad) {
        e = 0;                                   /* as far as it went: no new fid */
    }
    p9_node_put(s, at);
    if (count) {
        count[0] = (uint8_t)done;
        count[1] = 0;
    }
    return e;
}

static int finish_xattr(struct p9_server *s, struct p9_fid *f)
{
    if (f->kind != FID_XATTR_WRITE)
        return 0;
    if (f->xattr_done != f->xattr_len)
        return EINVAL;
    if (!f->xattr_len && f->xattr_flags == XATTR_REPLACE)        /* how Linux says it */
        return p9_fs_removexattr(s, f->node, f->xattr_name);
    return p9_fs_setxattr(s, f->node, f->xattr_name, f->xattr, f->xattr_len, f->xattr_flags);
}

int p9_do_clunk(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    if (e)
        return e;
    e = finish_xattr(s, f);
    p9_fid_free(s, f);
    return e;
}

/* ---- opening ---- */

/* The client's open flags (Linux's generic ones). */
static int host_flags(uint32_t f)
{
    static const struct { uint32_t theirs; int ours; } table[] = {
        { 01000, O_TRUNC }, { 02000, O_APPEND }, { 010000, O_DSYNC }, { 0200000, O_DIRECTORY }, { 04010000, O_SYNC },
    };
    int r = (int)(f & 3);
    for (unsigned i = 0; i < ARRAY_LEN(table); i++)
        if ((f & table[i].theirs) == table[i].theirs)
            r |= table[i].ours;
    return r;
}

static bool too_many_files(const struct p9_server *s) { return s->n_files >= s->max_files; }

int p9_do_lopen(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    uint32_t wire = p9_u32(in);
    if (e || in->bad || f->kind != FID_PATH)
        return e ? e : EINVAL;
    int flags = host_flags(wire);
    bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return EINVAL;
    if (writes && s->readonly)
        return EROFS;
    if (too_many_files(s))
        return EMFILE;
    int fd = p9_fs_open(s, f->node, flags);
    if (fd < 0)
        return -fd;
    attach_file(s, f, fd);
    e = p9_put_node_qid(s, out, f->node);
    p9_put(out, 0, 4);                           /* iounit: as large as a message allows */
    return e;
}

/* The directory and name that most makers of files begin with. */
int p9_dir_and_name(struct p9_server *s, struct p9_in *in, struct p9_fid **fid, char name[NAME_MAX + 1])
{
    struct p9_fid *f;
    int e = p9_fid_arg(s, in, &f);
    struct p9_str str = p9_string(in);
    if (e || in->bad)
        return e ? e : EINVAL;
    *fid = f;
    if (f->kind >= FID_XATTR_READ)
        return EINVAL;
    if (f->node->type != S_IFDIR)
        return ENOTDIR;
    e = p9_component(s, str, name);
    return e ? e : s->readonly ? EROFS : 0;
}


int p9_do_lcreate(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
    struct p9_fid *f;
    struct p9_node *n = NULL;
    char name[NAME_MAX + 1];
    int e = p9_dir_and_name(s, in, &f, name), fd;
    uint32_t wire = p9_u32(in), mode = p9_u32(in), gid = p9_u32(in);
    int flags = host_flags(wire) & ~O_DIRECTORY;
    if (e || in->bad || f->kind != FID_PATH || (flags & O_ACCMODE) == O_ACCMODE)
        return e ? e : EINVAL;
    if (too_many_files(s))
        return EMFILE;
    fd = p9_fs_create(s, f->node, name, flags, (struct p9_cred){ .uid = f->uid, .gid = gid, .mode = mode });
    bool existed = fd == -EEXIST && !(wire & WIRE_EXCL);
    if (fd < 0 && !existed)
        return -fd;
    e = p9_node_walk(s, f->node, name, &n);
    if (!e && existed) {
        fd = p9_fs_open(s, n, flags);
        e = fd < 0 ? -fd : 0;
    }
    if (!e)
        e = p9_put_node_qid(s, out, n);
    if (e) {
        if (fd >= 0)
            close(fd);
        if (n)
            p9_node_put(s, n);
        return e;
    }
    p9_node_put(s, f->node);                     /* the fid stands for the new file from now on */
    f->node = n;
    attach_file(s, f, fd);
    p9_put(out, 0, 4);
    return 0;
}

/* ---- dispatch ---- */

static const struct {
    uint8_t type;
    int (*handle)(struct p9_server *s, struct p9_in *in, struct p9_out *out);
} handlers[] = {
#define X(number, name) { number, p9_do_##name },
    P9_MESSAGES(X)
#undef X
};

static int dispatch(struct p9_server *s, uint8_t type, struct p9_in *in, struct p9_out *out)
{
    if (!s->msize && type != P9_TVERSION)
        return EPROTO;
    for (unsigned i = 0; i < ARRAY_LEN(handlers); i++)
        if (handlers[i].type == type)
            return handlers[i].handle(s, in, out);
    return EOPNOTSUPP;
}

size_t p9_handle(struct p9_server *s, const uint8_t *req, size_t len, uint8_t *reply, size_t cap)
{
    if (len < P9_HDR || cap < P9_HDR + 4)
        return 0;
    uint32_t size = p9_get32(req);
    uint8_t type = req[4];
    pthread_mutex_lock(&s->lock);
    if (s->msize)
        cap = MIN(cap, s->msize);
    struct p9_in in = { req + P9_HDR, req + MIN(len, MAX(size, P9_HDR)), size < P9_HDR || size > len };
    struct p9_out out = { reply + P9_HDR, reply + cap, false };
    p9_node_trim(s);
    int e = in.bad || (s->msize && size > s->msize) ? EINVAL : dispatch(s, type, &in, &out);
    pthread_mutex_unlock(&s->lock);
    if (!e && in.bad)
        e = EINVAL;
    if (!e && out.full)
        e = EMSGSIZE;
    if (e) {
        type = RLERROR - 1;
        out = (struct p9_out){ reply + P9_HDR, reply + cap, false };
        p9_put(&out, (uint32_t)e, 4);
    }
    size_t n = (size_t)(out.p - reply);
    out.p = reply;
    p9_put(&out, n, 4);
    p9_put(&out, type + 1u, 1);
    p9_put(&out, p9_get16(req + 5), 2);
    return n;
}

/* ---- life ---- */

void p9_reset(struct p9_server *s)
{
    for (size_t i = 0; i < s->fid_buckets; i++)
        while (s->fids[i])
            p9_fid_free(s, s->fids[i]);
    s->msize = 0;
}

static void set_limits(struct p9_server *s)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        r.rlim_cur = r.rlim_max = 1024;
    if (r.rlim_cur < r.rlim_max) {
        struct rlimit more = { r.rlim_max, r.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            r = more;
    }
    /* Named files, nameless ones and open ones get a quarter each; the last is for all else in this process. */
    size_t quarter = (size_t)MIN(r.rlim_cur, 1u << 20) / 4;
    s->max_lru = MAX(quarter, 64);
    s->max_files = MAX(quarter, 64);
}

struct p9_server *p9_new(const struct p9_options *o)
{
    struct p9_server *s = xcalloc(1, sizeof *s);
    int fd = open(o->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die("shared folder %s: %s", o->path, strerror(errno));
    s->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->proc < 0)
        die("shared folder %s: /proc is needed: %s", o->path, strerror(errno));
    if (o->model == P9_MAPPED_XATTR && getxattr(o->path, "user.virtfs.uid", NULL, 0) < 0 && errno == EOPNOTSUPP)
        die("shared folder %s: security_model=mapped-xattr needs a file system with extended attributes", o->path);
    pthread_mutex_init(&s->lock, NULL);
    s->model = o->model;
    s->multidevs = o->multidevs;
    s->readonly = o->readonly;
    s->fmode = o->fmode ? o->fmode & 0777 : 0600;
    s->dmode = o->dmode ? o->dmode & 0777 : 0700;
    s->fid_buckets = 64;
    s->fids = xcalloc(s->fid_buckets, sizeof *s->fids);
    set_limits(s);
    p9_nodes_init(s, fd);
    (void)p9_identity(s, s->root->dev, s->root->ino);    /* the export's own device is number 0 */
    return s;
}

void p9_free(struct p9_server *s)
{
    p9_reset(s);
    p9_nodes_free(s);
    close(s->proc);
    pthread_mutex_destroy(&s->lock);
    free(s->fids);
    free(s->devs);
    free(s);
}
