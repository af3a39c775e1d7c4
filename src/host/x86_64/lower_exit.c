/*
 * lower_exit.c - ends of blocks and calls of helpers.
 *
 * Owns chainable jumps, the inline jump cache and the exit checks. Must not know what src/xlate chains.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)

/* ---- exits ---- */

static bool in_page(int64_t target) { return target >= 0 && target < (int64_t)PAGE_SIZE; }

static struct leave *new_leave(struct gen *g, uint8_t *from, int64_t target, int exit)
{
    struct leave *l = &g->leave[g->n_leaves++];
    *l = (struct leave){.from = from, .target = target, .exit = exit};
    return l;
}

/* The N bytes to be patched, OP bytes behind here in what is about to be emitted, must not straddle a cache line. */
static void align_bytes(struct gen *g, unsigned op, unsigned n)
{
    unsigned at = (unsigned)((uintptr_t)(A->p + op) & 63);
    if (at > 64 - n)
        nops(A, 64 - at);
}

static void align_patch(struct gen *g, unsigned op) { align_bytes(g, op, 4); }

static struct leave *chain(struct gen *g, uint8_t *disp, int64_t target)
{
    int n = (int)g->n_exits++;
    g->exit[n] = (struct host_exit){.patch = disp, .target = target};
    return new_leave(g, disp, target, n);
}

/* Leave with the guest at the target (in the page) when somebody wants the vCPU. */
static void exit_check(struct gen *g, int64_t target)
{
    alu_mi(A, false, ALU_CMP, STATE(exit_req), 0);
    new_leave(g, jcc32(A, X_NE), target, -1);
}

static struct mo jc_entry(int32_t field) { return mo_bis(RBP, RDX, 2, (int32_t)offsetof(struct vcpu, jc) - VCPU_BIAS + field); }

/*
 * RCX = the key of the guest address RAX, or none that is anywhere when somebody wants the vCPU: keys are multiples of 4, exit_req
 * is 1 then. RCX may hold the address already.
 */
static void key_or_exit(struct as *a, bool have)
{
    if (!have)
        mov_rr(a, true, RCX, RAX);
    alu_rm(a, true, ALU_XOR, RCX, STATE(jc_ctx));
    op_rm(a, 0x0a, RCX, STATE(exit_req));        /* or cl, byte */
}

/*
 * RDX = where the jump cache would have the guest address RAX; the jump that is taken when it has not, or when somebody wants the
 * vCPU. RCX is as host_state.jump_miss wants it.
 */
static uint8_t *jump_cache_probe(struct as *a, bool have)
{
    _Static_assert(sizeof(struct jc_entry) == 16, "index arithmetic below");
    imul_ri(a, false, RDX, RAX, (int32_t)JC_HASH);
    key_or_exit(a, have);
    shift_ri(a, false, SH_SHR, RDX, 32 - JC_BITS - 2);         /* jc_index() * 4 and two bits more */
    alu_ri(a, false, ALU_AND, RDX, -4);
    op_rm(a, 0x3b | OP_W, RCX, jc_entry((int32_t)offsetof(struct jc_entry, key)));
    return jcc32(a, X_NE);
}

/* RAX = guest address that the jump cache knows. */
static void jump_cache_hit(struct as *a, bool call)
{
    alu_ri(a, true, ALU_AND, RAX, (int32_t)PAGE_MASK);
    mov_mr(a, true, STATE(pc_page), RAX);
    op_rm(a, 0xff, call ? 2 : 4, jc_entry((int32_t)offsetof(struct jc_entry, code)));
}

void jump_cache(struct as *a, bool have)
{
    set_rel32(jump_cache_probe(a, have), host_state.leave_va);
    jump_cache_hit(a, false);
}

/* RAX = page + target. */
static void target_va(struct gen *g, int64_t target)
{
    mov_rm(A, true, RAX, STATE(pc_page));
    if (fits32(target)) {
        if (target)
            alu_ri(A, true, ALU_ADD, RAX, (int32_t)target);
    } else {
        mov_ri(A, RCX, (uint64_t)target);
        alu_rr(A, true, ALU_ADD, RAX, RCX);
    }
}

