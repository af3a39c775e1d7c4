/*
 * sync.c - what is cached follows the guest's TLB maintenance: sync=tlb, lazily and exactly; sync=drop, by dropping; sync=auto, as
 * sync=tlb, but for what is found unchanged again and again: that is handed to wp.c.
 *
 * Under sync=wp windows are always right (wp.c); software TLBs and code pages follow as in the other modes. Under sync=drop what
 * a TLBI names goes. Under sync=tlb a page named by a TLBI is walked again: unchanged it stays, changed it is replaced or dropped.
 * The invariant: when the maintenance is complete (tlbi.c) no removed or tightened translation can hit.
 *
 * Only a space that is in force is walked at once. Of another the guest may rewrite the tables freely after the TLBI, because
 * no hardware would walk them before they are in force again: what a TLBI by address names is dropped, and after a TLBI of more
 * the space is stale until a switch to it, which compares it with its tables of then.
 */
#include <string.h>

#include "base/log.h"
#include "mmu/internal.h"

#define IN_PLACE 16u                              /* rights change in place: pages looked at, or installed in the group, at most */

static enum view group_view(unsigned g) { return g == REGION_LOW_USER ? VIEW_USER : VIEW_KERNEL; }

/* What should be installed at va now; 0 for nothing. */
static uint64_t wanted(struct vcpu *c, const struct window *win, uint64_t va, uint64_t *desc)
{
    const struct space *s = win->owner;
    unsigned g = win->group;
    struct walk w;
    if (mmu.guest->walk_space(c, &s->id, s->half, va, ACC_READ, group_view(g), &w) != WALK_OK)
        return 0;
    *desc = w.desc;
    uint64_t f = rec_flags(&w, g);
    return f ? (w.gpa & PAGE_MASK) | f : 0;
}

/* What becomes of a run of pages. */
enum fate { KEEP, DROP, TO_READ, TO_WRITE };

static void seal(struct window *w, uint64_t va, unsigned pages, enum fate fate)
{
    if (fate == DROP)
        window_drop(w, va, pages);
    else if (fate != KEEP && window_rec(w, va))   /* else the run before it left no room for mappings: all is gone */
        window_protect(w, va, pages, fate == TO_WRITE);
}

/*
 * The page REC at va against the tables. IN_PLACE: the same page with other rights keeps its place. One that becomes writable is
 * about to be written, mostly, and a stack that a fork made read-only is read. Of many at once few are used again before they
 * change, and new rights cost the host more for each than to unmap them all.
 */
static enum fate fate_of(struct vcpu *c, struct window *w, uint64_t va, uint64_t rec, bool walk, bool in_place)
{
    uint64_t desc = 0, now = walk ? wanted(c, w, va, &desc) : 0;
    if (now == rec) {
        mmu.stats.kept_pages++;
        group_set_desc(w->l1[(va - w->va) >> GROUP_SHIFT], va >> PAGE_SHIFT & (GROUP_PAGES - 1), desc);
        return KEEP;
    }
    if (!now || REC_GPA(now) != REC_GPA(rec) || (!in_place && (now ^ rec) & REC_W))
        return DROP;
    window_relabel(w, va, (now & ~REC_W) | (rec & REC_W), desc);
    return !((now ^ rec) & REC_W) ? KEEP : now & REC_W ? TO_WRITE : TO_READ;
}

/* The page at va lost its place in a window, or a right. true: so often that it is not worth a window (CHURN_DROPS). */
static bool count_drop(const struct space *s, uint64_t va)
{
    struct churn *h = churn_of(s, va);
    h->uses = 0;
    if (++h->drops == CHURN_DROPS)
        mmu.stats.churn_pages++;
    return h->drops >= CHURN_DROPS && !mmu.cfg.verify;
}

/*
 * Bring [va, va + pages) of w, all within one group record, up to date; nothing outside what is installed is added. Of what changes
 * pages of 4 KiB count as churning, as many as *CHURN says, which becomes less.
 */
