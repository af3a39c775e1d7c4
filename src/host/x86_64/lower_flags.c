/*
 * lower_flags.c - operations that set or read NZCV.
 *
 * Owns the forms in which EFLAGS hold NZCV. The usual one is that after CMP (CF = borrow = !C): LAHF;SETO stores vcpu.nzcv's form
 * and every Arm condition is one x86 condition. Additions and logical operations leave CF = C (as.direct); that is complemented
 * only for who cares: most conditions do not look at C, and a chain of ADCS wants it as it is. as.ef says EFLAGS are valid.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)

unsigned flags_cc(unsigned cc)
{
    static const uint8_t x[14] = {X_E, X_NE, X_AE, X_B, X_S, X_NS, X_O, X_NO, X_A, X_BE, X_GE, X_L, X_G, X_LE};
    return x[cc];
}

/* EFLAGS are valid: in the usual form from here on. */
static void borrow_form(struct gen *g)
{
    if (A->direct)
        e1(A, 0xf5);                             /* cmc */
    A->direct = false;
}

void flags_store(struct gen *g)
{
    borrow_form(g);
    e1(A, 0x9f);                                 /* lahf */
    setcc(A, X_O, RAX);
    mov_mr(A, false, STATE(nzcv), RAX);          /* 32 bits: the padding behind is ours */
    A->ef = true;
    g->lazy = -1;
}

void flags_set(struct gen *g, bool direct)
{
    g->flags_writer = g->lazy = -1;
    A->direct = direct;
    if (g->v[g->i].lazy_flags)
        g->lazy = g->lazy_src = g->flags_writer = (int)g->i;
    else if (g->v[g->i].store_flags)
        flags_store(g);
    else
        g->flags_writer = (int)g->i;
    A->ef = true;
}

/* Does the lowering of i leave EFLAGS alone as long as as.ef is set? Loads and stores do not come here: they may fault. */
static bool spares_flags(const struct gen *g, const struct ir_insn *i)
{
    int64_t imm;
    switch ((enum ir_op)i->op) {
    case IR_NOP:
    case IR_CONST:
    case IR_GETR:
    case IR_PUTR:
    case IR_GETV:
    case IR_PUTV:
    case IR_LDSTATE:
    case IR_STSTATE:
    case IR_PC:
    case IR_ADD:
    case IR_NOT:
    case IR_NEG:
    case IR_SEXT:
    case IR_ZEXT:
    case IR_TRUNC:
    case IR_CSEL:
    case IR_SETC:
    case IR_SIDE_CC:
    case IR_VCONST: return true;
    case IR_SUB: return is_const(g, i->b, &imm) && fits32(-imm);
    case IR_UMULH: return host_state.bmi2;
    case IR_MUL: return host_state.bmi2 && !is_const(g, i->a, &imm) && !is_const(g, i->b, &imm);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR: return host_state.bmi2 && !is_const(g, i->b, &imm);
    default: return false;
    }
}

void flags_flush(struct gen *g, const struct ir_insn *i)
{
    if (g->v[g->flags_writer].flags_read <= g->i && !(g->v[g->flags_writer].flags_read == g->i && !A->ef)) {
        if (g->v[g->flags_writer].flags_read < g->i)
            g->flags_writer = -1;
        return;
    }
    if (spares_flags(g, i))
        return;
    flags_store(g);
    g->flags_writer = -1;
}

/* EAX = vcpu.nzcv's form -> EFLAGS. */
static void flags_from_eax(struct gen *g)
{
    e1(A, 0x04);                                 /* add al, 0x7f: OF = bit 0 */
    e1(A, 0x7f);
    e1(A, 0x9e);                                 /* sahf */
    A->ef = true;
    A->direct = false;
}

void flags_load(struct gen *g)
{
    if (A->ef)
        return;
    if (g->flags_writer >= 0)
        bug("NZCV was lost before IR operation %u", g->i);
    mov_rm(A, false, RAX, STATE(nzcv));
    flags_from_eax(g);
}

