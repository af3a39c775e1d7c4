/*
 * mmu_policy_test.c - which address spaces have windows: spt-org, the budget of VMAs, and paging=auto.
 *
 * Time is given, never taken.
 */
#include "mmu_guest.h"

static unsigned owners(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        n += mmu.all[i]->half == 0 && mmu.all[i]->n_wins;
    return n;
}

/* spt-org: at most so many spaces have windows; spt-prefill brings the pages filled last back, at their translation of now. */
void test_org(bool shadow)
{
    if (!shadow || mmu.cfg.org == ORG_PRIVATE)
        return;
    uint64_t v, va = USER_VA + 0xa00000000ull, old = root[0];
    unsigned limit = mmu.cfg.org == ORG_SHARED ? 1 : mmu.cfg.org_windows;
    for (unsigned i = 0; i < 2 * limit + 1; i++)
        for (unsigned p = 0; p < 8; p++)          /* apart, so that no fill brings two */
            add(0x50000 + 0x1000 * i, va + 0x200000ull * p, RAM_BASE + 0x400000 + 0x10000 * i + 0x1000 * p, 12, U_RW, false);
    for (unsigned i = 0; i < 2 * limit + 1; i++) {
        root[0] = 0x50000 + 0x1000 * i;
        cur_asid = (uint16_t)(100 + i);
        mmu_switch(cpu);
        for (unsigned p = 0; p < 8; p++)
            CHECK(store(va + 0x200000ull * p, VIEW_USER, 100 * i + p));
        CHECK(owners() <= limit && mmu.n_sets == owners());
    }
    add(0x50000, va + 7 * 0x200000ull, RAM_BASE + 0x600000, 12, U_RW, false);   /* while not in force: no TLBI is needed here */
    tlbi_range(cpu, va + 7 * 0x200000ull, PAGE_SIZE, 100);
    *ram(RAM_BASE + 0x600000) = 4711;
    root[0] = 0x50000;
    cur_asid = 100;
    mmu_switch(cpu);
    CHECK(!installed(va, VIEW_USER));
    uint64_t again = mmu_stats()->prefills;
    CHECK(load(va, VIEW_USER, &v) && v == 0);
    unsigned back = 0;
    for (unsigned p = 1; p < 8; p++)
        back += installed(va + 0x200000ull * p, VIEW_USER) != 0;
    CHECK(mmu_stats()->prefills - again == MIN(mmu.cfg.prefill, 7u) && back == MIN(mmu.cfg.prefill, 7u));
    for (unsigned p = 1; p < 7; p++)
        CHECK(load(va + 0x200000ull * p, VIEW_USER, &v) && v == p);
    CHECK(load(va + 7 * 0x200000ull, VIEW_USER, &v) && v == 4711);
    root[0] = old;
    cur_asid = 1;
    mmu_switch(cpu);
}

void test_budget(bool shadow)
{
    if (!shadow)
        return;
    uint64_t v, va = USER_VA + 0x400000000ull;
    for (unsigned i = 0; i < 3000; i++)            /* every page its own VMA: physical pages run backwards */
        add(root[0], va + 0x1000ull * i, RAM_BASE + 0x1000000 - 0x1000ull * i, 12, U_RW, false);
    bool ok = true;
    for (unsigned i = 0; i < 3000; i++) {
        ok &= store(va + 0x1000ull * i, VIEW_USER, i);
        ok &= mmu_vmas().now <= mmu.max_vmas;
    }
    CHECK(ok);
    for (unsigned i = 0; i < 3000; i++)
        ok &= load(va + 0x1000ull * i, VIEW_USER, &v) && v == i;
    CHECK(ok);
    CHECK(mmu_stats()->windows_evicted > 0 || mmu_stats()->dropped_pages > 0);
    tlbi_all(cpu);
}

/* Promotion, prefill, demotion, hysteresis and a root that changes hands under paging=auto. Time is given, never taken. */
#define MS 1000000ull
static unsigned run_until(bool windows, unsigned max)
{
    unsigned ms = 0;
    while (!(mmu_windows(cpu, VIEW_USER) & MMU_USER_WINDOWS) == windows && ms < max) {
        policy_charge(cpu, MS, 0);
        ms++;
    }
    return ms;
}

static void churn(uint64_t va, unsigned rounds)
{
    uint64_t v;
    for (unsigned i = 0; i < rounds && mmu_windows(cpu, VIEW_USER) & MMU_USER_WINDOWS; i++) {
        add(root[0], va + 0x1000ull * (i % 512), RAM_BASE + 0x800000 + 0x2000ull * (i % 512), 12, U_RW, false);
        CHECK(load(va + 0x1000ull * (i % 512), VIEW_USER, &v));
        del(root[0], va + 0x1000ull * (i % 512));
        tlbi_range(cpu, va + 0x1000ull * (i % 512), PAGE_SIZE, cur_asid);
        CHECK(!load(va + 0x1000ull * (i % 512), VIEW_USER, &v));
    }
}

