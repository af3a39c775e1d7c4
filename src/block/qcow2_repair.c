/*
 * qcow2_repair.c - refcounts made anew from what the tables refer to, for images that were not closed with lazy refcounts.
 *
 * Owns the counts while it runs. The old refcount table and blocks are left behind as free space; new ones go to the file's
 * end and come into force, with the dirty bit cleared, by one write of the header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"

#define MAX_CLUSTERS (1ull << 27)

struct counts {
    struct qcow2 *q;
    uint64_t n;
    uint32_t *count;
    const char *wrong;
};

static void use(struct counts *c, uint64_t off, uint64_t len)
{
    unsigned bits_ = c->q->cluster_bits;
    if (!len || c->wrong)
        return;
    if (off > UINT64_MAX - len || (off + len - 1) >> bits_ >= c->n) {
        c->wrong = "a table refers to what is behind the file's end";
        return;
    }
    for (uint64_t i = off >> bits_; i <= (off + len - 1) >> bits_; i++)
        if (++c->count[i] == UINT32_MAX)
            c->wrong = "a cluster has too many users";
}

static void use_l2(struct counts *c, uint64_t table)
{
    struct qcow2 *q = c->q;
    use(c, table, q->cluster);
    uint64_t *e = malloc(q->cluster);
    if (c->wrong || !e || file_read(q->n.f, table, e, q->cluster)) {
        if (!c->wrong)
            c->wrong = "an L2 table cannot be read";
        free(e);
        return;
    }
    for (uint64_t i = 0; i < q->cluster / 8 && !c->wrong; i++) {
        uint64_t v = be64(e[i]), off, len;
        if (v & FLAG_PACKED) {
            qcow2_packed_range(q, v, &off, &len);
            /* The last one may be shorter than its whole sectors say. */
            use(c, off, off < q->n.f->size ? MIN(len, ALIGN_UP(q->n.f->size, q->cluster) - off) : len);
        } else if (v & OFFSET_MASK) {
            use(c, v & OFFSET_MASK, q->cluster);
        }
    }
    free(e);
}

static void use_l1(struct counts *c, const uint64_t *l1, uint64_t n, uint64_t at)
{
    use(c, at, 8 * n);
    for (uint64_t i = 0; i < n && !c->wrong; i++)
        if (l1[i] & OFFSET_MASK)
            use_l2(c, l1[i] & OFFSET_MASK);
}

static void use_snapshots(struct counts *c)
{
    struct qcow2 *q = c->q;
    uint64_t at = q->snapshots_off;
    for (uint32_t i = 0; i < q->n_snapshots && !c->wrong; i++) {
        uint8_t h[40];
        uint64_t l1_off;
        uint32_t l1_size, extra;
        uint16_t id_len, name_len;
        if (file_read(q->n.f, at, h, sizeof h)) {
            c->wrong = "the snapshot table cannot be read";
            return;
        }
        memcpy(&l1_off, h, 8);
        memcpy(&l1_size, h + 8, 4);
        memcpy(&id_len, h + 12, 2);
        memcpy(&name_len, h + 14, 2);
        memcpy(&extra, h + 36, 4);
        l1_off = be64(l1_off);
        l1_size = be32(l1_size);
        if (8ull * l1_size > MAX_L1_BYTES || be32(extra) > 1024) {
            c->wrong = "the snapshot table is corrupt";
            return;
        }
        uint64_t *l1 = calloc(l1_size + 1, 8);
        if (!l1 || file_read(q->n.f, l1_off, l1, 8ull * l1_size))
            c->wrong = "a snapshot's L1 table cannot be read";
        for (uint32_t k = 0; l1 && k < l1_size; k++)
            l1[k] = be64(l1[k]);
        if (!c->wrong)
            use_l1(c, l1, l1_size, l1_off);
        free(l1);
        at = ALIGN_UP(at + 40 + be32(extra) + __builtin_bswap16(id_len) + __builtin_bswap16(name_len), 8);
    }
    if (q->n_snapshots)
        use(c, q->snapshots_off, at - q->snapshots_off);
}

