/*
 * softtlb.c - the software TLB: one array a space, view and vCPU, so that a context switch flushes nothing.
 *
 * Owns struct softtlb and vcpu.tlb[]. Holds RAM pages only; MMIO always takes the slow path.
 */
#include <stdlib.h>
#include <string.h>

#include "mmu/internal.h"

#define TLB_MIN 256u
#define TLB_MAX 16384u

/* What vcpu.tlb[] points to while a space has no array: one entry that never matches. Never written. */
static struct tlb_entry no_entries[1] = { { TLB_INVALID, TLB_INVALID, 0, 0 } };

void softtlb_none(struct tlb_desc *d)
{
    d->mask = 0;
    d->table = no_entries;
}

static unsigned entries(const struct softtlb *t) { return (unsigned)(t->d.mask >> TLB_ENTRY_SHIFT) + 1; }

static void clear(struct softtlb *t)
{
    for (unsigned i = 0; i < entries(t); i++)
        t->d.table[i].read_tag = t->d.table[i].write_tag = TLB_INVALID;
    t->refills = 0;
    t->large_lo = ~0ull;
    t->large_hi = 0;
    t->has_local = false;
}

static void make(struct softtlb *t, unsigned n)
{
    free(t->d.table);
    t->d.table = aligned_alloc(64, n * sizeof(struct tlb_entry));
    if (!t->d.table)
        die("out of memory");
    t->d.mask = (uint64_t)(n - 1) << TLB_ENTRY_SHIFT;
    clear(t);
}

void softtlb_flush(struct softtlb *t)
{
    if (t->d.table)
        clear(t);
}

static struct tlb_entry *entry_of(const struct tlb_desc *d, uint64_t va)
{
    return (struct tlb_entry *)((char *)d->table + ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & d->mask));
}

static void drop_page(struct softtlb *t, uint64_t va)
{
    struct tlb_entry *e = entry_of(&t->d, va);
    if ((e->read_tag & PAGE_MASK) == va || (e->write_tag & PAGE_MASK) == va)
        e->read_tag = e->write_tag = TLB_INVALID;
}

void softtlb_flush_range(struct softtlb *t, uint64_t va, uint64_t last)
{
    if (!t->d.table)
        return;
    if ((va <= t->large_hi && last >= t->large_lo) || (last - va) >> PAGE_SHIFT >= entries(t)) {
        clear(t);                                 /* a page of a larger leaf may go with any address of the leaf */
        return;
    }
    for (uint64_t p = va & PAGE_MASK, n = ((last - p) >> PAGE_SHIFT) + 1; n--; p += PAGE_SIZE)
        drop_page(t, p);
}

void softtlb_flush_half(struct softtlb *t, unsigned half)
{
    if (!t->d.table)
        return;
    for (unsigned i = 0; i < entries(t); i++) {
        struct tlb_entry *e = &t->d.table[i];
        if (e->read_tag != TLB_INVALID || e->write_tag != TLB_INVALID) {
            uint64_t tag = e->read_tag != TLB_INVALID ? e->read_tag : e->write_tag;
            if (va_half(tag) == half)
                e->read_tag = e->write_tag = TLB_INVALID;
        }
    }
}

void softtlb_free(struct space *s)
{
    for (unsigned v = 0; v < VIEW_COUNT; v++) {
        free(s->tlb[v].d.table);
        s->tlb[v].d.table = NULL;
    }
}

/* The user view's array hangs on the low half's space, the kernel views' on the high half's. */
static struct softtlb *tlb_of(struct vcpu *c, enum view view)
{
    return &mv(c)->cur[view == VIEW_USER ? 0 : 1]->tlb[view];
}

void softtlb_bind(struct vcpu *c, unsigned half)
{
    struct mmu_vcpu *m = mv(c);
    for (unsigned v = 0; v < VIEW_COUNT; v++) {
        if ((v == VIEW_USER) != (half == 0))
            continue;
        struct softtlb *t = &m->cur[half]->tlb[v];
        if (t->d.table)
            c->tlb[v] = t->d;
        else
            softtlb_none(&c->tlb[v]);
    }
}

void softtlb_flush_kernel_low(struct mmu_vcpu *m)
{
    if (!m->kernel_low || !m->cur[1])
        return;
    softtlb_flush_half(&m->cur[1]->tlb[VIEW_KERNEL], 0);
    softtlb_flush_half(&m->cur[1]->tlb[VIEW_KERNEL_PAN], 0);
    m->kernel_low = false;
}

void softtlb_insert(struct vcpu *c, struct space *s, enum view view, uint64_t va, const struct walk *w, bool writable)
{
    struct softtlb *t = tlb_of(c, view);
    if (!t->d.table) {
        make(t, TLB_MIN);
        c->tlb[view] = t->d;
    } else if (++t->refills > 4 * entries(t) && entries(t) < TLB_MAX) {
        make(t, 4 * entries(t));
        c->tlb[view] = t->d;
    }
    mmu.stats.soft_refills++;
    uint64_t page = va & PAGE_MASK;
    struct tlb_entry *e = entry_of(&t->d, page);
    e->read_tag = page;
    e->write_tag = writable ? page : TLB_INVALID;
    e->addend = (int64_t)((uint64_t)(uintptr_t)mem_ram.view + (w->gpa & PAGE_MASK) - mem_ram.base - page);
    e->pte = (w->gpa & PAGE_MASK) | w->perms;
    if (w->shift > PAGE_SHIFT) {
        uint64_t lo = ALIGN_DOWN(va, 1ull << w->shift);
        t->large_lo = MIN(t->large_lo, lo);
        t->large_hi = MAX(t->large_hi, lo + (1ull << w->shift) - 1);
    }
    if (view != VIEW_USER && va_half(va) == 0)
        mv(c)->kernel_low = true;
    if (w->global)
        s->has_global = true;
    else
        t->has_local = true;
}
