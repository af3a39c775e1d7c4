/*
 * verify.c - verify=on: before each access, what is cached for it must be what the guest's tables say.
 *
 * With one vCPU the first difference ends the run. With several a difference can be right for a while: another vCPU has changed a
 * descriptor and its TLBI is still to come (Linux may put that off until it has changed many). Then the same difference must
 * not last: it ends the run when it was met often and over a long time, without ever being right in between.
 */
#include "base/log.h"
#include "mmu/internal.h"

#define SUSPECTS 256
#define SUSPECT_NS 5000000000ull
#define SUSPECT_COUNT 100u

static struct suspect { const struct space *s; uint64_t va, cached, since; unsigned count; } suspects[SUSPECTS];

static struct suspect *suspect_of(uint64_t va) { return &suspects[(va >> PAGE_SHIFT) * 0x9e3779b1u >> 8 & (SUSPECTS - 1)]; }

static void differs(struct vcpu *c, uint64_t va, const char *what, uint64_t cached, uint64_t walked)
{
    if (mmu.n_vcpus > 1) {
        const struct space *s = c->roots.space[va_half(va)];
        struct suspect *x = suspect_of(va);
        uint64_t now = now_ns();
        if (x->s != s || x->va != (va & PAGE_MASK) || x->cached != cached)
            *x = (struct suspect){ s, va & PAGE_MASK, cached, now, 0 };
        if (++x->count < SUSPECT_COUNT || now - x->since < SUSPECT_NS)
            return;
    }
    mmu.guest->dump(c, log_printf);
    bug("verify: %s for va %#llx at pc %#llx: cached %#llx, walked %#llx", what, (unsigned long long)va,
        (unsigned long long)vcpu_pc(c), (unsigned long long)cached, (unsigned long long)walked);
}

void verify_page(struct vcpu *c, uint64_t va, enum view view, bool write)
{
    struct walk w;
    mmu.stats.verified++;
    enum walk_status st = mmu.guest->walk(c, va, write ? ACC_WRITE : ACC_READ, view, &w);
    enum region_group g = view_group(view, va);
    const struct window *win = g == REGION_GROUPS ? NULL : space_window(c->roots.space[va_half(va)], g, va);
    uint64_t rec = win ? window_rec(win, va) : 0;
    bool right = true;
    if (rec & (write ? REC_W : REC_R)) {
        const uint64_t *host = (const uint64_t *)(win->base + ((va & ~7ull) - win->va)), *ram;
        right = false;
        if (st != WALK_OK)
            differs(c, va, "window has a page the walk refuses", rec, w.fault);
        else if (REC_GPA(rec) != (w.gpa & PAGE_MASK))
            differs(c, va, "window has another page", rec, w.gpa);
        else if ((ram = mem_read_ptr(w.gpa & ~7ull, 8)) &&
                 __atomic_load_n(host, __ATOMIC_RELAXED) != __atomic_load_n(ram, __ATOMIC_RELAXED))
            differs(c, va, "window shows other bytes", *host, *ram);
        else
            right = true;
    }
    const struct tlb_entry *e = (const struct tlb_entry *)((const char *)c->tlb[view].table +
                                                            ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & c->tlb[view].mask));
    if ((write ? e->write_tag : e->read_tag) == (va & PAGE_MASK)) {
        bool here = false;
        if (st != WALK_OK)
            differs(c, va, "software TLB has a page the walk refuses", e->pte, w.fault);
        else if ((e->pte & PAGE_MASK) != (w.gpa & PAGE_MASK))
            differs(c, va, "software TLB has another page", e->pte, w.gpa);
        else
            here = true;
        right &= here;
    }
    if (right && suspect_of(va)->va == (va & PAGE_MASK))
        suspect_of(va)->s = NULL;
}
