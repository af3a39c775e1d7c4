/*
 * softtlb.c - the software TLB: one array a space, vCPU and view, so that a context switch flushes nothing.
 *
 * Owns struct softtlb and vcpu.tlb[]. Holds pages of memory only; MMIO always takes the slow path. Translated code probes its vCPU's
 * arrays without the lock: see internal.h for what others may do to them.
 */
#include <stdlib.h>
#include <string.h>

#include "mmu/internal.h"

#define TLB_MIN 256u

/* What vcpu.tlb[] points to while a space has no array: one entry that never matches. Never written. */
static struct tlb_entry no_entries[1] = { { TLB_INVALID, TLB_INVALID, 0, 0 } };

void softtlb_none(struct tlb_desc *d)
{
    d->mask = 0;
    d->table = no_entries;
}

static unsigned entries(const struct softtlb *t) { return (unsigned)(t->d.mask >> TLB_ENTRY_SHIFT) + 1; }

static void invalidate(struct tlb_entry *e)
{
    __atomic_store_n(&e->read_tag, TLB_INVALID, __ATOMIC_RELAXED);
    __atomic_store_n(&e->write_tag, TLB_INVALID, __ATOMIC_RELAXED);
}

static void clear(struct softtlb *t)
{
    for (unsigned i = 0; i < entries(t); i++)
        invalidate(&t->d.table[i]);
    t->filled = false;
    t->refills = 0;
    t->large_lo = ~0ull;
    t->large_hi = 0;
    t->has_local = false;
}

static void free_table(struct softtlb *t)
{
    if (t->d.table != no_entries)
        free(t->d.table);
}

static void make(struct softtlb *t, unsigned n)
{
    free_table(t);
    t->d.table = aligned_alloc(64, n * sizeof(struct tlb_entry));
    if (!t->d.table)
        die("out of memory");
    t->d.mask = (uint64_t)(n - 1) << TLB_ENTRY_SHIFT;
    clear(t);
}

/* What an entry of t that W leads to means for flushes. */
static void note_leaf(struct softtlb *t, struct space *s, uint64_t va, const struct walk *w)
{
    if (w->shift > PAGE_SHIFT) {
        uint64_t lo = ALIGN_DOWN(va, 1ull << w->shift);
        t->large_lo = MIN(t->large_lo, lo);
        t->large_hi = MAX(t->large_hi, lo + (1ull << w->shift) - 1);
    }
    if (w->global)
        space_global(s);
    else
        t->has_local = true;
}

/* An entry of s on vCPU i goes. Of a space that is not in force there it can not be in use. */
static void touched(const struct space *s, unsigned i)
{
    if (mmu.vcpu[i]->roots.space[s->half] == s)
        mmu_touched(i);
}

static void flush(struct space *s, bool local_only)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        for (unsigned v = 0; v < VIEW_COUNT; v++) {
            struct softtlb *t = &s->tlb[i][v];
            if (!t->filled || (local_only && !t->has_local))
                continue;
            clear(t);
            touched(s, i);
        }
}

void softtlb_flush(struct space *s) { flush(s, false); }
void softtlb_flush_local(struct space *s) { flush(s, true); }

void softtlb_compare_local(struct vcpu *c, struct space *s)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        for (unsigned v = 0; v < VIEW_COUNT; v++) {
            struct softtlb *t = &s->tlb[i][v];
            for (unsigned k = 0; t->filled && t->has_local && k < entries(t); k++) {
                struct tlb_entry *e = &t->d.table[k];
                uint64_t va = (e->read_tag != TLB_INVALID ? e->read_tag : e->write_tag) & PAGE_MASK;
                struct walk w;
                if ((e->read_tag == TLB_INVALID && e->write_tag == TLB_INVALID) || va_half(va) != s->half)
                    continue;
                if (mmu.guest->walk_space(c, &s->id, s->half, va, ACC_READ, (enum view)v, &w) == WALK_OK && !w.device && !w.update &&
                    ((w.gpa & PAGE_MASK) | w.perms) == (e->pte & ~TLB_NO_WINDOW)) {
                    note_leaf(t, s, va, &w);
                    continue;
                }
                invalidate(e);
                touched(s, i);
            }
        }
}

bool softtlb_has_local(const struct space *s)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        for (unsigned v = 0; v < VIEW_COUNT; v++)
            if (s->tlb[i][v].has_local)
                return true;
    return false;
}

