/*
 * alloc.c - where values live during one translation: registers, spill slots, guest registers.
 *
 * Owns struct gen's value and register tables. Must not emit anything but moves: EFLAGS survive all of it.
 */
#include "host/x86_64/gen.h"

static bool is_vec_reg(unsigned r) { return r >= XMM0; }

static bool is_remat(const struct gen *g, unsigned root)
{
    unsigned op = g->b->insn[root].op;
    return op == IR_CONST || op == IR_PC || op == IR_VCONST;
}

static unsigned home_of_back(unsigned back) { return back < BACK_VEC ? home_of(back) : vec_home_of(back - BACK_VEC); }
static uint16_t *back_slot(struct gen *g, unsigned back) { return back < BACK_VEC ? &g->gval[back] : &g->vval[back - BACK_VEC]; }

/* ---- before emission: roots, last uses, results that may be computed straight into a home ---- */

#define EARLY_WINDOW 24                          /* a PUTR further behind its value than this does not count */

static void note_put(struct gen *g, unsigned n, const struct ir_insn *i, unsigned barrier, const uint16_t *touched)
{
    unsigned d = i->a, back = i->op == IR_PUTV ? BACK_VEC + i->reg : i->reg;
    const struct ir_insn *def = &g->b->insn[d];
    if (home_of_back(back) == NOREG || g->v[d].root != d || g->v[d].early != NOREG || n - d > EARLY_WINDOW)
        return;
    if (def->op == IR_GETR || def->op == IR_CONST || def->op == IR_GETV || def->op == IR_VCONST || d < barrier || touched[back] > d)
        return;
    g->v[d].early = (uint8_t)back;
}

static bool is_nzcv(const struct ir_insn *i)
{
    return (size_t)i->imm + (1u << i->size3) > offsetof(struct vcpu, nzcv) && (size_t)i->imm < offsetof(struct vcpu, nzcv) + 2;
}

static inline void note_use(struct gen *g, unsigned n, ir_val v)
{
    struct val *x = &g->v[g->v[v].root];
    x->last = (uint16_t)n;
    x->uses = x->uses ? USES_MORE : 1;           /* (not fused any more) */
}

/* c = SHL by 1..3 that the ADD or LD address n may take into its LEA. */
static void note_shift(struct gen *g, unsigned n, ir_val s, ir_val other)
{
    const struct ir_insn *i = &g->b->insn[s];
    if (i->op != IR_SHL || i->t != g->b->insn[n].t || g->v[s].uses != 1 || n - s > 8 || s == other)
        return;
    const struct ir_insn *c = &g->b->insn[i->b];
    if (c->op != IR_CONST || c->imm < 1 || c->imm > 3)
        return;
    g->v[s].uses = USES_FUSED;
    g->v[g->v[i->a].root].last = (uint16_t)n;
}

static bool plain_const(const struct gen *g, ir_val v)
{
    int64_t imm;
    return is_const(g, v, &imm) ? fits32(imm) : root_insn(g, v)->op != IR_PC;
}

static void keep(struct gen *g, ir_val v, unsigned last)
{
    struct val *x = val_of(g, v);
    x->last = MAX(x->last, (uint16_t)last);
}

/* Another instruction writes NZCV; until `last` the block may be left with those of w. */
static void note_lazy(struct gen *g, unsigned w, unsigned last)
{
    const struct ir_insn *i = &g->b->insn[w];
    if ((i->op != IR_ADDS && i->op != IR_SUBS && i->op != IR_ANDS) || !plain_const(g, i->a) || !plain_const(g, i->b))
        return;
    bool result = i->put && g->v[w].last > w;    /* a guest register has it: the old content may go */
    g->v[w].lazy_flags = true;
    g->lazy_last[w] = (uint16_t)(last | (result ? LAZY_RESULT : 0));
    keep(g, result ? (ir_val)w : i->a, last);
    if (!result || i->op != IR_ANDS)
        keep(g, i->b, last);
}

/* Can i store NZCV where it leaves the block? */
static bool leaves_lazily(const struct ir_insn *i)
{
    return (i->op >= IR_LD && i->op <= IR_STV) || (i->op >= IR_SIDE_CC && i->op <= IR_SIDE_NBIT);
}

