/*
 * slow.c - accesses that reach C: software TLB or walk, fill, MMIO, page-crossing, atomics, faults.
 *
 * The one place that raises the guest's data aborts. Must not map windows itself (fill.c, window.c).
 */
#include <string.h>

#include "base/log.h"
#include "mmu/internal.h"

/* Every slow path but held() runs from enter() to leave() under the lock, the access to RAM included: a TLBI comes before or after it. */
static void enter(struct vcpu *c, uint32_t pc_off)
{
    c->pc_off = pc_off;
    mv(c)->last_soft = false;
    exit_begin(c, MMU_EXIT_held);
    mmu_lock();
    mmu.stats.slow_accesses++;
}

static void leave(struct vcpu *c)
{
    mv(c)->in_mmio = false;
    mmu_unlock();
    exit_end(c);
}

NORETURN static void raise_fault(struct vcpu *c, uint64_t va, enum access acc, enum view view, uint8_t code)
{
    if (view == VIEW_USER)
        policy_fault(c->roots.space[0]);
    mmu.stats.guest_faults++;
    mv(c)->cause = MMU_EXIT_guest_fault;
    leave(c);
    mmu.guest->raise_mem(c, &(struct mem_fault){ .va = va, .access = acc, .view = view, .fault = code });
    vcpu_unwind(c);
}

static struct space *space_of(struct vcpu *c, uint64_t va) { return c->roots.space[va_half(va)]; }

#define HELD_FAST 10                              /* ns of held() */
#define HELD_SLOW 200                             /* of resolve() that finds what it looks for */

static const struct tlb_entry *entry_of(const struct vcpu *c, enum view view, uint64_t va)
{
    return (const struct tlb_entry *)((const char *)c->tlb[view].table + ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & c->tlb[view].mask));
}

/*
 * The host address of a page that windows refused, for code that uses windows; NULL: see resolve(). Without the lock, as translated
 * code itself would probe: who invalidates an entry waits for this vCPU (internal.h).
 */
static uint8_t *held(struct vcpu *c, uint64_t va, unsigned size, struct ir_mem m)
{
    const struct tlb_entry *e = entry_of(c, (enum view)m.view, va);
    if ((m.write ? e->write_tag : e->read_tag) != (va & PAGE_MASK) || !(e->pte & TLB_NO_WINDOW) ||
        va & ((size - 1) | ir_mem_align_mask(m)) ||
        ++mv(c)->held == HELD_SAMPLE || mmu.cfg.verify)
        return NULL;
    mv(c)->last_soft = true;
    mv(c)->exits[MMU_EXIT_held].count++;
    return (uint8_t *)(uintptr_t)(va + (uint64_t)e->addend);
}

/*
 * A page of a space with windows is served here, by the software TLB. One that is used a lot is worth a window, again if it churned
 * and also if that has been forgotten meanwhile: let the next miss decide.
 */
static void count_use(struct vcpu *c, uint64_t va, enum view view)
{
    struct space *s = space_of(c, va);
    struct churn *h = churn_of(s, va);
    unsigned uses = mv(c)->held == HELD_SAMPLE ? HELD_SAMPLE : 1;
    mv(c)->held = 0;
    if (view == VIEW_USER)
        policy_held(s, HELD_SLOW + HELD_FAST * (uses - 1));
    h->uses += uses;
    if (h->uses < CHURN_USES)
        return;
    if (h->drops < CHURN_DROPS)
        h->uses = 0;
    softtlb_flush_range(c->roots.space[view == VIEW_USER ? 0 : 1], va & PAGE_MASK, va | ~PAGE_MASK);
}

/*
 * The host address of [va, va + len) within one page, or NULL when it is a device's (then *gpa is set). Raises the guest's
 * fault otherwise. va has no tag any more only in the caches: it is stripped here.
 */
