/*
 * mmu_test.c - windows, software TLB and synchronisation; and the main program of all tests of src/mmu.
 *
 * Every check goes through what generated code would use: vcpu.delta, vcpu.region_table, vcpu.tlb.
 */
#include <stdlib.h>
#include <string.h>

#include "mmu_guest.h"

static void test_fill_and_fault(bool shadow)
{
    uint64_t v = 0;
    add(root[0], USER_VA, RAM_BASE + 0x5000, 12, U_RW, false);
    add(root[0], USER_VA + 0x1000, RAM_BASE + 0x9000, 12, U_RO, false);
    *ram(RAM_BASE + 0x5008) = 0x1122334455667788;
    CHECK(load(USER_VA + 8, VIEW_USER, &v) && v == 0x1122334455667788);
    CHECK(shadow ? (installed(USER_VA, VIEW_USER) & REC_W) != 0 : in_tlb(USER_VA, VIEW_USER, true));
    if (shadow) {
        int slot = mmu_slot(cpu, VIEW_USER, USER_VA);
        CHECK(mmu_slot(cpu, VIEW_USER, 0x123456789000) == -1);   /* nothing there: no slot is spent */
        CHECK(slot >= 0 && cpu->delta[slot] != REGION_POISON);
        CHECK(*(uint64_t *)(uintptr_t)(USER_VA + 8 + (uint64_t)cpu->delta[slot]) == 0x1122334455667788);
        CHECK(cpu->region_table[VIEW_USER][(USER_VA >> REGION_SHIFT) & (REGION_TABLE - 1)] == cpu->delta[slot]);
        CHECK(cpu->region_table[VIEW_KERNEL][(USER_VA >> REGION_SHIFT) & (REGION_TABLE - 1)] == REGION_POISON);
    }
    CHECK(store(USER_VA + 16, VIEW_USER, 42) && *ram(RAM_BASE + 0x5010) == 42);
    CHECK(load(USER_VA + 0x1000, VIEW_USER, &v));
    CHECK(!store(USER_VA + 0x1000, VIEW_USER, 1) && last_fault.fault == 15 && last_fault.access == ACC_WRITE);
    CHECK(!load(USER_VA + 0x4000, VIEW_USER, &v) && last_fault.fault == 7 && last_fault.va == USER_VA + 0x4000);
    /* a store across a page whose second half is read-only: nothing is written */
    *ram(RAM_BASE + 0x5ff8) = 7;
    CHECK(!store(USER_VA + 0xffc, VIEW_USER, ~0ull) && *ram(RAM_BASE + 0x5ff8) == 7);
    CHECK(load(USER_VA + 0xffc, VIEW_USER, &v));
}

static void test_sync(bool shadow)
{
    uint64_t v;
    add(root[0], USER_VA + 0x10000, RAM_BASE + 0x20000, 12, U_RW, false);
    CHECK(store(USER_VA + 0x10000, VIEW_USER, 1));
    /* moved to another page */
    add(root[0], USER_VA + 0x10000, RAM_BASE + 0x30000, 12, U_RW, false);
    *ram(RAM_BASE + 0x30000) = 99;
    tlbi_range(cpu, USER_VA + 0x10000, PAGE_SIZE, 1);
    CHECK(load(USER_VA + 0x10000, VIEW_USER, &v) && v == 99);
    /* tightened */
    add(root[0], USER_VA + 0x10000, RAM_BASE + 0x30000, 12, U_RO, false);
    tlbi_range(cpu, USER_VA + 0x10000, PAGE_SIZE, 1);
    CHECK(!store(USER_VA + 0x10000, VIEW_USER, 1) && *ram(RAM_BASE + 0x30000) == 99);
    /* removed, by ASID */
    CHECK(load(USER_VA + 0x10000, VIEW_USER, &v));
    del(root[0], USER_VA + 0x10000);
    tlbi_asid(cpu, 2);                        /* another's: may stay */
    tlbi_asid(cpu, 1);
    CHECK(!load(USER_VA + 0x10000, VIEW_USER, &v));
    /* unchanged pages survive a full flush */
    CHECK(load(USER_VA, VIEW_USER, &v));
    tlbi_all(cpu);
    CHECK(!shadow || !installed(USER_VA, VIEW_USER) == (mmu.cfg.sync == SYNC_DROP));
    CHECK(shadow || !in_tlb(USER_VA, VIEW_USER, false));
}

/* A page that is remapped again and again stays with the software TLB until one mapping is used a lot. */
static void test_churn(bool shadow)
{
    uint64_t v, va = USER_VA + 0x70000000ull;
    bool by_tlbi = shadow && mmu.cfg.sync != SYNC_WP;     /* wp: the writes of descriptors drop it */
    for (unsigned i = 0; i < 40; i++) {
        add(root[0], va, RAM_BASE + 0x40000 + 0x2000ull * i, 12, U_RW, false);
        *ram(RAM_BASE + 0x40000 + 0x2000ull * i) = i;
        for (unsigned k = 0; k < 50; k++)
            CHECK(load(va, VIEW_USER, &v) && v == i);
        CHECK(!by_tlbi || !installed(va, VIEW_USER) == (i >= CHURN_DROPS));
        del(root[0], va);
        tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
        CHECK(!load(va, VIEW_USER, &v));
    }
    add(root[0], va, RAM_BASE + 0x40000, 12, U_RW, false);
    for (unsigned k = 0; k < CHURN_USES + 50; k++)
        CHECK(load(va, VIEW_USER, &v) && v == 0);
    CHECK(!shadow || installed(va, VIEW_USER));
    del(root[0], va);
    tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
    CHECK(!load(va, VIEW_USER, &v));
    /* memory got and given back: many pages by one TLBI */
    va += 0x100000;
    const unsigned many = 2 * CHURN_RANGE / PAGE_SIZE;
    for (unsigned i = 0; i <= CHURN_DROPS; i++) {
        for (unsigned k = 0; k < many; k++) {
            add(root[0], va + k * PAGE_SIZE, RAM_BASE + 0x40000 + 0x2000ull * k, 12, U_RW, false);
            CHECK(store(va + k * PAGE_SIZE, VIEW_USER, i) && (!by_tlbi || !installed(va + k * PAGE_SIZE, VIEW_USER) == (i >= CHURN_DROPS)));
        }
        for (unsigned k = 0; k < many; k++)
            del(root[0], va + k * PAGE_SIZE);
        tlbi_range(cpu, va, many * PAGE_SIZE, cur_asid);
        for (unsigned k = 0; k < many; k++)
            CHECK(!load(va + k * PAGE_SIZE, VIEW_USER, &v));
    }
}

