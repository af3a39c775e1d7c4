/*
 * window.c - windows: reservations of host address space in which one region of a guest address space is embedded.
 *
 * The only place that calls mmap, mprotect or munmap on windows. Owns the records of what is installed, the spare
 * reservations and the VMA budget. Must not know translations: callers say what to install.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "mmu/internal.h"

#define GUARD 65536ull                            /* base + imm of generated code stays within the reservation */
#define DEFAULT_WINDOWS 200                       /* of the host's 256 regions of 2^39 bytes */
#define MAX_RECORDS 32768u                        /* struct group_rec: 270 MB */
#define VMA_RESERVE 4096                          /* left to the rest of the program */

void window_init(void)
{
    if (!mmu.cfg.max_vmas) {
        unsigned max = 65530;
        FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
        if (f) {
            if (fscanf(f, "%u", &max) != 1)
                max = 65530;
            fclose(f);
        }
        mmu.max_vmas = max > 2 * VMA_RESERVE ? max - VMA_RESERVE : max / 2;
    } else {
        mmu.max_vmas = mmu.cfg.max_vmas;
    }
    mmu.max_windows = mmu.cfg.windows ? mmu.cfg.windows : DEFAULT_WINDOWS;
    mmu.spare = xcalloc(mmu.max_windows, sizeof(*mmu.spare));
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            mmu.slot_region[g][n] = INT64_MIN;
}

