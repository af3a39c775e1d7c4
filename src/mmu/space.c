/*
 * space.c - the SPT base buffer: address spaces by (half, root, configuration), and what a switch changes.
 *
 * Owns struct space. Must not map or unmap anything (window.c) nor compare translations (sync.c).
 *
 * A space is keyed without the ASID: the kernel's and the user's ASID of one process (KPTI) share its windows. An ASID that
 * is new to a low-half space makes it re-validate first, because entries cached under another ASID may be stale for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mmu/internal.h"

#define MAX_SPACES 1024

static unsigned space_hash(unsigned half, const struct space_id *id)
{
    uint64_t h = (id->root ^ id->config * 0x9e3779b97f4a7c15ull ^ half) * 0xd6e8feb86659fd93ull;
    return h >> 56;
}

static uint64_t random64(void)
{
    mmu.rng ^= mmu.rng << 13;
    mmu.rng ^= mmu.rng >> 7;
    mmu.rng ^= mmu.rng << 17;
    return mmu.rng;
}

/* The table of fetched pages is a hash by va, at most three quarters full; past EXEC_MAX pages it starts anew. */
#define EXEC_MAX 16384u

void space_new_exec_key(struct space *s)
{
    /* Keys xor addresses and must never give JC_EMPTY. Read without the lock by vCPUs that run s. */
    __atomic_store_n(&s->exec_key, random64() & ~7ull, __ATOMIC_RELAXED);
    if (s->n_exec)
        memset(s->exec, 0, s->cap_exec * sizeof(*s->exec));
    s->n_exec = 0;
    s->exec_local = false;
    s->exec_shift = PAGE_SHIFT;
    s->exec_lo = ~0ull;
    s->exec_hi = 0;
    mmu.stats.exec_rekeys++;
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mmu.vcpu[i]->roots.space[s->half] == s)
            mmu_touched(i);
}

struct exec_page *space_exec_page(const struct space *s, uint64_t va)
{
    if (!s->cap_exec)
        return NULL;
    uint32_t i = (uint32_t)((va >> PAGE_SHIFT) * 0x9e3779b1u) & (s->cap_exec - 1);
    while (s->exec[i].used && s->exec[i].va != va)
        i = (i + 1) & (s->cap_exec - 1);
    return &s->exec[i];
}

static void exec_grow(struct space *s)
{
    struct exec_page *old = s->exec;
    uint32_t cap = s->cap_exec;
    s->cap_exec = cap ? 2 * cap : 64;
    s->exec = xcalloc(s->cap_exec, sizeof(*s->exec));
    for (uint32_t i = 0; i < cap; i++)
        if (old[i].used)
            *space_exec_page(s, old[i].va) = old[i];
    free(old);
}

void space_note_exec(struct space *s, uint64_t va, const struct walk *w, enum view view)
{
    va &= PAGE_MASK;
    mmu.shown++;
    uint64_t gpa = w->gpa & PAGE_MASK;
    struct exec_page *e = space_exec_page(s, va);
    s->exec_shift = MAX(s->exec_shift, w->shift);
    policy_exec(s, gpa);
    if (e && e->used) {
        if (e->gpa == gpa) {
            s->exec_local |= !w->global;
            e->views |= (uint8_t)(1u << view);
            if (e->leaf != w->leaf_gpa || e->desc != w->desc || e->attrs != w->table_attrs)
                e->leaf = 0;
            return;
        }
        space_new_exec_key(s);
    }
    if (s->n_exec >= EXEC_MAX)
        space_new_exec_key(s);
    if (4 * (s->n_exec + 1) > 3 * s->cap_exec)
        exec_grow(s);
    *space_exec_page(s, va) = (struct exec_page){ .va = va, .gpa = gpa, .leaf = w->leaf_gpa, .desc = w->desc, .attrs = w->table_attrs,
                                                  .used = true, .views = (uint8_t)(1u << view), .shift = w->shift };
    s->n_exec++;
    s->exec_local |= !w->global;
    s->exec_shift = MAX(s->exec_shift, w->shift);
    s->exec_lo = MIN(s->exec_lo, va);
    s->exec_hi = MAX(s->exec_hi, va + PAGE_SIZE - 1);
}

static void space_free(struct space *s)
{
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            if (s->win[g][n])
                window_release(s->win[g][n]);
    softtlb_free(s);
    org_free(s);
    wp_forget_space(s);
    struct space **p = &mmu.spaces[space_hash(s->half, &s->id)];
    while (*p != s)
        p = &(*p)->hash_next;
    *p = s->hash_next;
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        if (mmu.all[i] == s)
            mmu.all[i] = mmu.all[--mmu.n_spaces];
    free(s->exec);
    free(s->more_asids);
    memset(s, 0, sizeof(*s));
    s->hash_next = mmu.freed;                     /* see internal.h */
    mmu.freed = s;
    mmu.names++;
    mmu_forget_switches();
}

void space_stale(struct space *s)
{
    s->stale = true;
    mmu_forget_switches();
}