/* So does a page that each fork takes the right to write from, by a TLBI by ASID, and what short-lived processes have at one place. */
static void test_churn_asid(bool shadow)
{
    const uint64_t va = USER_VA + 0x71000000ull, other = 0x555500000000ull;
    bool counted = shadow && mmu.cfg.sync <= SYNC_TLB;
    uint64_t v;
    for (unsigned i = 0; i < 8; i++) {
        add(root[0], va, RAM_BASE + 0x40000, 12, U_RW, false);
        add(root[0], other, RAM_BASE + 0x50000 + i * 0x1000, 12, U_RW, false);
        CHECK(store(va, VIEW_USER, i) && store(other, VIEW_USER, i) && load(va, VIEW_USER, &v) && v == i);
        CHECK(!counted || !(installed(va, VIEW_USER) & REC_W) == (i >= CHURN_DROPS));
        CHECK(!counted || !installed(other, VIEW_USER) == (i >= CHURN_DROPS));
        add(root[0], va, RAM_BASE + 0x40000, 12, U_RO, false);
        del(root[0], other);
        tlbi_asid(cpu, cur_asid);
        CHECK(!store(va, VIEW_USER, 99) && load(va, VIEW_USER, &v) && v == i && !load(other, VIEW_USER, &v));
    }
    del(root[0], va);
    tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
    /* more pages than a process that dies at once has: they say nothing */
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = 0; k <= CHURN_SMALL; k++) {
            add(root[0], other + 0x100000 + k * 0x1000, RAM_BASE + 0x80000 + k * 0x2000, 12, U_RW, false);
            CHECK(store(other + 0x100000 + k * 0x1000, VIEW_USER, i));
        }
        CHECK(!counted || installed(other + 0x100000, VIEW_USER));
        for (unsigned k = 0; k <= CHURN_SMALL; k++)
            del(root[0], other + 0x100000 + k * 0x1000);
        tlbi_asid(cpu, cur_asid);
        CHECK(!load(other + 0x100000, VIEW_USER, &v));
    }
}

static const struct group_rec *group_at(uint64_t va)
{
    const struct window *w = space_window(cpu->roots.space[va_half(va)], va_half(va) ? REGION_HIGH : REGION_LOW_USER, va);
    return w ? w->l1[(va - w->va) >> GROUP_SHIFT] : NULL;
}

/* Does a TLBI by ASID have the group compared? */
static bool compared(uint64_t va)
{
    const struct group_rec *g = group_at(va);
    uint32_t looks = g->looks;
    tlbi_asid(cpu, cur_asid);
    return g->looks != looks;
}

/* sync=auto: the kernel's tables, found unchanged so many times, are protected and compared no more; a write to one is followed. */
static void test_follow(bool shadow)
{
    if (!shadow || mmu.cfg.sync != SYNC_AUTO || mmu.cfg.verify)
        return;
    const uint64_t va = KERNEL_VA + 0x72000000, gpa = RAM_BASE + 0x200000, followed = mmu.stats.followed_groups;
    const uint64_t lin = LIN + (desc_of(root[1], va, 12) - RAM_BASE), up = LIN + (desc_of(root[1], va, 21) - RAM_BASE);
    uint64_t v;
    for (unsigned i = 0; i < GROUP_PAGES; i++)
        add(root[1], va + i * PAGE_SIZE, gpa + i * PAGE_SIZE, 12, K_RW, false);
    CHECK(store(lin + 8 * 500, VIEW_KERNEL, *ram(RAM_BASE + lin - LIN + 8 * 500)) && installed(lin, VIEW_KERNEL) & REC_W);
    for (unsigned round = 0; round < 5; round++) {
        uint64_t page = va + (100 + round) * PAGE_SIZE, desc = RAM_BASE + lin - LIN + 8 * (100 + round), old = *ram(desc);
        for (unsigned i = 0; i < GROUP_PAGES; i++)
            CHECK(load(va + i * PAGE_SIZE, VIEW_KERNEL, &v));
        while (group_at(va)->looks < FOLLOW_LOOKS - 1)
            CHECK(compared(va));
        CHECK(!group_at(va)->followed && compared(va));
        CHECK(group_at(va)->followed && mmu.stats.followed_groups > followed + round && !(installed(lin, VIEW_KERNEL) & REC_W));
        CHECK(!compared(va) && installed(page, VIEW_KERNEL) && store(page, VIEW_KERNEL, round) && *ram(gpa + (100 + round) * PAGE_SIZE) == round);
        switch (round) {
        case 0:                                   /* a store, to anything, takes its page away before any TLBI */
            CHECK(store(LIN + (desc - RAM_BASE), VIEW_KERNEL, old) && !installed(page, VIEW_KERNEL));
            break;
        case 1:                                   /* a page that goes */
            del(root[1], page);
            CHECK(!load(page, VIEW_KERNEL, &v));
            add(root[1], page, gpa + (100 + round) * PAGE_SIZE, 12, K_RW, false);
            break;
        case 2:                                   /* a device's write, once a TLBI was made */
            CHECK(mem_dma_write(desc, &old, 8));
            tlbi_asid(cpu, cur_asid);
            CHECK(!installed(page, VIEW_KERNEL));
            break;
        case 3:                                   /* while another root is in force */
            root[1] += 0x1000;
            mmu_switch(cpu);
            CHECK(store(LIN + (desc - RAM_BASE), VIEW_KERNEL, old));
            root[1] -= 0x1000;
            mmu_switch(cpu);
            CHECK(!installed(page, VIEW_KERNEL));
            break;
        default:                                  /* the table above */
            CHECK(store(up, VIEW_KERNEL, 0) && !installed(page, VIEW_KERNEL) && !installed(va, VIEW_KERNEL));
        }
        CHECK(round == 4 || installed(va, VIEW_KERNEL));
        /* what else is there is followed still; a new page is compared */
        CHECK(round == 4 || !compared(va));
        CHECK(load(page, VIEW_KERNEL, &v) && v == round && compared(va));
    }
    /* never the users' half */
    uint64_t user = USER_VA + 0x72000000ull;
    add(root[0], user, RAM_BASE + 0x40000, 12, U_RW, false);
    CHECK(load(user, VIEW_USER, &v));
    for (unsigned i = 0; i < 3 * FOLLOW_LOOKS; i++)
        tlbi_asid(cpu, cur_asid);
    CHECK(installed(user, VIEW_USER) && !group_at(user)->followed);
    del(root[0], user);
    for (unsigned i = 0; i < GROUP_PAGES; i++)
        del(root[1], va + i * PAGE_SIZE);
    tlbi_asid(cpu, cur_asid);
    CHECK(!load(va, VIEW_KERNEL, &v));
}