/* A new reservation, or NULL when the host has no more room. */
static struct window *reserve(void)
{
    size_t len = REGION_SIZE + 2 * GUARD;
    uint8_t *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    struct window *w = xcalloc(1, sizeof(*w));
    w->base = p + GUARD;
    w->l1 = mmap(NULL, WINDOW_GROUPS * sizeof(*w->l1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w->l1 == MAP_FAILED) {
        munmap(p, len);
        free(w);
        return NULL;
    }
    mmu.n_windows++;
    return w;
}

static void unmap_pages(struct window *w, uint64_t va, uint64_t pages)
{
    uint8_t *at = w->base + (va - w->va);
    if (mmap(at, pages << PAGE_SHIFT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        bug("cannot unmap %llu pages of a window: %s", (unsigned long long)pages, strerror(errno));
}

static struct group_rec *group_of(const struct window *w, uint64_t va)
{
    return w->l1[(va - w->va) >> GROUP_SHIFT];
}

uint64_t window_rec(const struct window *w, uint64_t va)
{
    const struct group_rec *g = group_of(w, va);
    return g ? g->e[va >> PAGE_SHIFT & (GROUP_PAGES - 1)] : 0;
}

static void place(struct window *w, struct group_rec *g, uint32_t pos)
{
    w->groups[pos] = g;
    g->pos = pos;
}

static void trade(struct window *w, struct group_rec *g, uint32_t pos)
{
    place(w, w->groups[pos], g->pos);
    place(w, g, pos);
}

void group_follow(struct window *w, struct group_rec *g, bool followed)
{
    if (g->followed == followed)
        return;
    trade(w, g, followed ? --w->n_open : w->n_open++);
    g->followed = followed;
}

static struct group_rec *group_make(struct window *w, uint64_t va)
{
    struct group_rec **p = &w->l1[(va - w->va) >> GROUP_SHIFT];
    if (!*p) {
        struct group_rec *g = xcalloc(1, sizeof(*g));
        mmu.n_records++;
        g->va = ALIGN_DOWN(va, 1ull << GROUP_SHIFT);
        if (w->n_groups == w->cap_groups) {
            w->cap_groups = w->cap_groups ? 2 * w->cap_groups : 16;
            w->groups = realloc(w->groups, w->cap_groups * sizeof(*w->groups));
            if (!w->groups)
                die("out of memory");
        }
        place(w, g, w->n_groups++);
        trade(w, g, w->n_open++);
        *p = g;
    }
    return *p;
}

static void group_free(struct window *w, struct group_rec *g)
{
    w->l1[(g->va - w->va) >> GROUP_SHIFT] = NULL;
    if (!g->followed)
        trade(w, g, --w->n_open);
    trade(w, g, --w->n_groups);
    mmu.n_records--;
    free(g->alias);
    free(g);
}

/* Would the host keep the pages of records a and b, b right behind a, in one VMA? */
static bool merges(uint64_t a, uint64_t b)
{
    if (!a || !b)
        return a == b;
    return REC_GPA(a) + PAGE_SIZE == REC_GPA(b) && !((a ^ b) & (REC_R | REC_W));
}

/* VMA boundaries in [va - 1 page, va + pages]. */
static unsigned boundaries(const struct window *w, uint64_t va, unsigned pages)
{
    unsigned n = 0;
    uint64_t off = va - w->va;                    /* an offset does not wrap at the top of the address space */
    uint64_t prev = off ? window_rec(w, va - PAGE_SIZE) : 0;
    for (unsigned i = 0; i <= pages; i++, off += PAGE_SIZE) {
        uint64_t r = off < REGION_SIZE ? window_rec(w, w->va + off) : 0;
        n += !merges(prev, r);
        prev = r;
    }
    return n;
}

static void account(struct window *w, unsigned after, unsigned before)
{
    w->vmas += after - before;
    mmu.vmas += after - before;
    mmu.peak_vmas = MAX(mmu.peak_vmas, mmu.vmas);
}

/* The window to wipe for room: of the space that was in force longest ago; those in force only if there is no other. */
static struct window *coldest(const struct window *keep)
{
    struct window *cold = NULL;
    for (unsigned in_force = 0; in_force < 2 && !cold; in_force++) {
        for (unsigned i = 0; i < mmu.n_spaces; i++) {
            struct space *s = mmu.all[i];
            if (space_in_force(s) != in_force)
                continue;
            for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
                struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
                if (w && w != keep && w->pages && (!cold || s->last_used < cold->owner->last_used))
                    cold = w;
            }
        }
    }
    return cold;
}

/* Keep the budgets: host VMAs, and records (contiguous aliases need few VMAs but a record each 2 MiB). */
static void make_room(struct window *keep)
{
    while (mmu.vmas + 2 > mmu.max_vmas || mmu.n_records > MAX_RECORDS || wp_full()) {
        struct window *cold = coldest(keep);
        if (!cold) {
            if (keep->pages)
                window_wipe(keep);
            return;
        }
        mmu.stats.windows_evicted++;
        window_wipe(cold);
    }
}

void group_set_desc(struct group_rec *g, unsigned i, uint64_t desc)
{
    g->desc[i] = desc;
    g->linear &= desc - ((uint64_t)i << PAGE_SHIFT) == g->lin;
}

static void note_table(struct group_rec *g, unsigned i, const struct walk *leaf)
{
    if (leaf->shift >= GROUP_SHIFT) {
        if (!g->table && leaf->leaf_gpa) {
            g->block = true;
            g->table = leaf->leaf_gpa;
            g->table_attrs = leaf->table_attrs;
            g->desc[0] = leaf->desc;
        }
        if (!g->block || g->table != leaf->leaf_gpa || g->table_attrs != leaf->table_attrs || g->desc[0] != leaf->desc)
            g->mixed = true;
        return;
    }
    uint64_t table = leaf->shift == PAGE_SHIFT ? leaf->leaf_gpa & PAGE_MASK : 0;
    if (!table || g->block || (leaf->leaf_gpa & ~PAGE_MASK) != 8ull * i ||
        (g->table && (g->table != table || g->table_attrs != leaf->table_attrs))) {
        g->mixed = true;
        return;
    }
    if (!g->table) {
        g->linear = true;
        g->lin = leaf->desc - ((uint64_t)i << PAGE_SHIFT);
    }
    g->table = table;
    g->table_attrs = leaf->table_attrs;
    group_set_desc(g, i, leaf->desc);
}

void window_install(struct window *w, uint64_t va, uint64_t gpa, unsigned pages, uint64_t flags, bool populate,
                    const struct walk *leaf)
{
    mmu.shown++;
    make_room(w);
    int prot = (flags & REC_R ? PROT_READ : 0) | (flags & REC_W ? PROT_WRITE : 0);
    unsigned before = boundaries(w, va, pages);
    uint8_t *at = w->base + (va - w->va);
    uint64_t off;
    int fd = mem_object(gpa, &off);
    mmu_note_rom(gpa, (uint64_t)pages << PAGE_SHIFT);
    if (mmap(at, (size_t)pages << PAGE_SHIFT, prot, MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0), fd, (off_t)off) == MAP_FAILED)
        bug("cannot install %u pages in a window: %s", pages, strerror(errno));
    for (unsigned i = 0; i < pages; i++) {
        uint64_t v = va + ((uint64_t)i << PAGE_SHIFT);
        struct group_rec *g = group_make(w, v);
        uint64_t *e = &g->e[v >> PAGE_SHIFT & (GROUP_PAGES - 1)];
        group_follow(w, g, false);                /* this page came from tables that nobody protected */
        if (!*e) {
            g->used++;
            w->pages++;
        } else {
            w->local_pages -= !(*e & REC_GLOBAL);
        }
        uint64_t rec = (gpa + ((uint64_t)i << PAGE_SHIFT)) | flags;
        wp_rec(w, g, v >> PAGE_SHIFT & (GROUP_PAGES - 1), *e, rec);
        *e = rec;
        g->have[(v >> PAGE_SHIFT & (GROUP_PAGES - 1)) / 64] |= 1ull << (v >> PAGE_SHIFT & 63);
        w->local_pages += !(flags & REC_GLOBAL);
        g->max_leaf_shift = MAX(g->max_leaf_shift, REC_LEAF_SHIFT(flags));
        note_table(g, v >> PAGE_SHIFT & (GROUP_PAGES - 1), REC_LEAF_SHIFT(flags) == PAGE_SHIFT ? &leaf[i] : leaf);
    }
    w->max_leaf_shift = MAX(w->max_leaf_shift, REC_LEAF_SHIFT(flags));
    account(w, boundaries(w, va, pages), before);
}

void window_drop(struct window *w, uint64_t va, unsigned pages)
{
    if (mmu.vmas + 2 > mmu.max_vmas) {            /* a hole in a run costs VMAs too */
        window_wipe(w);
        return;
    }
    unsigned before = boundaries(w, va, pages);
    unsigned dropped = 0;
    for (unsigned i = 0; i < pages; i++) {
        uint64_t v = va + ((uint64_t)i << PAGE_SHIFT);
        struct group_rec *g = group_of(w, v);
        if (!g)
            continue;
        uint64_t *e = &g->e[v >> PAGE_SHIFT & (GROUP_PAGES - 1)];
        if (!*e)
            continue;
        w->local_pages -= !(*e & REC_GLOBAL);
        wp_rec(w, g, v >> PAGE_SHIFT & (GROUP_PAGES - 1), *e, 0);
        *e = 0;
        g->have[(v >> PAGE_SHIFT & (GROUP_PAGES - 1)) / 64] &= ~(1ull << (v >> PAGE_SHIFT & 63));
        dropped++;
        w->pages--;
        if (!--g->used)
            group_free(w, g);
    }
    if (!dropped)
        return;
    unmap_pages(w, va, pages);
    account(w, boundaries(w, va, pages), before);
    mmu.stats.dropped_pages += dropped;
    if (w->group == REGION_LOW_USER)
        policy_drop(w->owner, dropped);
}

void window_relabel(struct window *w, uint64_t va, uint64_t rec, uint64_t desc)
{
    struct group_rec *g = group_of(w, va);
    uint64_t *e = &g->e[va >> PAGE_SHIFT & (GROUP_PAGES - 1)];
    mmu.shown++;                                  /* a larger leaf goes with more addresses */
    w->local_pages += !(rec & REC_GLOBAL) - !(*e & REC_GLOBAL);
    *e = rec;
    if (rec & REC_GLOBAL)
        space_global(w->owner);
    g->mixed |= g->block;
    group_set_desc(g, va >> PAGE_SHIFT & (GROUP_PAGES - 1), desc);
    g->max_leaf_shift = MAX(g->max_leaf_shift, REC_LEAF_SHIFT(rec));
    w->max_leaf_shift = MAX(w->max_leaf_shift, REC_LEAF_SHIFT(rec));
}

void window_protect(struct window *w, uint64_t va, unsigned pages, bool write)
{
    if (mmu.vmas + 2 > mmu.max_vmas || (write && wp_full())) {   /* a hole in a run costs VMAs */
        window_wipe(w);
        return;
    }
    unsigned before = boundaries(w, va, pages);
    if (mprotect(w->base + (va - w->va), (size_t)pages << PAGE_SHIFT, PROT_READ | (write ? PROT_WRITE : 0)))
        bug("cannot change the rights to %u pages of a window: %s", pages, strerror(errno));
    for (unsigned i = 0; i < pages; i++) {
        uint64_t v = va + ((uint64_t)i << PAGE_SHIFT);
        struct group_rec *g = group_of(w, v);
        uint64_t *e = &g->e[v >> PAGE_SHIFT & (GROUP_PAGES - 1)], rec = (*e & ~REC_W) | (write ? REC_W : 0);
        wp_rec(w, g, v >> PAGE_SHIFT & (GROUP_PAGES - 1), *e, rec);
        *e = rec;
    }
    account(w, boundaries(w, va, pages), before);
}

void window_wipe(struct window *w)
{
    if (w->n_groups)
        unmap_pages(w, w->va, REGION_SIZE >> PAGE_SHIFT);
    mmu.stats.dropped_pages += w->pages;
    while (w->n_groups) {
        struct group_rec *g = w->groups[w->n_groups - 1];
        for (unsigned i = 0; g->alias && i < GROUP_PAGES; i++)
            wp_rec(w, g, i, g->e[i], 0);
        group_free(w, g);
    }
    w->pages = w->local_pages = 0;
    w->max_leaf_shift = PAGE_SHIFT;
    mmu.vmas -= w->vmas;
    w->vmas = 0;
}

static void forget_in(struct window *w, uint64_t gpa, uint64_t len)
{
    for (uint32_t n = w->n_groups; n-- > 0;) {
        if (n >= w->n_groups)                     /* dropping frees records, and moves the last one here */
            continue;
        struct group_rec *g = w->groups[n];
        uint64_t va = g->va;
        uint64_t e[GROUP_PAGES];
        memcpy(e, g->e, sizeof e);
        for (unsigned i = 0, run; i < GROUP_PAGES; i += run + 1) {
            for (run = 0; i + run < GROUP_PAGES && e[i + run] && REC_GPA(e[i + run]) - gpa < len; run++)
                ;
            if (run)
                window_drop(w, va + ((uint64_t)i << PAGE_SHIFT), run);
        }
    }
}

void window_forget(uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
            struct window *w = mmu.all[i]->win[k / REGION_SLOTS][k % REGION_SLOTS];
            if (w)
                forget_in(w, gpa, len);
        }
}