bool space_in_force(const struct space *s)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mmu.vcpu[i]->roots.space[s->half] == s)
            return true;
    return false;
}

static void evict_oldest(void)
{
    struct space *old = NULL;
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        if (!space_in_force(mmu.all[i]) && (!old || mmu.all[i]->last_used < old->last_used))
            old = mmu.all[i];
    if (old)
        space_free(old);
}

struct space *space_get(unsigned half, const struct space_id *id)
{
    unsigned h = space_hash(half, id);
    for (struct space *s = mmu.spaces[h]; s; s = s->hash_next)
        if (s->half == half && s->id.root == id->root && s->id.config == id->config)
            return s;
    if (mmu.n_spaces >= MAX_SPACES)
        evict_oldest();
    struct space *s = mmu.freed;
    if (s)
        mmu.freed = s->hash_next;
    else
        s = xcalloc(1, sizeof(*s));
    softtlb_new(s);
    s->id = *id;
    s->half = (uint8_t)half;
    policy_new_owner(s);
    space_new_exec_key(s);
    s->hash_next = mmu.spaces[h];
    mmu.spaces[h] = s;
    if (mmu.n_spaces == mmu.cap_spaces) {
        mmu.cap_spaces = mmu.cap_spaces ? 2 * mmu.cap_spaces : 64;
        mmu.all = realloc(mmu.all, mmu.cap_spaces * sizeof(*mmu.all));
        if (!mmu.all)
            die("out of memory");
    }
    mmu.all[mmu.n_spaces++] = s;
    mmu.stats.new_spaces++;
    log_to(mmu, "mmu: new space half %u root %#llx config %#llx asid %u\n", half, (unsigned long long)id->root,
           (unsigned long long)id->config, id->asid);
    return s;
}

bool space_has_asid(const struct space *s, int asid)
{
    if (asid == MMU_ANY_ASID)
        return true;
    for (unsigned i = 0; i < s->n_asids; i++)
        if (s->asid[i] == asid)
            return true;
    return s->more_asids && s->more_asids[asid >> 6] >> (asid & 63) & 1;
}

/* Note that s runs under asid. true: it was not known, what is cached must be re-validated. */
static bool space_add_asid(struct space *s, uint16_t asid)
{
    if (space_has_asid(s, asid))
        return false;
    mmu.names++;
    if (s->n_asids < SPACE_ASIDS) {
        s->asid[s->n_asids++] = asid;
        return true;
    }
    if (!s->more_asids)
        s->more_asids = xcalloc(65536 / 64, sizeof(*s->more_asids));
    s->more_asids[asid >> 6] |= 1ull << (asid & 63);
    return true;
}

static int64_t window_delta(const struct window *w)
{
    return w ? (int64_t)((uint64_t)(uintptr_t)w->base - w->va) : REGION_POISON;
}

static void set_slot(struct mmu_vcpu *m, unsigned g, unsigned n, int64_t d)
{
    m->c->delta[g * REGION_SLOTS + n] = d;
    int64_t region = mmu.slot_region[g][n];
    if (region != INT64_MIN)
        (g == REGION_LOW_USER ? m->rt_user : m->rt_kernel)[region & (REGION_TABLE - 1)] = d;
}

void window_rebase(struct space *s, unsigned g, unsigned slot)
{
    mmu_forget_switches();
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mmu.vcpu[i]->roots.space[s->half] == s)
            set_slot(mv(mmu.vcpu[i]), g, slot, window_delta(s->win[g][slot]));
}

void space_bind(struct vcpu *c, unsigned half, struct space *s)
{
    struct mmu_vcpu *m = mv(c);
    struct space *old = m->c->roots.space[half];
    softtlb_flush_kernel_low(m);
    __atomic_store_n(&m->c->roots.space[half], s, __ATOMIC_RELAXED);
    s->last_used = m->begun;
    m->switches++;
    for (unsigned g = 0; g < REGION_GROUPS; g++) {
        if ((g == REGION_HIGH) != (half == 1))
            continue;
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            set_slot(m, g, n, window_delta(s->win[g][n]));
    }
    softtlb_bind(c, half);
    if (old && half == 0)
        policy_leave(old);
}

/* A kernel's half has no such thing, but under KPTI; Linux's reserved root has nothing at all. */
bool space_has_local(const struct space *s)
{
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++) {
        const struct window *w = s->win[k / REGION_SLOTS][k % REGION_SLOTS];
        if (w && w->local_pages)
            return true;
    }
    return softtlb_has_local(s) || s->exec_local;
}

