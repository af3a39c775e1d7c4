/*
 * watch.c - watched addresses: their pages are in no window and no software TLB, so that every access to them is seen in C.
 *
 * Owns the list of ranges. Another vCPU may still finish an access to a page that was just dropped: it is not its watchpoint.
 * Must not decide what a watchpoint matches: guest_ops.watch() does.
 */
#include <string.h>

#include "mmu/internal.h"

bool watch_overlaps(uint64_t va, uint64_t last)
{
    for (unsigned v = 0; v < mmu.n_vcpus; v++)
        for (unsigned i = 0; i < mmu.watch[v].n; i++)
            if (va <= mmu.watch[v].r[i].last && last >= mmu.watch[v].r[i].va)
                return true;
    for (unsigned i = 0; i < mmu.n_debug_watches; i++)
        if (va <= mmu.debug_watch[i].r.last && last >= mmu.debug_watch[i].r.va)
            return true;
    return false;
}

bool watch_debugger(uint64_t va, unsigned len, bool write, uint64_t *hit)
{
    for (unsigned i = 0; i < mmu.n_debug_watches; i++) {
        const struct debug_watch *w = &mmu.debug_watch[i];
        if (va <= w->r.last && va + (len - 1) >= w->r.va && (write ? w->writes : w->reads)) {
            *hit = MAX(va, w->r.va);
            return true;
        }
    }
    return false;
}

static void drop_from_window(struct window *w, uint64_t va, uint64_t last)
{
    if (!w || !w->pages || va > w->va + (REGION_SIZE - 1) || last < w->va)
        return;
    uint64_t lo = MAX(va & PAGE_MASK, w->va), hi = MIN(last | ~PAGE_MASK, w->va + (REGION_SIZE - 1));
    for (uint64_t n = (lo - w->va) >> GROUP_SHIFT; n <= (hi - w->va) >> GROUP_SHIFT; n++) {
        if (!w->l1[n])
            continue;
        uint64_t gva = w->va + (n << GROUP_SHIFT), from = MAX(lo, gva), to = MIN(hi, gva + ((1ull << GROUP_SHIFT) - 1));
        window_drop(w, from, (unsigned)((to - from) >> PAGE_SHIFT) + 1);
    }
}

static void drop(uint64_t va, uint64_t last)
{
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        struct space *s = mmu.all[i];
        for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++)
            drop_from_window(s->win[k / REGION_SLOTS][k % REGION_SLOTS], va, last);
        softtlb_flush_range(s, va, last);
    }
}

void mmu_set_watches(struct vcpu *c, const struct watch_range *r, unsigned n)
{
    mmu_lock();
    mmu.n_watches += n - mmu.watch[c->index].n;
    mmu.watch[c->index].n = n;
    for (unsigned i = 0; i < n; i++) {
        mmu.watch[c->index].r[i] = r[i];
        drop(r[i].va, r[i].last);
    }
    mmu_unlock();
}

void mmu_set_debug_watches(const struct debug_watch *w, unsigned n, void (*stop)(struct vcpu *c, uint64_t va, bool write))
{
    mmu_lock();
    mmu.debug_stop = stop;
    mmu.n_watches += n - mmu.n_debug_watches;
    mmu.n_debug_watches = n;
    for (unsigned i = 0; i < n; i++) {
        mmu.debug_watch[i] = w[i];
        drop(w[i].r.va, w[i].r.last);
    }
    mmu_unlock();
}