static void sync_pages(struct vcpu *c, struct window *w, uint64_t va, unsigned pages, bool global_too, bool walk, unsigned *churn)
{
    uint64_t run_va = va;
    unsigned run = 0;
    const struct group_rec *g = w->l1[(va - w->va) >> GROUP_SHIFT];
    bool in_place = pages <= IN_PLACE || (g && g->used <= IN_PLACE);
    enum fate of = KEEP;                          /* of the run before v */
    for (unsigned i = 0; i <= pages; i++) {
        uint64_t v = va + ((uint64_t)i << PAGE_SHIFT);
        uint64_t rec = i < pages ? window_rec(w, v) : 0;
        enum fate f = rec && (global_too || !(rec & REC_GLOBAL)) ? fate_of(c, w, v, rec, walk, in_place) : KEEP;
        if (f != KEEP && *churn && REC_LEAF_SHIFT(rec) == PAGE_SHIFT) {
            if (count_drop(w->owner, v))          /* its place would be kept up for nothing: the next fork changes it again */
                f = DROP;
            --*churn;
        }
        if (f != of || i == pages) {
            seal(w, run_va, run, of);
            of = f;
            run = 0;
            run_va = v;
        }
        run++;
    }
}

static enum walk_status walk_group(struct vcpu *c, const struct window *w, uint64_t va, struct walk *leaf)
{
    return mmu.guest->walk_space(c, &w->owner->id, w->owner->half, va, ACC_READ, group_view(w->group), leaf);
}

/*
 * Are the N descriptors, a multiple of 8, those of a mapping of contiguous memory, the first of them FIRST? With KPTI a fork has the
 * linear map compared three times, dozens of tables: vectors of 32 bytes take half the time of 16.
 */
#define IS_RUN(name, bytes, ...)                                                                          \
    __VA_ARGS__ static bool name(const uint64_t *table, uint64_t first, unsigned n)                       \
    {                                                                                                     \
        typedef uint64_t vec __attribute__((vector_size(bytes)));                                         \
        enum { LANES = (bytes) / 8 };                                                                     \
        const vec *t = (const vec *)table;                                                                \
        vec want, differ = { 0 }, differ2 = { 0 };                                                        \
        for (unsigned i = 0; i < LANES; i++)                                                              \
            want[i] = first + i * PAGE_SIZE;                                                              \
        for (unsigned k = 0; k < n / LANES; k += 2, want += 2 * LANES * PAGE_SIZE) {                      \
            differ |= t[k] ^ want;                                                                        \
            differ2 |= t[k + 1] ^ (want + LANES * PAGE_SIZE);                                             \
        }                                                                                                 \
        differ |= differ2;                                                                                \
        uint64_t any = 0;                                                                                 \
        for (unsigned i = 0; i < LANES; i++)                                                              \
            any |= differ[i];                                                                             \
        return !any;                                                                                      \
    }
IS_RUN(is_run_16, 16)
IS_RUN(is_run_32, 32, __attribute__((target("avx2"))))
#undef IS_RUN

static bool is_run(const uint64_t *table, uint64_t first, unsigned n)
{
    return __builtin_cpu_supports("avx2") ? is_run_32(table, first, n) : is_run_16(table, first, n);
}

/* The 64 entries from i: all of them present, or those in HAVE. */
static bool same_descs(const struct group_rec *g, const uint64_t *table, unsigned i, uint64_t have)
{
    if (have == ~0ull && g->linear)               /* without a look at desc[]: half the memory */
        return is_run(&table[i], g->lin + ((uint64_t)i << PAGE_SHIFT), 64);
    if (have == ~0ull)
        return memcmp(&table[i], &g->desc[i], 64 * sizeof(*table)) == 0;
    for (; have; have &= have - 1) {
        unsigned k = i + (unsigned)__builtin_ctzll(have);
        if (table[k] != g->desc[k])
            return false;
    }
    return true;
}