static uint64_t tlbi_exits(void) { return mmu_exits(MMU_EXIT_tlbi_va).count + mmu_exits(MMU_EXIT_tlbi_asid).count + mmu_exits(MMU_EXIT_tlbi_all).count; }

/* Maintenance of what windows hold is noted; done, all of it, by one exit at the barrier. Of what only the software TLB holds, at once. */
static void test_notes(bool shadow)
{
    const struct mmu_stats *st = mmu_stats();
    uint64_t v;
    for (unsigned kind = 0; kind < 6; kind++) {
        const uint64_t va = USER_VA + 0x40000000 + kind * 0x1000000;   /* nothing of a kind churns */
        uint64_t dist = kind == 1 ? 0x11000 : 0x1000, n = st->tlbi_va, exits = tlbi_exits(), quick = st->tlbi_at_once;
        const bool at_once = kind < 3 && (!shadow || mmu.cfg.sync == SYNC_WP);
        for (unsigned i = 0; i < 24; i++) {
            add(root[0], va + i * dist, RAM_BASE + 0x20000 + (i & 7) * 0x1000, 12, U_RW, false);
            CHECK(store(va + i * dist, VIEW_USER, 1));
        }
        CHECK(!cpu->tlbi_pending);
        for (unsigned i = 0; i < 24; i++)
            del(root[0], va + i * dist);
        for (unsigned i = 0; i < 24; i++) {
            uint64_t at = va + (kind == 2 ? 23 - i : i) * dist;
            if (kind < 4)
                mmu_tlbi_range(cpu, at, PAGE_SIZE, cur_asid);
            if (kind < 3)
                mmu_tlbi_range(cpu, at, PAGE_SIZE, 777);
        }
        if (kind >= 3 && kind != 5)
            mmu_tlbi_asid(cpu, cur_asid);
        if (kind == 5) {
            mmu_tlbi_all(cpu);
            mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
        }
        CHECK((cpu->tlbi_pending == 0) == at_once && (!at_once || st->tlbi_at_once == quick + 48));
        if (shadow && kind != 1 && mmu.cfg.sync != SYNC_WP)
            CHECK(tlbi_exits() == exits && installed(va, VIEW_USER));
        mmu_tlbi_complete(cpu);
        CHECK(!cpu->tlbi_pending);
        if (at_once)
            CHECK(tlbi_exits() == exits);
        else if (kind == 1)                       /* more ranges than notes */
            CHECK(tlbi_exits() > exits + 1 && tlbi_exits() <= exits + 48 / TLBI_NOTES + 1);
        else
            CHECK(tlbi_exits() == exits + 1);
        exits = tlbi_exits();
        CHECK(st->tlbi_va == n + (kind < 3 ? 48 : kind == 3 ? 24 : kind == 5));
        for (unsigned i = 0; i < 24; i++)
            CHECK(!installed(va + i * dist, VIEW_USER) && !in_tlb(va + i * dist, VIEW_USER, false) && !load(va + i * dist, VIEW_USER, &v));
        mmu_tlbi_complete(cpu);                   /* nothing is noted: no exit */
        CHECK(tlbi_exits() == exits);
    }
    /* The addresses' ends: notes that touch are merged without wrapping, and nothing crosses the middle. */
    add(root[0], USER_VA + 0x4e000000, RAM_BASE + 0x20000, 12, U_RW, false);
    CHECK(load(USER_VA + 0x4e000000, VIEW_USER, &v));
    mmu_tlbi_asid(cpu, cur_asid);                 /* behind a note nothing is done at once */
    mmu_tlbi_range(cpu, 0xfffffffffffff000, PAGE_SIZE, 3);
    mmu_tlbi_range(cpu, 0, PAGE_SIZE, 3);
    mmu_tlbi_range(cpu, 0xffffffffffffe000, 0x10000, 3);
    CHECK(mv(cpu)->tlbi.n == 3 && mv(cpu)->tlbi.note[1].va == 0xffffffffffffe000 && mv(cpu)->tlbi.note[1].last == ~0ull);
    CHECK(mv(cpu)->tlbi.note[2].va == 0 && mv(cpu)->tlbi.note[2].last == PAGE_SIZE - 1);
    mmu_tlbi_complete(cpu);
    del(root[0], USER_VA + 0x4e000000);
    tlbi_asid(cpu, cur_asid);

    /* A space that is in force when the maintenance is noted and not when it is done, and the other way round. */
    const uint64_t va = USER_VA + 0x4f000000;
    uint64_t first = root[0];
    for (unsigned back = 0; back < 2; back++) {
        for (unsigned by = 0; by < 2; by++) {
            add(first, va, RAM_BASE + 0x20000, 12, U_RW, false);
            CHECK(store(va, VIEW_USER, 5));
            del(first, va);
            if (by)
                mmu_tlbi_asid(cpu, cur_asid);
            else
                mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
            root[0] = 0x77000;
            cur_asid++;
            mmu_switch(cpu);
            if (!back)
                mmu_tlbi_complete(cpu);
            root[0] = first;
            cur_asid--;
            mmu_switch(cpu);
            mmu_tlbi_complete(cpu);
            CHECK(!installed(va, VIEW_USER) && !in_tlb(va, VIEW_USER, false) && !load(va, VIEW_USER, &v));
        }
    }

    /* Rights change in place for what is named by address. */
    const uint64_t fresh = va + 0x100000;         /* the other has been dropped too often for a window */
    add(root[0], fresh, RAM_BASE + 0x20000, 12, U_RO, false);
    CHECK(load(fresh, VIEW_USER, &v));
    add(root[0], fresh, RAM_BASE + 0x20000, 12, U_RW, false);
    tlbi_range(cpu, fresh, PAGE_SIZE, cur_asid);
    uint64_t fills = st->fills;
    bool kept = shadow && mmu.cfg.sync <= SYNC_TLB;
    CHECK(!kept || installed(fresh, VIEW_USER) & REC_W);
    CHECK(store(fresh, VIEW_USER, 6) && (!kept || st->fills == fills));
    add(root[0], fresh, RAM_BASE + 0x20000, 12, U_RO, false);
    tlbi_range(cpu, fresh, PAGE_SIZE, cur_asid);
    CHECK(!kept || (installed(fresh, VIEW_USER) & (REC_R | REC_W)) == REC_R);
    CHECK(!store(fresh, VIEW_USER, 7) && load(fresh, VIEW_USER, &v) && v == 6 && (!kept || st->fills == fills));
    /* A place that changes again and again is not kept up for ever. */
    for (unsigned i = 0; i < CHURN_DROPS; i++) {
        add(root[0], fresh, RAM_BASE + 0x20000, 12, i & 1 ? U_RO : U_RW, false);
        tlbi_range(cpu, fresh, PAGE_SIZE, cur_asid);
        CHECK(!store(fresh, VIEW_USER, 6) == (i & 1) && load(fresh, VIEW_USER, &v) && v == 6);
    }
    CHECK(!kept || !installed(fresh, VIEW_USER));
    del(root[0], fresh);
    tlbi_all(cpu);
}

