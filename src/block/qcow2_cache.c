/*
 * qcow2_cache.c - slices of L2 tables and refcount blocks in memory, by their place in the file.
 *
 * Owns the slots. Must not know what a table means; the order between the two caches is qcow2_flush()'s.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"

#define NONE (~0u)

/* BYTES: what the user wants, 0: all that the tables (TABLE_BYTES) take, up to 32 MiB. Memory is taken as it is used. */
void qcache_init(struct cache *c, unsigned slice, uint64_t bytes, uint64_t table_bytes)
{
    *c = (struct cache){ .slice = slice, .oldest = NONE, .newest = NONE };
    uint64_t want = bytes ? bytes : MIN(table_bytes, 32u << 20);
    c->max = (unsigned)MIN(MAX(want / slice, 4), 1u << 20);
    c->n_hash = 1;
    while (c->n_hash < c->max)
        c->n_hash *= 2;
    c->slot = xcalloc(c->max, sizeof *c->slot);
    c->hash = xcalloc(c->n_hash, sizeof *c->hash);
    memset(c->hash, 0xff, c->n_hash * sizeof *c->hash);
}

void qcache_free(struct cache *c)
{
    for (unsigned i = 0; i < c->n; i++)
        free(c->slot[i].data);
    free(c->slot);
    free(c->hash);
}

static unsigned *head(struct cache *c, uint64_t off)
{
    uint64_t k = off / c->slice * 0x9e3779b97f4a7c15ull;
    return &c->hash[k >> 32 & (c->n_hash - 1)];
}

static void unhash(struct cache *c, unsigned i)
{
    unsigned *at = head(c, c->slot[i].off);
    while (*at != i)
        at = &c->slot[*at].hash_next;
    *at = c->slot[i].hash_next;
}

static void unlink_slot(struct cache *c, unsigned i)
{
    struct slot *s = &c->slot[i];
    *(s->older != NONE ? &c->slot[s->older].newer : &c->oldest) = s->newer;
    *(s->newer != NONE ? &c->slot[s->newer].older : &c->newest) = s->older;
}

static void make_newest(struct cache *c, unsigned i)
{
    struct slot *s = &c->slot[i];
    s->older = c->newest;
    s->newer = NONE;
    *(c->newest != NONE ? &c->slot[c->newest].newer : &c->oldest) = i;
    c->newest = i;
}

/* A slot to use, in no list. */
static int evict(struct qcow2 *q, struct cache *c, unsigned *slot)
{
    if (c->n < c->max) {
        struct slot *s = &c->slot[c->n];
        s->data = malloc(c->slice);
        if (!s->data)
            return ENOMEM;
        *slot = c->n++;
        return 0;
    }
    unsigned i = c->oldest;
    if (c->slot[i].dirty) {
        /* Refcounts may reach the file at any time; L2 tables only after them. */
        int e = c == &q->l2 ? qcow2_flush(&q->n) : qcache_write(q, c);
        if (e)
            return e;
    }
    if (c->slot[i].off)
        unhash(c, i);
    unlink_slot(c, i);
    *slot = i;
    return 0;
}

int qcache_get(struct qcow2 *q, struct cache *c, uint64_t off, uint8_t **data, unsigned *slot)
{
    unsigned i = *head(c, off);
    while (i != NONE && c->slot[i].off != off)
        i = c->slot[i].hash_next;
    if (i == NONE) {
        int e = evict(q, c, &i);
        if (e)
            return e;
        struct slot *s = &c->slot[i];
        e = file_read(q->n.f, off, s->data, c->slice);
        s->off = e ? 0 : off;
        if (e) {
            make_newest(c, i);
            return e;
        }
        s->hash_next = *head(c, off);
        *head(c, off) = i;
        make_newest(c, i);
    } else if (i != c->newest) {
        unlink_slot(c, i);
        make_newest(c, i);
    }
    *data = c->slot[i].data;
    *slot = i;
    return 0;
}

void qcache_dirty(struct cache *c, unsigned slot)
{
    c->n_dirty += !c->slot[slot].dirty;
    c->slot[slot].dirty = true;
}

int qcache_write(struct qcow2 *q, struct cache *c)
{
    for (unsigned i = 0; i < c->n && c->n_dirty; i++) {
        struct slot *s = &c->slot[i];
        if (!s->dirty)
            continue;
        int e = file_write(q->n.f, s->off, s->data, c->slice);
        if (e)
            return e;
        s->dirty = false;
        c->n_dirty--;
    }
    return 0;
}

void qcache_forget(struct cache *c, uint64_t off, uint64_t len)
{
    for (unsigned i = 0; i < c->n; i++) {
        struct slot *s = &c->slot[i];
        if (!s->off || s->off - off >= len)
            continue;
        unhash(c, i);
        s->off = 0;
        c->n_dirty -= s->dirty;
        s->dirty = false;
    }
}