/* ---- calls and returns ---- */

/*
 * A call pushes the key of the address behind it (as in the jump cache) and calls: what follows in its block, the landing, goes on at
 * that address. A return has its own key in RCX and returns: the host's processor predicts where. The landing compares the keys.
 * Equal means that address and context are those of the call, so that no code page was remapped since and the mode is the same:
 * the jump behind it is one within a page. Else the jump cache knows. What is on the stack is a hint: it may be too much,
 * too little or forgotten at any call.
 */
static void landing(struct gen *g, int64_t off)
{
    pop_r(A, RDX);
    alu_rr(A, true, ALU_CMP, RDX, RCX);
    set_rel32(jcc32(A, X_NE), host_state.ret_other);
    if (!in_page(off)) {
        jmp_to(A, host_state.ret_other);
        return;
    }
    alu_ri(A, true, ALU_AND, RAX, (int32_t)PAGE_MASK);
    mov_mr(A, true, STATE(pc_page), RAX);
    align_patch(g, 1);
    chain(g, jmp32(A), off);
}

/* The key of the return address a; not in RAX. */
static unsigned return_key(struct gen *g, ir_val a)
{
    unsigned r = use(g, a), key = is_temp(r) ? r : RSI;
    if (key != r)
        mov_rr(A, true, key, r);
    alu_rm(A, true, ALU_XOR, key, STATE(jc_ctx));
    return key;
}

/* Nothing is live but what the guest sees. */
static void call_indirect(struct gen *g, const struct ir_insn *i)
{
    unsigned r = use(g, i->b);
    mov_rr(A, true, RAX, r);
    push_r(A, return_key(g, i->a));
    struct leave *l = new_leave(g, jump_cache_probe(A, false), 0, -1);
    jump_cache_hit(A, true);
    l->landing = A->p;
    landing(g, i->imm2);
}

/*
 * No cycle of jumps goes without a look at exit_req: those that do not look lead to a higher page, or to a block of this one
 * that starts at a higher address.
 */
static bool back(const struct gen *g, int64_t target) { return target <= (int64_t)g->b->pc_off; }

/*
 * To another page. What it is translated to may be jumped to while the page's address and the context are those of the time when
 * the jump was patched: see struct host_exit.
 */
static void cross(struct gen *g, int64_t target, int key_reg)
{
    int64_t off = target & (int64_t)~PAGE_MASK;
    const unsigned page = key_reg == RCX ? RSI : RCX, tmp = key_reg == RDX ? RSI : RDX;
    mov_rm(A, true, page, STATE(pc_page));
    alu_ri(A, true, ALU_ADD, page, (int32_t)(target - off));
    mov_mr(A, true, STATE(pc_page), page);
    if (back(g, target))
        exit_check(g, off);
    align_bytes(g, 2, 8);
    e1(A, 0x48);                                 /* mov tmp, imm64 */
    e1(A, (uint8_t)(0xb8 | tmp));
    uint8_t *key = A->p;
    for (unsigned n = 0; n < 8; n++)
        e1(A, (uint8_t)(HOST_NO_KEY >> 8 * n));
    alu_rr(A, true, ALU_XOR, tmp, page);
    alu_rm(A, true, ALU_CMP, tmp, STATE(jc_ctx));
    align_patch(g, 2);
    uint8_t *miss = jcc32(A, X_NE);
    if (key_reg >= 0)
        push_r(A, (unsigned)key_reg);
    align_patch(g, 1);
    uint8_t *disp = key_reg >= 0 ? call32(A) : jmp32(A);
    struct leave *l = chain(g, disp, off);
    l->miss = miss;
    if (key_reg >= 0) {
        l->landing = A->p;
        l->key = (uint8_t)key_reg;
    }
    struct host_exit *e = &g->exit[g->n_exits - 1];
    e->key = (uint8_t)(disp - key);
    e->miss = (uint8_t)(disp - miss);
}

