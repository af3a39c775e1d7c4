/*
 * qcow2.c - the qcow2 format, versions 2 and 3: header, opening, the order of writes, closing, making one.
 *
 * Owns the header. Not supported, and refused by name: encryption, external data files, extended L2 entries.
 */
#include "block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_V2 72u
#define HEADER_V3 104u
#define EXT_END 0u
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES 0x6803f857u

bool qcow2_probe(const uint8_t *head, size_t len)
{
    return len >= 4 && !memcmp(head, "QFI\xfb", 4);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return be32(v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return be64(v);
}

int qcow2_write_header(struct qcow2 *q, unsigned off, uint64_t v, unsigned size)
{
    uint64_t b8 = be64(v);
    uint32_t b4 = be32((uint32_t)v);
    return file_write(q->n.f, off, size == 8 ? (const void *)&b8 : &b4, size);
}

/* ---- order of writes ---- */

static int write_l1(struct qcow2 *q)
{
    for (uint32_t s = 0; s * 64 < q->l1_size; s++) {
        if (!q->l1_dirty[s])
            continue;
        uint64_t buf[64];
        unsigned n = MIN(64u, q->l1_size - s * 64);
        for (unsigned i = 0; i < n; i++)
            buf[i] = be64(q->l1[s * 64 + i]);
        int e = file_write(q->n.f, q->l1_off + 512ull * s, buf, 8 * n);
        if (e)
            return e;
        q->l1_dirty[s] = 0;
    }
    q->any_l1_dirty = false;
    return 0;
}

/* With lazy refcounts the dirty bit stands for them: they are written when the image is closed. */
int qcow2_flush(struct node *n)
{
    struct qcow2 *q = (struct qcow2 *)n;
    int e = 0;
    if (!n->writable)
        return 0;
    if (q->l2.n_dirty || q->any_l1_dirty) {
        if (q->rc.n_dirty && !q->dirty_set) {
            e = qcache_write(q, &q->rc);
            if (!e)
                e = file_sync(n->f);
        }
        if (!e)
            e = qcache_write(q, &q->l2);
        if (!e && q->any_l1_dirty)
            e = file_sync(n->f);
        if (!e && q->any_l1_dirty)
            e = write_l1(q);
    }
    if (!e && q->n_freed) {
        e = file_sync(n->f);
        if (!e)
            e = qcow2_apply_freed(q);
    }
    return e || q->dirty_set ? e : qcache_write(q, &q->rc);
}

static void free_all(struct qcow2 *q)
{
    if (q->l2.slot)
        qcache_free(&q->l2);
    if (q->rc.slot)
        qcache_free(&q->rc);
    free(q->l1);
    free(q->l1_dirty);
    free(q->rt);
    free(q->freed);
    free(q->unpacked);
    free(q->packed);
    free(q);
}

static void qcow2_close(struct node *n)
{
    struct qcow2 *q = (struct qcow2 *)n;
    if (n->writable) {
        int e = qcow2_flush(n);
        if (!e)
            e = qcache_write(q, &q->rc);
        if (!e)
            e = file_sync(n->f);
        if (!e && q->dirty_set && !q->corrupt) {
            e = qcow2_write_header(q, 72, q->incompat & ~INCOMPAT_DIRTY, 8);
            if (!e)
                e = file_sync(n->f);
        }
        if (e)
            warn("%s: cannot be written: %s", n->f->path, strerror(e));
    }
    free_all(q);
}

static const struct driver qcow2 = {
    .name = "qcow2", .map = qcow2_map, .unpack = qcow2_unpack, .claim = qcow2_claim, .commit = qcow2_commit,
    .abandon = qcow2_abandon, .in_place = qcow2_in_place, .zero = qcow2_zero, .discard = qcow2_discard, .flush = qcow2_flush,
    .close = qcow2_close,
};

/* ---- opening ---- */

struct header {
    uint8_t raw[1u << MAX_CLUSTER_BITS];         /* the first cluster */
    uint64_t backing_off, size;
    uint32_t backing_len, rt_clusters;
    const uint8_t *names;                        /* feature names: 48 bytes each */
    unsigned n_names;
    char *backing_format;
};

/* To be freed. */
static char *feature_name(const struct header *h, unsigned bit)
{
    static const char *const known[] = {
        "dirty", "corrupt", "external data file", "compression type", "extended L2 entries",
    };
    if (bit < ARRAY_LEN(known))
        return xasprintf("%s", known[bit]);
    for (unsigned i = 0; i < h->n_names; i++) {
        const uint8_t *e = h->names + 48 * i;
        if (e[0] == 0 && e[1] == bit && e[2])
            return xasprintf("%.46s", (const char *)e + 2);
    }
    return xasprintf("feature bit %u", bit);
}

/* Header extensions up to the cluster's end or the backing file's name. false: they contradict themselves. */
static bool read_extensions(const struct qcow2 *q, struct header *h)
{
    uint64_t at = q->header_len, end = h->backing_off ? h->backing_off : q->cluster;
    while (at + 8 <= end) {
        uint32_t type = get32(h->raw + at), len = get32(h->raw + at + 4);
        at += 8;
        if (type == EXT_END)
            return true;
        if (len > end - at)
            return false;
        if (type == EXT_BACKING_FORMAT && !h->backing_format)
            h->backing_format = xasprintf("%.*s", (int)MIN(len, 63u), (const char *)h->raw + at);
        if (type == EXT_FEATURE_NAMES && !h->names) {
            h->names = h->raw + at;
            h->n_names = len / 48;
        }
        at += ALIGN_UP((uint64_t)len, 8);
    }
    return true;
}

#define refuse(...) return xasprintf(__VA_ARGS__)

/* NULL, or what is wrong, without the file's name. */
static char *read_header(struct qcow2 *q, struct header *h, bool writable)
{
    const uint8_t *r = h->raw;
    if (file_read(q->n.f, 0, h->raw, HEADER_V3 + 8))
        refuse("cannot be read");
    if (!qcow2_probe(r, 4))
        refuse("is not a qcow2 image");
    q->version = get32(r + 4);
    if (q->version != 2 && q->version != 3)
        refuse("has qcow2 version %u: 2 and 3 are supported", q->version);
    q->cluster_bits = get32(r + 20);
    if (q->cluster_bits < MIN_CLUSTER_BITS || q->cluster_bits > MAX_CLUSTER_BITS)
        refuse("has clusters of 2^%u bytes: 2^9 to 2^21 are supported", q->cluster_bits);
    q->cluster = 1ull << q->cluster_bits;
    if (file_read(q->n.f, 0, h->raw, q->cluster))
        refuse("cannot be read");
    q->l2_bits = q->cluster_bits - 3;
    h->backing_off = get64(r + 8);
    h->backing_len = get32(r + 16);
    h->size = get64(r + 24);
    if (get32(r + 32))
        refuse("is encrypted, which is not supported");
    q->l1_size = get32(r + 36);
    q->l1_off = get64(r + 40);
    q->rt_off = get64(r + 48);
    h->rt_clusters = get32(r + 56);
    q->n_snapshots = get32(r + 60);
    q->snapshots_off = get64(r + 64);
    q->refcount_order = 4;
    q->header_len = HEADER_V2;
    if (q->version >= 3) {
        q->incompat = get64(r + 72);
        q->compat = get64(r + 80);
        q->autoclear = get64(r + 88);
        q->refcount_order = get32(r + 96);
        q->header_len = get32(r + 100);
        if (q->header_len < HEADER_V3 || q->header_len > q->cluster || q->header_len % 8)
            refuse("has a header of %llu bytes", (unsigned long long)q->header_len);
    }
    if (h->backing_off && (h->backing_off < q->header_len || h->backing_len > 1023 || h->backing_off > q->cluster ||
                           h->backing_len > q->cluster - h->backing_off))
        refuse("is corrupt: its backing file's name is outside the header");
    if (!read_extensions(q, h))
        refuse("is corrupt: a header extension is too long");
    uint64_t known = INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_COMPRESSION;
    if (q->incompat & ~known) {
        char *name = feature_name(h, (unsigned)__builtin_ctzll(q->incompat & ~known));
        char *text = xasprintf("needs '%s', which is not supported", name);
        free(name);
        return text;
    }
    if (q->incompat & INCOMPAT_COMPRESSION) {
        unsigned type = q->header_len > HEADER_V3 ? r[104] : 0;
        if (type > 1)
            refuse("has compression type %u: zlib and zstd are supported", type);
        q->zstd = type == 1;
    }
    if (q->incompat & INCOMPAT_CORRUPT && writable)
        refuse("is marked corrupt: it can only be opened read-only (or repaired with qemu-img check -r all)");
    if (q->refcount_order > 6)
        refuse("has refcounts of 2^%u bits", q->refcount_order);
    q->rb_bits = q->cluster_bits + 3 - q->refcount_order;
    return NULL;
}

static bool bad_table(const struct qcow2 *q, uint64_t off, uint64_t bytes)
{
    return off & (q->cluster - 1) || off > INT64_MAX - bytes || off >> 56;
}

static char *read_tables(struct qcow2 *q, const struct header *h, bool writable)
{
    uint64_t per_l1 = q->cluster << q->l2_bits, l1_bytes = 8ull * q->l1_size;
    uint64_t rt_bytes = (uint64_t)h->rt_clusters << q->cluster_bits;
    if (h->size > INT64_MAX || h->size / per_l1 + (h->size % per_l1 != 0) > q->l1_size)
        refuse("is corrupt: its L1 table is too short for its size");
    if (l1_bytes > MAX_L1_BYTES || bad_table(q, q->l1_off, l1_bytes))
        refuse("is corrupt: its L1 table is too long or not aligned");
    if (!rt_bytes || rt_bytes > MAX_RT_BYTES || !q->rt_off || bad_table(q, q->rt_off, rt_bytes))
        refuse("is corrupt: its refcount table is too long or not aligned");
    if (q->n_snapshots > 65536)
        refuse("is corrupt: it has %u snapshots", q->n_snapshots);
    q->l1 = xcalloc(q->l1_size + 1, 8);
    q->l1_dirty = xcalloc(q->l1_size / 64 + 1, 1);
    q->rt_size = (uint32_t)(rt_bytes / 8);
    q->rt = xcalloc(q->rt_size, 8);
    if (file_read(q->n.f, q->l1_off, q->l1, l1_bytes) || file_read(q->n.f, q->rt_off, q->rt, rt_bytes))
        refuse("cannot be read");
    for (uint32_t i = 0; i < q->l1_size; i++)
        q->l1[i] = be64(q->l1[i]);
    for (uint32_t i = 0; i < q->rt_size; i++) {
        q->rt[i] = be64(q->rt[i]) & ~511ull;
        if (writable && (q->rt[i] & (q->cluster - 1) || q->rt[i] >> 56))
            refuse("is corrupt: a refcount block is not aligned");
        if (q->rt[i])
            q->rt_used = i + 1;
    }
    return NULL;
}

/* What must be settled before the first write. */
static char *prepare_to_write(struct qcow2 *q, const struct block_options *o)
{
    /* Bitmaps and the like are not kept up to date here: these bits say that they were. */
    if (q->autoclear && qcow2_write_header(q, 88, 0, 8))
        refuse("cannot be written");
    q->autoclear = 0;
    if (q->incompat & INCOMPAT_DIRTY) {
        const char *wrong = qcow2_rebuild(q);
        if (wrong)
            refuse("was not closed, and its refcounts cannot be rebuilt: %s", wrong);
    }
    q->lazy = q->version >= 3 && (o->lazy_refcounts ? o->lazy_refcounts > 0 : q->compat & COMPAT_LAZY);
    return NULL;
}

static char *open_image(struct qcow2 *q, struct header *h, bool writable, const struct block_options *o)
{
    char *wrong = read_header(q, h, writable);
    if (!wrong)
        wrong = read_tables(q, h, writable);
    if (wrong)
        return wrong;
    q->n.size = h->size;
    q->n.unit = q->cluster;
    q->n.writable = writable;
    unsigned slice = (unsigned)MIN(q->cluster, 4096);
    qcache_init(&q->l2, slice, o->l2_cache, 8 * (h->size >> q->cluster_bits) + slice);
    qcache_init(&q->rc, slice, o->refcount_cache, MIN((uint64_t)q->rt_size * q->cluster, 4u << 20));
    return writable ? prepare_to_write(q, o) : NULL;
}

struct node *qcow2_open(struct file *f, bool writable, const struct block_options *o, char **backing, char **backing_format,
                        char **why)
{
    struct qcow2 *q = xcalloc(1, sizeof *q);
    struct header *h = xcalloc(1, sizeof *h);
    q->n = (struct node){ .drv = &qcow2, .f = f };
    char *wrong = open_image(q, h, writable, o);
    if (wrong) {
        *why = xasprintf("%s: the image %s", f->path, wrong);
        free(wrong);
        free(h->backing_format);
        free_all(q);
        free(h);
        return NULL;
    }
    *backing = h->backing_off && h->backing_len ?
        xasprintf("%.*s", (int)h->backing_len, (const char *)h->raw + h->backing_off) : NULL;
    *backing_format = h->backing_format;
    q->names_backing = *backing;
    free(h);
    return &q->n;
}

/* ---- making one ---- */

/* Header, refcount table, one refcount block, L1 table; clusters of 64 KiB. */
int qcow2_create(struct file *f, uint64_t size)
{
    enum { BITS = 16, CLUSTER = 1 << BITS };
    uint64_t per_l1 = (uint64_t)CLUSTER << (BITS - 3), l1_size = size / per_l1 + (size % per_l1 != 0);
    uint64_t used = 3 + (ALIGN_UP(8 * l1_size, CLUSTER) >> BITS);
    uint8_t *buf = calloc(3, CLUSTER);
    if (!buf || 8 * l1_size > MAX_L1_BYTES) {
        free(buf);
        return buf ? EFBIG : ENOMEM;
    }
    const struct { unsigned at, size; uint64_t v; } fields[] = {
        { 0, 4, QCOW2_MAGIC }, { 4, 4, 3 }, { 20, 4, BITS }, { 24, 8, size }, { 36, 4, l1_size }, { 40, 8, 3 * CLUSTER },
        { 48, 8, CLUSTER }, { 56, 4, 1 }, { 96, 4, 4 }, { 100, 4, HEADER_V3 }, { CLUSTER, 8, 2 * CLUSTER },
    };
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
        for (unsigned b = 0; b < fields[i].size; b++)
            buf[fields[i].at + b] = (uint8_t)(fields[i].v >> 8 * (fields[i].size - 1 - b));
    for (uint64_t i = 0; i < used; i++)
        buf[2 * CLUSTER + 2 * i + 1] = 1;
    int e = file_write(f, 0, buf, 3 * CLUSTER);
    free(buf);
    return e ? e : file_zero(f, 3 * CLUSTER, (used - 3) << BITS);
}