/* As {.root = n, .last = n, .spill = -1, .reg = NOREG, .hreg = NOREG, .back = BACK_NONE, .early = NOREG}, in two stores. */
static inline void fresh(struct val *x, unsigned n)
{
    _Static_assert(offsetof(struct val, last) == 2 && offsetof(struct val, spill) == 8 && offsetof(struct val, uses) == 14, "layout");
    _Static_assert(NOREG == 0xff && BACK_NONE == 0xff, "all ones");
    const uint64_t w[2] = {n * 0x10001ull, 0xffffffffffffull};
    memcpy(x, w, sizeof(*x));
}

void alloc_prepare(struct gen *g)
{
    const struct ir_block *b = g->b;
    uint16_t touched[BACK_VEC + VCPU_VREGS];     /* index + 1 of the last GET or PUT of a guest register, as in back */
    unsigned writer = 0;                         /* of NZCV; 0 is never one that matters: it starts the block */
    unsigned left = 0;                           /* last instruction since that may leave the block */
    bool stored = false;                         /* ... one of them cannot do without NZCV in memory */
    unsigned barrier = 0;                        /* last instruction before which PUTRs must have been done */

    memset(g->reg_val, 0xff, sizeof(g->reg_val));
    memset(g->reg_h, 0, sizeof(g->reg_h));
    memset(g->gval, 0xff, sizeof(g->gval));
    memset(g->vval, 0xff, sizeof(g->vval));
    memset(touched, 0, sizeof(touched));
    bool vec = false;
    const struct ir_insn *i = b->insn;
    struct val *x = g->v;
    for (unsigned n = 0, end = b->n; n < end; n++, i++, x++) {
        const struct ir_op_info *info = &ir_op_info[i->op];
        fresh(x, n);
        if (i->op <= IR_CONST) {
            x->wide = i->t == IR_I64;
            continue;
        }
        if (i->a != IR_NONE)
            note_use(g, n, i->a);
        if (!ir_no_bc(i)) {
            if (i->b != IR_NONE)
                note_use(g, n, i->b);
            if (i->c != IR_NONE)
                note_use(g, n, i->c);
        }
        vec |= info->vec;
        x->wide = (info->result == IR_RES_T ? i->t : info->result) == IR_I64;
        switch ((enum ir_op)i->op) {
        case IR_GETR:
            x->wide = true;
            if (g->gval[i->reg] != IR_NONE)
                x->root = g->gval[i->reg];
            else
                g->gval[i->reg] = (uint16_t)n;
            touched[i->reg] = (uint16_t)(n + 1);
            break;
        case IR_PUTR: {
            unsigned root = g->v[i->a].root;
            bool same = ir_result_type(&b->insn[i->a]) == IR_I64 || !g->v[root].wide;
            note_put(g, n, i, barrier, touched);
            g->gval[i->reg] = same ? (uint16_t)root : IR_NONE;
            touched[i->reg] = (uint16_t)(n + 1);
            break;
        }
        case IR_ADD:
            note_shift(g, n, i->b, i->a);
            if (g->v[i->b].uses != USES_FUSED)
                note_shift(g, n, i->a, i->b);
            break;
        case IR_TRUNC:
            x->root = g->v[i->a].root;
            break;
        case IR_LD:
        case IR_LDV:
        case IR_ST:
        case IR_STV:
            g->v[g->v[i->a].root].hlast = (uint16_t)n;
            break;
        case IR_ZEXT:
            x->wide = false;
            if (i->size3 == 2 && i->t == IR_I64 && ir_result_type(&b->insn[i->a]) == IR_I32 && !g->v[g->v[i->a].root].wide)
                x->root = g->v[i->a].root;
            break;
        case IR_GETV:
            if (g->vval[i->reg] != IR_NONE)
                x->root = g->vval[i->reg];
            else
                g->vval[i->reg] = (uint16_t)n;
            touched[BACK_VEC + i->reg] = (uint16_t)(n + 1);
            break;
        case IR_PUTV:
            note_put(g, n, i, barrier, touched);
            g->vval[i->reg] = g->v[i->a].root;
            touched[BACK_VEC + i->reg] = (uint16_t)(n + 1);
            break;
        default:
            break;
        }
        uint32_t eff = info->effects;
        if (!(eff & (IRE_RFLAGS | IRE_WFLAGS | IRE_FAULT | IRE_CALL | IRE_EXIT | IRE_STATE | IRE_WSTATE)))
            continue;
        if (eff & IRE_RFLAGS)
            g->v[writer].flags_read = n & 0x3fff;
        if (eff & (IRE_FAULT | IRE_CALL | IRE_EXIT) || (eff & (IRE_STATE | IRE_WSTATE) && is_nzcv(i))) {
            g->v[writer].store_flags = true;
            left = n;
            stored |= !leaves_lazily(i);
        }
        if (eff & IRE_WFLAGS) {
            if (g->v[writer].store_flags && !stored)
                note_lazy(g, writer, left);
            writer = n;
            stored = false;
        }
        if (eff & (IRE_FAULT | IRE_CALL | IRE_EXIT)) {
            barrier = n;
            if (eff & IRE_CALL) {
                if (i->call->effects & IRE_WGPR)
                    memset(g->gval, 0xff, sizeof(g->gval));
                if (i->call->effects & IRE_WVEC)
                    memset(g->vval, 0xff, sizeof(g->vval));
            }
        }
    }
    g->vec = vec;
    memset(g->gval, 0xff, sizeof(g->gval));
    memset(g->vval, 0xff, sizeof(g->vval));
    memset(g->int_slots, 0, sizeof(g->int_slots));
    memset(g->vec_slots, 0, sizeof(g->vec_slots));
}