void window_release(struct window *w)
{
    window_wipe(w);
    struct space *s = w->owner;
    s->win[w->group][w->slot] = NULL;
    if (!--s->n_wins && s->half == 0)
        mmu.n_sets--;
    window_rebase(s, w->group, w->slot);
    w->owner = NULL;
    mmu.spare[mmu.n_spare++] = w;
}

static bool evict_window(const struct space *keep)
{
    struct window *cold = NULL;
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        struct space *s = mmu.all[i];
        if (s == keep || space_in_force(s))       /* a running block may hold pointers into a window in force */
            continue;
        for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
            struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
            if (w && (!cold || s->last_used < cold->owner->last_used))
                cold = w;
        }
    }
    if (!cold)
        return false;
    mmu.stats.windows_evicted++;
    window_release(cold);
    return true;
}

static int slot_of(enum region_group g, int64_t region, bool create)
{
    int spare = -1;
    for (unsigned n = 0; n < REGION_SLOTS; n++) {
        if (mmu.slot_region[g][n] == region)
            return (int)n;
        if (mmu.slot_region[g][n] == INT64_MIN && spare < 0)
            spare = (int)n;
    }
    if (create && spare >= 0)
        mmu.slot_region[g][spare] = region;
    return create ? spare : -1;
}

bool window_has_slot(enum region_group g, uint64_t va) { return slot_of(g, va_region(va), false) >= 0; }