/* Is an exit to target a jump inside the block, to its start? */
static bool loops(const struct gen *g, int64_t target) { return g->o->loop && target == (int64_t)g->b->pc_off; }

/* To the start again, unless somebody wants the vCPU. The homes of vectors are loaded. */
static void go_round(struct gen *g)
{
    alu_mi(A, false, ALU_CMP, STATE(exit_req), 0);
    set_rel32(jcc32(A, X_E), g->head);
    new_leave(g, jmp32(A), g->b->pc_off, -1);
}

static void go(struct gen *g, int64_t target)
{
    A->ef = false;
    if (loops(g, target)) {
        go_round(g);
        return;
    }
    if (!in_page(target) && fits32(target)) {
        cross(g, target, -1);
        return;
    }
    if (!in_page(target)) {
        target_va(g, target);
        jump_cache(A, false);
        return;
    }
    if (back(g, target))
        exit_check(g, target);
    align_patch(g, 1);
    chain(g, jmp32(A), target);
}

static void call_direct(struct gen *g, const struct ir_insn *i)
{
    unsigned key = return_key(g, i->a);
    A->ef = false;
    if (in_page(i->imm)) {
        if (back(g, i->imm))
            exit_check(g, i->imm);
        push_r(A, key);
        align_patch(g, 1);
        chain(g, call32(A), i->imm);
    } else {
        cross(g, i->imm, (int)key);
    }
    landing(g, i->imm2);
}

/* Two-way exit: x86 condition cc goes to imm, otherwise imm2. */
static void go_cc(struct gen *g, const struct ir_insn *i, unsigned cc)
{
    bool ef = A->ef;
    if (in_page(i->imm) && !back(g, i->imm)) {
        align_patch(g, 2);
        chain(g, jcc32(A, cc), i->imm);
        go(g, i->imm2);
    } else if (in_page(i->imm2) && !back(g, i->imm2)) {
        align_patch(g, 2);
        chain(g, jcc32(A, cc ^ 1), i->imm2);
        go(g, i->imm);
    } else {
        uint8_t *no = jcc32(A, cc ^ 1);
        go(g, i->imm);
        land32(A, no);
        A->ef = ef;
        go(g, i->imm2);
    }
}

/* EFLAGS := a compared with 0. */
static void test_zero(struct gen *g, const struct ir_insn *i)
{
    unsigned r = use(g, i->a);
    test_rr(A, is_w(i), r, r);
    A->ef = false;
}

/* EFLAGS := the bit of a: returns the x86 condition for one that is set. */
static unsigned test_bit(struct gen *g, const struct ir_insn *i)
{
    unsigned r = use(g, i->a);
    A->ef = false;
    if (i->bit < 31) {
        test_ri(A, false, r, (int32_t)(1u << i->bit));
        return X_NE;
    }
    op_rr(A, 0xba | M_0F | OP_W, 4, r);          /* bt */
    e1(A, i->bit);
    return X_B;
}

/* Forward, in the page. */
static void go_aside(struct gen *g, const struct ir_insn *i, unsigned cc)
{
    if (g->lazy >= 0) {
        g->aside[g->n_asides++] = (struct aside){jcc32(A, cc), i->imm, A->ef, A->direct, flags_src(g)};
        return;
    }
    align_patch(g, 2);
    chain(g, jcc32(A, cc), i->imm);
}

