/*
 * wp.c - sync=wp, traditional shadow paging: the guest's tables are write-protected, and windows follow each write to one. Under
 * sync=auto only those of groups that sync.c found not to change.
 *
 * Owns, for each page of RAM, whether windows hold something that was made from descriptors in it (it is a table), what, and
 * where windows map it writable. A table is writable nowhere: not in a window, not by a software TLB entry. A guest's write to
 * it comes to slow.c, which asks here first: what was installed from the descriptors it covers is dropped before the write
 * is made. Windows are then right at every moment, and TLB maintenance has nothing to do in them. The software TLB and the pages
 * that code was fetched from are not shadows: they follow TLB maintenance in every mode.
 *
 * A page stops being a table when nothing made from it is installed any more, or after FLOOD writes without a fill that used
 * it (then what was made from it goes): the next write finds it writable. Tables, uses of one and aliases are bounded.
 *
 * Runs under the mmu's lock, but for wp_dma(). Must not map anything itself (window.c).
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mmu/internal.h"

#define FLOOD 64u                                 /* writes; a fork's pass over a table is up to 512 */
#define MAX_TABLES 8192u
#define MAX_USES 32u                              /* of one table */
#define MAX_NODES (4u << 20)
#define MAX_SUSPECTS 64u
#define DMA_QUEUE 64u
#define ENTRIES (PAGE_SIZE / 8)

/* One place of a table in an address space: its entry i translates [va0 + (i << shift), + (1 << shift)). */
struct use { struct space *s; uint64_t va0; uint8_t shift; };

struct table {
    uint64_t gpa;
    uint32_t pos;                                 /* in wp.all */
    uint32_t writes;                              /* since a fill used it */
    uint32_t n_uses;
    struct use use[MAX_USES];
};

/* A page that a window maps writable, in the list of its page of RAM. Index 0: none. */
struct node { struct window *w; uint64_t va; uint32_t next, prev; };

static struct {
    struct table **page;                          /* by page of memory; NULL: no table */
    uint32_t *aliases;                            /* by page of memory: first node */
    uint8_t *soft;                                /* by page of memory: may be writable by a software TLB entry */
    struct table **all;
    uint32_t n_tables, hand;
    struct node *node;
    uint32_t n_nodes, cap_nodes, free_node;
    /* Pages that were taken from another vCPU's software TLB, whose last write may not be there yet. */
    struct { uint64_t gpa; uint32_t vcpus; } suspect[MAX_SUSPECTS];
    uint32_t n_suspects;
    uint32_t all_suspect;                         /* vCPUs: the list was full, any table may be late */
    struct { pthread_mutex_t lock; uint32_t n; struct { uint64_t gpa, len; } w[DMA_QUEUE]; } dma;
} wp;

static void on_dma(uint64_t gpa, size_t len)
{
    bool table = false;
    for (uint64_t p = gpa & PAGE_MASK; p < gpa + len && !table; p += PAGE_SIZE)
        table = mem_is_memory(p, PAGE_SIZE) && __atomic_load_n(&wp.page[mem_page(p)], __ATOMIC_RELAXED);
    if (!table)
        return;
    pthread_mutex_lock(&wp.dma.lock);
    if (wp.dma.n < DMA_QUEUE) {
        wp.dma.w[wp.dma.n].gpa = gpa;
        wp.dma.w[wp.dma.n].len = len;
        __atomic_store_n(&wp.dma.n, wp.dma.n + 1, __ATOMIC_RELEASE);
    } else {
        wp.dma.w[0].gpa = 0;                      /* overflow: everything */
        wp.dma.w[0].len = mem_ram.base + mem_ram.size;
    }
    pthread_mutex_unlock(&wp.dma.lock);
}

static bool in_use(void) { return mmu.cfg.sync == SYNC_WP || mmu.cfg.sync == SYNC_AUTO; }

void wp_init(void)
{
    if (!in_use())
        return;
    size_t pages = mem_pages();
    wp.page = xcalloc(pages, sizeof(*wp.page));
    wp.aliases = xcalloc(pages, sizeof(*wp.aliases));
    wp.soft = xcalloc(pages, sizeof(*wp.soft));
    wp.all = xcalloc(MAX_TABLES, sizeof(*wp.all));
    wp.n_nodes = 1;
    pthread_mutex_init(&wp.dma.lock, NULL);
    mem_on_dma_write(on_dma);
}

bool wp_is_table(uint64_t gpa) { return in_use() && mem_is_memory(gpa & PAGE_MASK, PAGE_SIZE) && wp.page[mem_page(gpa)]; }

/* ---- where windows map a page writable ---- */

bool wp_full(void) { return wp.n_nodes >= MAX_NODES && !wp.free_node; }

static uint32_t node_new(void)
{
    uint32_t i = wp.free_node;
    if (i) {
        wp.free_node = wp.node[i].next;
        return i;
    }
    if (wp.n_nodes >= wp.cap_nodes) {
        wp.cap_nodes = wp.cap_nodes ? 2 * wp.cap_nodes : 4096;
        wp.node = realloc(wp.node, wp.cap_nodes * sizeof(*wp.node));
        if (!wp.node)
            die("out of memory");
    }
    return wp.n_nodes++;
}

