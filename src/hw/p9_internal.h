/*
 * p9_internal.h - what the parts of the 9P server share: nodes, the file system behind the security models.
 *
 * Owns nothing. Everything here runs with the server's lock held. Errors are positive errno values, 0 is success; functions
 * that return a descriptor give -errno instead.
 */
#ifndef GNOMON_HW_P9_INTERNAL_H
#define GNOMON_HW_P9_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "hw/p9.h"

/*
 * A file that the guest knows: found below its parent by name, held by an O_PATH descriptor. Descriptors of nodes that can
 * be found again are closed when there are many (p9_node_trim()). A node that has lost its name keeps its descriptor.
 */
struct p9_node {
    struct p9_node *parent;                      /* NULL: the root */
    char *name;
    struct p9_node *hash_next;
    struct p9_node *lru_prev, *lru_next;         /* has a descriptor that may be closed */
    unsigned refs;                               /* fids and children */
    int fd;                                      /* -1: closed */
    bool linked;                                 /* parent and name lead here */
    bool in_lru;
    mode_t type;                                 /* the host's S_IFMT */
    dev_t dev;
    ino_t ino;
};

struct p9_fid;
struct p9_in;
struct p9_out;
struct p9_str;

struct p9_server {
    pthread_mutex_t lock;
    enum p9_model model;
    enum p9_multidevs multidevs;
    bool readonly, warned;
    mode_t fmode, dmode;
    int proc;                                    /* /proc/self/fd */
    uint32_t msize;                              /* 0: no version agreed yet */

    struct p9_node *root;
    struct p9_node **nodes;                      /* hash by parent and name */
    size_t n_buckets, n_nodes;
    struct p9_node lru;                          /* head: next is the most recently used */
    size_t n_lru, max_lru, n_pinned;

    struct p9_fid **fids;                           /* hash by number */
    size_t fid_buckets, n_fids;
    size_t n_files, max_files;                   /* open files */
    size_t xattr_bytes;                          /* held by fids of attributes */

    dev_t *devs;                                 /* devices seen, by index in a remapped inode number */
    unsigned n_devs;
};

/* ---- p9.c: fids ---- */
/* An open file: outlives its fid while a transfer runs. */
struct p9_file { unsigned refs; int fd; };

enum p9_fid_kind { FID_PATH, FID_FILE, FID_XATTR_READ, FID_XATTR_WRITE };

struct p9_fid {
    uint32_t number;
    struct p9_fid *next;
    enum p9_fid_kind kind;
    struct p9_node *node;
    uint32_t uid;                                /* who attached: the owner of new files; ~0: not said */
    struct p9_file *file;                           /* FILE */
    char *xattr;                                 /* XATTR_*: the value; WRITE: the name is in xattr_name */
    size_t xattr_len, xattr_done;
    char *xattr_name;
    int xattr_flags;
};

struct p9_fid *p9_fid_find(struct p9_server *s, uint32_t number);
int p9_fid_new(struct p9_server *s, uint32_t number, struct p9_node *node, uint32_t uid, struct p9_fid **out) MUST_CHECK;
void p9_fid_free(struct p9_server *s, struct p9_fid *f);
void p9_file_put(struct p9_server *s, struct p9_file *f);
/* Fields of a message. A directory's fid and a checked name below it, for what changes something there. */
int p9_fid_arg(struct p9_server *s, struct p9_in *in, struct p9_fid **f) MUST_CHECK;
int p9_dir_and_name(struct p9_server *s, struct p9_in *in, struct p9_fid **dir, char name[NAME_MAX + 1]) MUST_CHECK;
int p9_component(const struct p9_server *s, struct p9_str n, char out[NAME_MAX + 1]) MUST_CHECK;
int p9_text(struct p9_str n, char *out, size_t size) MUST_CHECK;
uint64_t p9_identity(struct p9_server *s, dev_t dev, ino_t ino);
void p9_put_qid_parts(struct p9_out *out, unsigned type, uint32_t version, uint64_t path);
void p9_put_qid(struct p9_server *s, struct p9_out *out, const struct stat *st);
int p9_put_node_qid(struct p9_server *s, struct p9_out *out, struct p9_node *n) MUST_CHECK;

/* X(number, name): the messages, each handled by p9_do_NAME(). */
#define P9_MESSAGES(X)                                                                                              \
    X(P9_TVERSION, version) X(104, attach) X(110, walk) X(120, clunk) X(12, lopen) X(14, lcreate)                    \
    X(8, statfs) X(16, symlink) X(18, mknod) X(20, rename) X(22, readlink) X(24, getattr) X(26, setattr)             \
    X(30, xattrwalk) X(32, xattrcreate) X(40, readdir) X(50, fsync) X(52, lock) X(54, getlock) X(70, link)           \
    X(72, mkdir) X(74, renameat) X(76, unlinkat) X(116, read) X(118, write) X(122, remove)
#define X(number, name) int p9_do_##name(struct p9_server *s, struct p9_in *in, struct p9_out *out);
P9_MESSAGES(X)
#undef X