unsigned softtlb_pages(const struct space *s, uint64_t *va)
{
    unsigned n = 0;
    for (unsigned i = 0; i < mmu.n_vcpus; i++) {
        const struct softtlb *t = &s->tlb[i][VIEW_USER];
        for (unsigned k = 0; t->filled && k < entries(t); k++) {
            const struct tlb_entry *e = &t->d.table[k];
            if (e->read_tag != TLB_INVALID || e->write_tag != TLB_INVALID)
                va[n++] = (e->read_tag != TLB_INVALID ? e->read_tag : e->write_tag) & PAGE_MASK;
        }
    }
    return n;
}

static struct tlb_entry *entry_of(const struct tlb_desc *d, uint64_t va)
{
    return (struct tlb_entry *)((char *)d->table + ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & d->mask));
}

static bool drop_page(struct softtlb *t, uint64_t va)
{
    struct tlb_entry *e = entry_of(&t->d, va);
    if ((e->read_tag & PAGE_MASK) != va && (e->write_tag & PAGE_MASK) != va)
        return false;
    invalidate(e);
    return true;
}

/* Of an array that is not empty. Did anything go? */
static bool drop_range(struct softtlb *t, uint64_t va, uint64_t last)
{
    if ((va <= t->large_hi && last >= t->large_lo) || (last - va) >> PAGE_SHIFT >= entries(t)) {
        clear(t);                                 /* a page of a larger leaf may go with any address of the leaf */
        return true;
    }
    bool any = false;
    for (uint64_t p = va & PAGE_MASK, n = ((last - p) >> PAGE_SHIFT) + 1; n--; p += PAGE_SIZE)
        any |= drop_page(t, p);
    return any;
}

static bool holds(const struct softtlb *t, uint64_t va, uint64_t last)
{
    if ((va <= t->large_hi && last >= t->large_lo) || (last - va) >> PAGE_SHIFT >= entries(t))
        return true;
    for (uint64_t p = va & PAGE_MASK, n = ((last - p) >> PAGE_SHIFT) + 1; n--; p += PAGE_SIZE) {
        const struct tlb_entry *e = entry_of(&t->d, p);
        if ((e->read_tag & PAGE_MASK) == p || (e->write_tag & PAGE_MASK) == p)
            return true;
    }
    return false;
}

static bool flush_range(struct space *s, unsigned i, uint64_t va, uint64_t last)
{
    bool any = false;
    for (unsigned v = s->half == 0 ? VIEW_USER : 0; v < (s->half == 0 ? VIEW_USER + 1 : VIEW_COUNT); v++)
        if (s->tlb[i][v].filled && drop_range(&s->tlb[i][v], va, last)) {
            any = true;
            touched(s, i);
            if (v == VIEW_USER && !s->policy.windows)
                policy_drop(s, 1);
        }
    return any;
}

bool softtlb_flush_range_alone(const struct vcpu *c, struct space *s, uint64_t va, uint64_t last)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        for (unsigned v = 0; v < VIEW_COUNT && mmu.vcpu[i] != c && mmu.vcpu[i]->roots.space[s->half] == s; v++)
            if (s->tlb[i][v].filled && holds(&s->tlb[i][v], va, last))
                return false;
    bool any = false;
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        any |= flush_range(s, i, va, last);
    if (any)
        churn_dropped(s, va, last);
    return true;
}

void softtlb_flush_range(struct space *s, uint64_t va, uint64_t last)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        flush_range(s, i, va, last);
}

static void flush_half(struct softtlb *t, unsigned half)
{
    if (!t->filled)
        return;
    for (unsigned i = 0; i < entries(t); i++) {
        struct tlb_entry *e = &t->d.table[i];
        if (e->read_tag != TLB_INVALID || e->write_tag != TLB_INVALID) {
            uint64_t tag = e->read_tag != TLB_INVALID ? e->read_tag : e->write_tag;
            if (va_half(tag) == half)
                invalidate(e);
        }
    }
}

void softtlb_free(struct space *s)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        for (unsigned v = 0; v < VIEW_COUNT; v++) {
            free_table(&s->tlb[i][v]);
            softtlb_none(&s->tlb[i][v].d);
        }
}

void softtlb_new(struct space *s)
{
    for (unsigned i = 0; i < MMU_VCPUS; i++)
        for (unsigned v = 0; v < VIEW_COUNT; v++)
            softtlb_none(&s->tlb[i][v].d);
}

