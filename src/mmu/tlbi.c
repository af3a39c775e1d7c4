/*
 * tlbi.c - the guest's TLB maintenance: noted as it is issued, merged, and done at the barrier that completes it.
 *
 * A TLBI is complete when a DSB behind it on the same PE is; until then any translation that it names may still be used
 * (Arm ARM DDI 0487, D8.14). So a TLBI only makes a note in its vCPU, without the lock, and the DSB does what was noted: one exit
 * for a loop over pages, or for the two ASIDs under which Linux invalidates each page with KPTI. Operands are decoded when they are
 * noted: what they name does not depend on what is in force later. A TLBI that needs no look at a table or window, and no other vCPU to
 * wait for, is not even noted: it is done at once.
 *
 * Owns struct tlbi_notes. What is compared or dropped is sync.c's and softtlb.c's.
 */
#include "base/log.h"
#include "base/quiet.h"
#include "mmu/internal.h"

/* ---- at once ---- */

/* With the lock: the spaces that a TLBI names. */
static const struct named *named_by(struct mmu_vcpu *m, enum names what, int asid)
{
    for (unsigned i = 0; i < NAMED; i++)
        if (m->named[i].names == mmu.names && m->named[i].asid == asid && m->named[i].what == what)
            return &m->named[i];
    struct named *n = &m->named[m->named_next++ % NAMED];
    *n = (struct named){ .names = mmu.names, .asid = asid, .what = (uint8_t)what };
    for (unsigned i = 0; i < mmu.n_spaces && n->n <= NAMED_SPACES; i++) {
        struct space *s = mmu.all[i];
        bool named = what == NAMES_ASID ? space_has_asid(s, asid) : s->half == what && (s->has_global || space_has_asid(s, asid));
        if (named && n->n++ < NAMED_SPACES)
            n->s[n->n - 1] = s;
    }
    return n;
}

/* With the lock: may it be done without waiting for another vCPU, but for what software TLBs hold? */
static bool may_be_alone(const struct vcpu *c)
{
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mmu.vcpu[i] != c && (mv(mmu.vcpu[i])->in_mmio || mv(mmu.vcpu[i])->kernel_low))
            return false;
    return wp_settled();
}

/* Are N's spaces among O's? */
static bool all_in(const struct named *n, const struct named *o)
{
    if (n->names != o->names)
        return false;
    for (unsigned i = 0, k; i < n->n; i++) {
        for (k = 0; k < o->n && o->s[k] != n->s[i]; k++)
            ;
        if (k == o->n)
            return false;
    }
    return true;
}

/* A loop over pages has come to VA: what is true of it, is it true of the next ones? */
#define AHEAD 16u
static void look_ahead(struct mmu_vcpu *m, const struct named *n, uint64_t va)
{
    uint64_t hi = va | ((1ull << 55) - 1);        /* the end of the half */
    hi = MIN(hi, va + (AHEAD << PAGE_SHIFT) - 1);
    for (unsigned i = 0; i < n->n; i++)
        if (sync_range_looks(n->s[i], va, hi))
            return;
    m->at_once.lo = va;
    m->at_once.hi = hi;
}

/*
 * What is in no window and no page of code, and in the software TLB of no other vCPU that runs there, is dropped as the TLBI is
 * issued: it costs no more than a note, and the barrier has nothing to do. Not behind a note: there will be an exit then.
 */