static uint64_t read_desc(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

/* Is everything on the way to g's table, or its block, as it was when the way was noted? Then a walk would end there. */
static bool same_way(const struct group_rec *g)
{
    for (unsigned k = 0; k < g->n_way; k++)
        if (read_desc(g->way[k].at) != g->way[k].v)
            return false;
    return g->n_way;
}

/* Does the leaf of LEAF, a walk of an entry's address, lie where g was made from? */
static bool is_leaf_of(const struct group_rec *g, unsigned i, const struct walk *leaf)
{
    if (leaf->table_attrs != g->table_attrs)
        return false;
    return g->block ? leaf->leaf_gpa == g->table && leaf->desc == g->desc[0]
                    : leaf->shift == PAGE_SHIFT && leaf->leaf_gpa == g->table + 8ull * i;
}

/* The same by a walk of entry i, whose way is noted: read between two walks that agree. */
static bool walk_way(struct vcpu *c, const struct window *w, struct group_rec *g, unsigned i)
{
    struct walk leaf, again;
    g->n_way = 0;
    if (walk_group(c, w, g->va + ((uint64_t)i << PAGE_SHIFT), &leaf) != WALK_OK || !is_leaf_of(g, i, &leaf))
        return false;
    unsigned n = leaf.levels - !g->block;
    for (unsigned k = 0; k < n; k++) {
        g->way[k].at = mem_ptr(leaf.at[k], 8);    /* RAM: what a flash chip shows may change without a write to it */
        if (!g->way[k].at)
            return true;
        g->way[k].v = read_desc(g->way[k].at);
    }
    if (walk_group(c, w, g->va + ((uint64_t)i << PAGE_SHIFT), &again) != WALK_OK || !is_leaf_of(g, i, &again) ||
        again.levels != leaf.levels || memcmp(again.at, leaf.at, leaf.levels * sizeof(leaf.at[0])) != 0)
        return false;
    g->n_way = (uint8_t)n;
    return true;
}

/* Does the whole group still follow from the leaf table it was made from, at the place where that was? */
static bool group_unchanged(struct vcpu *c, const struct window *w, struct group_rec *g)
{
    if (g->mixed)
        return false;
    unsigned first = g->block ? 0 : GROUP_PAGES;
    if (!g->block) {
        const uint64_t *table = mem_read_ptr(g->table, PAGE_SIZE);
        if (!table)
            return false;
        bool run = g->linear && g->used == GROUP_PAGES;
        if (run && !is_run(table, g->lin, GROUP_PAGES))
            return false;
        first = run ? 0 : GROUP_PAGES;
        for (unsigned i = run ? 0 : GROUP_PAGES; i; ) {
            i -= 64;
            if (!g->have[i / 64])
                continue;
            if (!same_descs(g, table, i, g->have[i / 64]))
                return false;
            first = i + (unsigned)__builtin_ctzll(g->have[i / 64]);
        }
        if (first == GROUP_PAGES)
            return false;
    }
    if (!same_way(g) && !walk_way(c, w, g, first))
        return false;
    mmu.stats.kept_groups++;
    return true;
}

/* Nothing that is installed is valid any more: the end of an address space. */
static bool all_gone(struct vcpu *c, const struct window *w)
{
    for (uint32_t i = 0; i < w->n_groups; i++) {
        const struct group_rec *g = w->groups[i];
        for (unsigned k = 0; k < GROUP_PAGES; k++) {
            uint64_t desc;
            if (g->e[k] && wanted(c, w, g->va + ((uint64_t)k << PAGE_SHIFT), &desc))
                return false;
        }
    }
    return true;
}

/* The end of a process that had few pages. The next with its root table, if it lives as short, does better without windows. */
static void count_wiped(const struct window *w)
{
    for (uint32_t i = 0; i < w->n_groups; i++) {
        const struct group_rec *g = w->groups[i];
        for (unsigned k = 0; k < GROUP_PAGES; k++)
            if (g->e[k] && REC_LEAF_SHIFT(g->e[k]) == PAGE_SHIFT)
                count_drop(w->owner, g->va + ((uint64_t)k << PAGE_SHIFT));
    }
}

/*
 * The group at va was found unchanged. Under KPTI the kernel's half is tied to ASIDs, each fork has all of it compared that was ever
 * used, three times, and its tables hardly ever change: a group of the high half that was looked at FOLLOW_LOOKS times is
 * followed by its tables' writes from then on, as everything is under sync=wp. First protected, then compared: another vCPU
 * may have written a moment ago (what a software TLB let through is settled by wp.c).
 */
static void follow(struct vcpu *c, struct window *w, uint64_t va)
{
    struct group_rec **g = &w->l1[(va - w->va) >> GROUP_SHIFT];
    if (mmu.cfg.sync != SYNC_AUTO || w->group != REGION_HIGH || ++(*g)->looks < FOLLOW_LOOKS)
        return;
    (*g)->looks = 0;
    unsigned i = 0;
    while (!(*g)->e[i])
        i++;
    uint64_t at = va + ((uint64_t)i << PAGE_SHIFT);
    struct walk leaf;
    do {
        if (walk_group(c, w, at, &leaf) != WALK_OK)
            return;
        for (unsigned k = 0; k < leaf.levels; k++)
            if (!mem_ptr(leaf.at[k], 8))          /* a flash chip's may change without a write to it */
                return;
    } while (wp_use(c, w->owner, at, &leaf));
    if (leaf.levels && *g && group_unchanged(c, w, *g)) {   /* for want of mappings or tables it may have gone */
        group_follow(w, *g, true);
        mmu.stats.followed_groups++;
    }
}

static void sync_window(struct vcpu *c, struct window *w, bool global_too)
{
    if (mmu.cfg.sync == SYNC_WP)
        return;
    bool walk = mmu.cfg.sync != SYNC_DROP;
    if (!w->pages || (!global_too && !w->local_pages))
        return;
    unsigned churn = walk ? CHURN_WIDE : 0;       /* what is dropped without a look says nothing */
    if ((global_too || w->local_pages == w->pages) && (!walk || all_gone(c, w))) {
        if (churn && w->pages <= CHURN_SMALL)
            count_wiped(w);
        window_wipe(w);
        return;
    }
    for (uint32_t i = w->n_open; i-- > 0;) {      /* dropping may free groups[i] and move one from behind here */
        struct group_rec *g = i < w->n_open ? w->groups[i] : NULL;
        if (!g)
            continue;
        if (!walk || !group_unchanged(c, w, g))
            sync_pages(c, w, g->va, GROUP_PAGES, global_too, walk, &churn);
        else
            follow(c, w, g->va);
    }
}

/* Is anything installed at pages [first, last] of g? */
static bool any_installed(const struct group_rec *g, unsigned first, unsigned last)
{
    for (unsigned i = first / 64; i <= last / 64; i++) {
        uint64_t mask = ~0ull << (i == first / 64 ? first % 64 : 0) & ~0ull >> (i == last / 64 ? 63 - last % 64 : 0);
        if (g->have[i] & mask)
            return true;
    }
    return false;
}

/* Groups of w that [va, last], widened to whole leaves, is in: one TLBI anywhere in a block removes the block. */
struct groups { uint64_t first, last; };
static struct groups groups_in(const struct window *w, uint64_t va, uint64_t last)
{
    uint64_t leaf = 1ull << w->max_leaf_shift;
    uint64_t lo = MAX(ALIGN_DOWN(va, leaf), w->va), hi = MIN(last | (leaf - 1), w->va + (REGION_SIZE - 1));
    return (struct groups){ (lo - w->va) >> GROUP_SHIFT, (hi - w->va) >> GROUP_SHIFT };
}

/* Is anything of [va, last], widened to whole leaves, installed in g? Then [*from, *to] is what is to be looked at. */
static bool group_in(const struct group_rec *g, uint64_t va, uint64_t last, uint64_t *from, uint64_t *to)
{
    uint64_t gva = g->va, glast = gva + ((1ull << GROUP_SHIFT) - 1), gl = 1ull << MAX(g->max_leaf_shift, PAGE_SHIFT);
    *from = MAX(ALIGN_DOWN(va, gl), gva);
    *to = MIN(last | (gl - 1), glast);
    return *from <= *to && *from <= glast && *to >= gva &&
           any_installed(g, *from >> PAGE_SHIFT & (GROUP_PAGES - 1), *to >> PAGE_SHIFT & (GROUP_PAGES - 1));
}

static void sync_window_range(struct vcpu *c, struct window *w, uint64_t va, uint64_t last, bool walk)
{
    if (mmu.cfg.sync == SYNC_WP)
        return;
    unsigned churn = CHURN_WIDE;
    struct groups in = groups_in(w, va, last);
    for (uint64_t n = in.first; n <= in.last; n++) {
        const struct group_rec *g = w->l1[n];
        uint64_t from, to;
        if (!g || !group_in(g, va, last, &from, &to))
            continue;
        sync_pages(c, w, from & PAGE_MASK, (unsigned)((to - from) >> PAGE_SHIFT) + 1, true, walk, &churn);
    }
}

/* During one pass over code pages: where a walk within 2 MiB ended. */
#define SEEN 16u
struct seen { uint64_t va, leaf, desc, attrs; uint8_t shift; };

static bool exec_changed(struct vcpu *c, struct space *s, struct exec_page *e, struct seen *seen)
{
    struct seen *at = &seen[e->va >> GROUP_SHIFT & (SEEN - 1)];
    if (e->leaf && at->va == ALIGN_DOWN(e->va, 1ull << GROUP_SHIFT) && at->shift == e->shift && at->attrs == e->attrs) {
        const uint64_t *d;
        if (e->shift >= GROUP_SHIFT && at->leaf == e->leaf && at->desc == e->desc)
            return false;
        if (e->shift == PAGE_SHIFT && (at->leaf & PAGE_MASK) == (e->leaf & PAGE_MASK) && (d = mem_read_ptr(e->leaf, 8)) && read_desc(d) == e->desc)
            return false;
    }
    struct walk w = { .gpa = 0 };
    for (unsigned v = 0; v < VIEW_COUNT; v++) {
        if (!(e->views & 1u << v))
            continue;
        if (mmu.guest->walk_space(c, &s->id, s->half, e->va, ACC_EXEC, (enum view)v, &w) != WALK_OK || (w.gpa & PAGE_MASK) != e->gpa ||
            w.update)
            return true;
        mmu.shown += w.shift > s->exec_shift;
        s->exec_shift = MAX(s->exec_shift, w.shift);
        s->exec_local |= !w.global;
    }
    *at = (struct seen){ ALIGN_DOWN(e->va, 1ull << GROUP_SHIFT), w.leaf_gpa, w.desc, w.table_attrs, w.shift };
    if (!(e->views & (e->views - 1))) {
        e->leaf = w.leaf_gpa;
        e->desc = w.desc;
        e->attrs = w.table_attrs;
        e->shift = w.shift;
    }
    return false;
}

/* Pages code was fetched from, in [va, last]. */
static void sync_exec(struct vcpu *c, struct space *s, uint64_t va, uint64_t last, bool walk)
{
    va = ALIGN_DOWN(va, 1ull << s->exec_shift);   /* one TLBI anywhere in a block removes the block */
    last |= (1ull << s->exec_shift) - 1;
    if (!s->n_exec || va > s->exec_hi || last < s->exec_lo)
        return;
    struct seen seen[SEEN];
    for (unsigned i = 0; i < SEEN; i++)
        seen[i].va = ~0ull;
    uint64_t pages = (last - va) >> PAGE_SHIFT;   /* less one */
    for (uint64_t i = 0; i <= pages && i < s->cap_exec; i++) {
        struct exec_page *e;
        if (pages < s->cap_exec) {
            e = space_exec_page(s, va + (i << PAGE_SHIFT));
        } else {
            e = &s->exec[i];
            if (e->va < va || e->va > last)
                continue;
        }
        if (e->used && (!walk || exec_changed(c, s, e, seen))) {
            space_new_exec_key(s);
            return;
        }
    }
}

bool sync_space_looks(const struct space *s)
{
    bool pages = false;
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS && mmu.cfg.sync != SYNC_WP; k++) {
        const struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
        pages |= w && w->pages;
    }
    return pages || s->n_exec;
}

