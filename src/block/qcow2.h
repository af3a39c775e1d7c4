/*
 * qcow2.h - inside the qcow2 driver: an open image, its two caches, and the order in which metadata reaches the file.
 *
 * Order, so that a kill or a power failure at any moment leaves leaked clusters at worst: what refers to a cluster is written
 * after the cluster's refcount (RC before L2, L2 before L1), and a refcount goes down only after nothing in the file refers to
 * the cluster any more (freed clusters are kept in `freed` until the L2 tables are in the file). Source of the format:
 * QEMU's docs/interop/qcow2.txt.
 */
#ifndef GNOMON_BLOCK_QCOW2_H
#define GNOMON_BLOCK_QCOW2_H

#include "block/impl.h"

#define QCOW2_MAGIC 0x514649fbu
#define MIN_CLUSTER_BITS 9u
#define MAX_CLUSTER_BITS 21u
#define MAX_L1_BYTES (32u << 20)
#define MAX_RT_BYTES (8u << 20)

#define INCOMPAT_DIRTY (1ull << 0)
#define INCOMPAT_CORRUPT (1ull << 1)
#define INCOMPAT_DATA_FILE (1ull << 2)
#define INCOMPAT_COMPRESSION (1ull << 3)
#define INCOMPAT_EXTENDED_L2 (1ull << 4)
#define COMPAT_LAZY (1ull << 0)

#define OFFSET_MASK 0x00fffffffffffe00ull
#define FLAG_COPIED (1ull << 63)
#define FLAG_PACKED (1ull << 62)
#define FLAG_ZERO 1ull

/* Tables are cached in slices of a cluster. */
struct slot {
    uint64_t off;                                /* in the file; 0: free */
    bool dirty;
    unsigned hash_next, older, newer;
    uint8_t *data;
};

struct cache {
    unsigned slice;                              /* bytes */
    unsigned max, n, n_dirty;
    struct slot *slot;
    unsigned *hash, n_hash;                      /* heads */
    unsigned oldest, newest;
};

struct freed { uint64_t cluster, n; };

struct qcow2 {
    struct node n;                               /* first */
    unsigned version, cluster_bits, l2_bits, rb_bits, refcount_order;
    uint64_t cluster;                            /* bytes */
    uint64_t incompat, compat, autoclear, header_len;
    uint64_t l1_off, *l1;                        /* host's byte order */
    uint32_t l1_size;
    uint8_t *l1_dirty;                           /* a byte for each 512 of the table */
    bool any_l1_dirty;
    uint64_t rt_off, *rt;
    uint32_t rt_size, rt_used;                   /* entries; behind the last one in use */
    struct cache l2, rc;
    uint64_t hint;                               /* no free cluster below it */
    struct freed *freed;
    unsigned n_freed, freed_room;
    uint32_t n_snapshots;
    uint64_t snapshots_off;
    bool lazy, dirty_set, corrupt, zstd, names_backing;
    uint8_t *unpacked, *packed;                  /* the last compressed cluster */
    uint64_t unpacked_at;
};

static inline uint64_t be64(uint64_t v) { return __builtin_bswap64(v); }
static inline uint32_t be32(uint32_t v) { return __builtin_bswap32(v); }

/* ---- qcow2_cache.c ---- */
void qcache_init(struct cache *c, unsigned slice, uint64_t bytes, uint64_t table_bytes);
void qcache_free(struct cache *c);
/* The slice at OFF of the file; valid until the next call. Writing back a dirty one is the owner's: see `evict`. */
int qcache_get(struct qcow2 *q, struct cache *c, uint64_t off, uint8_t **data, unsigned *slot) MUST_CHECK;
void qcache_dirty(struct cache *c, unsigned slot);
int qcache_write(struct qcow2 *q, struct cache *c) MUST_CHECK;      /* all that is dirty */
void qcache_forget(struct cache *c, uint64_t off, uint64_t len);    /* the space has become something else */

/* ---- qcow2_refcount.c ---- */
int qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *count) MUST_CHECK;
/* Up to N free clusters next to each other, which get refcount 1. */
int qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *cluster, uint64_t *got) MUST_CHECK;
int qcow2_unref(struct qcow2 *q, uint64_t cluster, uint64_t n) MUST_CHECK;             /* at once */
void qcow2_unref_later(struct qcow2 *q, uint64_t cluster, uint64_t n);                 /* once the L2 tables are written */
int qcow2_apply_freed(struct qcow2 *q) MUST_CHECK;
/* May [off, off + len) be written to as something that is no metadata? Marks the image corrupt if not. */
bool qcow2_may_write(struct qcow2 *q, uint64_t off, uint64_t len) MUST_CHECK;
/* The image contradicts itself: say so once, write no more. Returns EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t where);

/* ---- qcow2_map.c ---- */
int qcow2_map(struct node *n, uint64_t off, uint64_t len, struct extent *x);
int qcow2_unpack(struct node *n, const struct extent *x, const uint8_t **data);
/* Host clusters that a compressed cluster's descriptor refers to. */
void qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *len);
int qcow2_claim(struct node *n, uint64_t off, uint64_t len, struct claim *c);
int qcow2_commit(struct node *n, const struct claim *c);
void qcow2_abandon(struct node *n, const struct claim *c);
bool qcow2_in_place(struct node *n, uint64_t off, uint64_t len);
int qcow2_zero(struct node *n, uint64_t off, uint64_t len, bool unmap);
int qcow2_discard(struct node *n, uint64_t off, uint64_t len);

/* ---- qcow2.c ---- */
int qcow2_flush(struct node *n);
/* Change 8 bytes of the header. */
int qcow2_write_header(struct qcow2 *q, unsigned off, uint64_t v, unsigned size) MUST_CHECK;

/* ---- qcow2_repair.c ---- */
/* Make all refcounts anew (the image was left with lazy refcounts). NULL, or what is wrong (a literal). */
const char *qcow2_rebuild(struct qcow2 *q) MUST_CHECK;

#endif