/* ---- slots ---- */

static int slot_get(uint64_t *map, unsigned n)
{
    for (unsigned k = 0; k < n / 64; k++) {
        if (~map[k]) {
            unsigned bit = (unsigned)__builtin_ctzll(~map[k]);
            map[k] |= 1ull << bit;
            return (int)(k * 64 + bit);
        }
    }
    bug("out of spill slots");
}

static struct mo slot_mo(bool vec, int slot) { return frame(vec ? F_VEC + slot * 16 : F_INT + slot * 8); }

static void spill(struct gen *g, unsigned root)
{
    struct val *x = &g->v[root];
    if (x->spill >= 0)
        return;
    bool vec = is_vec_reg(x->reg);
    x->spill = (int16_t)(vec ? slot_get(g->vec_slots, VEC_SLOTS) : slot_get(g->int_slots, INT_SLOTS));
    if (vec)
        movups_mr(&g->a, slot_mo(true, x->spill), x->reg);
    else
        mov_mr(&g->a, true, slot_mo(false, x->spill), x->reg);
}

static void free_slot(struct gen *g, unsigned root)
{
    struct val *x = &g->v[root];
    if (x->spill < 0)
        return;
    uint64_t *map = ir_result_type(&g->b->insn[root]) == IR_V ? g->vec_slots : g->int_slots;
    map[x->spill / 64] &= ~(1ull << (x->spill % 64));
    x->spill = -1;
}

/* ---- registers ---- */

void evict(struct gen *g, unsigned reg)
{
    unsigned root = g->reg_val[reg];
    if (root == IR_NONE)
        return;
    struct val *x = &g->v[root];
    if (g->reg_h[reg]) {
        x->hreg = NOREG;
    } else {
        if (x->last >= g->i && x->back == BACK_NONE && !is_remat(g, root))
            spill(g, root);
        x->reg = NOREG;
    }
    g->reg_val[reg] = IR_NONE;
    g->reg_h[reg] = false;
}

static uint32_t temps(bool vec) { return vec ? temp_xmms() : TEMP_GPRS; }