static void store(uint8_t *block, unsigned order, uint64_t i, uint64_t v)
{
    if (order < 3) {
        unsigned per = 8u >> order;
        block[i / per] |= (uint8_t)(v << (i % per << order));
        return;
    }
    unsigned bytes = 1u << (order - 3);
    for (unsigned b = 0; b < bytes; b++)
        block[i * bytes + b] = (uint8_t)(v >> 8 * (bytes - 1 - b));
}

/* The new blocks, then the table, at cluster FIRST. */
static const char *write_new(struct counts *c, uint64_t first, uint64_t blocks, uint64_t table)
{
    struct qcow2 *q = c->q;
    uint64_t most = q->refcount_order == 6 ? UINT64_MAX : (1ull << (1u << q->refcount_order)) - 1;
    uint64_t per = 1ull << q->rb_bits, total = first + blocks + table, entries = table << q->cluster_bits >> 3;
    uint8_t *buf = malloc(q->cluster);
    uint64_t *rt = calloc(entries, 8);
    int e = buf && rt ? 0 : ENOMEM;
    for (uint64_t b = 0; b < blocks && !e; b++) {
        memset(buf, 0, q->cluster);
        for (uint64_t i = 0; i < per && b * per + i < total; i++) {
            uint64_t k = b * per + i, count = k < c->n ? c->count[k] : k >= first;
            if (count > most) {
                free(buf);
                free(rt);
                return "a cluster has more users than its refcount can say";
            }
            store(buf, q->refcount_order, i, count);
        }
        rt[b] = be64((first + b) << q->cluster_bits);
        e = file_write(q->n.f, (first + b) << q->cluster_bits, buf, q->cluster);
    }
    uint64_t at = (first + blocks) << q->cluster_bits;
    if (!e)
        e = file_write(q->n.f, at, rt, 8 * entries);
    if (!e)
        e = file_sync(q->n.f);
    uint8_t h[80];
    if (!e)
        e = file_read(q->n.f, 0, h, sizeof h);
    if (!e) {
        uint64_t v = be64(at), incompat = be64(q->incompat & ~INCOMPAT_DIRTY);
        uint32_t n = be32((uint32_t)table);
        memcpy(h + 48, &v, 8);
        memcpy(h + 56, &n, 4);
        memcpy(h + 72, &incompat, 8);
        e = file_write(q->n.f, 0, h, sizeof h);
    }
    if (!e)
        e = file_sync(q->n.f);
    free(buf);
    if (e) {
        free(rt);
        return strerror(e);
    }
    for (uint64_t i = 0; i < entries; i++)
        rt[i] = be64(rt[i]);
    free(q->rt);
    q->rt = rt;
    q->rt_off = at;
    q->rt_size = (uint32_t)entries;
    q->rt_used = (uint32_t)blocks;
    q->incompat &= ~INCOMPAT_DIRTY;
    return NULL;
}

const char *qcow2_rebuild(struct qcow2 *q)
{
    struct counts c = { .q = q, .n = (q->n.f->size + q->cluster - 1) >> q->cluster_bits };
    if (c.n > MAX_CLUSTERS)
        return "the file is too large";
    c.count = calloc(c.n + 1, sizeof *c.count);
    if (!c.count)
        return "out of memory";
    use(&c, 0, q->cluster);
    use_l1(&c, q->l1, q->l1_size, q->l1_off);
    use_snapshots(&c);
    uint64_t blocks = 1, table = 1;
    for (;;) {
        uint64_t need = (c.n + blocks + table + (1ull << q->rb_bits) - 1) >> q->rb_bits;
        uint64_t need_table = (8 * need + q->cluster - 1) >> q->cluster_bits;
        if (need <= blocks && need_table <= table)
            break;
        blocks = MAX(blocks, need);
        table = MAX(table, need_table);
    }
    if (!c.wrong && table << q->cluster_bits > MAX_RT_BYTES)
        c.wrong = "the file is too large";
    if (!c.wrong)
        c.wrong = write_new(&c, c.n, blocks, table);
    free(c.count);
    return c.wrong;
}