void test_policy(void)
{
    uint64_t v, va = USER_VA + 0xa00000000ull, old = root[0];
    const struct mmu_stats *st = mmu_stats();
    CHECK(policy_costs()->map > 0 && policy_costs()->calibration < 1000 * MS);
    policy_set_costs(&(struct policy_costs){ .fault = 1800, .map = 3200, .page = 200, .unmap = 3700, .soft_access = 3700,
                                             .window_access = 1450 });
    root[0] = 0x41000;
    cur_asid = 9;
    mmu_switch(cpu);
    for (unsigned i = 0; i < 64; i++) {
        add(root[0], va + 0x1000ull * i, RAM_BASE + 0x400000 + 0x3000ull * i, 12, U_RW, false);
        *ram(RAM_BASE + 0x400000 + 0x3000ull * i) = i;
        CHECK(load(va + 0x1000ull * i, VIEW_USER, &v) && v == i && in_tlb(va + 0x1000ull * i, VIEW_USER, true));
        CHECK(!installed(va + 0x1000ull * i, VIEW_USER));
    }
    CHECK(st->promotions == 0 && mmu_windows(cpu, VIEW_KERNEL) == MMU_KERNEL_WINDOWS);
    cpu->exit_req = 0;
    unsigned first = run_until(true, 10000);
    CHECK(first > 0 && st->promotions == 1 && mmu_windows(cpu, VIEW_USER) == MMU_USER_WINDOWS && cpu->exit_req == 1);
    bool all = true;
    for (unsigned i = 0; i < 64; i++)
        all &= installed(va + 0x1000ull * i, VIEW_USER) != 0;
    CHECK(all);
    add(root[0], va + 0x100000, RAM_BASE + 0x700000, 12, U_RW, false);
    CHECK(store(va + 0x100000, VIEW_USER, 5) && installed(va + 0x100000, VIEW_USER));
    run_until(false, 50);                         /* nothing but work: it stays */
    CHECK(st->demotions == 0);

    churn(va + 0x10000000, 100000);
    CHECK(st->demotions == 1 && !mmu_windows(cpu, VIEW_USER));
    /* windows of a space in force stay, right, but new pages are no more installed */
    CHECK(load(va + 0x3000, VIEW_USER, &v) && v == 3);
    del(root[0], va + 0x3000);
    tlbi_range(cpu, va + 0x3000, PAGE_SIZE, cur_asid);
    CHECK(!load(va + 0x3000, VIEW_USER, &v) && !installed(va + 0x3000, VIEW_USER));
    add(root[0], va + 0x101000, RAM_BASE + 0x701000, 12, U_RW, false);
    CHECK(load(va + 0x101000, VIEW_USER, &v) && !installed(va + 0x101000, VIEW_USER) && in_tlb(va + 0x101000, VIEW_USER, false));
    struct space *s = cpu->roots.space[0];
    CHECK(s->n_wins > 0);
    root[0] = old;
    mmu_switch(cpu);
    CHECK(s->n_wins == 0);
    root[0] = 0x41000;
    mmu_switch(cpu);
    CHECK(load(va, VIEW_USER, &v) && v == 0);
    CHECK(run_until(true, 20000) > 0 && st->promotions == 2);

    /* the same root under a third and a fourth ASID: another process, that starts anew */
    cur_asid = 10;
    mmu_switch(cpu);
    cur_asid = 11;
    mmu_switch(cpu);
    CHECK(!mmu_windows(cpu, VIEW_USER) && st->demotions == 2 && s->policy.user_ns == 0);
    CHECK(load(va + 0x100000, VIEW_USER, &v) && v == 5);

    /* a space that touches a new page every 22 us is never promoted, however long it runs: with windows each costs more */
    root[0] = 0x42000;
    cur_asid = 12;
    mmu_switch(cpu);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t at = va + 0x1000ull * (i % 4096);
        CHECK(!load(at, VIEW_USER, &v));
        add(root[0], at, RAM_BASE + 0x400000, 12, U_RW, false);
        CHECK(load(at, VIEW_USER, &v));
        del(root[0], at);
        tlbi_range(cpu, at, PAGE_SIZE, cur_asid);
        if (i % 45 == 44)
            policy_charge(cpu, MS, 22000);
    }
    CHECK(st->promotions == 2);

    /* one that had its pages long ago owes nothing for them */
    const struct policy *p = &cpu->roots.space[0]->policy;
    policy_charge(cpu, 1000, 22000);
    CHECK(p->balance < 0);
    policy_charge(cpu, 1000, 10 * MS);
    CHECK(p->balance >= 0 && !p->windows);

    /* contiguous memory is cheap to move; new memory after the move is no churn */
    uint64_t at = va + 0x40000000;
    unsigned n;
    uint64_t lost;
    root[0] = 0x44000;
    cur_asid = 14;
    mmu_switch(cpu);
    for (unsigned i = 0; i < 512; i++) {
        add(root[0], at + 0x1000ull * i, RAM_BASE + 0x400000 + 0x1000ull * i, 12, U_RW, false);
        CHECK(load(at + 0x1000ull * i, VIEW_USER, &v));
    }
    CHECK(run_until(true, 20) > 0 && st->promotions == 3 && installed(at, VIEW_USER) && installed(at + 0x1ff000, VIEW_USER));
    const struct policy_event *e = policy_events(&n, &lost);
    CHECK(e[n - 1].pages == 512 && e[n - 1].cost < e[0].cost);
    unsigned demotions = (unsigned)st->demotions;
    for (unsigned i = 0; i < 200; i++) {
        add(root[0], at + 0x400000 + 0x2000ull * i, RAM_BASE + 0x400000 + 0x1000ull * i, 12, U_RW, false);
        CHECK(load(at + 0x400000 + 0x2000ull * i, VIEW_USER, &v));
    }
    CHECK(st->demotions == demotions && mmu_windows(cpu, VIEW_USER) & MMU_USER_WINDOWS);

    /* a page that churned is held by the software TLB, right after each change, until it is used a lot */
    for (unsigned i = 0; i <= CHURN_DROPS; i++) {
        add(root[0], at, RAM_BASE + 0x400000 + 0x1000ull * i, 12, U_RW, false);
        tlbi_range(cpu, at, PAGE_SIZE, cur_asid);
        *ram(RAM_BASE + 0x400000 + 0x1000ull * i) = 100 + i;
        CHECK(load(at, VIEW_USER, &v) && v == 100 + i);
    }
    CHECK(!installed(at, VIEW_USER) && in_tlb(at, VIEW_USER, true));
    unsigned uses = 0;
    for (; uses < 4 * CHURN_USES && !installed(at, VIEW_USER); uses++)
        CHECK(store(at, VIEW_USER, uses) && load(at, VIEW_USER, &v) && v == uses);
    CHECK(uses > CHURN_USES / 4 && uses < 4 * CHURN_USES);

    /* where sets are lent, none is taken from a space that ran a moment ago */
    mmu.cfg.org = ORG_GROUP;
    mmu.cfg.org_windows = 1;
    struct space *owner = cpu->roots.space[0];
    root[0] = 0x45000;
    cur_asid = 15;
    mmu_switch(cpu);
    add(root[0], at, RAM_BASE + 0x400000, 12, U_RW, false);
    CHECK(load(at, VIEW_USER, &v));
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        mmu.all[i]->last_used = now_ticks() + (1ull << 40);
    CHECK(!org_room(cpu->roots.space[0]));
    run_until(true, 100);
    CHECK(st->promotions == 3 && owner->n_wins);
    for (unsigned i = 0; i < mmu.n_spaces; i++)
        mmu.all[i]->last_used = 0;
    CHECK(org_room(cpu->roots.space[0]));
    mmu.cfg.org = ORG_PRIVATE;

    /* one whose memory is in more regions than there are slots stays on the software TLB */
    root[0] = 0x43000;
    cur_asid = 13;
    mmu_switch(cpu);
    for (unsigned i = 0; i < 20; i++) {
        at = va + ((uint64_t)i << REGION_SHIFT) + 0x1000ull * i;
        add(root[0], at, RAM_BASE + 0x400000 + 0x1000ull * i, 12, U_RW, false);
        CHECK(load(at, VIEW_USER, &v));
    }
    unsigned slots = window_free_slots(REGION_LOW_USER);
    run_until(true, 1000);
    CHECK(st->promotions == 3 && window_free_slots(REGION_LOW_USER) == slots && cpu->roots.space[0]->policy.demotions > 0);
    e = policy_events(&n, &lost);
    CHECK(n > 4 && lost == 0 && e[0].windows && e[0].root == 0x41000 && e[0].pages >= 64 && !e[1].windows && e[1].reason == POLICY_CHURN &&
          e[3].reason == POLICY_NEW_OWNER && e[n - 1].reason == POLICY_REGIONS && !e[n - 1].windows);
    root[0] = old;
    cur_asid = 1;
    mmu_switch(cpu);
}