/* What needs no look at a table is done as it is issued, and what does is not. */
static void test_at_once(void)
{
    const struct mmu_stats *st = mmu_stats();
    const uint64_t va = USER_VA + 0x52000000, block = USER_VA + 0x52200000;
    uint64_t v, gpa, key, old = root[0], n = st->tlbi_at_once;
    mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);  /* nothing is there */
    mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
    CHECK(!cpu->tlbi_pending && st->tlbi_at_once == n + 2);
    /* the same again after something was cached there, in between */
    add(root[0], va, RAM_BASE + 0x20000, 12, U_RW, false);
    CHECK(load(va, VIEW_USER, &v));
    del(root[0], va);
    mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
    mmu_tlbi_complete(cpu);
    CHECK(!load(va, VIEW_USER, &v));
    /* a loop over pages under two ASIDs: some are cached before it, some while it goes on */
    for (unsigned by = 0; by < 3; by++) {
        const uint64_t lo = va + 0x10000 + by * 0x100000, cached[] = { 0, 9, 20, 21, 33, 39 };
        for (unsigned k = 0; k < ARRAY_LEN(cached); k++)
            add(root[0], lo + cached[k] * PAGE_SIZE, RAM_BASE + 0x20000, 12, U_RW | PERM_XU, false);
        for (unsigned i = 0; i < 40; i++) {
            for (unsigned k = 0; k < ARRAY_LEN(cached); k++)
                if (cached[k] == (by ? i + 1 : i + 7) && by < 2)
                    CHECK(load(lo + cached[k] * PAGE_SIZE, VIEW_USER, &v));
                else if (cached[k] == i + 3 && by == 2)
                    CHECK(mmu_fetch(cpu, lo + cached[k] * PAGE_SIZE, &gpa, &key));
            for (unsigned k = 0; k < ARRAY_LEN(cached); k++)
                if (cached[k] == i)
                    del(root[0], lo + i * PAGE_SIZE);
            mmu_tlbi_range(cpu, lo + i * PAGE_SIZE, PAGE_SIZE, cur_asid);
            mmu_tlbi_range(cpu, lo + i * PAGE_SIZE, PAGE_SIZE, 999);
            if (i % 3 == 2)
                mmu_tlbi_complete(cpu);
        }
        mmu_tlbi_complete(cpu);
        CHECK(by < 2 || mmu_exec_key(cpu, va) != key);
        for (unsigned k = 0; k < ARRAY_LEN(cached); k++)
            CHECK(!installed(lo + cached[k] * PAGE_SIZE, VIEW_USER) && !load(lo + cached[k] * PAGE_SIZE, VIEW_USER, &v));
    }
    /* anywhere in a block that a software TLB holds pages of: the kernel's, or the user's where there are no windows */
    add(root[0], block, RAM_BASE + (2ull << 21), 21, U_RW, false);
    CHECK(load(block + 0x3000, VIEW_USER, &v) && load(block + 0x3000, VIEW_KERNEL, &v));
    del(root[0], block);
    mmu_tlbi_range(cpu, block + 0x100000, PAGE_SIZE, cur_asid);
    mmu_tlbi_complete(cpu);
    CHECK(!load(block + 0x3000, VIEW_USER, &v) && !load(block + 0x3000, VIEW_KERNEL, &v));
    /* code: its key changes at the barrier */
    add(root[0], va, RAM_BASE + 0x20000, 12, U_RW | PERM_XU | PERM_XK, false);
    CHECK(mmu_fetch(cpu, va, &gpa, &key));
    del(root[0], va);
    n = st->tlbi_at_once;
    mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
    CHECK(cpu->tlbi_pending && st->tlbi_at_once == n);
    mmu_tlbi_complete(cpu);
    CHECK(mmu_exec_key(cpu, va) != key);
    /* an address space that is not in force is compared when it is again */
    add(root[0], va, RAM_BASE + 0x20000, 12, U_RW, false);
    CHECK(store(va, VIEW_USER, 3));
    root[0] = 0x78000;
    cur_asid += 40;
    mmu_switch(cpu);
    n = st->tlbi_at_once;
    mmu_tlbi_asid(cpu, cur_asid - 40);
    bool kernel_too = space_has_asid(cpu->roots.space[1], cur_asid - 40) && space_has_local(cpu->roots.space[1]);
    CHECK(kernel_too || (!cpu->tlbi_pending && st->tlbi_at_once == n + 1));
    mmu_tlbi_complete(cpu);
    del(old, va);
    root[0] = old;
    cur_asid -= 40;
    mmu_switch(cpu);
    CHECK(!installed(va, VIEW_USER) && !in_tlb(va, VIEW_USER, false) && !load(va, VIEW_USER, &v));
}