/* A free register of the class; evicts what is cheapest, then what is used last. */
static unsigned take(struct gen *g, bool vec)
{
    uint32_t cand = temps(vec) & ~g->lock;
    unsigned best = NOREG, best_score = 0;
    for (uint32_t m = cand; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        if (g->reg_val[r] == IR_NONE)
            return r;
    }
    for (uint32_t m = cand; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        const struct val *x = &g->v[g->reg_val[r]];
        bool cheap = !g->reg_h[r] && (x->back != BACK_NONE || x->spill >= 0 || is_remat(g, g->reg_val[r]));
        unsigned last = g->reg_h[r] ? x->hlast : x->last;
        unsigned score = 1 + last + (cheap ? 4 * IR_MAX_INSNS : 0);
        if (score > best_score) {
            best_score = score;
            best = r;
        }
    }
    if (best == NOREG)
        bug("no register left (%s)", ir_op_info[g->b->insn[g->i].op].name);
    evict(g, best);
    return best;
}

unsigned temp(struct gen *g, bool vec)
{
    unsigned r = take(g, vec);
    lock(g, r);
    return r;
}

void make_free(struct gen *g, bool vec, unsigned n)
{
    uint32_t was = g->lock;
    unsigned have = 0;
    for (uint32_t m = temps(vec) & ~was; m; m &= m - 1)
        if (g->reg_val[__builtin_ctz(m)] == IR_NONE && ++have == n)
            return;
    while (n--)
        temp(g, vec);
    g->lock = was;
}

static struct mo back_mo(unsigned back) { return back < BACK_VEC ? state_gpr(back) : state_vec(back - BACK_VEC); }

/* reg = vector constant i from the block's pool; false: the pool is full. */
static bool pool_load(struct gen *g, const struct ir_insn *i, unsigned reg)
{
    unsigned k = 0;
    while (k < g->n_pool && (g->pool[k].lo != (uint64_t)i->imm || g->pool[k].hi != (uint64_t)i->imm2))
        k++;
    if (k == MAX_POOL || g->n_pool_uses == ARRAY_LEN(g->pool_use))
        return false;
    if (k == g->n_pool)
        g->pool[g->n_pool++] = (u128){(uint64_t)i->imm, (uint64_t)i->imm2};
    op_rk(&g->a, 0x28 | M_0F, reg, g->a.p, 0);                           /* movaps; host_generate() fills in where it is */
    g->pool_use[g->n_pool_uses].at = g->a.p - 4;
    g->pool_use[g->n_pool_uses++].k = (uint16_t)k;
    return true;
}

void load_into(struct gen *g, unsigned root, unsigned reg)
{
    const struct ir_insn *i = &g->b->insn[root];
    const struct val *x = &g->v[root];
    if (i->op == IR_CONST) {
        mov_ri(&g->a, reg, i->t == IR_I32 ? (uint32_t)i->imm : (uint64_t)i->imm);
    } else if (i->op == IR_PC) {
        mov_rm(&g->a, true, reg, STATE(pc_page));
        if (!fits32(i->imm)) {
            mov_ri(&g->a, RAX, (uint64_t)i->imm);
            lea(&g->a, true, reg, mo_bis(reg, RAX, 0, 0));
        } else if (i->imm) {
            lea(&g->a, true, reg, mo_bd(reg, (int32_t)i->imm));
        }
    } else if (i->op == IR_VCONST) {
        if (!i->imm && !i->imm2) {
            op_rr(&g->a, 0x57 | M_0F, reg, reg);                        /* xorps */
        } else if (i->imm == -1 && i->imm2 == -1) {
            op_rr(&g->a, 0x76 | M_0F | P_66, reg, reg);                 /* pcmpeqd */
        } else if (!pool_load(g, i, reg)) {
            if (i->imm) {
                mov_ri(&g->a, RAX, (uint64_t)i->imm);
                movq_xr(&g->a, reg, RAX);
            } else {
                op_rr(&g->a, 0x57 | M_0F, reg, reg);
            }
            if (i->imm2 == i->imm) {
                op_rr(&g->a, 0x6c | M_0F | P_66, reg, reg);             /* punpcklqdq */
            } else if (i->imm2) {
                mov_ri(&g->a, RAX, (uint64_t)i->imm2);
                op_rr(&g->a, 0x22 | M_0F3A | P_66 | OP_W, reg, RAX);    /* pinsrq */
                e1(&g->a, 1);
            }
        }
    } else if (x->spill >= 0) {
        if (is_vec_reg(reg))
            movups_rm(&g->a, reg, slot_mo(true, x->spill));
        else
            mov_rm(&g->a, true, reg, slot_mo(false, x->spill));
    } else if (x->back != BACK_NONE) {
        if (is_vec_reg(reg))
            movups_rm(&g->a, reg, back_mo(x->back));
        else
            mov_rm(&g->a, true, reg, back_mo(x->back));
    } else {
        bug("IR value %u (%s) is nowhere", root, ir_op_info[i->op].name);
    }
}

