/*
 * switch_test.c - IR_ROOT, src/host's thunk and src/mmu together: which switches of address spaces are made without C, and that a
 * vCPU is left as C would leave it.
 *
 * The guest has a map for page tables, two vCPUs, and the ASID in the high root's top bits, as Linux has it. Whatever is done to
 * spaces in between: what a vCPU's accesses go by (deltas, region tables, software TLBs, jump cache context) must be that of the
 * spaces which its roots name, and loads must see what the tables say.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/quiet.h"
#include "check.h"
#include "host/host.h"
#include "mem/mem.h"
#include "mmu/internal.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE (16ull << 20)
#define USER_VA 0xaaaa00000000ull
#define KERNEL_VA 0xffff800000000000ull
#define CODE_VA (KERNEL_VA + 0x1000000)
#define MODE 0x5550ull                           /* the mode's part of jc_ctx */
#define ALL_R (PERM_R(VIEW_USER) | PERM_R(VIEW_KERNEL) | PERM_R(VIEW_KERNEL_PAN))

static struct vcpu *cpu[2];
static jmp_buf fault;
NORETURN void vcpu_unwind(struct vcpu *c) { longjmp(fault, 1); }

/* ---- the guest: a page each of some roots leads somewhere ---- */

#define ROOT_MASK 0xffffffffffffull
#define PAGES 4
static uint32_t target[64][PAGES];               /* by root >> 12: page of RAM, 0: not mapped */
static uint64_t va_of(unsigned half, unsigned page) { return (half ? KERNEL_VA : USER_VA) + page * 0x100000; }

static enum walk_status walk_space(struct vcpu *c, const struct space_id *id, unsigned half, uint64_t va, enum access acc,
                                   enum view view, struct walk *w)
{
    unsigned page = (unsigned)(va - va_of(half, 0)) / 0x100000;
    uint32_t to = va >= va_of(half, 0) && page < PAGES && !(va & 0xff000) ? target[id->root >> 12][page] : 0;
    *w = (struct walk){ .fault = 7 };
    if (!to)
        return WALK_FAULT;
    uint8_t perms = half ? ALL_R & ~PERM_R(VIEW_USER) : ALL_R & ~PERM_R(VIEW_KERNEL_PAN);
    *w = (struct walk){ .gpa = RAM_BASE + to * PAGE_SIZE + (va & ~PAGE_MASK), .shift = PAGE_SHIFT, .perms = perms | PERM_XU | PERM_XK,
                        .leaf_gpa = 8, .desc = to, .stride = 9 };
    return acc == ACC_WRITE ? WALK_FAULT : WALK_OK;
}

static struct space_id space(const struct vcpu *c, unsigned half)
{
    return (struct space_id){ .root = c->roots.root[half] & ROOT_MASK, .config = 1, .asid = (uint16_t)(c->roots.root[1] >> 48) };
}

static enum walk_status walk(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *w)
{
    struct space_id id = space(c, va_half(va));
    return walk_space(c, &id, va_half(va), va, acc, view, w);
}

static bool canonical(const struct vcpu *c, uint64_t *va) { return true; }
static void raise_mem(struct vcpu *c, const struct mem_fault *f) {}
static enum view fetch_view(const struct vcpu *c) { return VIEW_KERNEL; }
static const struct guest_ops guest = {
    .name = "test", .insn_align = 4, .walk = walk, .walk_space = walk_space, .space = space, .canonical = canonical, .raise_mem = raise_mem,
    .fetch_view = fetch_view, .state_size = sizeof(struct vcpu),
};

/* ---- MSR TTBRn_EL1 ---- */

static unsigned calls;
static struct host_code write_root[2][2];        /* [half][with vectors] */

/* As src/xlate does. */
static uint64_t user_ctx(const struct vcpu *c) { return vcpu_ctx_flags(mmu_windows(c, VIEW_USER) << 24); }
static void contexts(struct vcpu *c)
{
    for (unsigned h = 0; h < 2; h++)
        c->ctx_space[h] = c->roots.space[h]->exec_key ^ c->ctx_salt;
    c->ctx_mode[0] ^= c->ctx_user ^ user_ctx(c);
    c->ctx_user = user_ctx(c);
    c->jc_ctx = c->ctx_space[vcpu_pc(c) >> 55 & 1] ^ MODE;
}