/* ---- p9_node.c ---- */
void p9_nodes_init(struct p9_server *s, int root_fd);
void p9_nodes_free(struct p9_server *s);
/* Close descriptors above the limit. At the start of a message only: those in use by one stay open until its end. */
void p9_node_trim(struct p9_server *s);
/* The descriptor (O_PATH), opened again if need be; -errno. It is the node's. */
int p9_node_fd(struct p9_server *s, struct p9_node *n) MUST_CHECK;
/* Step to NAME, a checked component that is not "." or "..". *OUT gets a reference. */
int p9_node_walk(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_node **out) MUST_CHECK;
struct p9_node *p9_node_get(struct p9_node *n);
void p9_node_put(struct p9_server *s, struct p9_node *n);
/* DIR/NAME is about to lose its name: make sure that who holds it can go on. Call the second when it has happened. */
void p9_node_hold(struct p9_server *s, struct p9_node *dir, const char *name);
void p9_node_unlinked(struct p9_server *s, struct p9_node *dir, const char *name);
void p9_node_renamed(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name);

/* ---- p9_fs.c: the operations on the host, by security model ---- */
static inline bool p9_mapped(const struct p9_server *s) { return s->model >= P9_MAPPED_XATTR; }

struct p9_cred { uint32_t uid, gid; mode_t mode; dev_t rdev; };       /* of something new; mode with its type */
struct p9_times { uint32_t valid; struct timespec atime, mtime; };

int p9_fs_stat(struct p9_server *s, struct p9_node *n, struct stat *st) MUST_CHECK;
int p9_fs_open(struct p9_server *s, struct p9_node *n, int flags) MUST_CHECK;          /* descriptor or -errno */
int p9_fs_create(struct p9_server *s, struct p9_node *dir, const char *name, int flags, struct p9_cred c) MUST_CHECK; /* likewise */
int p9_fs_mkdir(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_cred c) MUST_CHECK;
int p9_fs_mknod(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_cred c) MUST_CHECK;
int p9_fs_symlink(struct p9_server *s, struct p9_node *dir, const char *name, const char *target, struct p9_cred c) MUST_CHECK;
int p9_fs_link(struct p9_server *s, struct p9_node *n, struct p9_node *dir, const char *name) MUST_CHECK;
int p9_fs_readlink(struct p9_server *s, struct p9_node *n, char buf[PATH_MAX]) MUST_CHECK;
int p9_fs_unlink(struct p9_server *s, struct p9_node *dir, const char *name, bool rmdir) MUST_CHECK;
int p9_fs_rename(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name) MUST_CHECK;
int p9_fs_chmod(struct p9_server *s, struct p9_node *n, mode_t mode) MUST_CHECK;
int p9_fs_chown(struct p9_server *s, struct p9_node *n, uint32_t uid, uint32_t gid) MUST_CHECK;     /* -1: leave */
int p9_fs_utimes(struct p9_server *s, struct p9_node *n, const struct timespec ts[2]) MUST_CHECK;
int p9_fs_truncate(struct p9_server *s, struct p9_node *n, uint64_t size) MUST_CHECK;
/* Attributes as the guest sees them. Lengths or -errno; SIZE 0 asks for the length. */
ssize_t p9_fs_getxattr(struct p9_server *s, struct p9_node *n, const char *name, void *buf, size_t size) MUST_CHECK;
ssize_t p9_fs_listxattr(struct p9_server *s, struct p9_node *n, char **list) MUST_CHECK;     /* *LIST: free() */
int p9_fs_setxattr(struct p9_server *s, struct p9_node *n, const char *name, const void *buf, size_t size, int flags) MUST_CHECK;
int p9_fs_removexattr(struct p9_server *s, struct p9_node *n, const char *name) MUST_CHECK;
/* Names that the guest must neither see nor use. */
bool p9_fs_hidden(const struct p9_server *s, const char *name);

/* "/proc/self/fd/N": the way to system calls that take no O_PATH descriptor. */
struct p9_proc { char path[40]; };
struct p9_proc p9_proc_path(int fd);

/* ---- p9_meta.c: security_model=mapped-file ---- */
struct p9_meta { uint32_t uid, gid, mode; uint64_t rdev; unsigned have; };
enum { META_UID = 1, META_GID = 2, META_MODE = 4, META_RDEV = 8 };
#define P9_META_DIR ".virtfs_metadata"
#define P9_META_ROOT ".virtfs_metadata_root"
/* DIR: NULL for the root itself. What is not recorded is not in m->have. */
int p9_meta_read(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_meta *m) MUST_CHECK;
int p9_meta_write(struct p9_server *s, struct p9_node *dir, const char *name, const struct p9_meta *m) MUST_CHECK;   /* adds to it */
int p9_meta_link(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name, bool move) MUST_CHECK;
int p9_meta_unlink(struct p9_server *s, struct p9_node *dir, const char *name) MUST_CHECK;
int p9_meta_rmdir(struct p9_server *s, struct p9_node *dir, const char *name) MUST_CHECK;  /* make DIR/NAME removable */

#endif