struct loc where(const struct gen *g, ir_val v)
{
    const struct val *x = &g->v[g->v[v].root];
    int64_t imm;
    if (is_const(g, v, &imm))
        return (struct loc){LOC_CONST, NOREG, (int32_t)imm};
    if (x->reg != NOREG)
        return (struct loc){LOC_REG, x->reg, 0};
    if (x->spill < 0 && x->back == BACK_NONE)
        bug("an operand of NZCV is nowhere");
    struct mo m = x->spill >= 0 ? slot_mo(false, x->spill) : back_mo(x->back);
    return (struct loc){LOC_MEM, (uint8_t)m.base, m.disp};
}

unsigned use(struct gen *g, ir_val v)
{
    unsigned root = g->v[v].root;
    struct val *x = &g->v[root];
    if (x->reg == NOREG) {
        unsigned r = take(g, ir_result_type(&g->b->insn[root]) == IR_V);
        load_into(g, root, r);
        x->reg = (uint8_t)r;
        g->reg_val[r] = (uint16_t)root;
    }
    lock(g, x->reg);
    return x->reg;
}

unsigned use64(struct gen *g, ir_val v)
{
    unsigned r = use(g, v);
    if (ir_result_type(&g->b->insn[v]) == IR_I32 && val_of(g, v)->wide) {
        mov_rr(&g->a, false, RAX, r);
        return RAX;
    }
    return r;
}

bool use_mem(struct gen *g, ir_val v, struct mo *m)
{
    struct val *x = val_of(g, v);
    unsigned last = g->v[g->i].lazy_flags ? g->lazy_last[g->i] & ~LAZY_RESULT : g->i;
    if (x->reg != NOREG || x->last > last || is_remat(g, g->v[v].root))
        return false;
    if (x->spill >= 0)
        *m = slot_mo(false, x->spill);
    else if (x->back != BACK_NONE)
        *m = back_mo(x->back);
    else
        return false;
    return true;
}

/* The home that the result may be computed into, when nothing wants its content after instruction `until`; else NOREG. */
static unsigned def_early(struct gen *g, int until)
{
    struct val *x = &g->v[g->i];
    if (x->early == NOREG)
        return NOREG;
    uint16_t *slot = back_slot(g, x->early);
    unsigned old = *slot, r = home_of_back(x->early);
    if (old != IR_NONE && g->v[old].last > until)
        return NOREG;
    if (old != IR_NONE) {
        g->v[old].reg = g->v[old].reg == r ? NOREG : g->v[old].reg;
        g->v[old].back = BACK_NONE;
    }
    x->reg = (uint8_t)r;
    x->back = x->early;
    *slot = (uint16_t)g->i;
    g->reg_val[r] = (uint16_t)g->i;
    lock(g, r);
    return r;
}

unsigned def_apart(struct gen *g)
{
    unsigned r = def_early(g, (int)g->i - 1);
    if (r != NOREG)
        return r;
    g->v[g->i].early = NOREG;
    return def(g, NOREG);
}

unsigned def(struct gen *g, unsigned prefer)
{
    struct val *x = &g->v[g->i];
    unsigned r = def_early(g, (int)g->i);
    if (r != NOREG)
        return r;
    if (prefer != NOREG) {
        r = prefer;
        unsigned old = g->reg_val[r];
        if (old != IR_NONE) {
            if (g->reg_h[r])
                g->v[old].hreg = NOREG;
            else
                g->v[old].reg = NOREG;
        }
        g->reg_h[r] = false;
    } else {
        r = take(g, ir_result_type(&g->b->insn[g->i]) == IR_V);
    }
    x->reg = (uint8_t)r;
    g->reg_val[r] = (uint16_t)g->i;
    lock(g, r);
    return r;
}