/* A page in another vCPU's software TLB, whether or not it runs there. The other runs nothing: nobody is waited for. */
static void test_two(bool shadow)
{
    const struct mmu_stats *st = mmu_stats();
    const uint64_t va = USER_VA + 0x53000000;
    struct vcpu *first = cpu, *second = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), (size_t)64));
    memset(second, 0, sizeof(*second));
    second->index = 1;
    mmu_vcpu_init(second);
    for (unsigned there = 0; there < 2; there++) {
        uint64_t v, n = st->tlbi_at_once, old = root[0];
        cpu = second;
        mmu_switch(cpu);
        add(root[0], va, RAM_BASE + 0x20000, 12, U_RW, false);
        CHECK(store(va, VIEW_USER, 8));
        if (!there) {
            root[0] = 0x79000;
            mmu_switch(cpu);
            root[0] = old;
        }
        cpu = first;
        mmu_switch(cpu);
        del(root[0], va);
        mmu_tlbi_range(cpu, va, PAGE_SIZE, cur_asid);
        CHECK((cpu->tlbi_pending == 0) == (shadow ? mmu.cfg.sync == SYNC_WP : !there) && (st->tlbi_at_once == n) == (cpu->tlbi_pending != 0));
        mmu_tlbi_complete(cpu);
        CHECK(!load(va, VIEW_USER, &v));
        cpu = second;
        mmu_switch(cpu);
        CHECK(!installed(va, VIEW_USER) && !in_tlb(va, VIEW_USER, false) && !load(va, VIEW_USER, &v));
        cpu = first;
    }
}

static void test_block(void)
{
    uint64_t v, va = USER_VA + (4ull << 21);
    add(root[0], va, RAM_BASE + (2ull << 21), 21, U_RW, false);
    CHECK(store(va + 0x1000, VIEW_USER, 5) && store(va + 0x100000, VIEW_USER, 6));
    CHECK(*ram(RAM_BASE + (2ull << 21) + 0x1000) == 5);
    del(root[0], va);
    tlbi_range(cpu, va + 0x8000, PAGE_SIZE, 1);   /* anywhere in the block */
    CHECK(!load(va + 0x1000, VIEW_USER, &v) && !load(va + 0x100000, VIEW_USER, &v));
}

static void test_switch(bool shadow)
{
    uint64_t v, va = USER_VA + 0x200000000ull;
    uint64_t old = root[0];
    for (unsigned i = 0; i < 8; i++) {
        add(0x10000 + 0x1000 * i, va, RAM_BASE + 0x100000 + 0x1000 * i, 12, U_RW, false);
        *ram(RAM_BASE + 0x100000 + 0x1000 * i) = 1000 + i;
    }
    for (unsigned i = 0; i < 4000; i++) {
        root[0] = 0x10000 + 0x1000 * (i % 8);
        cur_asid = (uint16_t)(10 + i % 8);
        mmu_switch(cpu);
        if (!load(va, VIEW_USER, &v) || v != 1000 + i % 8) {
            CHECK(!"the wrong space's page");
            break;
        }
    }
    uint64_t fills = mmu_stats()->fills;
    for (unsigned i = 0; i < 8; i++) {
        root[0] = 0x10000 + 0x1000 * i;
        cur_asid = (uint16_t)(10 + i);
        mmu_switch(cpu);
        CHECK(load(va, VIEW_USER, &v));
    }
    /* Nothing was flushed by the switches; but fewer sets than spaces change hands. */
    bool enough = mmu.cfg.org == ORG_PRIVATE || (mmu.cfg.org == ORG_GROUP && mmu.cfg.org_windows >= 9);
    CHECK(!shadow || enough == (mmu_stats()->fills == fills));
    /* TLBI by ASID of a space that is not in force */
    del(0x10000 + 0x1000 * 3, va);
    tlbi_asid(cpu, 13);
    root[0] = 0x10000 + 0x1000 * 3;
    cur_asid = 13;
    mmu_switch(cpu);
    CHECK(!load(va, VIEW_USER, &v));
    root[0] = 0x10000;
    cur_asid = 10;
    mmu_switch(cpu);
    CHECK(load(va, VIEW_USER, &v) && v == 1000);
    root[0] = old;
    cur_asid = 1;
    mmu_switch(cpu);
    CHECK(!load(va, VIEW_USER, &v));
}

