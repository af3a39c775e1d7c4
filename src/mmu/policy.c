/*
 * policy.c - paging=auto: which address spaces have windows.
 *
 * Each user address space starts on the software TLB. It has an account in nanoseconds. What windows would have saved (a share of
 * the time it ran, every software TLB refill) is credited, what they would have cost (a fill for each new page, an unmap for each
 * TLBI that met one) is debited. When the balance exceeds the cost of moving the working set, doubled for each time it was
 * demoted before, the space is promoted: the pages that its software TLBs hold are installed in runs, and its code is
 * translated anew with accesses through windows. From then on the same account is kept with what windows really cost; when it is
 * overdrawn by the cost of the move the space is demoted. That a space will run as long as it ran so far is the usual bet: it
 * costs at most twice what knowing would. What the pages of its start would have cost is no debt of a space that has settled.
 *
 * Time is the thread's CPU time, sampled: whenever a vCPU leaves translated code for an interrupt what passed since the last such
 * moment, less what translation and exits took, is charged to what it was in. The kernel's half is always in windows: it lives for ever.
 *
 * Either kind of code is right at any time, so that a decision needs no synchronisation: vCPUs follow when they next look up a
 * block. Must not map anything itself (fill.c, window.c).
 */
#include "mmu/policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/quiet.h"
#include "mmu/internal.h"

#define SAMPLE_MAX 8000000u                       /* ns that one sample may stand for */
#define REFILL 150                                /* ns of a software TLB refill: a walk, mostly */
#define FILL_WORK 3000                            /* ns that a fill takes beside its SIGSEGV and its mmap */
#define UNSERVED 8u                               /* one page in so many may be in a region that has no window */
#define OTHER_WORK 3000                           /* ps of a program between two accesses to memory */
#define CODE_PAGE 10000                           /* ns to translate the hot blocks of a page of code anew, at least */
#define CODE_AGAIN 2                              /* of what was translated so far, one part in so many is hot */
#define BLOCK_MAX 50000u                          /* ns that one translation may stand for: its thread may have been off its CPU */
#define MOVE_MIN 300000                           /* ns: below this nothing is decided */
#define MOVE 500000                               /* ns of any move: the host's page tables for windows, made and taken away */
#define OVERDRAFT_MIN 2000000                     /* ns: a program that gets new memory is no churn */
#define DEBT_MAX 1000000                          /* ns of faults that a space without windows has to make up for, */
#define SETTLED 1000000u                          /* unless it had none for so many */
#define CREDIT_MAX 4000000                        /* ns that a space with windows may save for bad times, */
#define CREDIT_SHARE 64u                          /* and one in so many of the time it ran */
#define DEMOTIONS_MAX 8u
#define SHARE 1024                                /* the unit of policy.share */

const char *const policy_reason_name[] = { "hot", "churn", "new-owner", "regions" };

static struct {
    uint64_t start;
    unsigned share;                               /* of user time that windows save, in 1/SHARE */
    struct policy_costs cost;
    struct policy_event *event;
    unsigned n_events;
    uint64_t lost;
    uint64_t *code;                               /* a bit a page of RAM: code was run from there through windows */
    uint64_t code_pages;
} pol;

void policy_init(void)
{
    pol.start = now_ns();
    if (mmu.cfg.paging != PAGING_AUTO)
        return;
    struct policy_costs cost;
    calibrate(&cost);
    policy_set_costs(&cost);
    pol.event = xcalloc(POLICY_EVENTS, sizeof(*pol.event));
    pol.code_pages = mem_ram.size >> PAGE_SHIFT;
    pol.code = xcalloc(pol.code_pages / 64 + 1, sizeof(*pol.code));
    log_to(mmu, "mmu: costs: fault %llu map %llu page %llu unmap %llu ns, share %u/%u\n", (unsigned long long)pol.cost.fault,
           (unsigned long long)pol.cost.map, (unsigned long long)pol.cost.page, (unsigned long long)pol.cost.unmap, pol.share, SHARE);
}

void policy_set_costs(const struct policy_costs *cost)
{
    pol.cost = *cost;
    uint64_t gain = pol.cost.soft_access > pol.cost.window_access ? pol.cost.soft_access - pol.cost.window_access : 0;
    pol.share = (unsigned)(gain * SHARE / (pol.cost.soft_access + OTHER_WORK));
}

