/*
 * org.c - spt-org: which address spaces of the low half (user programs) have windows at a time.
 *
 * private: all, within window.c's budgets. group: N sets of windows, lent to spaces least recently used first. shared: one
 * set. A set is lent at the first fill of a space that has none, not at the switch: a guest that passes through a root without
 * touching memory (Linux's reserved root, at every system call where PAN is emulated) then costs nobody a set. Taking a set
 * wipes it, which is what shared does at a process switch; with spt-prefill=N the entries that the space filled last, at most N,
 * come back as soon as it is lent a set again. The high half (the kernel) is not affected.
 *
 * Must not map anything itself (window.c, fill.c).
 */
#include <stdlib.h>
#include <string.h>

#include "mmu/internal.h"

#define GROUP_SETS 16u
#define COLD 200e6                                /* ns without a run after which a set is not missed */

static unsigned sets(void)
{
    unsigned n = mmu.cfg.org == ORG_SHARED ? 1 : mmu.cfg.org_windows ? mmu.cfg.org_windows : GROUP_SETS;
    return MAX(n, mmu.n_vcpus);                   /* code that runs may hold pointers into the windows of a space in force */
}

/* Whose set would be taken: of the space that ran longest ago; NULL if those that have one are all in force. */
static struct space *coldest(const struct space *keep)
{
    struct space *old = NULL;
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        struct space *s = mmu.all[i];
        if (s->half == 0 && s->n_wins && s != keep && !space_in_force(s) && (!old || s->last_used < old->last_used))
            old = s;
    }
    return old;
}

bool org_room(const struct space *s)
{
    if (mmu.cfg.org == ORG_PRIVATE || s->n_wins || mmu.n_sets < sets())
        return true;
    const struct space *old = coldest(s);
    return old && (double)(int64_t)(now_ticks() - old->last_used) * ns_per_tick() > COLD;
}

static bool take_set(const struct space *keep)
{
    struct space *old = coldest(keep);
    if (!old)
        return false;
    mmu.stats.sets_taken++;
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++)
        if (old->win[k / REGION_SLOTS][k % REGION_SLOTS])
            window_release(old->win[k / REGION_SLOTS][k % REGION_SLOTS]);
    return true;
}

enum lend org_lend(struct space *s)
{
    if (s->half || mmu.cfg.org == ORG_PRIVATE || s->n_wins)
        return LEND_OWNED;
    while (mmu.n_sets >= sets())
        if (!take_set(s))
            return LEND_NO;
    mmu.stats.sets_lent++;
    return LEND_NEW;
}

void org_note_fill(struct space *s, uint64_t va)
{
    if (s->half || !mmu.cfg.prefill || mmu.cfg.org == ORG_PRIVATE || mmu.prefilling)
        return;
    struct recent *r = &s->recent;
    if (!r->va)
        r->va = xcalloc(mmu.cfg.prefill, sizeof(*r->va));
    r->va[r->at] = va;
    r->at = (r->at + 1) % mmu.cfg.prefill;
    r->n = MIN(r->n + 1, mmu.cfg.prefill);
}

void org_prefill(struct vcpu *c, struct space *s)
{
    const struct recent *r = &s->recent;
    mmu.prefilling = true;
    for (uint32_t i = 1; i <= r->n; i++) {        /* newest first: what is there already came with a run of a newer one */
        uint64_t va = r->va[(r->at + mmu.cfg.prefill - i) % mmu.cfg.prefill];
        const struct window *win = space_window(s, REGION_LOW_USER, va);
        struct walk w;
        if ((win && window_rec(win, va)) || mmu.guest->walk_space(c, &s->id, s->half, va, ACC_READ, VIEW_USER, &w) != WALK_OK)
            continue;
        if (fill_window(c, s, VIEW_USER, va, &w))
            mmu.stats.prefills++;
    }
    mmu.prefilling = false;
}

void org_free(struct space *s) { free(s->recent.va); }