static bool range_at_once(struct vcpu *c, uint64_t va, uint64_t last, int asid)
{
    if (c->tlbi_pending || !mmu_trylock())
        return false;
    struct mmu_vcpu *m = mv(c);
    const struct named *n = named_by(m, va_half(va) ? NAMES_HIGH : NAMES_LOW, asid);
    bool done = n->n <= NAMED_SPACES && may_be_alone(c);
    bool same = done && all_in(n, &m->at_once.of), shown = same && m->at_once.shown == mmu.shown;
    bool again = shown && m->at_once.soft_cached == mmu.soft_cached &&
                 m->at_once.va == va && m->at_once.last == last;   /* under the other ASID */
    bool near = shown && va >= m->at_once.lo && last <= m->at_once.hi;
    for (unsigned i = 0; done && !again && i < n->n; i++)
        done = (near || !sync_range_looks(n->s[i], va, last)) && softtlb_flush_range_alone(c, n->s[i], va, last);
    if (done) {
        if (va_half(va) == 0)
            softtlb_flush_kernel_low_asid(asid);
        if (!again) {
            if (!near)
                m->at_once.hi = m->at_once.lo = 0;
            if (!near && same && va == m->at_once.last + 1)
                look_ahead(m, n, va);
            m->at_once.of = *n;
            m->at_once.soft_cached = mmu.soft_cached;
            m->at_once.shown = mmu.shown;
            m->at_once.va = va;
            m->at_once.last = last;
        }
        mmu.stats.tlbi_va++;
        mmu.stats.tlbi_at_once++;
    }
    mmu_unlock();
    return done;
}

/* A space that is not in force will be compared when it is. */
static bool asid_at_once(struct vcpu *c, int asid)
{
    if (c->tlbi_pending || !mmu_trylock())
        return false;
    const struct named *n = named_by(mv(c), NAMES_ASID, asid);
    bool done = n->n <= NAMED_SPACES && may_be_alone(c);
    for (unsigned i = 0; done && i < n->n; i++)
        done = !space_has_local(n->s[i]) || !space_in_force(n->s[i]);
    if (done) {
        for (unsigned i = 0; i < n->n; i++)
            if (space_has_local(n->s[i]) && !n->s[i]->stale)
                space_stale(n->s[i]);
        softtlb_flush_kernel_low_asid(asid);
        mmu.stats.tlbi_asid++;
        mmu.stats.tlbi_at_once++;
    }
    mmu_unlock();
    return done;
}

/* ---- noted ---- */

/* A TLBI of everything leaves nothing to say for the others. */
static void done_noting(struct vcpu *c, enum mmu_exit kind)
{
    struct tlbi_notes *t = &mv(c)->tlbi;
    t->count[kind - MMU_EXIT_tlbi_va]++;
    t->kind = MAX(t->kind, (uint8_t)kind);
    c->tlbi_pending = 1;
    if (unlikely(t->n == TLBI_NOTES || mmu.cfg.verify)) {
        mmu_tlbi_complete(c);
        c->tlbi_pending = 1;                      /* the barrier leaves translated code all the same: see mmu.h */
    }
}

void mmu_tlbi_all(struct vcpu *c)
{
    mv(c)->tlbi.n = 0;
    done_noting(c, MMU_EXIT_tlbi_all);
}

void mmu_tlbi_asid(struct vcpu *c, uint16_t asid)
{
    struct tlbi_notes *t = &mv(c)->tlbi;
    if (asid_at_once(c, asid))
        return;
    bool known = t->kind == MMU_EXIT_tlbi_all;
    for (unsigned i = 0; i < t->n && !known; i++)
        known = !t->note[i].range && t->note[i].asid == asid;
    if (!known)
        t->note[t->n++] = (struct tlbi_note){ .asid = asid };
    done_noting(c, MMU_EXIT_tlbi_asid);
}

/* Do [va, last] and the note's range touch or overlap? Neither crosses the middle of the address space. */
static bool adjoins(const struct tlbi_note *n, uint64_t va, uint64_t last)
{
    return va_half(va) == va_half(n->va) && (n->last == ~0ull || va <= n->last + 1) && (last == ~0ull || n->va <= last + 1);
}

void mmu_tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid)
{
    struct tlbi_notes *t = &mv(c)->tlbi;
    uint64_t last = size - 1 > ~va ? ~0ull : va + size - 1;
    if (va_half(last) != va_half(va))             /* what lies behind the half's end is no address */
        last = va | ((1ull << 55) - 1);
    if (range_at_once(c, va, last, asid))
        return;
    bool known = t->kind == MMU_EXIT_tlbi_all;
    for (unsigned i = t->n; i-- > 0 && !known;) {
        struct tlbi_note *n = &t->note[i];
        if (n->range && n->asid == asid && adjoins(n, va, last)) {
            n->va = MIN(n->va, va);
            n->last = MAX(n->last, last);
            known = true;
        }
    }
    if (!known)
        t->note[t->n++] = (struct tlbi_note){ .range = true, .asid = asid, .va = va, .last = last };
    done_noting(c, MMU_EXIT_tlbi_va);
}

