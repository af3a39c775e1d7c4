/*
 * qcow2_map.c - from image offsets to file offsets: L1 and L2 tables, compressed clusters, new places for writes, zeroing.
 *
 * Owns the L1 table's contents and L2 entries. Every offset found in a table is checked before it is used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "block/qcow2.h"

enum kind { FREE, DATA, ZERO, ZERO_KEPT, PACKED };       /* ZERO_KEPT: zero, with space set aside */

#define MAX_FREED 4096                           /* runs waiting for a flush */

static enum kind kind_of(const struct qcow2 *q, uint64_t entry)
{
    if (entry & FLAG_PACKED)
        return PACKED;
    bool at = entry & OFFSET_MASK;
    if (q->version >= 3 && entry & FLAG_ZERO)
        return at ? ZERO_KEPT : ZERO;
    return at ? DATA : FREE;
}

/* ---- tables ---- */

/* A slice of an L2 table from one entry on. */
struct view {
    uint64_t *e;                                 /* big-endian, in the cache; NULL: there is no table */
    uint64_t n;                                  /* entries left in the slice (in the table, if there is none) */
    unsigned slot;
};

static int look(struct qcow2 *q, uint64_t off, struct view *v)
{
    uint64_t i1 = off >> (q->cluster_bits + q->l2_bits), i2 = off >> q->cluster_bits & ((1ull << q->l2_bits) - 1);
    *v = (struct view){ .n = (1ull << q->l2_bits) - i2 };
    if (i1 >= q->l1_size)
        return qcow2_corrupt(q, "an L1 table that is too short", off);
    uint64_t table = q->l1[i1] & OFFSET_MASK;
    if (!table)
        return 0;
    if (table & (q->cluster - 1))
        return qcow2_corrupt(q, "an L2 table that is not aligned", table);
    uint64_t per = q->l2.slice / 8;
    uint8_t *data;
    int e = qcache_get(q, &q->l2, table + i2 / per * q->l2.slice, &data, &v->slot);
    if (e)
        return e;
    v->e = (uint64_t *)data + i2 % per;
    v->n = per - i2 % per;
    return 0;
}

/* The table for OFF, made or unshared if need be, so that its entries may be changed. */
static int look_to_write(struct qcow2 *q, uint64_t off, struct view *v)
{
    uint64_t i1 = off >> (q->cluster_bits + q->l2_bits);
    if (i1 >= q->l1_size)
        return qcow2_corrupt(q, "an L1 table that is too short", off);
    uint64_t old = q->l1[i1] & OFFSET_MASK, c, got;
    if (old & (q->cluster - 1))
        return qcow2_corrupt(q, "an L2 table that is not aligned", old);
    if (!old || !(q->l1[i1] & FLAG_COPIED)) {
        uint8_t *buf = calloc(1, q->cluster);
        int e = buf ? qcow2_alloc(q, 1, &c, &got) : ENOMEM;
        if (!e && old)
            e = file_read(q->n.f, old, buf, q->cluster);
        if (!e) {
            qcache_forget(&q->l2, c << q->cluster_bits, q->cluster);
            e = file_write(q->n.f, c << q->cluster_bits, buf, q->cluster);
        }
        free(buf);
        if (e)
            return e;
        q->l1[i1] = c << q->cluster_bits | FLAG_COPIED;
        q->l1_dirty[i1 / 64] = 1;
        q->any_l1_dirty = true;
        if (old)
            qcow2_unref_later(q, old >> q->cluster_bits, 1);
    }
    return look(q, off, v);
}

static int check_entry(struct qcow2 *q, uint64_t entry)
{
    uint64_t at = entry & OFFSET_MASK;
    return at & (q->cluster - 1) ? qcow2_corrupt(q, "a data cluster that is not aligned", at) : 0;
}

/* ---- reading ---- */

int qcow2_map(struct node *n, uint64_t off, uint64_t len, struct extent *x)
{
    struct qcow2 *q = (struct qcow2 *)n;
    static const enum extent_kind as[] = {
        [FREE] = EXTENT_BACKING, [DATA] = EXTENT_FILE, [ZERO] = EXTENT_ZERO, [ZERO_KEPT] = EXTENT_ZERO, [PACKED] = EXTENT_PACKED,
    };
    struct view v;
    int e = look(q, off, &v);
    if (e)
        return e;
    uint64_t in = off & (q->cluster - 1), first = v.e ? be64(v.e[0]) : 0, run = 1;
    enum kind k = kind_of(q, first);
    if (!v.e)
        run = v.n;
    *x = (struct extent){ .kind = as[k], .node = n, .at = k == PACKED ? first : (first & OFFSET_MASK) + in };
    if (k != PACKED) {
        e = check_entry(q, first);
        for (; v.e && run < v.n && !e && (run << q->cluster_bits) - in < len; run++) {
            uint64_t entry = be64(v.e[run]);
            if (as[kind_of(q, entry)] != x->kind ||
                (k == DATA && (entry & OFFSET_MASK) != (first & OFFSET_MASK) + (run << q->cluster_bits)))
                break;
        }
    }
    x->len = MIN(len, (run << q->cluster_bits) - in);
    return e;
}

void qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *len)
{
    unsigned shift = 62 - (q->cluster_bits - 8);
    *off = entry & ((1ull << shift) - 1);
    *len = ((entry >> shift & ((1ull << (q->cluster_bits - 8)) - 1)) + 1) * 512 - (*off & 511);
}

static bool inflate_to(uint8_t *out, size_t out_len, uint8_t *in, size_t in_len)
{
    z_stream z = { .next_in = in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)out_len };
    if (inflateInit2(&z, -12) != Z_OK)
        return false;
    int r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && !z.avail_out;
}

static bool unzstd_to(uint8_t *out, size_t out_len, uint8_t *in, size_t in_len)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_outBuffer o = { out, out_len, 0 };
    ZSTD_inBuffer i = { in, in_len, 0 };
    bool ok = d != NULL;
    while (ok && o.pos < o.size) {
        size_t before = i.pos + o.pos, r = ZSTD_decompressStream(d, &o, &i);
        ok = !ZSTD_isError(r) && i.pos + o.pos != before;
    }
    ZSTD_freeDCtx(d);
    return ok;
}

int qcow2_unpack(struct node *n, const struct extent *x, const uint8_t **data)
{
    struct qcow2 *q = (struct qcow2 *)n;
    *data = q->unpacked;
    if (q->unpacked && q->unpacked_at == x->at)
        return 0;
    if (!q->unpacked)
        q->unpacked = malloc(q->cluster);
    if (!q->packed)
        q->packed = malloc(2 * q->cluster + 512);
    if (!q->unpacked || !q->packed)
        return ENOMEM;
    uint64_t off, len;
    qcow2_packed_range(q, x->at, &off, &len);
    q->unpacked_at = 0;
    int e = file_read(q->n.f, off, q->packed, len);
    if (e)
        return e;
    if (!(q->zstd ? unzstd_to : inflate_to)(q->unpacked, q->cluster, q->packed, len))
        return EIO;
    q->unpacked_at = x->at;
    *data = q->unpacked;
    return 0;
}

/* ---- writing ---- */

static bool writable_here(const struct qcow2 *q, uint64_t entry)
{
    return kind_of(q, entry) == DATA && entry & FLAG_COPIED;
}

bool qcow2_in_place(struct node *n, uint64_t off, uint64_t len)
{
    struct qcow2 *q = (struct qcow2 *)n;
    uint64_t end = off + len;
    off = ALIGN_DOWN(off, q->cluster);
    while (off < end) {
        struct view v;
        if (look(q, off, &v) || !v.e)
            return false;
        for (uint64_t i = 0; i < v.n && off < end; i++, off += q->cluster)
            if (!writable_here(q, be64(v.e[i])))
                return false;
    }
    return true;
}

/* Does the file reach the cluster at AT? A block device does as far as it goes. */
static bool in_file(const struct qcow2 *q, uint64_t at, uint64_t len)
{
    return at + len <= ALIGN_UP(q->n.f->size, q->cluster);
}

int qcow2_claim(struct node *n, uint64_t off, uint64_t len, struct claim *c)
{
    struct qcow2 *q = (struct qcow2 *)n;
    int e = q->corrupt ? EIO : q->n_freed > MAX_FREED ? qcow2_flush(n) : 0;
    struct view v;
    if (!e)
        e = look_to_write(q, off, &v);
    if (e)
        return e;
    uint64_t in = off & (q->cluster - 1), first = be64(v.e[0]);
    uint64_t n_clusters = MIN((in + len + q->cluster - 1) >> q->cluster_bits, v.n), run = 1;
    enum kind k = kind_of(q, first);
    *c = (struct claim){ .off = off, .first = off >> q->cluster_bits };
    if (writable_here(q, first) || (k == ZERO_KEPT && first & FLAG_COPIED)) {
        e = check_entry(q, first);
        c->at = (first & OFFSET_MASK) + in;
        for (; k == DATA && run < n_clusters; run++) {
            uint64_t next = be64(v.e[run]);
            if (!writable_here(q, next) || (next & OFFSET_MASK) != (first & OFFSET_MASK) + (run << q->cluster_bits))
                break;
        }
        c->commit = k == ZERO_KEPT;
        if (!e && !qcow2_may_write(q, c->at - in, run << q->cluster_bits))
            e = EIO;
        if (!e && !in_file(q, c->at - in, run << q->cluster_bits))
            e = qcow2_corrupt(q, "a data cluster behind the end of the file", c->at);
    } else {
        while (run < n_clusters && !writable_here(q, be64(v.e[run])) && kind_of(q, be64(v.e[run])) != ZERO_KEPT)
            run++;
        uint64_t cluster;
        e = qcow2_alloc(q, run, &cluster, &run);
        if (e)
            return e;
        c->at = (cluster << q->cluster_bits) + in;
        struct file *f = q->n.f;
        c->fresh = f->regular && c->at - in >= f->size;
        f->size = MAX(f->size, (cluster + run) << q->cluster_bits);
        c->commit = c->allocated = true;
    }
    c->n = run;
    c->len = MIN(len, (run << q->cluster_bits) - in);
    if (c->commit) {
        c->head = in;
        c->tail = (run << q->cluster_bits) - in - c->len;
        uint64_t end = off + c->len;             /* nothing lies behind the disk's end */
        if (end + c->tail > n->size)
            c->tail = end < n->size ? n->size - end : 0;
    }
    return e;
}