/* sync=wp: without any TLBI, whatever way the table is written. */
static void test_wp(bool shadow)
{
    if (!shadow || mmu.cfg.sync != SYNC_WP)
        return;
    uint64_t v, va = USER_VA + 0xb00000000ull, at = desc_of(root[0], va, 12), lin = LIN + (at - RAM_BASE);
    const struct mmu_stats *st = mmu_stats();
    CHECK(store(lin, VIEW_KERNEL, 0) && installed(lin, VIEW_KERNEL) & REC_W);      /* no table yet */
    for (unsigned i = 0; i < 16; i++)
        add(root[0], va + 0x1000 * i, RAM_BASE + 0x700000 + 0x2000 * i, 12, U_RW, false);
    *ram(at + 6 * 8) = *ram(at + 8 * 8) = *ram(at + 10 * 8) = 5;
    for (unsigned way = 0; way < 6; way++) {
        uint64_t page = va + 0x1000 * (2 * way + 2), desc = lin + 8 * (2 * way + 2);
        for (unsigned i = 0; i < 16; i++)
            CHECK(store(va + 0x1000 * i, VIEW_USER, i) && installed(va + 0x1000 * i, VIEW_USER) & REC_W);
        CHECK(!(installed(lin, VIEW_KERNEL) & REC_W) && load(lin, VIEW_KERNEL, &v) && installed(lin, VIEW_KERNEL) & REC_R);
        CHECK(store(LIN + 0x2ff8000, VIEW_KERNEL, 1) && installed(LIN + 0x2ff8000, VIEW_KERNEL) & REC_W);   /* its neighbours */
        uint64_t writes = st->wp_writes;
        switch (way) {
        case 0: CHECK(store(desc, VIEW_KERNEL, 5)); break;
        case 1: mmu_mem_ops.store128(cpu, desc, 5, 5, mem_bits(4, VIEW_KERNEL, true), 0); break;
        case 2: CHECK(mmu_mem_ops.amo(cpu, desc, 5, mem_bits(3, VIEW_KERNEL, true) | AMO_SWP << 16, 0) == 5); break;
        case 3: CHECK(mmu_mem_ops.cas(cpu, desc, 5, 6, mem_bits(3, VIEW_KERNEL, true), 0) == 5); break;
        case 4:
            cpu->excl_addr = desc;
            cpu->excl_val[0] = 5;
            CHECK(mmu_mem_ops.stx(cpu, desc, 7, mem_bits(3, VIEW_KERNEL, true), 0) == 0 && *ram(at + 10 * 8) == 7);
            break;
        default: CHECK(mem_dma_write(at + 12 * 8, &(uint64_t){ 8 }, 8)); tlbi_asid(cpu, 999); break;
        }
        CHECK(st->wp_writes == writes + 1 && !installed(page, VIEW_USER));
        CHECK(installed(page - 0x1000, VIEW_USER) && !installed(page + 0x1000, VIEW_USER) == (way == 1));
    }
    /* Unaligned, across two descriptors. */
    CHECK(store(va + 0x1000, VIEW_USER, 1) && store(lin + 12, VIEW_KERNEL, 0));
    CHECK(!installed(va + 0x1000, VIEW_USER) && !installed(va + 0x2000, VIEW_USER) && installed(va + 0x3000, VIEW_USER));
    /* A software TLB entry does not let a table be written: the user's view of the table's page. */
    add(root[0], va + 0x10000000, at & PAGE_MASK, 12, U_RW, false);
    CHECK(load(va + 0x10000000, VIEW_KERNEL, &v) && in_tlb(va + 0x10000000, VIEW_KERNEL, false));
    CHECK(!in_tlb(va + 0x10000000, VIEW_KERNEL, true));
    CHECK(load(va + 0x10000000, VIEW_USER, &v) && !(installed(va + 0x10000000, VIEW_USER) & REC_W));
    CHECK(installed(va + 0x3000, VIEW_USER) && store(va + 0x10000000 + 24, VIEW_USER, 9) && !installed(va + 0x3000, VIEW_USER));
    /* The upper table: all below goes. */
    uint64_t up = LIN + (desc_of(root[0], va, 21) - RAM_BASE);
    CHECK(installed(va + 0x4000, VIEW_USER) && store(up, VIEW_KERNEL, 0) && !installed(va + 0x4000, VIEW_USER));
    /* Nothing is made from the lower table any more: the first write finds out, the second is free. */
    uint64_t writes = st->wp_writes;
    CHECK(store(lin, VIEW_KERNEL, 0) && store(lin, VIEW_KERNEL, 0) && st->wp_writes == writes + 1);
    CHECK(installed(lin, VIEW_KERNEL) & REC_W);
    /* A page that a software TLB lets be written becomes a table. */
    add(root[0], va + 0x11000000, at & PAGE_MASK, 12, U_RW, false);
    CHECK(store(va + 0x11000000 + 0x800, VIEW_KERNEL, 9) && in_tlb(va + 0x11000000, VIEW_KERNEL, true));
    CHECK(load(va + 0x5000, VIEW_USER, &v) && !in_tlb(va + 0x11000000, VIEW_KERNEL, true));
    /* Flooded: what hangs on the table goes, and it is writable. */
    writes = st->wp_writes;
    for (unsigned i = 0; i < 1000; i++)
        CHECK(store(lin + 0x100, VIEW_KERNEL, i));
    CHECK(st->wp_writes - writes < 100 && !installed(va + 0x5000, VIEW_USER) && load(va + 0x5000, VIEW_USER, &v));
    for (unsigned i = 0; i < 16; i++)
        del(root[0], va + 0x1000 * i);
}

/* A switch between known spaces, of the low root, of the high root (KPTI) or of the ASID alone, is a register write: no other exit. */
static void test_switch_exits(void)
{
    uint64_t low = root[0], high = root[1], v, va = USER_VA + 0x200000000ull, kva = KERNEL_VA + 0x6000000;
    /* A kernel under KPTI: its own pages belong to ASIDs, two of each process, many processes. */
    add(high, kva, RAM_BASE + 0x320000, 12, K_RW, false);
    add(0x32000, kva, RAM_BASE + 0x320000, 12, K_RW, false);
    struct mmu_exits before[MMU_EXIT_COUNT];
    for (unsigned warm = 0; warm < 2; warm++) {
        for (unsigned e = 0; e < MMU_EXIT_COUNT; e++)
            before[e] = mmu_exits((enum mmu_exit)e);
        for (unsigned i = 0; i < (warm ? 100000 : 400); i++) {
            unsigned process = i / 2 % 8;
            root[0] = 0x10000 + 0x1000 * process;
            root[1] = i % 2 ? high : 0x32000;
            cur_asid = (uint16_t)(200 + 2 * process + i % 2);
            mmu_switch(cpu);
            if (!warm)
                CHECK(load(kva, VIEW_KERNEL, &v) && (load(va, VIEW_USER, &v) ? v == 1000 + process : process == 3));
        }
    }
    for (unsigned e = 0; e < MMU_EXIT_COUNT; e++)
        CHECK(mmu_exits((enum mmu_exit)e).count - before[e].count == (e == MMU_EXIT_switch_base ? 100000 : 0));
    root[0] = low;
    root[1] = high;
    cur_asid = 1;
    mmu_switch(cpu);
    del(high, kva);
    del(0x32000, kva);
    tlbi_all(cpu);
}