void sync_space(struct vcpu *c, struct space *s)
{
    wp_settle(c);
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            if (s->win[g][n])
                sync_window(c, s->win[g][n], true);
    softtlb_flush(s);
    sync_exec(c, s, 0, ~0ull, true);
    if (s->half == 0)
        softtlb_flush_kernel_low_all();
    s->stale = false;
}

void sync_local(struct vcpu *c, struct space *s)
{
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            if (s->win[g][n])
                sync_window(c, s->win[g][n], false);
    /* With KPTI all of the kernel is tied to ASIDs and outlives them: other vCPUs need not be disturbed for it. */
    if (s->half == 1)
        softtlb_compare_local(c, s);
    else
        softtlb_flush_local(s);
    sync_exec(c, s, 0, ~0ull, true);
}

/* [va, last] is few pages: with more, yes if there is anything at all. */
#define LOOKS 64u
static bool window_in(const struct window *w, uint64_t va, uint64_t last)
{
    if (!w->pages || va > w->va + (REGION_SIZE - 1) || last < w->va)
        return false;
    struct groups in = groups_in(w, va, last);
    bool any = in.last - in.first >= LOOKS;
    for (uint64_t n = in.first, from, to; n <= in.last && !any; n++)
        any = w->l1[n] && group_in(w->l1[n], va, last, &from, &to);
    return any;
}