unsigned window_free_slots(enum region_group g)
{
    unsigned n = 0;
    for (unsigned i = 0; i < REGION_SLOTS; i++)
        n += mmu.slot_region[g][i] == INT64_MIN;
    return n;
}

struct window *space_window(const struct space *s, enum region_group g, uint64_t va)
{
    int n = slot_of(g, va_region(va), false);
    return n < 0 ? NULL : s->win[g][n];
}

struct window *window_for(struct vcpu *c, struct space *s, enum region_group g, uint64_t va, bool create)
{
    int n = slot_of(g, va_region(va), create);
    if (n < 0)
        return NULL;
    struct window *w = s->win[g][n];
    if (w || !create)
        return w;
    if (!mmu.n_spare) {
        if (mmu.n_windows < mmu.max_windows && (w = reserve()))
            mmu.spare[mmu.n_spare++] = w;
        else if (!evict_window(s))
            return NULL;
    }
    w = mmu.spare[--mmu.n_spare];
    w->owner = s;
    w->group = (uint8_t)g;
    w->slot = (uint8_t)n;
    w->va = ALIGN_DOWN(va, REGION_SIZE);
    w->max_leaf_shift = PAGE_SHIFT;
    s->win[g][n] = w;
    if (!s->n_wins++ && s->half == 0)
        mmu.n_sets++;
    mmu.stats.windows_made++;
    log_to(mmu, "mmu: window for %#llx at %p\n", (unsigned long long)w->va, (void *)w->base);
    window_rebase(s, g, (unsigned)n);
    return w;
}

int mmu_slot(struct vcpu *c, enum view view, uint64_t va)
{
    enum region_group g = view_group(view, va);
    if (g == REGION_GROUPS)
        return -1;
    struct walk w;
    mmu_lock();
    int n = slot_of(g, va_region(va), false);
    /* Slots are few: a value that is no address must not take one. */
    if (n < 0 && mmu.guest->walk(c, va, ACC_READ, view, &w) == WALK_OK && rec_flags(&w, g))
        n = slot_of(g, va_region(va), true);
    mmu_unlock();
    return n < 0 ? -1 : (int)g * REGION_SLOTS + n;
}