unsigned flags_test(struct gen *g, unsigned cc)
{
    if (!A->ef && g->flags_writer >= 0)
        bug("NZCV was lost before IR operation %u", g->i);
    if (!A->ef && (cc >> 1) < 4) {
        /* One flag: test its bit in memory. C is stored inverted. */
        static const uint16_t bit[4] = {NZCV_HOST_Z, NZCV_HOST_NC, NZCV_HOST_N, NZCV_HOST_V};
        unsigned k = cc >> 1;
        op_rm(A, 0xf7, 0, STATE(nzcv));          /* test dword: of the store's size, so that it is forwarded at once */
        e4(A, bit[k]);
        A->ef = false;
        bool set_is_true = k != 1;
        return set_is_true == !(cc & 1) ? X_NE : X_E;
    }
    flags_load(g);
    if (A->direct && (cc == CC_CS || cc == CC_CC))
        return cc == CC_CS ? X_B : X_AE;
    if (cc == CC_CS || cc == CC_CC || cc == CC_HI || cc == CC_LS)
        borrow_form(g);
    return flags_cc(cc);
}

struct flag_src flags_src(struct gen *g)
{
    if (g->lazy < 0)
        return (struct flag_src){0};
    const struct ir_insn *i = &g->b->insn[g->lazy];
    bool result = g->lazy_last[g->lazy] & LAZY_RESULT;
    struct flag_src s = {.op = i->op, .w = is_w(i), .result = result, .a = where(g, result ? (ir_val)g->lazy : i->a)};
    if (!result || i->op != IR_ANDS)
        s.b = where(g, i->b);
    return s;
}

static void op_loc(struct gen *g, bool w, unsigned op, const struct loc *l)
{
    if (l->kind == LOC_CONST)
        alu_ri(A, w, op, RAX, l->imm);
    else if (l->kind == LOC_REG)
        alu_rr(A, w, op, RAX, l->reg);
    else
        alu_rm(A, w, op, RAX, mo_bd(l->reg, l->imm));
}

void flags_again(struct gen *g, const struct flag_src *s)
{
    bool sub = s->op == IR_SUBS, and = s->op == IR_ANDS;
    if (s->a.kind == LOC_CONST)
        mov_ri(A, RAX, s->w ? (uint64_t)(int64_t)s->a.imm : (uint32_t)s->a.imm);
    else if (s->a.kind == LOC_REG)
        mov_rr(A, s->w, RAX, s->a.reg);
    else
        mov_rm(A, s->w, RAX, mo_bd(s->a.reg, s->a.imm));
    if (s->result && and)
        test_rr(A, s->w, RAX, RAX);
    else if (s->result)
        op_loc(g, s->w, sub ? ALU_ADD : ALU_SUB, &s->b);
    if (!s->result || !and)
        op_loc(g, s->w, sub ? ALU_CMP : and ? ALU_AND : ALU_ADD, &s->b);
    A->direct = !sub;
    flags_store(g);
    A->ef = false;
}

void flags_release(struct gen *g, unsigned n)
{
    unsigned w = (unsigned)g->lazy_src;
    const ir_val v[3] = {(ir_val)w, g->b->insn[w].a, g->b->insn[w].b};
    if (n < (g->lazy_last[w] & ~LAZY_RESULT))
        return;
    g->lazy_src = -1;
    for (unsigned k = 0; k < 3; k++)
        if (val_of(g, v[k])->last <= n && holds_anything(val_of(g, v[k])))
            free_val(g, g->v[v[k]].root);
}

/* a op [m]; d as in set_flags(). */
static void set_flags_mem(struct gen *g, bool w, unsigned op, unsigned d, unsigned ra, struct mo m)
{
    if (d == NOREG && op == ALU_SUB) {
        alu_rm(A, w, ALU_CMP, ra, m);
        return;
    }
    if (d == NOREG)
        d = RAX;
    if (d != ra)
        mov_rr(A, w, d, ra);
    alu_rm(A, w, op, d, m);
}