static uint8_t *resolve(struct vcpu *c, uint64_t va, unsigned len, struct ir_mem m, uint64_t *gpa)
{
    uint64_t tagged = va;
    bool ok = mmu.guest->canonical(c, &va);
    enum access acc = m.write ? ACC_WRITE : ACC_READ;
    enum view view = (enum view)m.view;
    bool windows = mmu_windows(c, mmu.guest->fetch_view(c)) & (view == VIEW_USER ? MMU_USER_WINDOWS : MMU_KERNEL_WINDOWS);
    if (likely(ok)) {
        const struct tlb_entry *e = entry_of(c, view, va);
        if (unlikely(mmu.cfg.verify))
            verify_page(c, va, view, m.write);
        if ((m.write ? e->write_tag : e->read_tag) == (va & PAGE_MASK) && (!windows || e->pte & TLB_NO_WINDOW)) {
            mv(c)->last_soft = true;
            if (windows)
                count_use(c, va, view);
            return (uint8_t *)(uintptr_t)(va + (uint64_t)e->addend);
        }
        enum region_group g = view_group(view, va);
        const struct window *win = !windows || g == REGION_GROUPS ? NULL : space_window(space_of(c, va), g, va);
        uint64_t rec = win ? window_rec(win, va) : 0;
        if (rec & (m.write ? REC_W : REC_R)) {
            mmu.stats.window_hits++;
            mmu.needless++;
            if (view == VIEW_USER)
                policy_held(space_of(c, va), HELD_SLOW);
            return mem_host(REC_GPA(rec)) + (va & ~PAGE_MASK);
        }
    }
    struct walk w;
    wp_settle(c);
again:
    if (mmu.guest->walk(c, tagged, acc, view, &w) != WALK_OK)
        raise_fault(c, tagged, acc, view, w.fault);
    if (w.device && va & ((1u << m.size) - 1))
        raise_fault(c, tagged, acc, view, FAULT_ALIGN);
    uint64_t hit;
    if (unlikely(watched_page(va)) && watch_debugger(va, len, m.write, &hit)) {
        leave(c);
        mmu.debug_stop(c, hit, m.write);
    }
    if (unlikely(watched_page(va)) && mmu.guest->watch(c, va, len, m.write, view, &hit))
        raise_fault(c, hit, acc, view, FAULT_WATCH);
    if (unlikely(w.update)) {                     /* not before here: the access will be performed */
        if (!leaf_update(&w))
            raise_fault(c, tagged, acc, view, FAULT_EXTERNAL);
        goto again;
    }
    uint8_t *host = mem_is_ram(w.gpa, len) || (!m.write && mem_is_readable(w.gpa, len)) ? mem_host(w.gpa) : NULL;
    if (!host) {
        mv(c)->last_soft = true;
        *gpa = w.gpa;
        return NULL;
    }
    if (m.write && wp_is_table(w.gpa) && wp_write(w.gpa, len)) {
        mv(c)->last_soft = true;
        mv(c)->cause = MMU_EXIT_write_protection;
        return host;
    }
    struct space *s = space_of(c, va);
    mv(c)->cause = MMU_EXIT_fill;
    if (!windows || !fill_window(c, s, view, va, &w)) {
        mv(c)->last_soft = true;
        mv(c)->cause = MMU_EXIT_soft_refill;
        /* Never cached: Device memory, which must fault when unaligned, and the high half seen by EL0, whose array is the low half's. */
        if ((!w.device || !w.leaf_gpa) && !(view == VIEW_USER && va_half(va)) && !watched_page(va))
            softtlb_insert(c, s, view, va, &w, windows);
    }
    if (m.write && wp_is_table(w.gpa))            /* by this very fill */
        wp_write(w.gpa, len);
    return host;
}

/* Devices have a lock of their own, and may take long: a TLBI of meanwhile waits for vCPUs in_mmio. */
static void mmio_begin(struct vcpu *c)
{
    mmu.stats.mmio++;
    mv(c)->cause = MMU_EXIT_mmio;
    mv(c)->in_mmio = true;
    mmu_unlock();
}

static uint64_t mmio_load(struct vcpu *c, uint64_t va, uint64_t gpa, struct ir_mem m, unsigned size)
{
    uint64_t v;
    mmio_begin(c);
    bool ok = mem_mmio_read(gpa, size, &v);
    mmu_lock();
    if (!ok)
        raise_fault(c, va, ACC_READ, (enum view)m.view, FAULT_EXTERNAL);
    return v;
}

static void mmio_store(struct vcpu *c, uint64_t va, uint64_t gpa, struct ir_mem m, unsigned size, uint64_t v)
{
    mmio_begin(c);
    bool ok = mem_mmio_write(gpa, size, v);
    mmu_lock();
    if (!ok)
        raise_fault(c, va, ACC_WRITE, (enum view)m.view, FAULT_EXTERNAL);
}

static uint64_t ram_load(const void *p, unsigned size)
{
    if ((uintptr_t)p & (size - 1)) {
        uint64_t v = 0;
        memcpy(&v, p, size);
        return v;
    }
    switch (size) {
    case 1: return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
    case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    default: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
    }
}

static void ram_store(void *p, unsigned size, uint64_t v)
{
    if ((uintptr_t)p & (size - 1)) {
        memcpy(p, &v, size);
        return;
    }
    switch (size) {
    case 1: __atomic_store_n((uint8_t *)p, (uint8_t)v, __ATOMIC_RELAXED); break;
    case 2: __atomic_store_n((uint16_t *)p, (uint16_t)v, __ATOMIC_RELAXED); break;
    case 4: __atomic_store_n((uint32_t *)p, (uint32_t)v, __ATOMIC_RELAXED); break;
    default: __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELAXED); break;
    }
}