static void free_entry(struct qcow2 *q, uint64_t entry)
{
    uint64_t off, len;
    switch (kind_of(q, entry)) {
    case DATA: case ZERO_KEPT:
        qcow2_unref_later(q, (entry & OFFSET_MASK) >> q->cluster_bits, 1);
        break;
    case PACKED:
        qcow2_packed_range(q, entry, &off, &len);
        qcow2_unref_later(q, off >> q->cluster_bits, ((off + len - 1) >> q->cluster_bits) - (off >> q->cluster_bits) + 1);
        break;
    default:
        break;
    }
}

int qcow2_commit(struct node *n, const struct claim *c)
{
    struct qcow2 *q = (struct qcow2 *)n;
    struct view v;
    int e = q->corrupt ? EIO : look_to_write(q, c->first << q->cluster_bits, &v);
    if (e)
        return e;
    uint64_t at = ALIGN_DOWN(c->at, q->cluster);
    qcache_dirty(&q->l2, v.slot);
    for (uint64_t i = 0; i < c->n; i++) {
        if (c->allocated)
            free_entry(q, be64(v.e[i]));
        v.e[i] = be64((at + (i << q->cluster_bits)) | FLAG_COPIED);
    }
    return 0;
}

void qcow2_abandon(struct node *n, const struct claim *c)
{
    struct qcow2 *q = (struct qcow2 *)n;
    if (c->allocated)
        (void)!qcow2_unref(q, c->at >> q->cluster_bits, c->n);
}

/* ---- zeroing and discarding ---- */

/* What ENTRY becomes when it shall read as zeros. */
static uint64_t zeroed(const struct qcow2 *q, uint64_t entry, bool unmap)
{
    enum kind k = kind_of(q, entry);
    if (k == ZERO || (k == FREE && !q->n.backing && !q->names_backing))
        return entry;
    if (q->version < 3)
        return 0;
    if (!unmap && entry & FLAG_COPIED && (k == DATA || k == ZERO_KEPT))
        return entry | FLAG_ZERO;
    return FLAG_ZERO;
}

int qcow2_zero(struct node *n, uint64_t off, uint64_t len, bool unmap)
{
    struct qcow2 *q = (struct qcow2 *)n;
    bool behind = n->backing || q->names_backing;
    if (q->version < 3 && behind)
        return ENOTSUP;
    if (q->corrupt)
        return EIO;
    for (uint64_t end = off + len; off < end;) {
        struct view v;
        int e = q->n_freed > MAX_FREED ? qcow2_flush(n) : 0;
        if (!e)
            e = look(q, off, &v);
        if (!e && (v.e || behind))
            e = look_to_write(q, off, &v);
        if (e)
            return e;
        for (uint64_t i = 0; i < v.n && off < end; i++, off += q->cluster) {
            if (!v.e) {                          /* no table, nothing behind: zeros already */
                off += (v.n - i) << q->cluster_bits;
                break;
            }
            uint64_t old = be64(v.e[i]), new = zeroed(q, old, unmap);
            if (new == old)
                continue;
            e = check_entry(q, kind_of(q, old) == PACKED ? 0 : old);
            if (e)
                return e;
            qcache_dirty(&q->l2, v.slot);
            if (!(new & OFFSET_MASK))
                free_entry(q, old);
            v.e[i] = be64(new);
        }
    }
    return 0;
}

int qcow2_discard(struct node *n, uint64_t off, uint64_t len)
{
    int e = qcow2_zero(n, off, len, true);
    return e == ENOTSUP ? 0 : e;                 /* what is behind must not come to light: then nothing happens */
}
