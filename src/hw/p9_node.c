/*
 * p9_node.c - the files that the guest knows, as a tree of names over O_PATH descriptors.
 *
 * Owns the descriptors. Must not follow a link, step over a name that is not one component, or believe that a name still
 * leads to the same file: device and inode are compared each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/p9_internal.h"

#define MAX_NODES (1u << 20)

static size_t bucket(const struct p9_server *s, const struct p9_node *dir, const char *name)
{
    uint64_t h = (uintptr_t)dir >> 4;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
    return (h ^ h >> 29) & (s->n_buckets - 1);
}

static struct p9_node *find(const struct p9_server *s, const struct p9_node *dir, const char *name)
{
    struct p9_node *n = s->nodes[bucket(s, dir, name)];
    while (n && (n->parent != dir || strcmp(n->name, name)))
        n = n->hash_next;
    return n;
}

static void hash_add(struct p9_server *s, struct p9_node *n)
{
    struct p9_node **head = &s->nodes[bucket(s, n->parent, n->name)];
    n->hash_next = *head;
    *head = n;
    n->linked = true;
}

static void hash_remove(struct p9_server *s, struct p9_node *n)
{
    struct p9_node **at = &s->nodes[bucket(s, n->parent, n->name)];
    while (*at != n)
        at = &(*at)->hash_next;
    *at = n->hash_next;
    n->linked = false;
}

static void grow(struct p9_server *s)
{
    size_t old_n = s->n_buckets;
    struct p9_node **old = s->nodes;
    s->n_buckets = old_n ? 4 * old_n : 256;
    s->nodes = xcalloc(s->n_buckets, sizeof *s->nodes);
    for (size_t i = 0; i < old_n; i++)
        for (struct p9_node *n = old[i], *next; n; n = next) {
            next = n->hash_next;
            hash_add(s, n);
        }
    free(old);
}

/* ---- descriptors ---- */

static void lru_remove(struct p9_server *s, struct p9_node *n)
{
    if (!n->in_lru)
        return;
    n->lru_prev->lru_next = n->lru_next;
    n->lru_next->lru_prev = n->lru_prev;
    n->in_lru = false;
    s->n_lru--;
}

static void lru_touch(struct p9_server *s, struct p9_node *n)
{
    lru_remove(s, n);
    if (!n->linked || n->fd < 0)
        return;
    n->lru_prev = &s->lru;
    n->lru_next = s->lru.lru_next;
    n->lru_next->lru_prev = s->lru.lru_next = n;
    n->in_lru = true;
    s->n_lru++;
}

void p9_node_trim(struct p9_server *s)
{
    while (s->n_lru > s->max_lru) {
        struct p9_node *n = s->lru.lru_prev;
        lru_remove(s, n);
        close(n->fd);
        n->fd = -1;
    }
}

/* Step from a directory's descriptor. */
static int step(int dir, const char *name, struct stat *st)
{
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstatat(fd, "", st, AT_EMPTY_PATH) < 0) {
        int e = errno;
        close(fd);
        return -e;
    }
    return fd;
}

static bool same(const struct p9_node *n, const struct stat *st)
{
    return n->dev == st->st_dev && n->ino == st->st_ino && n->type == (st->st_mode & S_IFMT);
}

static int reopen(struct p9_server *s, struct p9_node *n)
{
    struct stat st;
    if (!n->linked)
        return -ESTALE;
    int fd = step(n->parent->fd, n->name, &st);
    if (fd < 0)
        return fd == -ENOENT ? -ESTALE : fd;
    if (!same(n, &st)) {
        close(fd);
        return -ESTALE;
    }
    n->fd = fd;
    lru_touch(s, n);
    return fd;
}

int p9_node_fd(struct p9_server *s, struct p9_node *n)
{
    if (n->fd >= 0) {
        lru_touch(s, n);
        return n->fd;
    }
    /* From the nearest directory that is open down to N: a loop, the guest can make its tree deep. */
    size_t depth = 0;
    for (struct p9_node *a = n; a && a->fd < 0; a = a->parent)
        depth++;
    struct p9_node **chain = xcalloc(depth, sizeof *chain), *a = n;
    for (size_t i = depth; i-- > 0; a = a->parent)
        chain[i] = a;
    int fd = -ESTALE;
    for (size_t i = 0; i < depth; i++) {
        fd = reopen(s, chain[i]);
        if (fd < 0)
            break;
        if (i > 1 && s->n_lru > s->max_lru + 64) {       /* not two levels up any more */
            lru_remove(s, chain[i - 2]);
            close(chain[i - 2]->fd);
            chain[i - 2]->fd = -1;
        }
    }
    free(chain);
    return fd;
}