/* EFLAGS = those of a - b (SUB), a + b (ADD: CF still the carry) or a & b; d = the result, or NOREG. */
static void set_flags(struct gen *g, bool w, unsigned op, unsigned d, unsigned ra, ir_val vb, bool fetched, unsigned rb)
{
    int64_t imm;
    bool ci = !fetched && is_const(g, vb, &imm) && fits32(imm);
    if (d == NOREG && op == ALU_SUB) {
        if (ci && imm == 0)
            test_rr(A, w, ra, ra);               /* CF = OF = 0, as CMP with 0 */
        else if (ci)
            alu_ri(A, w, ALU_CMP, ra, (int32_t)imm);
        else
            alu_rr(A, w, ALU_CMP, ra, rb);
        return;
    }
    if (d == NOREG && op == ALU_AND) {
        if (ci)
            op_rr(A, opw(0xf7, w), 0, ra), e4(A, (uint32_t)imm);
        else
            op_rr(A, opw(0x85, w), rb, ra);
        return;
    }
    if (d == NOREG) {
        d = RAX;
        mov_rr(A, w, RAX, ra);
    } else if (d != ra) {
        if (!ci && d == rb) {
            if (op == ALU_SUB || op == ALU_SBB) {
                mov_rr(A, w, RAX, ra);
                alu_rr(A, w, op, RAX, rb);
                mov_rr(A, w, d, RAX);
                return;
            }
            rb = ra;
        } else {
            mov_rr(A, w, d, ra);
        }
    }
    if (ci)
        alu_ri(A, w, op, d, (int32_t)imm);
    else
        alu_rr(A, w, op, d, rb);
}

static bool const_operand(struct gen *g, ir_val v)
{
    int64_t imm;
    return is_const(g, v, &imm) && fits32(imm);
}

/* CF = C (for ADC) or !C (for SBB). From memory only that is fetched. */
static void carry_in(struct gen *g, bool direct)
{
    if (!A->ef) {
        if (g->flags_writer >= 0)
            bug("NZCV was lost before IR operation %u", g->i);
        op_rm(A, 0xba | M_0F, 4, STATE(nzcv));   /* bt dword, bit */
        e1(A, (unsigned)__builtin_ctz(NZCV_HOST_NC));
        A->direct = false;
    }
    if (A->direct != direct)
        e1(A, 0xf5);                             /* cmc */
    A->direct = direct;
}

static void arith(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), ci = const_operand(g, i->b), wanted = g->v[g->i].last > g->i;
    unsigned op = ALU_SUB, ra = use(g, i->a), d = NOREG;
    struct mo m;
    bool mem = !ci && use_mem(g, i->b, &m);
    unsigned rb = ci || mem ? NOREG : use(g, i->b);
    if (wanted)
        d = def(g, dying_reg(g, i->a));
    switch ((enum ir_op)i->op) {
    case IR_ADDS: op = ALU_ADD; break;
    case IR_ANDS: op = ALU_AND; break;
    case IR_ADC:
    case IR_ADCS: op = ALU_ADC; break;
    case IR_SBC:
    case IR_SBCS: op = ALU_SBB; break;
    default: break;
    }
    if (op == ALU_ADC || op == ALU_SBB)
        carry_in(g, op == ALU_ADC);
    if (mem)
        set_flags_mem(g, w, op, d, ra, m);
    else
        set_flags(g, w, op, d, ra, i->b, !ci, rb);
    if (i->op == IR_ADC || i->op == IR_SBC)
        return;
    flags_set(g, op == ALU_ADD || op == ALU_ADC || op == ALU_AND);
}

