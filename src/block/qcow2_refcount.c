/*
 * qcow2_refcount.c - which clusters of the file are in use: refcounts of any width, allocation, growth of the table.
 *
 * Owns the refcount table and blocks, and the clusters waiting to be freed. Must not know what clusters hold, except that
 * nothing may be written over metadata.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"

/* ---- images that contradict themselves ---- */

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t where)
{
    if (q->corrupt)
        return EIO;
    q->corrupt = true;
    warn("%s: the qcow2 image is corrupt: %s (at 0x%llx)", q->n.f->path, what, (unsigned long long)where);
    if (q->n.writable && q->version >= 3) {
        q->incompat |= INCOMPAT_CORRUPT;
        (void)!qcow2_write_header(q, 72, q->incompat, 8);
    }
    return EIO;
}

static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
    return a_len && b_len && a < b + b_len && b < a + a_len;
}

/* As QEMU's overlap-check=cached: what is known without reading. */
bool qcow2_may_write(struct qcow2 *q, uint64_t off, uint64_t len)
{
    const char *what = NULL;
    if (overlaps(off, len, 0, q->cluster))
        what = "a write to the header";
    else if (overlaps(off, len, q->l1_off, 8ull * q->l1_size))
        what = "a write to the L1 table";
    else if (overlaps(off, len, q->rt_off, 8ull * q->rt_size))
        what = "a write to the refcount table";
    for (uint32_t i = 0; !what && i < q->rt_used; i++)
        if (q->rt[i] && overlaps(off, len, q->rt[i], q->cluster))
            what = "a write to a refcount block";
    for (uint32_t i = 0; !what && i < q->l1_size; i++)
        if (q->l1[i] && overlaps(off, len, q->l1[i] & OFFSET_MASK, q->cluster))
            what = "a write to an L2 table";
    if (what)
        (void)qcow2_corrupt(q, what, off);
    return !what;
}

/* ---- one refcount ---- */

static uint64_t load(const struct qcow2 *q, const uint8_t *block, uint64_t i)
{
    switch (q->refcount_order) {
    case 3: return block[i];
    case 4: return (uint64_t)block[2 * i] << 8 | block[2 * i + 1];
    case 5: { uint32_t v; memcpy(&v, block + 4 * i, 4); return be32(v); }
    case 6: { uint64_t v; memcpy(&v, block + 8 * i, 8); return be64(v); }
    }
    unsigned width = 1u << q->refcount_order, per = 8 / width;     /* the lowest bits come first */
    return block[i / per] >> i % per * width & ((1u << width) - 1);
}

static void store(const struct qcow2 *q, uint8_t *block, uint64_t i, uint64_t v)
{
    switch (q->refcount_order) {
    case 3: block[i] = (uint8_t)v; return;
    case 4: block[2 * i] = (uint8_t)(v >> 8); block[2 * i + 1] = (uint8_t)v; return;
    case 5: { uint32_t be = be32((uint32_t)v); memcpy(block + 4 * i, &be, 4); return; }
    case 6: v = be64(v); memcpy(block + 8 * i, &v, 8); return;
    }
    unsigned width = 1u << q->refcount_order, per = 8 / width, shift = (unsigned)(i % per) * width;
    uint8_t mask = (uint8_t)(((1u << width) - 1) << shift);
    block[i / per] = (uint8_t)((block[i / per] & ~mask) | (v << shift & mask));
}

/* The slice that holds CLUSTER's refcount. *DATA NULL: there is no block, all of its region is free. */
static int get_slice(struct qcow2 *q, uint64_t cluster, uint8_t **data, unsigned *slot, uint64_t *index)
{
    uint64_t bi = cluster >> q->rb_bits, in_block = cluster & ((1ull << q->rb_bits) - 1);
    *data = NULL;
    if (bi >= q->rt_size || !q->rt[bi])
        return 0;
    uint64_t bit = in_block << q->refcount_order, slice_bits = 8ull * q->rc.slice;
    uint64_t off = q->rt[bi] + bit / slice_bits * q->rc.slice;
    *index = bit % slice_bits >> q->refcount_order;
    return qcache_get(q, &q->rc, off, data, slot);
}

int qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
    uint8_t *data;
    unsigned slot;
    uint64_t i;
    int e = get_slice(q, cluster, &data, &slot, &i);
    *count = !e && data ? load(q, data, i) : 0;
    return e;
}

static int set(struct qcow2 *q, uint64_t cluster, uint64_t count)
{
    uint8_t *data;
    unsigned slot;
    uint64_t i;
    int e = get_slice(q, cluster, &data, &slot, &i);
    if (e)
        return e;
    if (!data)
        return qcow2_corrupt(q, "a used cluster without a refcount block", cluster << q->cluster_bits);
    store(q, data, i, count);
    qcache_dirty(&q->rc, slot);
    return 0;
}

/* ---- new refcount blocks ---- */

static int write_rt_entry(struct qcow2 *q, uint64_t bi)
{
    uint64_t v = be64(q->rt[bi]);
    return file_write(q->n.f, q->rt_off + 8 * bi, &v, 8);
}

/*
 * A table that reaches block BI. All of BI's region lies behind what any block covers, so it is free: the new blocks come
 * first, then the table, and the blocks count both.
 */
static int grow_table(struct qcow2 *q, uint64_t bi)
{
    uint64_t per_block = 1ull << q->rb_bits, start = bi << q->rb_bits, blocks = 1, table = 0, entries = 0;
    for (;;) {
        entries = bi + blocks + (bi >> 1) + 1;
        table = ALIGN_UP(8 * entries, q->cluster) >> q->cluster_bits;
        uint64_t need = (blocks + table + per_block - 1) >> q->rb_bits;
        if (need <= blocks)
            break;
        blocks = need;
    }
    entries = table << q->cluster_bits >> 3;
    if (table << q->cluster_bits > MAX_RT_BYTES)
        return EFBIG;
    uint64_t off = start << q->cluster_bits;
    if (!qcow2_may_write(q, off, (blocks + table) << q->cluster_bits))
        return EIO;
    uint8_t *buf = calloc(blocks + table, q->cluster);
    uint64_t *rt = calloc(entries, 8);
    int e = buf && rt ? 0 : ENOMEM;
    if (!e) {
        for (uint64_t i = 0; i < blocks + table; i++)
            store(q, buf + (i >> q->rb_bits << q->cluster_bits), i & (per_block - 1), 1);
        memcpy(rt, q->rt, 8ull * q->rt_size);
        for (uint64_t i = 0; i < blocks; i++)
            rt[bi + i] = off + (i << q->cluster_bits);
        uint64_t *out = (uint64_t *)(buf + (blocks << q->cluster_bits));
        for (uint64_t i = 0; i < entries; i++)
            out[i] = be64(rt[i]);
        qcache_forget(&q->rc, off, blocks << q->cluster_bits);
        e = file_write(q->n.f, off, buf, (blocks + table) << q->cluster_bits);
    }
    if (!e)
        e = file_sync(q->n.f);
    if (!e) {
        /* One write, inside a sector: offset and length change together. */
        struct __attribute__((packed)) { uint64_t off; uint32_t clusters; } h = {
            be64(off + (blocks << q->cluster_bits)), be32((uint32_t)table),
        };
        e = file_write(q->n.f, 48, &h, sizeof h);
    }
    if (!e)
        e = file_sync(q->n.f);
    free(buf);
    if (e) {
        free(rt);
        return e;
    }
    uint64_t old = q->rt_off >> q->cluster_bits, old_n = ALIGN_UP(8ull * q->rt_size, q->cluster) >> q->cluster_bits;
    free(q->rt);
    q->rt = rt;
    q->rt_off = off + (blocks << q->cluster_bits);
    q->rt_size = (uint32_t)entries;
    q->rt_used = (uint32_t)(bi + blocks);
    return qcow2_unref(q, old, old_n);
}