const char *mmu_paging_name(void)
{
    return mmu.cfg.paging == PAGING_AUTO ? "auto" : mmu.cfg.paging == PAGING_SHADOW ? "shadow" : "softtlb";
}

unsigned mmu_windows(const struct vcpu *c, enum view fetch)
{
    if (mmu.cfg.paging != PAGING_AUTO)
        return mmu.cfg.paging == PAGING_SHADOW ? MMU_USER_WINDOWS | MMU_KERNEL_WINDOWS : 0;
    /* What the kernel does to user pages is too little, and to too many of them, to be worth code of its own for each mode. */
    if (fetch != VIEW_USER)
        return MMU_KERNEL_WINDOWS;
    const struct space *s = c->roots.space[0];
    return s && __atomic_load_n(&s->policy.windows, __ATOMIC_RELAXED) ? MMU_USER_WINDOWS : 0;
}

/* Code of s must be looked up again. */
static void mode_changed(struct space *s, bool windows)
{
    __atomic_store_n(&s->policy.windows, windows, __ATOMIC_RELAXED);
    mmu_forget_switches();
    for (unsigned i = 0; i < mmu.n_vcpus; i++)
        if (mmu.vcpu[i]->roots.space[0] == s)
            __atomic_store_n(&mmu.vcpu[i]->exit_req, 1, __ATOMIC_RELEASE);
}

static void note(const struct space *s, enum policy_reason why, int64_t cost, uint32_t pages)
{
    const struct policy *p = &s->policy;
    log_to(mmu, "mmu: space root %#llx: %s (%s), balance %lld us, cost %lld us, %u pages\n", (unsigned long long)s->id.root,
           p->windows ? "windows" : "software TLB", policy_reason_name[why], (long long)p->balance / 1000, (long long)cost / 1000, pages);
    if (pol.n_events == POLICY_EVENTS) {
        pol.lost++;
        return;
    }
    pol.event[pol.n_events++] = (struct policy_event){
        .at = now_ns() - pol.start, .root = s->id.root, .asid = s->n_asids ? s->asid[0] : 0, .windows = p->windows,
        .reason = (uint8_t)why, .balance = p->balance, .cost = cost, .pages = pages,
    };
}