static uint64_t wr_root(struct vcpu *c, unsigned half, uint64_t v)
{
    calls++;
    if (c->roots.root[half] != v) {
        c->roots.root[half] = v;
        mmu_switch(c);
        contexts(c);
        mmu_remember_switch(c, half);
    }
    return 0;
}
static uint64_t wr0(struct vcpu *c, uint64_t v, uint64_t x, uint64_t y) { return wr_root(c, 0, v); }
static uint64_t wr1(struct vcpu *c, uint64_t v, uint64_t x, uint64_t y) { return wr_root(c, 1, v); }
static const struct ir_helper helper[2] = { { "wr0", wr0, IRE_STATE | IRE_WSTATE }, { "wr1", wr1, IRE_STATE | IRE_WSTATE } };

static void generate(void)
{
    const size_t size = 1 << 20;
    static struct ir_block b;
    const struct host_gen_opts o = { .kind = { ACCESS_SLOW, ACCESS_SLOW, ACCESS_SLOW } };
    struct host_callbacks cb = { .mem = mmu_mem_ops, .epoch = mmu_epoch() };
    uint8_t *area = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *at = area == MAP_FAILED ? NULL : area + host_init(area, size, &cb);
    for (unsigned k = 0; k < 4; k++, at += 4096) {
        ir_reset(&b, 0x10);
        ir_begin_insn(&b, 0x10);
        /* values that live across it, in as many registers as there are, and flags */
        ir_val v[8];
        for (unsigned n = 0; n < 8; n++)
            v[n] = ir_op2(&b, IR_ADD, IR_I64, ir_getr(&b, IR_I64, 1 + n), ir_const(&b, IR_I64, 7 * n + 1));
        if (k & 1)
            ir_putv(&b, 3, ir_vop(&b, IR_VADD, 3, 1, ir_getv(&b, 3), ir_getv(&b, 3), IR_NONE));
        ir_putr(&b, 9, ir_op2(&b, IR_SUBS, IR_I64, ir_getr(&b, IR_I64, 9), ir_const(&b, IR_I64, 5)));
        ir_root(&b, k / 2, &helper[k / 2], ir_getr(&b, IR_I64, 0));
        for (unsigned n = 0; n < 8; n++)
            ir_putr(&b, 11 + n, v[n]);
        ir_putr(&b, 10, ir_setc(&b, IR_I64, CC_EQ));
        if (k & 1)
            ir_putv(&b, 4, ir_vop(&b, IR_VADD, 3, 1, ir_getv(&b, 3), ir_getv(&b, 4), IR_NONE));
        ir_exit_dispatch(&b, 0x14);
        ir_verify(&b);
        CHECK(host_generate(&b, &o, at, 4096, &write_root[k / 2][k & 1]));
    }
}

/* The guest writes the register. true: no call of C. */
static bool put(struct vcpu *c, unsigned half, uint64_t v)
{
    static unsigned vec;
    unsigned before = calls;
    uint64_t n = c->roots.switches, was = c->roots.root[half];
    vec ^= 1;
    for (unsigned k = 0; k < 11; k++)
        c->r[k] = 100 * k;
    c->r[0] = v;
    c->r[9] = vec ? 5 : 6;
    c->v[3] = (u128){ 3, 4 };
    c->v[4] = (u128){ 10, 20 };
    vcpu_set_pc(c, CODE_VA + 0x10);
    c->jc_ctx = c->ctx_space[1] ^ MODE;
    quiet_enter(c->index);
    host_run(c, write_root[half][vec].entry);
    quiet_leave(c->index);
    bool kept = c->r[10] == vec && c->r[9] == (vec ? 0 : 1) && c->roots.root[half] == v && vcpu_pc(c) == CODE_VA + 0x14;
    for (unsigned k = 0; k < 8; k++)
        kept &= c->r[11 + k] == 100 * (1 + k) + 7 * k + 1;
    kept &= !vec || (c->v[3].lo == 6 && c->v[4].lo == 16 && c->v[4].hi == 28);
    CHECK(kept && c->roots.switches - n == (calls == before && was != v));
    return calls == before;
}