void wp_rec(struct window *w, struct group_rec *g, unsigned i, uint64_t old, uint64_t new)
{
    if (!in_use() || !((old | new) & REC_W))
        return;
    if (!g->alias)
        g->alias = xcalloc(GROUP_PAGES, sizeof(*g->alias));
    if (old & REC_W) {
        uint32_t n = g->alias[i];
        struct node *x = &wp.node[n];
        *(x->prev ? &wp.node[x->prev].next : &wp.aliases[mem_page(REC_GPA(old))]) = x->next;
        if (x->next)
            wp.node[x->next].prev = x->prev;
        x->next = wp.free_node;
        wp.free_node = n;
        g->alias[i] = 0;
    }
    if (new & REC_W) {
        uint32_t n = node_new(), *head = &wp.aliases[mem_page(REC_GPA(new))];
        wp.node[n] = (struct node){ w, g->va + ((uint64_t)i << PAGE_SHIFT), *head, 0 };
        if (*head)
            wp.node[*head].prev = n;
        *head = n;
        g->alias[i] = n;
    }
}

bool wp_soft_writable(uint64_t gpa)
{
    if (!in_use())
        return true;
    if (wp_is_table(gpa))
        return false;
    wp.soft[mem_page(gpa)] = 1;
    return true;
}

/* ---- what was made from a table ---- */

static void drop_range(struct space *s, uint64_t lo, uint64_t hi)
{
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
        struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
        if (!w || !w->pages || lo > w->va + (REGION_SIZE - 1) || hi < w->va)
            continue;
        uint64_t from = MAX(lo, w->va), to = MIN(hi, w->va + (REGION_SIZE - 1));
        if (to - from == REGION_SIZE - 1) {
            window_wipe(w);
            continue;
        }
        uint64_t first = (from - w->va) >> GROUP_SHIFT, last = (to - w->va) >> GROUP_SHIFT;
        bool few = last - first >= w->n_groups;   /* fewer records than places in the range */
        for (uint64_t n = few ? w->n_groups : last - first + 1; n-- > 0;) {
            const struct group_rec *g = few ? n < w->n_groups ? w->groups[n] : NULL : w->l1[first + n];
            if (!g)
                continue;
            uint64_t a = MAX(from, g->va), b = MIN(to, g->va + ((1ull << GROUP_SHIFT) - 1));
            if (a <= b)
                window_drop(w, a & PAGE_MASK, (unsigned)((b - (a & PAGE_MASK)) >> PAGE_SHIFT) + 1);
        }
    }
}

static uint64_t last_of(uint64_t lo, uint64_t n, unsigned shift)
{
    uint64_t hi = lo + (n << shift) - 1;
    return hi < lo ? ~0ull : hi;
}

static bool any_installed(const struct use *u)
{
    uint64_t lo = u->va0, hi = last_of(lo, ENTRIES, u->shift);
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
        const struct window *w = u->s->win[k / REGION_SLOTS][k % REGION_SLOTS];
        if (!w || !w->pages || lo > w->va + (REGION_SIZE - 1) || hi < w->va)
            continue;
        uint64_t first = (MAX(lo, w->va) - w->va) >> GROUP_SHIFT, last = (MIN(hi, w->va + (REGION_SIZE - 1)) - w->va) >> GROUP_SHIFT;
        if (last - first + 1 == WINDOW_GROUPS)
            return true;
        bool few = last - first >= w->n_groups;
        for (uint64_t n = few ? w->n_groups : last - first + 1; n-- > 0;)
            if (few ? w->groups[n]->va <= hi && w->groups[n]->va + ((1ull << GROUP_SHIFT) - 1) >= lo : w->l1[first + n] != NULL)
                return true;
    }
    return false;
}

static void release(struct table *t)
{
    wp.page[mem_page(t->gpa)] = NULL;
    wp.all[t->pos] = wp.all[--wp.n_tables];
    wp.all[t->pos]->pos = t->pos;
    mmu.stats.wp_released++;
    free(t);
}

static void drop_made(struct table *t)
{
    for (uint32_t i = 0; i < t->n_uses; i++)
        drop_range(t->use[i].s, t->use[i].va0, last_of(t->use[i].va0, ENTRIES, t->use[i].shift));
    t->n_uses = 0;
}

/* A window's page goes for a page-table write: the same judgement as sync.c's of TLBIs by address. */
static void count_churn(const struct use *u, uint64_t va)
{
    const struct window *w = space_window(u->s, u->s->half ? REGION_HIGH : REGION_LOW_USER, va);
    if (!w || va - w->va >= REGION_SIZE || !window_rec(w, va))
        return;
    struct churn *h = churn_of(u->s, va);
    h->uses = 0;
    if (++h->drops == CHURN_DROPS)
        mmu.stats.churn_pages++;
}