static void ccmp(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), ci = const_operand(g, i->b), add = i->op == IR_CCMN;
    unsigned ra = use(g, i->a), rb = ci ? NOREG : use(g, i->b);
    uint8_t *yes = NULL, *store = NULL;
    if (i->cc < CC_AL) {
        yes = jcc8(A, flags_test(g, i->cc));
        mov_ri(A, RAX, nzcv_from_arm((uint32_t)i->imm << 28));
        flags_from_eax(g);
        store = jmp8(A);
        land8(A, yes);
    }
    set_flags(g, w, add ? ALU_ADD : ALU_SUB, NOREG, ra, i->b, !ci, rb);
    if (add && store)
        e1(A, 0xf5);                             /* both ways in one form */
    if (store)
        land8(A, store);
    flags_set(g, add && !store);
}

static void csel(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i);
    unsigned ra = use(g, i->a), rb = use(g, i->b), cc = flags_test(g, i->cc), d = def(g, dying_reg(g, i->b));
    if (d == ra && d != rb) {
        cmov(A, w, cc ^ 1, d, rb);
    } else {
        if (d != rb)
            mov_rr(A, w, d, rb);
        cmov(A, w, cc, d, ra);
    }
}

static void getnzcv(struct gen *g)
{
    unsigned t = temp(g, false), d = def(g, NOREG);
    if (g->flags_writer >= 0) {
        flags_store(g);
        g->flags_writer = -1;
    }
    mov_rm(A, false, d, STATE(nzcv));
    mov_rr(A, false, RAX, d);
    mov_rr(A, false, t, d);
    alu_ri(A, false, ALU_AND, d, NZCV_HOST_N | NZCV_HOST_Z);
    shift_ri(A, false, SH_SHL, d, 16);
    alu_ri(A, false, ALU_AND, RAX, NZCV_HOST_V);
    shift_ri(A, false, SH_SHL, RAX, 28);
    alu_rr(A, false, ALU_OR, d, RAX);
    not_r(A, false, t);
    alu_ri(A, false, ALU_AND, t, NZCV_HOST_NC);
    shift_ri(A, false, SH_SHL, t, 21);
    alu_rr(A, false, ALU_OR, d, t);
    A->ef = false;
}

static void setnzcv(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), t = temp(g, false);
    mov_rr(A, false, t, ra);
    shift_ri(A, false, SH_SHR, t, 16);
    mov_rr(A, false, RAX, t);
    alu_ri(A, false, ALU_AND, RAX, NZCV_HOST_N | NZCV_HOST_Z);
    not_r(A, false, t);
    shift_ri(A, false, SH_SHR, t, 5);
    alu_ri(A, false, ALU_AND, t, NZCV_HOST_NC);
    alu_rr(A, false, ALU_OR, RAX, t);
    mov_rr(A, false, t, ra);
    shift_ri(A, false, SH_SHR, t, 28);
    alu_ri(A, false, ALU_AND, t, NZCV_HOST_V);
    alu_rr(A, false, ALU_OR, RAX, t);
    mov_mr(A, false, STATE(nzcv), RAX);
    g->flags_writer = g->lazy = -1;
    A->ef = false;
}

bool lower_flags(struct gen *g, const struct ir_insn *i)
{
    switch ((enum ir_op)i->op) {
    case IR_ADDS:
    case IR_SUBS:
    case IR_ANDS:
    case IR_ADC:
    case IR_SBC:
    case IR_ADCS:
    case IR_SBCS: arith(g, i); return true;
    case IR_CCMP:
    case IR_CCMN: ccmp(g, i); return true;
    case IR_CSEL: csel(g, i); return true;
    case IR_SETC: {
        unsigned cc = flags_test(g, i->cc), d = def(g, NOREG);
        setcc(A, cc, RAX);
        movzx8(A, d, RAX);
        return true;
    }
    case IR_GETNZCV: getnzcv(g); return true;
    case IR_SETNZCV: setnzcv(g, i); return true;
    default: return false;
    }
}