static void test_kernel_views(bool shadow)
{
    uint64_t v;
    add(root[1], KERNEL_VA, RAM_BASE + 0x200000, 12, K_RW, true);
    CHECK(store(KERNEL_VA, VIEW_KERNEL, 77) && load(KERNEL_VA, VIEW_KERNEL_PAN, &v) && v == 77);
    CHECK(!load(KERNEL_VA, VIEW_USER, &v));
    CHECK(!shadow || installed(KERNEL_VA, VIEW_KERNEL));
    /* user page: the kernel reaches it without PAN only; its window must not hold it */
    CHECK(load(USER_VA, VIEW_KERNEL, &v) && !load(USER_VA, VIEW_KERNEL_PAN, &v));
    CHECK(!installed(USER_VA, VIEW_KERNEL));
    /* a global entry goes with a TLBI for any ASID's address */
    del(root[1], KERNEL_VA);
    tlbi_range(cpu, KERNEL_VA, PAGE_SIZE, MMU_ANY_ASID);
    CHECK(!load(KERNEL_VA, VIEW_KERNEL, &v));
    /* the kernel's view of the low half follows a switch of the low root */
    uint64_t old = root[0];
    CHECK(load(USER_VA, VIEW_KERNEL, &v));
    root[0] = 0x777000;
    mmu_switch(cpu);
    CHECK(!load(USER_VA, VIEW_KERNEL, &v));
    root[0] = old;
    mmu_switch(cpu);
}

/* A switch of the high root and back (KPTI) must not hide the kernel views' low-half entries from the next switch. */
static void test_kernel_low(void)
{
    uint64_t v, va = USER_VA + 0x700000000ull, low = root[0], high = root[1];
    add(low, va, RAM_BASE + 0x300000, 12, U_RW, false);
    add(0x31000, va, RAM_BASE + 0x301000, 12, U_RW, false);
    *ram(RAM_BASE + 0x300000) = 0xaa;
    *ram(RAM_BASE + 0x301000) = 0xbb;
    CHECK(load(va, VIEW_KERNEL, &v) && v == 0xaa);
    root[1] = 0x32000;
    mmu_switch(cpu);
    root[1] = high;
    mmu_switch(cpu);
    root[0] = 0x31000;
    mmu_switch(cpu);
    CHECK(load(va, VIEW_KERNEL, &v) && v == 0xbb);
    del(0x31000, va);
    tlbi_range(cpu, va, PAGE_SIZE, MMU_ANY_ASID);
    CHECK(!load(va, VIEW_KERNEL, &v));
    root[0] = low;
    mmu_switch(cpu);
}

/* The last page of the address space, and a page of the high half that EL0 may touch. */
static void test_top(void)
{
    uint64_t v, top = ~0ull & PAGE_MASK;
    add(root[1], top, RAM_BASE + 0x310000, 12, K_RW, true);
    CHECK(store(top, VIEW_KERNEL, 1));
    del(root[1], top);
    tlbi_range(cpu, top, PAGE_SIZE, MMU_ANY_ASID);
    CHECK(!load(top, VIEW_KERNEL, &v));
    add(root[1], KERNEL_VA + 0x5000, RAM_BASE + 0x311000, 12, U_RW, true);
    CHECK(load(KERNEL_VA + 0x5000, VIEW_USER, &v));
    del(root[1], KERNEL_VA + 0x5000);
    tlbi_range(cpu, KERNEL_VA + 0x5000, PAGE_SIZE, MMU_ANY_ASID);
    CHECK(!load(KERNEL_VA + 0x5000, VIEW_USER, &v));
}

/* Code fetched through a block, then the mapping changes under each wide form of TLBI. */
static void test_exec(void)
{
    uint64_t gpa, fetched, va = USER_VA + 0x800000000ull;
    for (unsigned form = 0; form < 3; form++) {
        add(root[0], va, RAM_BASE + (4ull << 21), 21, U_RW | PERM_XU, false);
        tlbi_all(cpu);
        CHECK(mmu_fetch(cpu, va + 0x3000, &gpa, &fetched) && gpa == RAM_BASE + (4ull << 21) + 0x3000);
        uint64_t key = mmu_exec_key(cpu, va);
        CHECK(key == fetched);
        add(root[0], va, RAM_BASE + (5ull << 21), 21, U_RW | PERM_XU, false);
        if (form == 0)
            tlbi_all(cpu);
        else if (form == 1)
            tlbi_asid(cpu, cur_asid);
        else
            tlbi_range(cpu, va + 0x10000, PAGE_SIZE, cur_asid);
        CHECK(mmu_exec_key(cpu, va) != key);
    }
    del(root[0], va);
    tlbi_all(cpu);
}

/* Read-only memory: cached as RAM is, but never to be written; and not at all while it is its device's. */
static struct { uint64_t off, v; unsigned reads, writes; } rom_seen;
static uint64_t rom_read(void *opaque, uint64_t off, unsigned size)
{
    rom_seen.reads++;
    return 0x5a5a;
}
static void rom_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    rom_seen.writes++;
    rom_seen.off = off;
    rom_seen.v = v;
}