/* Is everything as the spaces that the roots name have it? */
static bool right(struct vcpu *c)
{
    const struct mmu_vcpu *m = mv(c);
    bool ok = !c->roots.undone && c->ctx_user == user_ctx(c) && c->ctx_mode[0] == (c->ctx_user ^ MODE << 8);
    ok &= c->jc_ctx == (c->ctx_space[1] ^ MODE);
    for (unsigned h = 0; h < 2; h++) {
        const struct space *s = c->roots.space[h];
        struct space_id id = space(c, h);
        ok &= s && s->id.root == id.root && s->half == h && !s->stale && space_has_asid(s, id.asid);
        ok &= c->ctx_space[h] == (s->exec_key ^ c->ctx_salt);
        for (unsigned v = 0; v < VIEW_COUNT; v++)
            ok &= (v == VIEW_USER) != (h == 0) || !memcmp(&c->tlb[v], &s->tlb[m->index][v].d, sizeof(c->tlb[v]));
        for (unsigned g = 0; g < REGION_GROUPS; g++)
            for (unsigned k = 0; (g == REGION_HIGH) == (h == 1) && k < REGION_SLOTS; k++) {
                const struct window *w = s->win[g][k];
                int64_t d = w ? (int64_t)((uint64_t)(uintptr_t)w->base - w->va) : REGION_POISON, region = mmu.slot_region[g][k];
                ok &= c->delta[g * REGION_SLOTS + k] == d;
                ok &= region == INT64_MIN || (g == REGION_LOW_USER ? m->rt_user : m->rt_kernel)[region & (REGION_TABLE - 1)] == d;
            }
    }
    return ok;
}

static bool load(struct vcpu *c, enum view view, uint64_t va, uint64_t *v)
{
    if (setjmp(fault))
        return false;
    *v = mmu_mem_ops.load(c, va, ir_mem_pack((struct ir_mem){ .size = 3, .view = (uint16_t)view & 3 }), 0);
    return true;
}

/* Does every page read as the tables in force say? (RAM page N holds N.) */
static bool loads(struct vcpu *c)
{
    bool ok = true;
    for (unsigned h = 0; h < 2; h++)
        for (unsigned page = 0; page < PAGES; page++) {
            uint64_t v = 0;
            uint32_t to = target[(c->roots.root[h] & ROOT_MASK) >> 12][page];
            ok &= load(c, h ? VIEW_KERNEL : VIEW_USER, va_of(h, page), &v) == (to != 0) && v == to;
        }
    return ok;
}

static uint64_t root(unsigned n, unsigned asid) { return n * PAGE_SIZE | (uint64_t)asid << 48; }

/* A process's way into the kernel and back under KPTI with emulated PAN: six writes. How many of them called C? */
#define KERNEL 40u
#define TRAMPOLINE 41u
#define RESERVED 42u
static unsigned system_call(struct vcpu *c, unsigned n)
{
    const struct { unsigned half; uint64_t v; } way[] = {
        { 1, root(KERNEL, 2 * n) }, { 0, root(RESERVED, 0) }, { 1, root(KERNEL, 0) },
        { 1, root(KERNEL, 2 * n) }, { 0, root(n, 2 * n) }, { 1, root(TRAMPOLINE, 2 * n + 1) },
    };
    unsigned in_c = 0;
    for (unsigned i = 0; i < ARRAY_LEN(way); i++) {
        in_c += !put(c, way[i].half, way[i].v);
        CHECK(right(c));
    }
    return in_c;
}

static void remap(unsigned n, unsigned page, uint32_t to) { target[n][page] = to; }