bool lower_exit(struct gen *g, const struct ir_insn *i)
{
    switch ((enum ir_op)i->op) {
    case IR_SIDE_CC: go_aside(g, i, flags_test(g, i->cc)); return true;
    case IR_SIDE_NZ:
    case IR_SIDE_Z:
        test_zero(g, i);
        go_aside(g, i, i->op == IR_SIDE_NZ ? X_NE : X_E);
        return true;
    case IR_SIDE_BIT: go_aside(g, i, test_bit(g, i)); return true;
    case IR_SIDE_NBIT: go_aside(g, i, test_bit(g, i) ^ 1); return true;
    case IR_EXIT_JMP: go(g, i->imm); return true;
    case IR_EXIT_CC:
        if (i->cc >= CC_AL)
            go(g, i->imm);
        else
            go_cc(g, i, flags_test(g, i->cc));
        return true;
    case IR_EXIT_NZ:
    case IR_EXIT_Z: {
        int64_t imm;
        if (is_const(g, i->a, &imm)) {
            go(g, (imm != 0) == (i->op == IR_EXIT_NZ) ? i->imm : i->imm2);
            return true;
        }
        test_zero(g, i);
        go_cc(g, i, i->op == IR_EXIT_NZ ? X_NE : X_E);
        return true;
    }
    case IR_EXIT_BIT: go_cc(g, i, test_bit(g, i)); return true;
    case IR_EXIT_IND: {
        unsigned r = use(g, i->a);
        mov_rr(A, true, RAX, r);
        if (i->cc == BR_RET) {
            key_or_exit(A, r == RCX);
            ret(A);
        } else {
            jump_cache(A, r == RCX);
        }
        return true;
    }
    case IR_EXIT_CALL: call_direct(g, i); return true;
    case IR_EXIT_CALLR: call_indirect(g, i); return true;
    case IR_EXIT_MODE: {
        unsigned to = use(g, i->a), ctx = use(g, i->b);
        mov_rr(A, true, RAX, to);
        mov_rr(A, true, RCX, ctx);
        mov_rr(A, true, RDX, RAX);
        shift_ri(A, true, SH_SHR, RDX, 55);
        alu_ri(A, false, ALU_AND, RDX, 1);
        alu_rm(A, true, ALU_XOR, RCX, mo_bis(RBP, RDX, 3, (int32_t)offsetof(struct vcpu, ctx_space) - VCPU_BIAS));
        mov_mr(A, true, STATE(jc_ctx), RCX);
        A->ef = false;
        jump_cache(A, false);
        return true;
    }
    case IR_EXIT_DISPATCH:
        A->ef = false;
        target_va(g, i->imm);
        jmp_to(A, host_state.leave_va);
        return true;
    case IR_EXIT_STATE:
        /* Exceptions and their return: the helper has made jc_ctx that of the new mode. */
        mov_rm(A, true, RAX, STATE(pc_page));
        mov_rm(A, false, RCX, STATE(pc_off));
        alu_rr(A, true, ALU_ADD, RAX, RCX);
        A->ef = false;
        jump_cache(A, false);
        return true;
    default: return false;
    }
}

/* pc_page is the target's: by the jump cache, as nobody has told where it is in this context. */
static void probe(struct gen *g, const struct leave *l, const uint8_t *stub)
{
    g->exit[l->exit].probe = A->p;
    op_rm(A, 0x80, ALU_SUB, STATE(edge_credit)); /* sub byte, 1 */
    e1(A, 1);
    set_rel32(jcc32(A, X_S), stub);
    mov_rm(A, true, RAX, STATE(pc_page));
    if (l->target)
        alu_ri(A, true, ALU_ADD, RAX, (int32_t)l->target);
    if (!l->landing) {
        set_rel32(jump_cache_probe(A, false), stub);
        op_rm(A, 0xff, 4, jc_entry((int32_t)offsetof(struct jc_entry, code)));
        return;
    }
    push_r(A, l->key);
    uint8_t *none = jump_cache_probe(A, false);
    op_rm(A, 0xff, 2, jc_entry((int32_t)offsetof(struct jc_entry, code)));
    jmp_to(A, l->landing);
    land32(A, none);
    call_to(A, stub);
    jmp_to(A, l->landing);
}

static void emit_asides(struct gen *g)
{
    for (unsigned n = 0; n < g->n_asides; n++) {
        struct aside *s = &g->aside[n];
        land32(A, s->from);
        A->direct = s->direct;
        if (s->ef)
            flags_store(g);
        else
            flags_again(g, &s->src);
        align_patch(g, 1);
        chain(g, jmp32(A), s->target);
    }
}