/* A block for a region that has none; it takes the region's first cluster and counts itself. */
static int new_block(struct qcow2 *q, uint64_t bi)
{
    if (bi >= q->rt_size)
        return grow_table(q, bi);
    uint64_t off = bi << q->rb_bits << q->cluster_bits;
    if (!qcow2_may_write(q, off, q->cluster))
        return EIO;
    qcache_forget(&q->rc, off, q->cluster);
    uint8_t *buf = calloc(1, q->cluster);
    if (!buf)
        return ENOMEM;
    store(q, buf, 0, 1);
    int e = file_write(q->n.f, off, buf, q->cluster);
    free(buf);
    if (!e)
        e = file_sync(q->n.f);
    if (e)
        return e;
    q->rt[bi] = off;
    q->rt_used = (uint32_t)MAX(q->rt_used, bi + 1);
    return write_rt_entry(q, bi);
}

/* ---- allocation ---- */

/* Before the first change whose refcounts may be written late. */
static int mark_dirty(struct qcow2 *q)
{
    if (!q->lazy || q->dirty_set)
        return 0;
    int e = qcow2_write_header(q, 72, q->incompat | INCOMPAT_DIRTY, 8);
    if (!e)
        e = file_sync(q->n.f);
    if (e)
        return e;
    q->incompat |= INCOMPAT_DIRTY;
    q->dirty_set = true;
    return 0;
}

int qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *cluster, uint64_t *got)
{
    int e = q->corrupt ? EIO : mark_dirty(q);
    *got = 0;
    for (uint64_t c = q->hint; !e; c++) {
        if (c >> (56 - q->cluster_bits))
            return EFBIG;
        uint64_t bi = c >> q->rb_bits, count;
        if (bi >= q->rt_size || !q->rt[bi]) {
            if (*got)
                break;
            e = new_block(q, bi);
            if (e)
                break;
        }
        e = qcow2_refcount(q, c, &count);
        if (e)
            break;
        if (count) {
            if (*got)
                break;
            continue;
        }
        if (!*got)
            *cluster = c;
        e = set(q, c, 1);
        if (e)
            break;
        if (++*got == n)
            break;
    }
    if (e)
        return e;
    q->hint = *cluster + *got;
    if (!qcow2_may_write(q, *cluster << q->cluster_bits, *got << q->cluster_bits))
        return EIO;
    return 0;
}

int qcow2_unref(struct qcow2 *q, uint64_t cluster, uint64_t n)
{
    for (uint64_t c = cluster; c < cluster + n; c++) {
        uint64_t count;
        int e = qcow2_refcount(q, c, &count);
        if (e)
            return e;
        if (!count)
            return qcow2_corrupt(q, "a cluster to be freed that is free", c << q->cluster_bits);
        e = set(q, c, count - 1);
        if (e)
            return e;
        if (count > 1)
            continue;
        q->hint = MIN(q->hint, c);
        if (q->n.punch)
            file_punch(q->n.f, c << q->cluster_bits, q->cluster);
    }
    return 0;
}

void qcow2_unref_later(struct qcow2 *q, uint64_t cluster, uint64_t n)
{
    struct freed *last = q->n_freed ? &q->freed[q->n_freed - 1] : NULL;
    if (last && last->cluster + last->n == cluster) {
        last->n += n;
        return;
    }
    if (q->n_freed == q->freed_room) {
        q->freed_room = q->freed_room ? 2 * q->freed_room : 64;
        q->freed = realloc(q->freed, q->freed_room * sizeof *q->freed);
        if (!q->freed)
            die("out of memory");
    }
    q->freed[q->n_freed++] = (struct freed){ cluster, n };
}

int qcow2_apply_freed(struct qcow2 *q)
{
    int e = 0;
    for (unsigned i = 0; i < q->n_freed && !e; i++)
        e = qcow2_unref(q, q->freed[i].cluster, q->freed[i].n);
    q->n_freed = 0;
    return e;
}