void mmu_switch(struct vcpu *c)
{
    struct mmu_vcpu *m = mv(c);
    struct vcpu_roots *r = &c->roots;
    struct space *left = r->left;
    const unsigned undone = r->undone;
    r->undone = 0;
    exit_begin(c, MMU_EXIT_switch_base);
    mmu_lock();
    for (unsigned half = 0; half < 2; half++)
        if (undone >> half & 1)
            r->space[half] = NULL;
    for (unsigned half = 0; half < 2; half++) {
        struct space_id id = mmu.guest->space(c, half);
        struct space *s = r->space[half];
        bool same = s && s->id.root == id.root && s->id.config == id.config;
        if (!same) {
            s = space_get(half, &id);
            space_bind(c, half, s);
        }
        bool new_asid = space_add_asid(s, id.asid);
        if (new_asid && s->n_asids > 2 && half == 0)
            policy_new_owner(s);                  /* a process has one ASID, or two under KPTI */
        if ((new_asid && s->n_asids > 1 && space_has_local(s)) || s->stale) {
            if (sync_space_looks(s))
                mv(c)->cause = MMU_EXIT_switch_compare;
            log_to(mmu, "mmu: compare space half %u root %#llx asid %u: %s, %u code pages, %u windows\n", half, (unsigned long long)id.root,
                   id.asid, s->stale ? "stale" : "new ASID", s->n_exec, s->n_wins);
            sync_space(c, s);
        }
    }
    if (undone & 1)
        policy_leave(left);                       /* space_bind() saw NULL there */
    r->in_c = m->kernel_low || policy_waits(r->space[0]);
    m->gen = mmu.epoch.gen;
    mmu_unlock();
    exit_end(c);
}

/* Where a switch is to be remembered: in its own place, or that of one that is true no more, or instead of the oldest of the set. */
static struct vcpu_switch *place_of(struct vcpu_switch *set, uint64_t root, uint64_t other, uint64_t gen)
{
    for (unsigned way = 0; way < SWITCH_WAYS; way++)
        if (set[way].root == root && set[way].other == other)
            return &set[way];
    for (unsigned way = 0; way < SWITCH_WAYS; way++)
        if (set[way].gen != gen)
            return &set[way];
    memmove(&set[1], &set[0], (SWITCH_WAYS - 1) * sizeof(*set));
    return &set[0];
}

void mmu_remember_switch(struct vcpu *c, unsigned half)
{
    struct mmu_vcpu *m = mv(c);
    struct vcpu_roots *r = &c->roots;
    uint64_t root = r->root[half], other = r->root[!half];
    if (r->in_c)
        return;
    struct vcpu_switch *w = place_of(&r->known[half][SWITCH_WAYS * switch_set(root, other)], root, other, m->gen);
    struct space *s = r->space[half];
    *w = (struct vcpu_switch){ .root = root, .other = other, .gen = m->gen, .space = s, .with = r->space[!half], .used = &s->last_used,
                               .exec_key = &s->exec_key, .ctx_user = c->ctx_user };
    for (unsigned v = half ? VIEW_KERNEL : VIEW_USER, n = 0; v < (half ? VIEW_COUNT : VIEW_KERNEL); v++)
        w->tlb[n++] = &s->tlb[m->index][v].d;
    unsigned n = 0;
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned k = 0; (g == REGION_HIGH) == half && k < REGION_SLOTS; k++) {
            int64_t region = mmu.slot_region[g][k], *at = &c->delta[g * REGION_SLOTS + k];
            if (region == INT64_MIN)
                continue;                         /* no space has a window there */
            w->slot[n].at = at;
            w->slot[n].delta = *at;
            w->slot[n++].table = &(g == REGION_LOW_USER ? m->rt_user : m->rt_kernel)[region & (REGION_TABLE - 1)];
        }
    w->size = n * sizeof(w->slot[0]);
}

const struct vcpu_epoch *mmu_epoch(void) { return &mmu.epoch; }

void mmu_reset(void)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++) {
        struct vcpu *c = mmu.vcpu[i];
        struct mmu_vcpu *m = mv(c);
        c->roots.space[0] = c->roots.space[1] = c->roots.left = NULL;
        c->roots.undone = 0;
        vcpu_forget_switches(c);
        m->kernel_low = false;
        m->tlbi = (struct tlbi_notes){ .n = 0 };
        c->tlbi_pending = 0;
        for (unsigned n = 0; n < ARRAY_LEN(c->delta); n++)
            c->delta[n] = REGION_POISON;
        for (unsigned n = 0; n < REGION_TABLE; n++)
            m->rt_user[n] = m->rt_kernel[n] = REGION_POISON;
        for (unsigned v = 0; v < VIEW_COUNT; v++)
            softtlb_none(&c->tlb[v]);
    }
    while (mmu.n_spaces)
        space_free(mmu.all[0]);
    /* KASLR puts the next kernel elsewhere: kept, the slots would be used up after a few boots. */
    for (unsigned g = 0; g < REGION_GROUPS; g++)
        for (unsigned n = 0; n < REGION_SLOTS; n++)
            mmu.slot_region[g][n] = INT64_MIN;
    memset(mmu.churn, 0, sizeof(mmu.churn));
}

uint64_t mmu_exec_key(struct vcpu *c, uint64_t va)
{
    return __atomic_load_n(&c->roots.space[va_half(va)]->exec_key, __ATOMIC_RELAXED);
}