static void check_align(struct vcpu *c, uint64_t va, struct ir_mem m)
{
    if (va & ir_mem_align_mask(m))
        raise_fault(c, va, m.write ? ACC_WRITE : ACC_READ, (enum view)m.view, FAULT_ALIGN);
}

/* An access that crosses a page: both pages are resolved before any byte moves. LEN up to 16. */
static void crossing(struct vcpu *c, uint64_t va, unsigned len, struct ir_mem m, uint8_t *bytes)
{
    unsigned first = (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK));
    uint64_t gpa[2];
    uint8_t *host[2];
    host[0] = resolve(c, va, first, m, &gpa[0]);
    host[1] = resolve(c, va + first, len - first, m, &gpa[1]);
    if (m.write && host[0]) {                     /* the second page's fill may have made the first a table */
        uint64_t at = (uint64_t)(host[0] - mem_ram.origin);
        if (wp_is_table(at))
            wp_write(at, first);
    }
    for (unsigned i = 0; i < len; i++) {
        unsigned part = i >= first;
        unsigned off = part ? i - first : i;
        if (host[part]) {
            if (m.write)
                host[part][off] = bytes[i];
            else
                bytes[i] = host[part][off];
        } else if (m.write) {
            mmio_store(c, va + i, gpa[part] + off, m, 1, bytes[i]);
        } else {
            bytes[i] = (uint8_t)mmio_load(c, va + i, gpa[part] + off, m, 1);
        }
    }
}

static bool crosses(uint64_t va, unsigned len) { return (va & ~PAGE_MASK) + len > PAGE_SIZE; }

static uint64_t load(struct vcpu *c, uint64_t va, struct ir_mem m, unsigned size, uint32_t pc_off)
{
    enter(c, pc_off);
    check_align(c, va, m);
    uint64_t v = 0, gpa;
    if (unlikely(crosses(va, size))) {
        crossing(c, va, size, m, (uint8_t *)&v);
    } else {
        const uint8_t *host = resolve(c, va, size, m, &gpa);
        v = host ? ram_load(host, size) : mmio_load(c, va, gpa, m, size);
    }
    leave(c);
    return v;
}

static uint64_t slow_load(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    unsigned size = 1u << m.size;
    const uint8_t *at = held(c, va, size, m);
    uint64_t v = at ? ram_load(at, size) : load(c, va, m, size, pc_off);
    if (m.sext && size < 8) {
        v = (uint64_t)sextract(v, 0, 8 * size);
        if (!m.wide)
            v = (uint32_t)v;
    }
    return v;
}

static void slow_store(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    unsigned size = 1u << m.size;
    uint8_t *at = held(c, va, size, m);
    if (at) {
        ram_store(at, size, v);
        return;
    }
    enter(c, pc_off);
    check_align(c, va, m);
    uint64_t gpa;
    if (unlikely(crosses(va, size))) {
        crossing(c, va, size, m, (uint8_t *)&v);
    } else {
        uint8_t *host = resolve(c, va, size, m, &gpa);
        if (host)
            ram_store(host, size, v);
        else
            mmio_store(c, va, gpa, m, size, v);
    }
    leave(c);
}

static u128 slow_load128(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    check_align(c, va, m);
    u128 v;
    uint64_t gpa;
    const uint8_t *host;
    if (unlikely(crosses(va, 16))) {
        crossing(c, va, 16, m, (uint8_t *)&v);
    } else if ((host = resolve(c, va, 16, m, &gpa))) {
        memcpy(&v, host, 16);
    } else {
        v.lo = mmio_load(c, va, gpa, m, 8);
        v.hi = mmio_load(c, va + 8, gpa + 8, m, 8);
    }
    leave(c);
    return v;
}

static void slow_store128(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    check_align(c, va, m);
    u128 v = { lo, hi };
    uint64_t gpa;
    uint8_t *host;
    if (unlikely(crosses(va, 16))) {
        crossing(c, va, 16, m, (uint8_t *)&v);
    } else if ((host = resolve(c, va, 16, m, &gpa))) {
        memcpy(host, &v, 16);
    } else {
        mmio_store(c, va, gpa, m, 8, lo);
        mmio_store(c, va + 8, gpa + 8, m, 8, hi);
    }
    leave(c);
}

/* Host pointer for an atomic: aligned RAM, readable and writable; anything else raises. */
static void *atomic_ptr(struct vcpu *c, uint64_t va, unsigned size, struct ir_mem m)
{
    uint64_t gpa;
    m.write = 1;
    m.align = 1;
    check_align(c, va, m);
    uint8_t *host = resolve(c, va, size, m, &gpa);
    if (!host)
        raise_fault(c, va, ACC_WRITE, (enum view)m.view, FAULT_EXTERNAL);
    return host;
}