static int by_va(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Has code of the page been translated for windows? SET: it will be. Flash is not remembered. */
static bool code_known(uint64_t gpa, bool set)
{
    uint64_t n = (gpa - mem_ram.base) >> PAGE_SHIFT;
    if (n >= pol.code_pages)
        return false;
    bool known = pol.code[n / 64] >> (n & 63) & 1;
    if (set)
        pol.code[n / 64] |= 1ull << (n & 63);
    return known;
}

/*
 * What translating s's code for windows will take: as its translation took until now, as far as that is known and nobody else did it.
 * SET: it is going to be done.
 */
static uint64_t code_cost(const struct space *s, bool set)
{
    uint64_t unknown = 0;
    for (uint32_t i = 0; s->n_exec && i < s->cap_exec; i++)
        unknown += s->exec[i].used && !code_known(s->exec[i].gpa, set);
    return unknown ? MAX(unknown * CODE_PAGE, s->policy.translate_ns / CODE_AGAIN * unknown / s->n_exec) : 0;
}

/* The N pages, sorted, of which some have no translation any more (they are taken out: *n), become windows' in so many ns. */
static uint64_t fill_cost(struct vcpu *c, const struct space *s, uint64_t *va, unsigned *n)
{
    unsigned kept = 0, runs = 0;
    uint64_t next_va = 0, next_gpa = 0;
    for (unsigned i = 0; i < *n; i++) {
        struct walk w;
        if (mmu.guest->walk_space(c, &s->id, 0, va[i], ACC_READ, VIEW_USER, &w) != WALK_OK)
            continue;
        uint64_t gpa = w.gpa & PAGE_MASK;
        bool in_run = va[i] == next_va && gpa == next_gpa;
        /* Of a block all that a group holds is one run. */
        if (w.shift >= GROUP_SHIFT && kept && va[i] >> GROUP_SHIFT == va[kept - 1] >> GROUP_SHIFT)
            in_run = true;
        runs += !in_run;
        va[kept++] = va[i];
        next_va = va[i] + PAGE_SIZE;
        next_gpa = gpa + PAGE_SIZE;
    }
    *n = kept;
    return runs * pol.cost.map + (kept - runs) * pol.cost.page;
}

/*
 * Can windows serve the N pages, sorted? Slots are few and for all spaces: a program that scatters its memory over the whole address
 * space (V8 asks for random addresses) would have most of its accesses made in C.
 */
static bool regions_fit(const uint64_t *va, unsigned n)
{
    unsigned room = window_free_slots(REGION_LOW_USER), unserved = 0;
    bool fits = true;
    for (unsigned i = 0; i < n; i++) {
        if (!i || va_region(va[i]) != va_region(va[i - 1])) {
            bool has = window_has_slot(REGION_LOW_USER, va[i]);
            fits = has || room;
            room -= !has && room;
        }
        unserved += !fits;
    }
    return unserved * UNSERVED <= n;
}

static void promote(struct vcpu *c, struct space *s)
{
    struct policy *p = &s->policy;
    static uint64_t va[SOFTTLB_MAX * MMU_VCPUS];  /* under the lock */
    unsigned n = softtlb_pages(s, va);
    qsort(va, n, sizeof(*va), by_va);
    int64_t move = MOVE + (int64_t)(code_cost(s, false) + fill_cost(c, s, va, &n)), cost = move << p->demotions;
    if (p->balance < cost) {
        p->wait = cost;                           /* the working set is counted again when the balance is that high */
        return;
    }
    if (!regions_fit(va, n)) {
        note(s, POLICY_REGIONS, cost, 0);
        p->demotions = MIN(p->demotions + 1u, DEMOTIONS_MAX);
        p->balance = 0;
        return;
    }
    if (!org_room(s)) {                           /* spaces that took windows from each other would all be worse off */
        p->balance = 0;
        return;
    }
    uint64_t before = mmu.stats.filled_pages;
    for (unsigned i = 0; i < n; i++) {
        const struct window *win = space_window(s, REGION_LOW_USER, va[i]);
        struct walk w;
        if ((win && window_rec(win, va[i])) || mmu.guest->walk_space(c, &s->id, 0, va[i], ACC_READ, VIEW_USER, &w) != WALK_OK)
            continue;
        fill_window(c, s, VIEW_USER, va[i], &w);
    }
    code_cost(s, true);
    mmu.stats.promotions++;
    mode_changed(s, true);
    note(s, POLICY_HOT, cost, (uint32_t)(mmu.stats.filled_pages - before));
    p->balance = 0;
    p->wait = MAX(move / 2, OVERDRAFT_MIN);
}

static void demote(struct space *s, enum policy_reason why)
{
    struct policy *p = &s->policy;
    mmu.stats.demotions++;
    mode_changed(s, false);
    note(s, why, p->wait, 0);
    p->demotions = MIN(p->demotions + 1u, DEMOTIONS_MAX);
    p->balance = 0;
    p->wait = MOVE_MIN;
}

static void decide(struct vcpu *c, struct space *s)
{
    struct policy *p = &s->policy;
    if (!p->windows && p->balance >= p->wait)
        promote(c, s);
    else if (p->windows && p->balance < -p->wait)
        demote(s, POLICY_CHURN);
}

static void credit(struct policy *p, int64_t ns)
{
    p->balance += ns;
    if (ns < 0)
        p->debited = now_ticks();
    if (p->windows)
        p->balance = MIN(p->balance, (int64_t)(CREDIT_MAX + p->user_ns / CREDIT_SHARE));
    else
        p->balance = MAX(p->balance, -DEBT_MAX);
}

void policy_charge(struct vcpu *c, uint64_t ns, uint64_t settled)
{
    struct space *s = c->roots.space[0];
    mmu.stats.samples++;
    s->policy.user_ns += ns;
    if (!s->policy.windows && settled >= SETTLED)
        s->policy.balance = MAX(s->policy.balance, 0);
    credit(&s->policy, (int64_t)(ns * pol.share / SHARE));
    if (s->policy.windows)
        credit(&s->policy, -(int64_t)(mv(c)->wasted * pol.cost.fault));
    mv(c)->wasted = 0;
    decide(c, s);
}

/* Not the wall clock's: on a busy host a program that is not running earns nothing. */
static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void mmu_sample(struct vcpu *c)
{
    struct mmu_vcpu *m = mv(c);
    if (mmu.cfg.paging != PAGING_AUTO)
        return;
    uint64_t now = thread_ns(), in_c = (uint64_t)((double)m->in_c * ns_per_tick());
    uint64_t dt = now > m->sampled + in_c ? now - m->sampled - in_c : 0;
    m->sampled = now;
    m->in_c = 0;
    if (mmu.guest->fetch_view(c) != VIEW_USER || !m->c->roots.space[0])
        return;
    mmu_lock();
    uint64_t settled = now_ticks() - m->c->roots.space[0]->policy.debited;
    policy_charge(c, MIN(dt, SAMPLE_MAX), (uint64_t)((double)settled * ns_per_tick()));
    mmu_unlock();
}

void mmu_spent(struct vcpu *c, uint64_t ns)
{
    struct space *s = c->roots.space[0];
    mv(c)->sampled += ns;
    if (s && mmu.guest->fetch_view(c) == VIEW_USER)
        __atomic_fetch_add(&s->policy.translate_ns, MIN(ns, BLOCK_MAX), __ATOMIC_RELAXED);
}

void policy_exec(const struct space *s, uint64_t gpa)
{
    if (s->policy.windows)
        code_known(gpa, true);
}

void policy_refill(struct space *s)
{
    s->policy.refills++;
    credit(&s->policy, REFILL);
}

/* With windows a new page costs two SIGSEGVs: one leads to the guest's fault, one to the fill. */
void policy_fault(struct space *s)
{
    s->policy.faults++;
    credit(&s->policy, -(int64_t)(s->policy.windows ? pol.cost.fault : 2 * pol.cost.fault + pol.cost.map + FILL_WORK));
}

void policy_held(struct space *s, unsigned ns)
{
    if (s->policy.windows)
        s->policy.balance -= ns;
}

void policy_fill(struct vcpu *c, struct space *s)
{
    struct policy *p = &s->policy;
    if (!p->windows)
        return;                                   /* a promotion's */
    p->fills++;
    credit(p, -(int64_t)(pol.cost.fault + pol.cost.map + FILL_WORK - REFILL));
    decide(c, s);
}

void policy_drop(struct space *s, unsigned pages)
{
    s->policy.drops += pages;
    credit(&s->policy, -(int64_t)(pol.cost.unmap + (pages - 1) * pol.cost.page));
}

void policy_new_owner(struct space *s)
{
    bool windows = s->policy.windows;
    if (windows) {
        mmu.stats.demotions++;
        mode_changed(s, false);
        note(s, POLICY_NEW_OWNER, 0, 0);
    }
    s->policy = (struct policy){ .wait = MOVE_MIN };
}

bool policy_waits(const struct space *s) { return mmu.cfg.paging == PAGING_AUTO && !s->policy.windows && s->n_wins; }

void policy_leave(struct space *s)
{
    if (!policy_waits(s) || space_in_force(s))
        return;
    for (unsigned n = 0; n < REGION_SLOTS; n++)
        if (s->win[REGION_LOW_USER][n])
            window_release(s->win[REGION_LOW_USER][n]);
}

const struct policy_costs *policy_costs(void) { return &pol.cost; }

const struct policy_event *policy_events(unsigned *n, uint64_t *lost)
{
    *n = pol.n_events;
    *lost = pol.lost;
    return pol.event;
}

static int by_time(const void *a, const void *b)
{
    const struct space *x = *(struct space *const *)a, *y = *(struct space *const *)b;
    return x->policy.user_ns > y->policy.user_ns ? -1 : x->policy.user_ns < y->policy.user_ns;
}

unsigned policy_spaces(struct policy_space *out, unsigned max)
{
    struct space **all = xcalloc(mmu.n_spaces + 1, sizeof(*all));
    unsigned n = 0, k;
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        if (mmu.all[i]->half == 0 && mmu.all[i]->policy.user_ns)
            all[n++] = mmu.all[i];
    qsort(all, n, sizeof(*all), by_time);
    for (k = 0; k < n && k < max; k++) {
        const struct policy *p = &all[k]->policy;
        out[k] = (struct policy_space){
            .root = all[k]->id.root, .asid = all[k]->asid[0], .windows = p->windows, .demotions = p->demotions, .user_ns = p->user_ns,
            .refills = p->refills, .faults = p->faults, .fills = p->fills, .drops = p->drops,
        };
    }
    free(all);
    return k;
}