static bool exec_in(const struct space *s, uint64_t va, uint64_t last)
{
    va = ALIGN_DOWN(va, 1ull << s->exec_shift);
    last |= (1ull << s->exec_shift) - 1;
    if (!s->n_exec || va > s->exec_hi || last < s->exec_lo)
        return false;
    uint64_t pages = (last - va) >> PAGE_SHIFT;   /* less one */
    bool any = pages >= LOOKS;
    for (uint64_t i = 0; i <= pages && !any; i++)
        any = space_exec_page(s, va + (i << PAGE_SHIFT))->used;
    return any;
}

bool sync_range_looks(const struct space *s, uint64_t va, uint64_t last)
{
    unsigned wins = mmu.cfg.sync == SYNC_WP ? 0 : s->n_wins;
    for (unsigned k = 0; wins; k++) {
        const struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
        if (w && window_in(w, va, last))
            return true;
        wins -= w != NULL;
    }
    return exec_in(s, va, last);
}

void sync_range(struct vcpu *c, struct space *s, uint64_t va, uint64_t last)
{
    bool in_force = space_in_force(s);
    for (unsigned g = 0; g < REGION_GROUPS; g++) {
        if ((g == REGION_HIGH) != (s->half == 1))
            continue;
        for (unsigned n = 0; n < REGION_SLOTS; n++) {
            struct window *w = s->win[g][n];
            if (w && w->pages && va <= w->va + (REGION_SIZE - 1) && last >= w->va)
                sync_window_range(c, w, va, last, in_force && mmu.cfg.sync != SYNC_DROP);
        }
    }
    churn_dropped(s, va, last);
    softtlb_flush_range(s, va, last);
    sync_exec(c, s, va, last, in_force);
}
