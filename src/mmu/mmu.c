/*
 * mmu.c - set-up, instruction fetch, probes and statistics of memory virtualisation.
 *
 * Owns the one struct mmu_state. The parts: space.c (base buffer), window.c, softtlb.c, fill.c, slow.c, sync.c.
 */
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "mmu/internal.h"

struct mmu_state mmu;

/* Read-only memory has become its device's. Nobody need be waited for: a read that was under way came before. */
static void rom_gone(unsigned n)
{
    const struct mem_rom *r = &mem_roms.rom[n];
    mmu_lock();
    if (mmu.rom_cached & 1u << n) {
        softtlb_forget(r->base, r->size);
        window_forget(r->base, r->size);
        mmu.rom_cached &= ~(1u << n);
    }
    mmu_unlock();
}

void mmu_init(const struct mmu_config *cfg, const struct guest_ops *guest)
{
    mmu.cfg = *cfg;
    mmu.guest = guest;
    mmu.epoch.gen = mmu.names = 1;
    mmu.start_ns = now_ns();
    mmu.start_ticks = now_ticks();
    pthread_mutex_init(&mmu.lock, NULL);
    while (!mmu.rng)
        if (getrandom(&mmu.rng, sizeof(mmu.rng), 0) != sizeof(mmu.rng))
            mmu.rng = now_ns();
    window_init();
    mem_on_rom_change(rom_gone);
    wp_init();
    policy_init();
}

void mmu_vcpu_init(struct vcpu *c)
{
    struct mmu_vcpu *m = xcalloc(1, sizeof(*m));
    m->c = c;
    m->index = mmu.n_vcpus;
    c->mmu = m;
    for (unsigned i = 0; i < REGION_TABLE; i++)
        m->rt_user[i] = m->rt_kernel[i] = REGION_POISON;
    for (unsigned i = 0; i < ARRAY_LEN(c->delta); i++)
        c->delta[i] = REGION_POISON;
    c->region_table[VIEW_USER] = m->rt_user;
    c->region_table[VIEW_KERNEL] = c->region_table[VIEW_KERNEL_PAN] = m->rt_kernel;
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        softtlb_none(&c->tlb[v]);
    if (mmu.n_vcpus == ARRAY_LEN(mmu.vcpu))
        bug("more than %zu vCPUs", ARRAY_LEN(mmu.vcpu));
    mmu.vcpu[mmu.n_vcpus++] = c;
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        mmu.vcpu[i]->roots.alone = mmu.n_vcpus == 1;
}

bool mmu_fetch(struct vcpu *c, uint64_t va, uint64_t *gpa, uint64_t *key)
{
    struct walk w;
    enum view view = mmu.guest->fetch_view(c);
    mmu_lock();
    bool ok;
    while ((ok = mmu.guest->walk(c, va, ACC_EXEC, view, &w) == WALK_OK) && unlikely(w.update))
        if (!leaf_update(&w)) {
            w.fault = FAULT_EXTERNAL;
            ok = false;
            break;
        }
    if (ok && !mem_is_readable(w.gpa & PAGE_MASK, PAGE_SIZE)) {
        w.fault = FAULT_EXTERNAL;
        ok = false;
    }
    if (ok) {
        struct space *s = c->roots.space[va_half(va)];
        if (w.global)
            space_global(s);
        space_note_exec(s, va, &w, view);
        *gpa = w.gpa;
        *key = s->exec_key;
    }
    mmu_unlock();
    if (!ok)
        mmu.guest->raise_mem(c, &(struct mem_fault){ .va = va, .access = ACC_EXEC, .view = view, .fault = w.fault });
    return ok;
}

enum walk_status mmu_probe(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out)
{
    return mmu.guest->walk(c, va, acc, view, out);
}

bool mmu_peek(struct vcpu *c, uint64_t va, void *buf, size_t len)
{
    uint8_t *out = buf;
    while (len) {
        struct walk w;
        size_t n = MIN(len, (size_t)(PAGE_SIZE - (va & ~PAGE_MASK)));
        const void *p;
        if (mmu.guest->walk(c, va, ACC_READ, VIEW_KERNEL, &w) != WALK_OK || !(p = mem_read_ptr(w.gpa, n)))
            return false;
        memcpy(out, p, n);
        out += n;
        va += n;
        len -= n;
    }
    return true;
}

bool mmu_poke(struct vcpu *c, uint64_t va, const void *buf, size_t len, void (*wrote)(uint64_t gpa, uint64_t len))
{
    const uint8_t *in = buf;
    while (len) {
        struct walk w;
        size_t n = MIN(len, (size_t)(PAGE_SIZE - (va & ~PAGE_MASK)));
        void *p;
        if (mmu.guest->walk(c, va, ACC_READ, VIEW_KERNEL, &w) != WALK_OK || !(p = mem_ptr(w.gpa, n)))
            return false;
        memcpy(p, in, n);
        wrote(w.gpa, n);
        in += n;
        va += n;
        len -= n;
    }
    return true;
}

bool mmu_peek_cached(const struct vcpu *c, uint64_t va, enum view view, uint64_t *out)
{
    enum region_group g = view_group(view, va);
    mmu_lock();
    const struct window *w = g == REGION_GROUPS || va & 7 ? NULL : space_window(c->roots.space[va_half(va)], g, va);
    uint64_t rec = w ? window_rec(w, va) : 0;
    mmu_unlock();
    if (!(rec & REC_R))
        return false;
    memcpy(out, mem_host(REC_GPA(rec)) + (va & ~PAGE_MASK), 8);
    return true;
}

const struct mmu_stats *mmu_stats(void)
{
    mmu.stats.switches = mmu.stats.inline_switches = 0;
    for (unsigned i = 0; i < mmu.n_vcpus; i++) {
        const struct vcpu_roots *r = &mmu.vcpu[i]->roots;
        mmu.stats.switches += mv(mmu.vcpu[i])->switches + r->changes;
        mmu.stats.inline_switches += r->switches;
    }
    return &mmu.stats;
}

void mmu_count_exit(struct vcpu *c, enum mmu_exit cause, uint64_t begun)
{
    uint64_t now = now_ticks(), ticks = now - begun;
    c->roots.stamp = now;
    mv(c)->exits[cause].count++;
    mv(c)->exits[cause].ticks += ticks;
    mv(c)->in_c += ticks;
}

double ns_per_tick(void) { return (double)(now_ns() - mmu.start_ns) / (double)(now_ticks() - mmu.start_ticks + 1); }

struct mmu_exits mmu_exits(enum mmu_exit cause)
{
    struct mmu_exits sum = { 0, 0 };
    double ns = ns_per_tick();
    for (unsigned i = 0; i < mmu.n_vcpus; i++) {
        sum.count += mv(mmu.vcpu[i])->exits[cause].count;
        sum.ns += (uint64_t)(ns * (double)mv(mmu.vcpu[i])->exits[cause].ticks);
    }
    return sum;
}

struct mmu_vmas mmu_vmas(void) { return (struct mmu_vmas){ mmu.vmas, mmu.peak_vmas, mmu.max_vmas }; }
