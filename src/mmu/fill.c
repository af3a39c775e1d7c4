/*
 * fill.c - what to install in a window for a translation: permissions by group, runs around the page.
 *
 * Must not map anything itself (window.c) nor raise faults (slow.c).
 */
#include "base/log.h"
#include "mmu/internal.h"

#define AROUND 16u                                /* pages looked at on a first fill: 64 KiB, aligned */
#define PAGE_OF(va) ((va) >> PAGE_SHIFT & (RUN_MAX - 1))
#define RUN_MAX 512u                              /* and at most, when all of those are one run */

enum region_group view_group(enum view v, uint64_t va)
{
    bool high = va_half(va);
    if (v == VIEW_USER)
        return high ? REGION_GROUPS : REGION_LOW_USER;
    return high ? REGION_HIGH : REGION_LOW_KERNEL;
}

/*
 * Windows of the kernel views hold only pages that EL0 cannot reach, so that they serve PAN set and clear alike. Device
 * memory faults on unaligned accesses, which a window would let pass; with the MMU off translated code checks itself.
 */
uint64_t rec_flags(const struct walk *w, enum region_group g)
{
    uint64_t r = 0;
    if (unlikely(w->update))                      /* not accessed yet: the first access has to be seen */
        return 0;
    if (g == REGION_LOW_USER) {
        r = (w->perms & PERM_R(VIEW_USER) ? REC_R : 0) | (w->perms & PERM_W(VIEW_USER) ? REC_R | REC_W : 0);
    } else {
        if (w->leaf_gpa && w->perms & (PERM_R(VIEW_USER) | PERM_W(VIEW_USER)))
            return 0;
        r = (w->perms & PERM_R(VIEW_KERNEL) ? REC_R : 0) | (w->perms & PERM_W(VIEW_KERNEL) ? REC_R | REC_W : 0);
    }
    if (!r || (w->device && w->leaf_gpa) || !mem_is_readable(w->gpa & PAGE_MASK, PAGE_SIZE))
        return 0;
    if (r & REC_W && (wp_is_table(w->gpa) || !mem_is_ram(w->gpa & PAGE_MASK, PAGE_SIZE)))
        r &= ~REC_W;
    return r | (w->global ? REC_GLOBAL : 0) | (uint64_t)(w->shift - PAGE_SHIFT) << REC_SHIFT_LSB;
}

/* Does the page at va continue the run (same flags, physical address as expected)? */
static bool continues(struct vcpu *c, enum view view, enum region_group g, uint64_t va, uint64_t gpa, uint64_t flags, struct walk *w)
{
    return !watched_page(va) && mmu.guest->walk(c, va, ACC_READ, view, w) == WALK_OK && (w->gpa & PAGE_MASK) == gpa && rec_flags(w, g) == flags;
}