static void table_written(struct table *t, uint64_t off, uint64_t len)
{
    uint64_t first = off / 8, n = (off + len - 1) / 8 - first + 1;
    for (uint32_t i = 0; i < t->n_uses;) {
        const struct use *u = &t->use[i];
        uint64_t lo = u->va0 + (first << u->shift);
        if (n == 1 && u->shift == PAGE_SHIFT)
            count_churn(u, lo);
        drop_range(u->s, lo, last_of(lo, n, u->shift));
        if (any_installed(u))
            i++;
        else
            t->use[i] = t->use[--t->n_uses];
    }
}

bool wp_write(uint64_t gpa, uint64_t len)
{
    struct table *t = wp.page[mem_page(gpa)];
    mmu.stats.wp_writes++;
    table_written(t, gpa & ~PAGE_MASK, len);
    if (++t->writes > FLOOD)
        drop_made(t);
    if (t->n_uses)
        return true;
    release(t);
    return false;
}

/* ---- becoming a table ---- */

static void protect(const struct vcpu *c, uint64_t gpa)
{
    uint32_t *head = &wp.aliases[mem_page(gpa)];
    while (*head)
        window_protect(wp.node[*head].w, wp.node[*head].va, 1, false);
    if (!wp.soft[mem_page(gpa)])
        return;
    wp.soft[mem_page(gpa)] = 0;
    uint32_t others = softtlb_protect(gpa) & ~(1u << c->index);
    if (!others)
        return;
    if (wp.n_suspects == MAX_SUSPECTS) {
        wp.all_suspect |= others;
        return;
    }
    wp.suspect[wp.n_suspects].gpa = gpa;
    wp.suspect[wp.n_suspects++].vcpus = others;
}

bool wp_use(const struct vcpu *c, struct space *s, uint64_t va, const struct walk *w)
{
    bool new = false;
    while (wp.n_tables + ARRAY_LEN(w->at) > MAX_TABLES) {
        struct table *t = wp.all[wp.hand++ % wp.n_tables];
        drop_made(t);
        release(t);
    }
    for (unsigned i = 0; i < w->levels; i++) {
        uint64_t at = w->at[i];
        unsigned shift = w->shift + w->stride * (w->levels - 1u - i);
        struct use u = { s, ALIGN_DOWN(va, 1ull << shift) - (((at & ~PAGE_MASK) / 8) << shift), (uint8_t)shift };
        if (!mem_is_memory(at & PAGE_MASK, PAGE_SIZE))
            continue;
        struct table *t = wp.page[mem_page(at)];
        if (!t) {
            t = xcalloc(1, sizeof(*t));
            t->gpa = at & PAGE_MASK;
            t->pos = wp.n_tables;
            wp.all[wp.n_tables++] = t;
            __atomic_store_n(&wp.page[mem_page(at)], t, __ATOMIC_RELAXED);
            mmu.stats.wp_tables++;
            protect(c, t->gpa);
            new = true;
        }
        t->writes = 0;
        unsigned n = 0;
        while (n < t->n_uses && (t->use[n].s != s || t->use[n].va0 != u.va0 || t->use[n].shift != shift))
            n++;
        if (n < t->n_uses)
            continue;
        if (t->n_uses == MAX_USES)
            drop_made(t);
        t->use[t->n_uses++] = u;
    }
    return new;
}

void wp_forget_space(const struct space *s)
{
    for (uint32_t k = wp.n_tables; k-- > 0;) {
        struct table *t = wp.all[k];
        for (uint32_t i = 0; i < t->n_uses;)
            if (t->use[i].s == s)
                t->use[i] = t->use[--t->n_uses];
            else
                i++;
        if (!t->n_uses)
            release(t);
    }
}

/* ---- writes that were not seen as they were made ---- */

static void take_dma(void)
{
    pthread_mutex_lock(&wp.dma.lock);
    for (uint32_t i = 0; i < wp.dma.n; i++) {
        uint64_t gpa = wp.dma.w[i].gpa, end = gpa + wp.dma.w[i].len;
        for (uint64_t p = gpa & PAGE_MASK; p < end; p += PAGE_SIZE)
            if (mem_is_memory(p, PAGE_SIZE) && wp.page[mem_page(p)]) {
                uint64_t from = MAX(p, gpa);
                wp_write(from, MIN(end, p + PAGE_SIZE) - from);
            }
    }
    wp.dma.n = 0;
    pthread_mutex_unlock(&wp.dma.lock);
}

static void drop_table(uint64_t gpa)
{
    struct table *t = wp.page[mem_page(gpa)];
    if (!t)
        return;
    drop_made(t);
    release(t);
}

bool wp_settled(void) { return !wp.n_suspects && !wp.all_suspect && !__atomic_load_n(&wp.dma.n, __ATOMIC_ACQUIRE); }

void wp_settle(const struct vcpu *c)
{
    if (likely(wp_settled()))
        return;
    take_dma();
    uint32_t here = 1u << c->index;
    while (wp.all_suspect && wp.n_tables)
        drop_table(wp.all[0]->gpa);
    wp.all_suspect &= ~here;
    for (uint32_t i = wp.n_suspects; i-- > 0;) {
        drop_table(wp.suspect[i].gpa);
        if (!(wp.suspect[i].vcpus &= ~here))
            wp.suspect[i] = wp.suspect[--wp.n_suspects];
    }
}