static void test_kpti(void)
{
    struct vcpu *c = cpu[0];
    unsigned n;
    for (unsigned i = 0; i < 3; i++)
        for (n = 1; n <= 4; n++) {
            put(c, 1, root(TRAMPOLINE, 2 * n + 1));
            put(c, 0, root(n, 2 * n));
            CHECK(loads(c));
            system_call(c, n);
        }
    uint64_t exits = mmu_exits(MMU_EXIT_switch_base).count, changes = mmu_stats()->switches, all = mmu_stats()->inline_switches;
    for (unsigned i = 0; i < 100; i++)
        CHECK(system_call(c, 4) == 0 && loads(c));
    CHECK(mmu_exits(MMU_EXIT_switch_base).count == exits);
    CHECK(mmu_stats()->inline_switches - all == 600 && mmu_stats()->switches - changes == 400);
    CHECK(put(c, 0, c->roots.root[0]) && mmu_stats()->inline_switches - all == 600);   /* the same value */

    /* the order in which spaces were used last */
    const struct space *a = c->roots.space[0];
    put(c, 0, root(3, 6));
    put(c, 0, root(4, 8));
    put(c, 0, root(3, 6));
    CHECK(put(c, 0, root(4, 8)) && c->roots.space[0] == a);
    uint64_t last = a->last_used;
    CHECK(put(c, 0, root(3, 6)) && c->roots.space[0]->last_used > last);
    CHECK(put(c, 0, root(4, 8)));
}

/* What invalidates: afterwards the switch is C's once, then translated code's again, and what it leads to is right. */
static void test_invalidation(void)
{
    struct vcpu *c = cpu[0], *o = cpu[1];
    put(o, 1, root(TRAMPOLINE, 5));
    put(o, 0, root(2, 4));
    for (unsigned kind = 0; kind < 7; kind++) {
        system_call(c, 4);
        CHECK(system_call(c, 4) == 0 && loads(c));
        CHECK(put(c, 0, root(RESERVED, 0)) || put(c, 0, root(RESERVED, 0)));
        put(c, 0, root(4, 8));
        put(c, 0, root(RESERVED, 0));
        struct space *s = NULL;
        for (unsigned i = 0; i < mmu.n_spaces; i++)
            if (mmu.all[i]->id.root == 4 * PAGE_SIZE)
                s = mmu.all[i];
        remap(4, 1, 600 + kind);
        CHECK(s && s != c->roots.space[0]);
        bool once = true;                         /* C must see it */
        switch (kind) {
        case 0:                                   /* the page is dropped at once: nothing else changes */
            once = false;
            mmu_tlbi_range(o, va_of(0, 1), PAGE_SIZE, 8);
            mmu_tlbi_complete(o);
            break;
        case 1: mmu_tlbi_asid(o, 8); mmu_tlbi_complete(o); break;
        case 2: mmu_tlbi_all(o); mmu_tlbi_complete(o); break;
        case 3:                                   /* eviction of the windows, if it has any */
            remap(4, 1, 600 + kind - 1);
            once = s->n_wins;
            for (unsigned k = 0; k < REGION_SLOTS; k++)
                if (s->win[REGION_LOW_USER][k])
                    window_release(s->win[REGION_LOW_USER][k]);
            break;
        case 4:                                   /* the regime */
            mmu_tlbi_all(c);
            mmu_tlbi_complete(c);
            vcpu_forget_switches(c);
            break;
        case 5:                                   /* somebody holds the lock, and finds or does not find the space in force */
            mmu_tlbi_all(c);
            mmu_tlbi_complete(c);
            put(c, 0, root(4, 8));
            put(c, 0, root(RESERVED, 0));
            CHECK(put(c, 0, root(4, 8)) && put(c, 0, root(RESERVED, 0)));
            mmu.epoch.busy = 1;                   /* (C clears it when it unlocks) */
            break;
        default:                                  /* it was given to another root meanwhile */
            mmu_tlbi_all(c);
            mmu_tlbi_complete(c);
            put(c, 0, root(4, 8));
            put(c, 0, root(RESERVED, 0));
            s->last_used = 0;
            while (mmu.n_spaces < 1024)
                space_get(0, &(struct space_id){ .root = (1000 + mmu.n_spaces) * PAGE_SIZE, .config = 1 });
            space_get(0, &(struct space_id){ .root = 999 * PAGE_SIZE, .config = 1 });
            CHECK(s->id.root != 4 * PAGE_SIZE);
        }
        CHECK(put(c, 0, root(4, 8)) == !once && right(c) && loads(c));
        for (unsigned i = 0; i < 2; i++) {        /* (the loads may have made windows) */
            put(c, 0, root(RESERVED, 0));
            put(c, 0, root(4, 8));
        }
        CHECK(put(c, 0, root(RESERVED, 0)) && put(c, 0, root(4, 8)) && right(c) && loads(c));
    }
    /* a space in force here is compared by the other's TLBI, and its code's key changes */
    uint64_t gpa, key, was = mmu_exec_key(c, USER_VA);
    CHECK(mmu_fetch(c, va_of(0, 1), &gpa, &key) && key == was);
    put(c, 0, root(RESERVED, 0));
    remap(4, 1, 650);
    put(o, 0, root(4, 4));
    mmu_tlbi_all(o);
    mmu_tlbi_complete(o);
    put(c, 0, root(4, 8));
    CHECK(mmu_exec_key(c, USER_VA) != was && right(c) && loads(c));
    /* what another vCPU finds out about a space while translated code here still remembers it */
    put(c, 0, root(RESERVED, 0));
    put(c, 0, root(4, 8));
    CHECK(put(c, 0, root(RESERVED, 0)));
    mmu_lock();
    struct space *s = o->roots.space[0];
    CHECK(s->id.root == 4 * PAGE_SIZE);
    space_new_exec_key(s);
    mmu_unlock();
    CHECK(put(c, 0, root(4, 8)) && right(c));
}