bool leaf_update(const struct walk *w)
{
    uint64_t *leaf = mem_ptr(w->leaf_gpa, 8), was = w->desc;
    if (!leaf)
        return false;
    if (wp_is_table(w->leaf_gpa))
        wp_write(w->leaf_gpa, 8);
    mmu.stats.leaf_updates += __atomic_compare_exchange_n(leaf, &was, w->update, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return true;
}

static struct churn *churn_slot(const struct space *s, uint64_t page)
{
    uint64_t key = (page ^ (uintptr_t)s) * 0x9e3779b97f4a7c15ull;
    return &mmu.churn[key >> (64 - CHURN_BITS)];
}

struct churn *churn_of(const struct space *s, uint64_t va)
{
    uint64_t page = va & PAGE_MASK;
    struct churn *h = churn_slot(s, page);
    if (h->va != page || h->s != s)
        *h = (struct churn){ .va = page, .s = s };
    return h;
}

void churn_dropped(const struct space *s, uint64_t va, uint64_t last)
{
    if (last - va >= CHURN_RANGE)
        return;
    for (uint64_t n = 0; n <= (last >> PAGE_SHIFT) - (va >> PAGE_SHIFT); n++) {
        uint64_t page = (va & PAGE_MASK) + (n << PAGE_SHIFT);
        struct churn *h = churn_slot(s, page);
        if (h->va == page && h->s == s)
            h->uses = 0;
    }
}

/* The last page towards LIMIT, one page of va after another in direction DIR, that is memory and mapped like the one at PAGE. */
static uint64_t block_edge(uint64_t gpa, uint64_t page, uint64_t limit, int dir)
{
    uint64_t step = dir < 0 ? -PAGE_SIZE : PAGE_SIZE, at = page;
    bool table = wp_is_table(gpa);
    bool ram = mem_is_ram(gpa, PAGE_SIZE);
    while (at != limit && mem_is_readable(gpa + (at + step - page), PAGE_SIZE) &&
           mem_is_ram(gpa + (at + step - page), PAGE_SIZE) == ram && wp_is_table(gpa + (at + step - page)) == table)
        at += step;
    return at;
}

bool fill_window(struct vcpu *c, struct space *s, enum view view, uint64_t va, const struct walk *w)
{
    enum region_group g = view_group(view, va);
    if (g == REGION_GROUPS)
        return false;
    uint64_t flags = rec_flags(w, g);
    if (!flags || watched_page(va))
        return false;
    if (w->shift == PAGE_SHIFT && !mmu.cfg.verify) {
        struct churn *h = churn_of(s, va);
        if (h->drops >= CHURN_DROPS) {
            if (++h->uses < CHURN_USES)
                return false;
            h->drops = h->uses = 0;
        }
    }
    enum lend lend = org_lend(s);
    struct window *win = lend == LEND_NO ? NULL : window_for(c, s, g, va, true);
    if (!win)
        return false;
    struct walk again;
    if (mmu.cfg.sync == SYNC_WP && wp_use(c, s, va, w)) {
        /* Another vCPU may have written a table until a moment ago. This page itself may be one now. */
        do {
            if (mmu.guest->walk_space(c, &s->id, s->half, va, ACC_READ, view, &again) != WALK_OK || again.gpa != w->gpa ||
                again.perms != w->perms || again.update)
                return false;
        } while (wp_use(c, s, va, &again));
        w = &again;
        flags = rec_flags(w, g);
    }
    uint64_t page = va & PAGE_MASK, gpa = w->gpa & PAGE_MASK;
    struct walk leaf[RUN_MAX];                    /* of the 2 MiB around page, by PAGE_OF() */
    uint64_t lo, hi;                              /* guest addresses [lo, hi) that become one run */
    if (w->shift >= GROUP_SHIFT) {
        lo = ALIGN_DOWN(page, 1ull << GROUP_SHIFT);
        hi = lo + (1ull << GROUP_SHIFT);
        lo = block_edge(gpa, page, lo, -1);
        hi = block_edge(gpa, page, hi - PAGE_SIZE, 1) + PAGE_SIZE;
        if (unlikely(mmu.n_watches)) {            /* up to the nearest watched page on either side */
            while (lo < page && watch_overlaps(lo, page - 1))
                lo += PAGE_SIZE;
            while (hi > page + PAGE_SIZE && watch_overlaps(page + PAGE_SIZE, hi - 1))
                hi -= PAGE_SIZE;
        }
    } else {
        lo = page;
        hi = page + PAGE_SIZE;
        leaf[PAGE_OF(page)] = *w;
        for (uint64_t span = AROUND << PAGE_SHIFT;; span = RUN_MAX << PAGE_SHIFT) {
            uint64_t min = ALIGN_DOWN(page, span), max = min + span;
            while (hi < max && continues(c, view, g, hi, gpa + (hi - page), flags, &leaf[PAGE_OF(hi)]))
                hi += PAGE_SIZE;
            while (lo > min && continues(c, view, g, lo - PAGE_SIZE, gpa - (page - lo) - PAGE_SIZE, flags, &leaf[PAGE_OF(lo - 1)]))
                lo -= PAGE_SIZE;
            if (hi - lo != span || span == RUN_MAX << PAGE_SHIFT)
                break;                            /* all of the first span: the mapping is large, go on to the end of the table */
        }
    }
    unsigned pages = (unsigned)((hi - lo) >> PAGE_SHIFT);
    mmu.stats.fills++;
    mmu.stats.filled_pages += pages;
    if (flags & REC_GLOBAL)
        space_global(s);
    log_to(mmu, "mmu: fill va %#llx gpa %#llx %u pages %s\n", (unsigned long long)lo,
           (unsigned long long)(gpa - (page - lo)), pages, flags & REC_W ? "rw" : "r");
    window_install(win, lo, gpa - (page - lo), pages, flags, pages <= AROUND,
                   w->shift >= GROUP_SHIFT ? w : &leaf[PAGE_OF(lo)]);
    if (g == REGION_LOW_USER)
        policy_fill(c, s);
    if (lend == LEND_NEW)
        org_prefill(c, s);
    org_note_fill(s, page);
    return true;
}
