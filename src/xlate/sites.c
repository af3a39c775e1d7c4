/*
 * sites.c - access sites of translated code: from a SIGSEGV to the slow path, and patching of sites that always take it.
 *
 * xlate_fault() runs in the signal handler, on a thread that was in translated code and so holds no lock: it may try for one, but
 * not wait. What it reads without: a segment's table of blocks, which only grows, and what never changes of the block it runs in.
 */
#include <stdlib.h>
#include <string.h>

#include "mmu/mmu.h"
#include "xlate/internal.h"

static int find_site(const struct block *b, uint32_t off)
{
    uint32_t lo = 0, hi = b->code.n_sites;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (b->code.site[mid].off < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < b->code.n_sites && b->code.site[lo].off == off ? (int)lo : -1;
}

static void patch(struct block *b, uint32_t i)
{
    if (xl.fixed_sites || !xlate_trylock())
        return;                                   /* the next fault tries again */
    if (xl.n_patched == xl.cap_patched || !b->size || b->soft[i] == SITE_PATCHED) {
        xlate_unlock();
        return;                                   /* full until the next review: sites keep faulting meanwhile */
    }
    const struct host_site *s = &b->code.site[i];
    struct patched *p = &xl.patched[xl.n_patched++];
    p->b = b;
    p->site = i;
    memcpy(p->bytes, (const uint8_t *)b->code.entry + s->start, sizeof(p->bytes));
    host_patch_site(&b->code, s);
    b->soft[i] = SITE_PATCHED;
    xl.stats.patched_sites++;
    xlate_unlock();
}

/* The site has faulted often on pages that were then brought to a window: is it the one that touches them first? */
static void try_site(struct block *b, uint32_t i)
{
    if (b->first[i] < TRIAL_FAULTS) {
        b->first[i]++;
        return;
    }
    if (b->first[i] == SITE_TRIED || __atomic_load_n(&xl.trial.b, __ATOMIC_RELAXED))
        return;
    patch(b, i);
    if (b->soft[i] != SITE_PATCHED || !xlate_trylock())
        return;
    if (!xl.trial.b)
        xl.trial = (struct trial){ b, i, mmu_needless_slow(), mmu_window_misses() };
    xlate_unlock();
}

/* How the access of the fault before this one ended decides about its site: the slow path had not run yet at that time. */
static void judge_last(struct vcpu *c)
{
    struct xlate_vcpu *x = c->xlate;
    struct block *b = x->fault_block;
    if (b && mmu_last_was_soft(c))
        mmu_wasted_fault(c);
    x->fault_block = NULL;
    if (!b || !b->size || !b->soft || b->soft[x->fault_site] == SITE_PATCHED)
        return;
    if (!mmu_last_was_soft(c)) {
        b->soft[x->fault_site] = 0;
        try_site(b, x->fault_site);
    } else if (b->soft[x->fault_site] >= SITE_FAULTS - 1) {
        patch(b, x->fault_site);
    } else {
        b->soft[x->fault_site]++;
    }
}

bool xlate_fault(struct vcpu *c, void *ucontext)
{
    const uint8_t *pc = host_fault_pc(ucontext);
    struct block *b = cache_by_host_pc(pc);
    if (!b)
        return false;
    int i = find_site(b, (uint32_t)(pc - (const uint8_t *)b->code.entry));
    if (i < 0)
        return false;
    struct xlate_vcpu *x = c->xlate;
    judge_last(c);
    if (b->soft && b->soft[i] != SITE_PATCHED) {
        x->fault_block = b;
        x->fault_site = (uint32_t)i;
    }
    host_fault_resume(ucontext, (const uint8_t *)b->code.entry + b->code.site[i].slow);
    __atomic_fetch_add(&xl.stats.host_faults, 1, __ATOMIC_RELAXED);
    return true;
}

void sites_forget(struct block *b)
{
    if (xl.trial.b == b)
        xl.trial.b = NULL;
    for (uint32_t i = 0; b->soft && i < xl.n_patched;) {
        if (xl.patched[i].b == b)
            xl.patched[i] = xl.patched[--xl.n_patched];
        else
            i++;
    }
}

/* With the lock: the N sites fault again. All together: the other vCPUs are told three times only. */
static void restore(const struct patched *patched, uint32_t n)
{
    for (unsigned step = 0; step < 3; step++) {
        for (uint32_t i = 0; i < n; i++) {
            const struct patched *p = &patched[i];
            const struct host_site *s = &p->b->code.site[p->site];
            if (!p->b->size)
                continue;
            if (step == 0)
                host_site_stop(&p->b->code, s);
            else
                host_site_restore(&p->b->code, s, p->bytes, step == 1 ? HOST_SITE_TAIL : HOST_SITE_HEAD);
            p->b->soft[p->site] = 0;
            if (p->b->first[p->site] != SITE_TRIED)
                p->b->first[p->site] = 0;
        }
        host_sync_cores();
    }
}

/* With the lock: has the site on trial found so many pages in windows that faults would have cost less? */
static void review_trial(void)
{
    const struct trial *t = &xl.trial;
    uint64_t needless = mmu_needless_slow() - t->needless, faulted = mmu_window_misses() - t->faulted;
    if (faulted < TRIAL_FAULTS && needless < (TRIAL_FAULTS + faulted) * NEEDLESS_SITE)
        return;
    for (uint32_t i = 0; needless > faulted * NEEDLESS_SITE && i < xl.n_patched; i++)
        if (xl.patched[i].b == t->b && xl.patched[i].site == t->site) {
            t->b->first[t->site] = SITE_TRIED;
            restore(&xl.patched[i], 1);
            xl.patched[i] = xl.patched[--xl.n_patched];
        }
    xl.trial.b = NULL;
}

void sites_review(void)
{
    uint64_t now = mmu_needless_slow();
    uint32_t n = __atomic_load_n(&xl.n_patched, __ATOMIC_RELAXED);
    bool all = now - __atomic_load_n(&xl.needless, __ATOMIC_RELAXED) >= NEEDLESS_SLOW + (uint64_t)n * NEEDLESS_SITE || n == xl.cap_patched;
    if (!all && !__atomic_load_n(&xl.trial.b, __ATOMIC_RELAXED))
        return;
    xlate_lock();
    if (xl.trial.b)
        review_trial();
    if (all) {
        __atomic_store_n(&xl.needless, now, __ATOMIC_RELAXED);
        restore(xl.patched, xl.n_patched);
        xl.n_patched = 0;
        xl.trial.b = NULL;
    }
    xlate_unlock();
}

void sites_region_miss(struct vcpu *c, const void *host_pc)
{
    struct block *b = cache_by_host_pc(host_pc);
    if (!b || !b->size || b->tries >= MISS_TRIES || ++b->misses < MISS_SAMPLES || !xlate_trylock())
        return;
    if (!b->size) {
        xlate_unlock();
        return;
    }
    xl.retry[b->gpa >> 2 & (RETRY_SIZE - 1)] = (struct retry){ b->gpa, (uint8_t)(b->tries + 1) };
    xl.stats.repredicted++;
    cache_remove(b);                              /* its bytes stay: the vCPU is in them */
    cache_purge_jumps(b);
    __atomic_store_n(&c->exit_req, 1, __ATOMIC_RELAXED);      /* it may be going round in b */
    xlate_unlock();
}