/* The kernel looked at a low page with a view of its own: its array must lose it at a switch, in C. */
static void test_kernel_low(void)
{
    struct vcpu *c = cpu[0];
    uint64_t v;
    remap(3, 0, 31);
    remap(4, 0, 41);
    mmu_tlbi_all(c);
    mmu_tlbi_complete(c);
    for (unsigned i = 0; i < 4; i++)
        put(c, 0, root(3 + i % 2, 8));
    for (unsigned i = 0; i < 4; i++) {
        CHECK(put(c, 0, root(3 + i % 2, 8)));
        CHECK(load(c, VIEW_KERNEL, va_of(0, 0), &v) && v == (i % 2 ? 41 : 31));
        put(c, 0, root(3 + !(i % 2), 8));
        CHECK(load(c, VIEW_KERNEL, va_of(0, 0), &v) && v == (i % 2 ? 31 : 41));
        put(c, 0, root(5, 8));
        for (unsigned k = 0; k < 3; k++)
            put(c, 0, root(3 + k % 2, 8));
        put(c, 0, root(4, 8));
        put(c, 0, root(3, 8));
        put(c, 0, root(4, 8));
    }
}

/* paging=auto: a space that lost its windows gives them back when it is left, in C; one that got some is entered with their context. */
static void test_policy(void)
{
    struct vcpu *c = cpu[0];
    put(c, 0, root(6, 8));
    struct space *s = c->roots.space[0];
    CHECK(loads(c));
    for (unsigned i = 0; i < 20000 && !s->policy.windows; i++)
        policy_charge(c, 1000000, 0);
    contexts(c);
    CHECK(s->policy.windows && s->n_wins && right(c));
    for (unsigned i = 0; i < 3; i++) {
        put(c, 0, root(RESERVED, 0));
        put(c, 0, root(6, 8));
    }
    CHECK(put(c, 0, root(RESERVED, 0)) && right(c) && put(c, 0, root(6, 8)) && right(c) && loads(c));
    policy_new_owner(s);
    contexts(c);
    CHECK(s->n_wins && !put(c, 0, root(RESERVED, 0)) && !s->n_wins && right(c));
    for (unsigned i = 0; i < 3; i++) {
        put(c, 0, root(6, 8));
        put(c, 0, root(RESERVED, 0));
    }
    CHECK(put(c, 0, root(6, 8)) && right(c) && loads(c));
}