void free_val(struct gen *g, unsigned root)
{
    struct val *x = &g->v[root];
    if (x->reg != NOREG && is_temp(x->reg)) {
        g->reg_val[x->reg] = IR_NONE;
        x->reg = NOREG;
    }
    if (x->hreg != NOREG) {
        g->reg_val[x->hreg] = IR_NONE;
        g->reg_h[x->hreg] = false;
        x->hreg = NOREG;
    }
    free_slot(g, root);
}

/* ---- guest registers ---- */

/* Guest register `back` is about to be overwritten: its old content moves away if somebody still wants it. */
static void leave_back(struct gen *g, uint16_t *slot, unsigned keep)
{
    unsigned old = *slot;
    *slot = IR_NONE;
    if (old == IR_NONE || old == keep)
        return;
    struct val *x = &g->v[old];
    bool in_home = x->reg != NOREG && !is_temp(x->reg);
    if (x->last > g->i && !is_remat(g, old) && x->spill < 0 && (in_home || x->reg == NOREG)) {
        unsigned r = take(g, x->back >= BACK_VEC);
        if (in_home && is_vec_reg(r))
            movaps_rr(&g->a, r, x->reg);
        else if (in_home)
            mov_rr(&g->a, true, r, x->reg);
        else
            load_into(g, old, r);
        x->reg = (uint8_t)r;
        g->reg_val[r] = (uint16_t)old;
    } else if (in_home) {
        x->reg = NOREG;
    }
    x->back = BACK_NONE;
}

void put_gpr(struct gen *g, const struct ir_insn *i)
{
    unsigned root = g->v[i->a].root, home = home_of(i->reg);
    struct val *x = &g->v[root];
    bool w = ir_result_type(&g->b->insn[i->a]) == IR_I64;
    bool same = w || !x->wide;                   /* the register's new content is the root's */
    int64_t imm;

    if (same && g->gval[i->reg] == root && (home == NOREG || x->reg == home))
        return;
    if (x->reg != NOREG)
        lock(g, x->reg);
    if (is_const(g, i->a, &imm) && x->reg == NOREG) {
        leave_back(g, &g->gval[i->reg], root);
        uint64_t u = w ? (uint64_t)imm : (uint32_t)imm;
        if (home != NOREG) {
            mov_ri(&g->a, home, u);
        } else if (fits32((int64_t)u)) {
            mov_mi(&g->a, true, state_gpr(i->reg), (int32_t)u);
        } else {
            mov_ri(&g->a, RAX, u);
            mov_mr(&g->a, true, state_gpr(i->reg), RAX);
        }
        return;
    }
    if (home == NOREG) {
        unsigned r = use(g, i->a);
        if (!same) {
            mov_rr(&g->a, false, RAX, r);
            r = RAX;
        }
        leave_back(g, &g->gval[i->reg], same ? root : IR_NONE);
        mov_mr(&g->a, true, state_gpr(i->reg), r);
        if (same && x->back == BACK_NONE) {
            x->back = i->reg;
            g->gval[i->reg] = (uint16_t)root;
        }
        return;
    }
    /* Into a home. */
    if (!same) {
        unsigned r = use(g, i->a);
        leave_back(g, &g->gval[i->reg], IR_NONE);
        mov_rr(&g->a, false, home, r);
        g->reg_val[home] = IR_NONE;
        return;
    }
    leave_back(g, &g->gval[i->reg], root);
    if (x->reg == NOREG)
        load_into(g, root, home);
    else
        mov_rr(&g->a, w, home, x->reg);
    if (x->reg == NOREG || is_temp(x->reg)) {
        if (x->reg != NOREG)
            g->reg_val[x->reg] = IR_NONE;
        if (x->back != BACK_NONE)
            g->gval[x->back] = IR_NONE;
        x->reg = (uint8_t)home;
        x->back = i->reg;
        g->reg_val[home] = (uint16_t)root;
        g->gval[i->reg] = (uint16_t)root;
    } else {
        g->reg_val[home] = IR_NONE;
    }
}