static bool protect_in(struct softtlb *t, uint64_t gpa)
{
    bool any = false;
    for (unsigned i = 0; t->filled && i < entries(t); i++) {
        struct tlb_entry *e = &t->d.table[i];
        if (e->write_tag == TLB_INVALID || (e->pte & PAGE_MASK) != (gpa & PAGE_MASK))
            continue;
        __atomic_store_n(&e->write_tag, TLB_INVALID, __ATOMIC_RELAXED);
        any = true;
    }
    return any;
}

uint32_t softtlb_protect(uint64_t gpa)
{
    uint32_t vcpus = 0;
    for (unsigned n = 0; n < mmu.n_spaces; n++)
        for (unsigned i = 0; i < mmu.n_vcpus; i++)
            for (unsigned v = 0; v < VIEW_COUNT; v++)
                if (protect_in(&mmu.all[n]->tlb[i][v], gpa))
                    vcpus |= 1u << i;
    return vcpus;
}

void softtlb_forget(uint64_t gpa, uint64_t len)
{
    for (unsigned n = 0; n < mmu.n_spaces; n++)
        for (unsigned i = 0; i < mmu.n_vcpus; i++)
            for (unsigned v = 0; v < VIEW_COUNT; v++) {
                struct softtlb *t = &mmu.all[n]->tlb[i][v];
                for (unsigned k = 0; t->filled && k < entries(t); k++)
                    if ((t->d.table[k].pte & PAGE_MASK) - gpa < len)
                        invalidate(&t->d.table[k]);
            }
}

/* The user view's array hangs on the low half's space, the kernel views' on the high half's. */
static struct softtlb *tlb_of(struct vcpu *c, enum view view)
{
    return &c->roots.space[view == VIEW_USER ? 0 : 1]->tlb[mv(c)->index][view];
}

void softtlb_bind(struct vcpu *c, unsigned half)
{
    struct mmu_vcpu *m = mv(c);
    for (unsigned v = 0; v < VIEW_COUNT; v++) {
        if ((v == VIEW_USER) != (half == 0))
            continue;
        c->tlb[v] = c->roots.space[half]->tlb[m->index][v].d;
    }
}

void softtlb_flush_kernel_low(struct mmu_vcpu *m)
{
    if (!m->kernel_low || !m->c->roots.space[1])
        return;
    flush_half(&m->c->roots.space[1]->tlb[m->index][VIEW_KERNEL], 0);
    flush_half(&m->c->roots.space[1]->tlb[m->index][VIEW_KERNEL_PAN], 0);
    m->kernel_low = false;
    mmu_touched(m->index);
}

void softtlb_flush_kernel_low_all(void)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        softtlb_flush_kernel_low(mv(mmu.vcpu[i]));
}

void softtlb_flush_kernel_low_asid(int asid)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++) {
        struct mmu_vcpu *m = mv(mmu.vcpu[i]);
        if (m->kernel_low && m->c->roots.space[0] && (m->c->roots.space[0]->has_global || space_has_asid(m->c->roots.space[0], asid)))
            softtlb_flush_kernel_low(m);
    }
}

void softtlb_insert(struct vcpu *c, struct space *s, enum view view, uint64_t va, const struct walk *w, bool no_window)
{
    struct softtlb *t = tlb_of(c, view);
    if (t->d.table == no_entries) {
        make(t, TLB_MIN);
        c->tlb[view] = t->d;
    } else if (++t->refills > 4 * entries(t) && entries(t) < SOFTTLB_MAX) {
        make(t, 4 * entries(t));
        c->tlb[view] = t->d;
    }
    mmu.stats.soft_refills++;
    mmu.soft_cached++;
    if (view == VIEW_USER)
        policy_refill(s);
    t->filled = true;
    uint64_t page = va & PAGE_MASK;
    struct tlb_entry *e = entry_of(&t->d, page);
    e->read_tag = page;
    bool ram = mem_is_ram(w->gpa & PAGE_MASK, PAGE_SIZE);
    mmu_note_rom(w->gpa & PAGE_MASK, PAGE_SIZE);
    e->write_tag = w->perms & PERM_W(view) && ram && wp_soft_writable(w->gpa) ? page : TLB_INVALID;
    e->addend = (int64_t)((uint64_t)(uintptr_t)mem_host(w->gpa & PAGE_MASK) - page);
    e->pte = (w->gpa & PAGE_MASK) | w->perms | (no_window ? TLB_NO_WINDOW : 0);
    note_leaf(t, s, va, w);
    if (view != VIEW_USER && va_half(va) == 0) {
        mv(c)->kernel_low = true;
        c->roots.in_c = 1;
    }
}