static uint64_t seed = 1;
static unsigned rnd(unsigned n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

static void test_random(void)
{
    unsigned in_c = 0, all = 0;
    contexts(cpu[0]);
    contexts(cpu[1]);
    for (unsigned i = 0; i < 60000; i++) {
        struct vcpu *c = cpu[rnd(2)];
        unsigned n = 1 + rnd(5), op = rnd(2000);
        if (op < 4) {
            remap(rnd(2) ? n : KERNEL + rnd(2), rnd(PAGES), rnd(4) ? 100 + rnd(1000) : 0);
            mmu_tlbi_all(c);
            mmu_tlbi_complete(c);
            for (unsigned k = 0; k < 2; k++)
                contexts(cpu[k]);                 /* they were out of translated code, or asked to leave it */
        } else if (op < 8) {
            struct space *s = mmu.all[rnd(mmu.n_spaces)];
            for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++)
                if (s->win[k / REGION_SLOTS][k % REGION_SLOTS])
                    window_release(s->win[k / REGION_SLOTS][k % REGION_SLOTS]);
        } else if (op < 12) {
            vcpu_forget_switches(c);
        } else if (op < 40) {
            CHECK(loads(c));
        } else if (op < 1000) {
            in_c += !put(c, 0, rnd(3) ? root(n, 2 * n) : root(RESERVED, 0));
            all++;
        } else {
            in_c += !put(c, 1, rnd(2) ? root(KERNEL, rnd(2) ? 2 * n : 0) : root(TRAMPOLINE, 2 * n + 1));
            all++;
        }
        CHECK(right(cpu[0]) && right(cpu[1]));
    }
    CHECK(in_c < all / 4 * 3);
    printf("%u of %u random switches in C\n", in_c, all);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "auto";
    struct mmu_config cfg = { .paging = !strcmp(mode, "softtlb") ? PAGING_SOFTTLB : !strcmp(mode, "auto") ? PAGING_AUTO : PAGING_SHADOW,
                              .org = !strcmp(mode, "shared") ? ORG_SHARED : ORG_PRIVATE, .max_vmas = 1000 };
    mem_init(RAM_BASE, RAM_SIZE);
    mmu_init(&cfg, &guest);
    for (unsigned i = 0; i < RAM_SIZE / PAGE_SIZE; i++)
        *(uint64_t *)mem_ptr(RAM_BASE + i * PAGE_SIZE, 8) = i;
    for (unsigned n = 0; n < ARRAY_LEN(target); n++)
        for (unsigned page = 0; page < PAGES; page++)
            target[n][page] = n == RESERVED ? 0 : 100 + 10 * n + page;
    for (unsigned i = 0; i < 2; i++) {
        cpu[i] = aligned_alloc(64, ALIGN_UP(sizeof(*cpu[i]), (size_t)64));
        memset(cpu[i], 0, sizeof(*cpu[i]));
        cpu[i]->index = i;
        cpu[i]->fp.mxcsr = 0x1f80;
        cpu[i]->ctx_salt = 0x10000 << i;
        cpu[i]->ctx_mode[0] = MODE << 8;
        quiet_add(i, &cpu[i]->exit_req);
        mmu_vcpu_init(cpu[i]);
    }
    generate();
    host_vcpu_init(cpu[0]);
    host_vcpu_init(cpu[1]);
    for (unsigned i = 0; i < 2; i++) {
        cpu[i]->roots.root[0] = root(1, 0);
        cpu[i]->roots.root[1] = root(KERNEL, 2);
        vcpu_set_pc(cpu[i], CODE_VA);
        mmu_switch(cpu[i]);
        contexts(cpu[i]);
    }
    test_kpti();
    test_invalidation();
    test_kernel_low();
    if (!strcmp(mode, "auto"))
        test_policy();
    test_random();
    return check_done();
}