static void test_rom(bool shadow)
{
    static const struct mmio_ops ops = { .name = "rom", .read = rom_read, .write = rom_write };
    uint64_t v, gpa, key, va = USER_VA + 0xb000000000ull;
    struct mem_rom *rom = mem_add_rom(0x4000, 0x400000, &ops, NULL), *other = mem_add_rom(0x404000, 0x4000, &ops, NULL);
    ((uint64_t *)(void *)rom->view)[0x1000 / 8 + 1] = 0x1234;
    ((uint64_t *)(void *)other->view)[0] = 0x99;
    for (unsigned i = 0; i < 8; i++)              /* the last two are the other's */
        add(root[0], va + 0x1000ull * i, 0x3fe000 + 0x1000ull * i, 12, U_RW | PERM_XU, false);
    add(root[0], va + 0x10000, 0x5000, 12, U_RW | PERM_XU, false);
    for (unsigned round = 0; round < 2; round++) {
        CHECK(load(va + 0x10008, VIEW_USER, &v) && v == 0x1234 && !rom_seen.reads);
        CHECK(load(va + 0x6000, VIEW_USER, &v) && v == 0x99);
        CHECK(load(va + 0x5ffc, VIEW_USER, &v) && v == 0x9900000000);
        CHECK(shadow ? (installed(va + 0x10000, VIEW_USER) & (REC_R | REC_W)) == REC_R :
                       in_tlb(va + 0x10000, VIEW_USER, false) && !in_tlb(va + 0x10000, VIEW_USER, true));
        CHECK(store(va + 0x10010, VIEW_USER, 7) && rom_seen.writes == round + 1 && rom_seen.off == 0x1010 && rom_seen.v == 7);
        CHECK(((uint64_t *)(void *)rom->view)[0x1000 / 8 + 2] == 0);
        CHECK(mmu_fetch(cpu, va + 0x10000, &gpa, &key) && gpa == 0x5000);
        mem_rom_set_direct(rom, false);
        CHECK(!installed(va + 0x10000, VIEW_USER) && !in_tlb(va + 0x10000, VIEW_USER, false) && !installed(va, VIEW_USER));
        CHECK(!shadow || installed(va + 0x6000, VIEW_USER));
        CHECK(load(va + 0x10008, VIEW_USER, &v) && v == 0x5a5a && rom_seen.reads);
        CHECK(!installed(va + 0x10000, VIEW_USER) && !in_tlb(va + 0x10000, VIEW_USER, false));
        CHECK(!mmu_fetch(cpu, va + 0x10000, &gpa, &key) && last_fault.fault == FAULT_EXTERNAL);
        mem_rom_set_direct(rom, true);
        rom_seen.reads = 0;
    }
    for (unsigned i = 0; i < 8; i++)
        del(root[0], va + 0x1000ull * i);
    del(root[0], va + 0x10000);
    tlbi_all(cpu);
}

/* Every second page of a long run goes: each hole costs VMAs. */
static void test_holes(void)
{
    uint64_t v, va = USER_VA + 0x900000000ull;
    for (unsigned i = 0; i < 3000; i++)
        add(root[0], va + 0x1000ull * i, RAM_BASE + 0x2000000 + 0x1000ull * i, 12, U_RW, false);
    for (unsigned i = 0; i < 3000; i++)
        CHECK(load(va + 0x1000ull * i, VIEW_USER, &v));
    for (unsigned i = 0; i < 3000; i += 2)
        del(root[0], va + 0x1000ull * i);
    tlbi_asid(cpu, cur_asid);
    CHECK(mmu_vmas().now <= mmu.max_vmas);
    for (unsigned i = 0; i < 3000; i++)
        CHECK(load(va + 0x1000ull * i, VIEW_USER, &v) == (i & 1));
}

int main(int argc, char **argv)
{
    bool shadow = argc > 1 && !strcmp(argv[1], "shadow");
    bool auto_mode = argc > 1 && !strcmp(argv[1], "auto");
    mem_init(RAM_BASE, RAM_SIZE);
    struct mmu_config cfg = { .paging = shadow ? PAGING_SHADOW : auto_mode ? PAGING_AUTO : PAGING_SOFTTLB, .max_vmas = 1000 };
    for (int i = 2; i < argc; i++) {
        static const struct { const char *name; enum sync_mode sync; enum spt_org org; unsigned sets, prefill; } mode[] = {
            { "tlb", SYNC_TLB, ORG_PRIVATE, 0, 0 }, { "drop", SYNC_DROP, ORG_PRIVATE, 0, 0 }, { "wp", SYNC_WP, ORG_PRIVATE, 0, 0 },
            { "group3", SYNC_AUTO, ORG_GROUP, 3, 0 }, { "group16", SYNC_AUTO, ORG_GROUP, 16, 0 },
            { "shared", SYNC_AUTO, ORG_SHARED, 0, 0 }, { "prefill4", SYNC_AUTO, ORG_SHARED, 0, 4 },
            { "group-prefill64", SYNC_AUTO, ORG_GROUP, 2, 64 },
        };
        for (unsigned n = 0; n < ARRAY_LEN(mode); n++) {
            if (strcmp(argv[i], mode[n].name))
                continue;
            cfg.sync = MAX(cfg.sync, mode[n].sync);
            cfg.org = MAX(cfg.org, mode[n].org);
            cfg.org_windows = MAX(cfg.org_windows, mode[n].sets);
            cfg.prefill = MAX(cfg.prefill, mode[n].prefill);
        }
    }
    mmu_init(&cfg, &guest);
    cpu = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), (size_t)64));
    memset(cpu, 0, sizeof(*cpu));
    mmu_vcpu_init(cpu);
    mmu_switch(cpu);
    test_fill_and_fault(shadow);
    test_sync(shadow);
    test_churn(shadow);
    test_churn_asid(shadow);
    test_follow(shadow);
    test_notes(shadow);
    test_at_once();
    test_block();
    test_switch(shadow);
    test_switch_exits();
    test_org(shadow);
    test_wp(shadow);
    test_kernel_views(shadow);
    test_kernel_low();
    test_top();
    test_exec();
    test_rom(shadow);
    test_holes();
    test_budget(shadow);
    if (auto_mode)
        test_policy();
    test_two(shadow);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