void emit_leaves(struct gen *g)
{
    emit_asides(g);
    for (unsigned n = 0; n < g->n_leaves; n++) {
        struct leave *l = &g->leave[n];
        land32(A, l->from);
        if (l->exit < 0 && l->landing) {
            call_to(A, host_state.leave_va);
            jmp_to(A, l->landing);
            continue;
        }
        if (l->exit >= 0)
            g->exit[l->exit].stub = A->p;
        if (l->miss)
            land32(A, l->miss);
        const uint8_t *stub = A->p;
        mov_mi(A, false, STATE(pc_off), (int32_t)l->target);
        if (l->exit < 0) {
            jmp_to(A, host_state.leave_null);
            continue;
        }
        /* lea rax, [rip + the exit's structure]: host_generate() fills in the displacement when it has placed it */
        e1(A, 0x48);
        e1(A, 0x8d);
        e1(A, 0x05);
        e4(A, 0);
        l->from = A->p - 4;
        jmp_to(A, host_state.leave);
        if (l->miss)
            probe(g, l, stub);
    }
}

/* ---- calls ---- */

struct move { uint8_t to, from; bool w; };

/* All moves at once; RAX breaks cycles. */
static void parallel_moves(struct gen *g, struct move *m, unsigned n)
{
    while (n) {
        bool moved = false;
        for (unsigned k = 0; k < n; k++) {
            bool busy = false;
            for (unsigned j = 0; j < n; j++)
                busy |= j != k && m[j].from == m[k].to;
            if (busy)
                continue;
            if (m[k].to != m[k].from || !m[k].w)
                mov_rr(A, m[k].w, m[k].to, m[k].from);
            m[k] = m[--n];
            moved = true;
            break;
        }
        if (!moved) {
            uint8_t from = m[0].from;
            mov_rr(A, true, RAX, from);
            for (unsigned j = 0; j < n; j++)
                m[j].from = m[j].from == from ? RAX : m[j].from;
        }
    }
}

void lower_call(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t reg[3] = {RSI, RDX, RCX};
    const ir_val arg[3] = {i->a, i->b, i->c};
    uint32_t eff = i->call->effects;
    struct move m[3];
    unsigned n = 0;

    spill_for_call(g, eff);
    for (unsigned k = 0; k < 3; k++) {
        if (arg[k] == IR_NONE)
            continue;
        const struct val *x = val_of(g, arg[k]);
        if (x->reg != NOREG)
            m[n++] = (struct move){reg[k], x->reg, ir_result_type(&g->b->insn[arg[k]]) == IR_I64 || !x->wide};
    }
    parallel_moves(g, m, n);
    for (unsigned k = 0; k < 3; k++) {
        if (arg[k] == IR_NONE || val_of(g, arg[k])->reg != NOREG)
            continue;
        load_into(g, g->v[arg[k]].root, reg[k]);
        if (ir_result_type(&g->b->insn[arg[k]]) == IR_I32 && val_of(g, arg[k])->wide)
            mov_rr(A, false, reg[k], reg[k]);
    }
    mov_mi(A, false, STATE(pc_off), i->pc_off);
    mov_ri(A, RAX, (uint64_t)(uintptr_t)i->call->fn);
    unsigned kind = CALL_PURE;
    if (eff & IRE_WGPR)
        kind = CALL_WRITES;
    else if (eff & (IRE_RGPR | IRE_FAULT))
        kind = CALL_READS;
    call_to(A, i->op == IR_ROOT ? host_state.root[i->bit][g->vec] : host_state.call[kind][g->vec]);
    A->ef = false;
    if ((eff & IRE_FP) && (eff & IRE_WSTATE)) {
        /* The helper may have changed the host's rounding. */
        mov_mr(A, true, frame(F_TMP), RAX);
        call_to(A, host_state.mxcsr_merge);
        mov_rm(A, true, RAX, frame(F_TMP));
    }
    forget_temps(g);
    if (g->v[g->i].last > g->i)
        mov_rr(A, is_w(i), def(g, NOREG), RAX);
}