/* ---- the tree ---- */

/* N's name leads elsewhere or nowhere now. */
static void detach(struct p9_server *s, struct p9_node *n)
{
    lru_remove(s, n);
    hash_remove(s, n);
    if (n->fd < 0)
        return;
    if (s->n_pinned < s->max_lru) {
        s->n_pinned++;
    } else {
        close(n->fd);                            /* too many such: this one is stale from now on */
        n->fd = -1;
    }
}

struct p9_node *p9_node_get(struct p9_node *n)
{
    n->refs++;
    return n;
}

void p9_node_put(struct p9_server *s, struct p9_node *n)
{
    while (n && --n->refs == 0) {
        struct p9_node *parent = n->parent;
        lru_remove(s, n);
        if (n->linked)
            hash_remove(s, n);
        else if (n->fd >= 0 && parent)
            s->n_pinned--;
        if (n->fd >= 0)
            close(n->fd);
        free(n->name);
        free(n);
        s->n_nodes--;
        n = parent;
    }
}

int p9_node_walk(struct p9_server *s, struct p9_node *dir, const char *name, struct p9_node **out)
{
    struct stat st;
    int dir_fd = p9_node_fd(s, dir);
    if (dir_fd < 0)
        return -dir_fd;
    int fd = step(dir_fd, name, &st);
    if (fd < 0)
        return -fd;
    if (s->multidevs == P9_FORBID && st.st_dev != s->root->dev) {
        close(fd);
        return ENODEV;
    }
    struct p9_node *n = find(s, dir, name);
    if (n && !same(n, &st)) {
        detach(s, n);
        n = NULL;
    }
    if (n) {
        if (n->fd < 0)
            n->fd = fd;
        else
            close(fd);
    } else {
        if (s->n_nodes >= MAX_NODES) {
            close(fd);
            return ENFILE;
        }
        if (s->n_nodes >= s->n_buckets)
            grow(s);
        n = xcalloc(1, sizeof *n);
        *n = (struct p9_node){ .parent = p9_node_get(dir), .name = xasprintf("%s", name), .fd = fd,
                               .type = st.st_mode & S_IFMT, .dev = st.st_dev, .ino = st.st_ino };
        s->n_nodes++;
        hash_add(s, n);
    }
    lru_touch(s, n);
    *out = p9_node_get(n);
    return 0;
}

void p9_node_hold(struct p9_server *s, struct p9_node *dir, const char *name)
{
    struct p9_node *n = find(s, dir, name);
    if (n)
        (void)!p9_node_fd(s, n);                 /* failed: stale already */
}

void p9_node_unlinked(struct p9_server *s, struct p9_node *dir, const char *name)
{
    struct p9_node *n = find(s, dir, name);
    if (n)
        detach(s, n);
}

void p9_node_renamed(struct p9_server *s, struct p9_node *from, const char *old, struct p9_node *to, const char *name)
{
    struct p9_node *n = find(s, from, old), *over = find(s, to, name);
    if (n && n == over)
        return;
    if (n && over && n->dev == over->dev && n->ino == over->ino)
        return;                                  /* two names of one file: rename(2) does nothing */
    if (over)
        detach(s, over);
    if (!n)
        return;
    /* The host may have moved TO out of N meanwhile, which we have not seen: our tree must not become a ring. */
    for (const struct p9_node *a = to; a; a = a->parent)
        if (a == n) {
            detach(s, n);
            return;
        }
    hash_remove(s, n);
    struct p9_node *parent = n->parent;
    n->parent = p9_node_get(to);
    free(n->name);
    n->name = xasprintf("%s", name);
    hash_add(s, n);
    p9_node_put(s, parent);
}

void p9_nodes_init(struct p9_server *s, int root_fd)
{
    struct stat st;
    if (fstatat(root_fd, "", &st, AT_EMPTY_PATH) < 0)
        die("shared folder: %s", strerror(errno));
    s->lru.lru_next = s->lru.lru_prev = &s->lru;
    grow(s);
    s->root = xcalloc(1, sizeof *s->root);
    *s->root = (struct p9_node){ .name = xasprintf("/"), .fd = root_fd, .refs = 1, .type = st.st_mode & S_IFMT, .dev = st.st_dev,
                                 .ino = st.st_ino };
    s->n_nodes = 1;
}

void p9_nodes_free(struct p9_server *s)
{
    p9_node_put(s, s->root);
    if (s->n_nodes)
        bug("9p: %zu nodes are left", s->n_nodes);
    free(s->nodes);
}