void put_vec(struct gen *g, const struct ir_insn *i)
{
    unsigned root = g->v[i->a].root, home = vec_home_of(i->reg);
    struct val *x = &g->v[root];
    uint16_t *slot = &g->vval[i->reg];
    if (*slot == root && (home == NOREG || x->reg == home))
        return;
    if (home == NOREG) {
        unsigned r = use(g, i->a);
        leave_back(g, slot, root);
        movups_mr(&g->a, state_vec(i->reg), r);
        if (x->back == BACK_NONE) {
            x->back = (uint8_t)(BACK_VEC + i->reg);
            *slot = (uint16_t)root;
        }
        return;
    }
    if (x->reg != NOREG)
        lock(g, x->reg);
    leave_back(g, slot, root);
    if (x->reg == NOREG)
        load_into(g, root, home);
    else
        movaps_rr(&g->a, home, x->reg);
    if (x->reg != NOREG && !is_temp(x->reg)) {
        g->reg_val[home] = IR_NONE;              /* it has a home already */
        return;
    }
    if (x->reg != NOREG)
        g->reg_val[x->reg] = IR_NONE;
    if (x->back != BACK_NONE)
        *back_slot(g, x->back) = IR_NONE;
    x->reg = (uint8_t)home;
    x->back = (uint8_t)(BACK_VEC + i->reg);
    g->reg_val[home] = (uint16_t)root;
    *slot = (uint16_t)root;
}

/* ---- calls ---- */

static void save_backed(struct gen *g, uint16_t *slot)
{
    unsigned root = *slot;
    if (root == IR_NONE)
        return;
    struct val *x = &g->v[root];
    if (x->last > g->i && !is_remat(g, root)) {
        if (x->reg == NOREG && x->spill < 0) {
            unsigned r = take(g, x->back >= BACK_VEC);
            load_into(g, root, r);
            x->reg = (uint8_t)r;
            g->reg_val[r] = (uint16_t)root;
        }
        spill(g, root);
    }
}

static void unback(struct gen *g, uint16_t *slot)
{
    if (*slot == IR_NONE)
        return;
    struct val *x = &g->v[*slot];
    if (x->reg != NOREG && !is_temp(x->reg)) {
        g->reg_val[x->reg] = IR_NONE;
        x->reg = NOREG;
    }
    x->back = BACK_NONE;
    *slot = IR_NONE;
}

void spill_for_call(struct gen *g, uint32_t effects)
{
    for (unsigned n = 0; n < VCPU_GPRS; n++) {
        if (effects & IRE_WGPR)
            save_backed(g, &g->gval[n]);
        if (effects & IRE_WVEC)
            save_backed(g, &g->vval[n]);
    }
    for (uint32_t m = TEMP_GPRS | TEMP_XMMS; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m), root = g->reg_val[r];
        if (root == IR_NONE || g->reg_h[r])
            continue;
        struct val *x = &g->v[root];
        if (x->last > g->i && x->back == BACK_NONE && !is_remat(g, root))
            spill(g, root);
    }
}

/* After a call with these effects: nothing is in temporaries, and written guest registers back nothing. */
void forget_temps(struct gen *g)
{
    uint32_t effects = ir_op_info[g->b->insn[g->i].op].effects & IRE_CALL ? g->b->insn[g->i].call->effects : 0;
    for (uint32_t m = TEMP_GPRS | TEMP_XMMS; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m), root = g->reg_val[r];
        if (root == IR_NONE)
            continue;
        if (g->reg_h[r])
            g->v[root].hreg = NOREG;
        else
            g->v[root].reg = NOREG;
        g->reg_h[r] = false;
        g->reg_val[r] = IR_NONE;
    }
    for (unsigned n = 0; n < VCPU_GPRS; n++) {
        if (effects & IRE_WGPR)
            unback(g, &g->gval[n]);
        if (effects & IRE_WVEC)
            unback(g, &g->vval[n]);
    }
}