static uint64_t amo_value(enum ir_amo op, unsigned size, uint64_t old, uint64_t v)
{
    unsigned bits8 = 8 * size;
    int64_t so = sextract(old, 0, bits8), sv = sextract(v, 0, bits8);
    v = bits(v, 0, bits8);
    switch (op) {
    case AMO_SWP: return v;
    case AMO_ADD: return old + v;
    case AMO_CLR: return old & ~v;
    case AMO_EOR: return old ^ v;
    case AMO_SET: return old | v;
    case AMO_SMAX: return so > sv ? old : v;
    case AMO_SMIN: return so < sv ? old : v;
    case AMO_UMAX: return old > v ? old : v;
    case AMO_UMIN: return old < v ? old : v;
    }
    bug("atomic operation %d", op);
}

static bool cas_raw(void *p, unsigned size, uint64_t *expect, uint64_t v)
{
    switch (size) {
#define CASE(n, type)                                                                                     \
    case n: {                                                                                             \
        type e = (type)*expect;                                                                           \
        bool ok = __atomic_compare_exchange_n((type *)p, &e, (type)v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        *expect = e;                                                                                      \
        return ok;                                                                                        \
    }
    CASE(1, uint8_t)
    CASE(2, uint16_t)
    CASE(4, uint32_t)
    CASE(8, uint64_t)
#undef CASE
    }
    bug("atomic of %u bytes", size);
}

static uint64_t slow_amo(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem_amo, uint32_t pc_off)
{
    enter(c, pc_off);
    struct ir_mem m = ir_mem_unpack((uint16_t)mem_amo);
    unsigned size = 1u << m.size;
    void *p = atomic_ptr(c, va, size, m);
    uint64_t old = ram_load(p, size);
    while (!cas_raw(p, size, &old, amo_value((enum ir_amo)(mem_amo >> 16), size, old, v)))
        ;
    leave(c);
    return old;
}

static uint64_t slow_cas(struct vcpu *c, uint64_t va, uint64_t expect, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    unsigned size = 1u << m.size;
    void *p = atomic_ptr(c, va, size, m);
    expect = bits(expect, 0, 8 * size);
    cas_raw(p, size, &expect, v);
    leave(c);
    return expect;
}

static uint64_t slow_stx(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    unsigned size = 1u << m.size;
    uint64_t monitor = c->excl_addr;
    void *p = atomic_ptr(c, va, size, m);         /* faults are taken whether or not the monitor is open */
    c->excl_addr = EXCL_NONE;
    uint64_t expect = bits(c->excl_val[0], 0, 8 * size);
    bool failed = monitor != va || !cas_raw(p, size, &expect, v);
    leave(c);
    return failed;
}

/* True: [p] was *expect and is v now. *expect: what was there. */
static bool cas16(void *p, u128 *expect, u128 v)
{
    bool ok;
    __asm__ volatile("lock cmpxchg16b %[m]"
                     : [m] "+m"(*(unsigned __int128 *)p), "=@ccz"(ok), "+a"(expect->lo), "+d"(expect->hi)
                     : "b"(v.lo), "c"(v.hi)
                     : "memory");
    return ok;
}

static uint64_t slow_casp(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    u128 old = { c->pair[0], c->pair[1] };
    cas16(atomic_ptr(c, va, 16, ir_mem_unpack((uint16_t)mem)), &old, (u128){ lo, hi });
    leave(c);
    c->pair[1] = old.hi;
    return old.lo;
}

static uint64_t slow_stxp(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    enter(c, pc_off);
    uint64_t monitor = c->excl_addr;
    void *p = atomic_ptr(c, va, 16, ir_mem_unpack((uint16_t)mem));
    c->excl_addr = EXCL_NONE;
    u128 expect = { c->excl_val[0], c->excl_val[1] };
    bool failed = monitor != va || !cas16(p, &expect, (u128){ lo, hi });
    leave(c);
    return failed;
}

bool mmu_last_was_soft(const struct vcpu *c) { return ((const struct mmu_vcpu *)c->mmu)->last_soft; }

void mmu_wasted_fault(struct vcpu *c) { mv(c)->wasted += mmu.guest->fetch_view(c) == VIEW_USER; }

uint64_t mmu_needless_slow(void) { return mmu.needless; }

uint64_t mmu_window_misses(void) { return mmu.stats.fills + mmu.stats.guest_faults; }

const struct ir_mem_ops mmu_mem_ops = {
    .load = slow_load,
    .store = slow_store,
    .load128 = slow_load128,
    .store128 = slow_store128,
    .amo = slow_amo,
    .cas = slow_cas,
    .stx = slow_stx,
    .casp = slow_casp,
    .stxp = slow_stxp,
};