static void complete_all(struct vcpu *c)
{
    log_to(mmu, "mmu: tlbi all\n");
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        if (space_in_force(mmu.all[i]))
            sync_space(c, mmu.all[i]);
        else
            space_stale(mmu.all[i]);
    }
    softtlb_flush_kernel_low_all();
}

static bool names_space(const struct tlbi_notes *t, const struct space *s)
{
    for (unsigned i = 0; i < t->n; i++)
        if (!t->note[i].range && space_has_asid(s, t->note[i].asid))
            return true;
    return false;
}

static void complete_asids(struct vcpu *c, const struct tlbi_notes *t)
{
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        struct space *s = mmu.all[i];
        if (!names_space(t, s) || !space_has_local(s))
            continue;
        if (space_in_force(s))
            sync_local(c, s);
        else
            space_stale(s);
    }
    for (unsigned i = 0; i < t->n; i++)
        if (!t->note[i].range) {
            log_to(mmu, "mmu: tlbi asid %d\n", t->note[i].asid);
            softtlb_flush_kernel_low_asid(t->note[i].asid);
        }
}

/* Has a note before note[i] done its range in s already? With KPTI the same pages come under both of a process's ASIDs. */
static bool was_done(const struct tlbi_notes *t, unsigned i, const struct space *s)
{
    const struct tlbi_note *n = &t->note[i];
    for (unsigned k = 0; k < i; k++) {
        const struct tlbi_note *o = &t->note[k];
        if (o->range && o->va <= n->va && o->last >= n->last && space_has_asid(s, o->asid))
            return true;
    }
    return false;
}

static void complete_range(struct vcpu *c, const struct tlbi_notes *t, unsigned at)
{
    const struct tlbi_note *n = &t->note[at];
    unsigned half = va_half(n->va);
    log_to(mmu, "mmu: tlbi va %#llx last %#llx asid %d\n", (unsigned long long)n->va, (unsigned long long)n->last, n->asid);
    for (unsigned i = 0; i < mmu.n_spaces; i++) {
        struct space *s = mmu.all[i];
        if (s->half == half && (s->has_global || space_has_asid(s, n->asid)) && !was_done(t, at, s))
            sync_range(c, s, n->va, n->last);
    }
    if (half == 0)
        softtlb_flush_kernel_low_asid(n->asid);
}

void mmu_tlbi_complete(struct vcpu *c)
{
    struct tlbi_notes *t = &mv(c)->tlbi;
    c->tlbi_pending = 0;
    if (!t->kind)
        return;
    exit_begin(c, (enum mmu_exit)t->kind);
    mmu_lock();
    mmu.touched = 0;
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mv(mmu.vcpu[i])->in_mmio)
            mmu_touched(i);
    mmu.stats.tlbi_va += t->count[0];
    mmu.stats.tlbi_asid += t->count[1];
    mmu.stats.tlbi_all += t->count[2];
    wp_settle(c);
    if (t->kind == MMU_EXIT_tlbi_all) {
        complete_all(c);
    } else {
        if (t->kind == MMU_EXIT_tlbi_asid)
            complete_asids(c, t);
        for (unsigned i = 0; i < t->n; i++)
            if (t->note[i].range)
                complete_range(c, t, i);
    }
    *t = (struct tlbi_notes){ .n = 0 };
    /*
     * What was named is out of every cache and window. Another vCPU may have probed its software TLB a moment ago, or run with the
     * key of a code page that was remapped: wait until it has left translated code. Whoever waits counts as having left, so
     * that two may wait for each other.
     */
    uint32_t others = mmu.touched & ~(1u << mv(c)->index);
    mmu_unlock();
    if (unlikely(others)) {
        quiet_pause(c->index);
        quiet_wait(others, false);
        quiet_resume(c->index);
    }
    exit_end(c);
}
