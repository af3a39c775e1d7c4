/*
 * lower_int.c - integer operations without flags, constants and guest state.
 *
 * Owns the choice of instructions for them. Rule of every function here: operands are fetched by use() before def() names
 * the destination, which may be the register of an operand that dies or a home that an operand still occupies.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)

static bool commutes(unsigned op) { return op != ALU_SUB && op != ALU_SBB && op != ALU_CMP; }

/* base + (index << n) where the shift has been left to the addition. */
static void add_shifted(struct gen *g, const struct ir_insn *i, ir_val base, ir_val shl)
{
    const struct ir_insn *s = &g->b->insn[shl];
    unsigned rb = use(g, base), rx = use(g, s->a), pref = dying_reg(g, base);
    if (pref == NOREG)
        pref = dying_reg(g, s->a);
    unsigned d = def(g, pref);
    lea(A, is_w(i), d, mo_bis(rb, rx, (unsigned)g->b->insn[s->b].imm, 0));
    if (dies(g, s->a))
        free_val(g, g->v[s->a].root);
}

/* d = a op b for plain ALU operations. */
static void alu2(struct gen *g, const struct ir_insn *i, unsigned op)
{
    bool w = is_w(i);
    ir_val va = i->a, vb = i->b;
    int64_t imm;
    struct mo m;

    if (op == ALU_ADD && g->v[vb].uses == USES_FUSED) {
        add_shifted(g, i, va, vb);
        return;
    }
    if (op == ALU_ADD && g->v[va].uses == USES_FUSED) {
        add_shifted(g, i, vb, va);
        return;
    }
    if (is_const(g, va, &imm) && commutes(op)) {
        va = i->b;
        vb = i->a;
    }
    if (is_const(g, vb, &imm) && (fits32(imm) || (op == ALU_SUB && fits32(-imm)))) {
        unsigned ra = use(g, va), d = def(g, dying_reg(g, va));
        if (op == ALU_SUB && fits32(-imm)) {
            op = ALU_ADD;
            imm = -imm;
        }
        if (op == ALU_ADD && (d != ra || A->ef)) {
            lea(A, w, d, mo_bd(ra, (int32_t)imm));
            return;
        }
        if (op == ALU_AND && imm == 0xff && !A->ef) {
            movzx8(A, d, ra);
            return;
        }
        if (op == ALU_AND && imm >= 0)
            w = false;
        if (d != ra)
            mov_rr(A, w, d, ra);
        alu_ri(A, w, op, d, (int32_t)imm);
        return;
    }
    if (op == ALU_AND && is_const(g, vb, &imm) && (uint64_t)imm == UINT32_MAX) {
        unsigned ra = use(g, va), d = def(g, dying_reg(g, va));
        mov_rr(A, false, d, ra);
        return;
    }
    if (op == ALU_SUB && is_const(g, va, &imm)) { /* constant - b */
        unsigned rb = use(g, vb), d;
        if (fits32(imm)) {
            d = def(g, dying_reg(g, vb));
            if (d != rb)
                mov_rr(A, w, d, rb);
            neg_r(A, w, d);
            if (imm)
                alu_ri(A, w, ALU_ADD, d, (int32_t)imm);
            return;
        }
    }
    unsigned ra = use(g, va);
    if (!(op == ALU_ADD && A->ef) && use_mem(g, vb, &m)) {
        unsigned d = def(g, dying_reg(g, va));
        if (d != ra)
            mov_rr(A, w, d, ra);
        alu_rm(A, w, op, d, m);
        return;
    }
    unsigned rb = use(g, vb), pref = dying_reg(g, va);
    if (pref == NOREG && commutes(op))
        pref = dying_reg(g, vb);
    unsigned d = def(g, pref);
    if (op == ALU_ADD && ((d != ra && d != rb) || A->ef)) {
        lea(A, w, d, mo_bis(ra, rb, 0, 0));
    } else if (d == ra) {
        alu_rr(A, w, op, d, rb);
    } else if (d == rb && commutes(op)) {
        alu_rr(A, w, op, d, ra);
    } else if (d == rb) {
        mov_rr(A, w, RAX, ra);
        alu_rr(A, w, op, RAX, rb);
        mov_rr(A, w, d, RAX);
    } else {
        mov_rr(A, w, d, ra);
        alu_rr(A, w, op, d, rb);
    }
}

/* One half of a product without touching EFLAGS (BMI2). */
static void mul_spares_flags(struct gen *g, bool w, bool high, unsigned d, unsigned ra, unsigned rb)
{
    if (rb == RDX) {
        rb = ra;
        ra = RDX;
    }
    bool move = ra != RDX, keep = move && d != RDX && g->reg_val[RDX] != IR_NONE;
    if (keep)
        mov_rr(A, true, RAX, RDX);
    if (move)
        mov_rr(A, w, RDX, ra);
    if (high)
        mulx(A, w, d, d, rb);
    else
        mulx(A, w, move && d != RDX ? RDX : RAX, d, rb);
    if (keep)
        mov_rr(A, true, RDX, RAX);
}

static void mul(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i);
    ir_val va = i->a, vb = i->b;
    int64_t imm;
    if (is_const(g, va, &imm)) {
        va = i->b;
        vb = i->a;
    }
    if (is_const(g, vb, &imm) && fits32(imm)) {
        unsigned ra = use(g, va), d = def(g, dying_reg(g, va));
        if (imm == (int8_t)imm) {
            op_rr(A, opw(0x6b, w), d, ra);
            e1(A, (uint8_t)imm);
        } else {
            op_rr(A, opw(0x69, w), d, ra);
            e4(A, (uint32_t)imm);
        }
        A->ef = false;
        return;
    }
    unsigned ra = use(g, va);
    struct mo m;
    if (A->ef && g->flags_writer >= 0 && host_state.bmi2) {
        unsigned rb = use(g, vb);
        mul_spares_flags(g, w, false, def(g, NOREG), ra, rb);
        return;
    }
    if (use_mem(g, vb, &m)) {
        unsigned d = def(g, dying_reg(g, va));
        if (d != ra)
            mov_rr(A, w, d, ra);
        op_rm(A, opw(0xaf | M_0F, w), d, m);
        A->ef = false;
        return;
    }
    unsigned rb = use(g, vb), pref = dying_reg(g, va);
    if (pref == NOREG)
        pref = dying_reg(g, vb);
    unsigned d = def(g, pref);
    if (d == rb) {
        imul_rr(A, w, d, ra);
    } else {
        if (d != ra)
            mov_rr(A, w, d, ra);
        imul_rr(A, w, d, rb);
    }
}

/* RDX is saved in the frame while an instruction needs it; an operand in it is read from there. */
static struct mo rdx_save(struct gen *g)
{
    mov_mr(A, true, frame(F_TMP), RDX);
    return frame(F_TMP);
}

static void mulh(struct gen *g, const struct ir_insn *i)
{
    bool sgn = i->op == IR_SMULH;
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, NOREG);
    if (!sgn && host_state.bmi2) {
        mul_spares_flags(g, true, true, d, ra, rb);
        return;
    }
    bool keep = d != RDX && g->reg_val[RDX] != IR_NONE;
    if (keep || rb == RDX)
        rdx_save(g);
    mov_rr(A, true, RAX, ra);
    if (rb == RDX)
        op_rm(A, 0xf7 | OP_W, sgn ? 5 : 4, frame(F_TMP));
    else
        op_rr(A, 0xf7 | OP_W, sgn ? 5 : 4, rb);
    A->ef = false;
    if (d != RDX)
        mov_rr(A, true, d, RDX);
    if (keep)
        mov_rm(A, true, RDX, frame(F_TMP));
}

static void div(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), sgn = i->op == IR_SDIV;
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, NOREG);
    bool keep = d != RDX && g->reg_val[RDX] != IR_NONE;
    uint8_t *zero, *minus = NULL, *end, *end2 = NULL;

    if (keep || ra == RDX || rb == RDX)
        rdx_save(g);
    test_rr(A, w, rb, rb);
    zero = jcc8(A, X_E);
    if (sgn) {
        alu_ri(A, w, ALU_CMP, rb, -1);
        minus = jcc8(A, X_E);
    }
    mov_rr(A, w, RAX, ra);
    if (sgn) {
        if (w)
            e1(A, 0x48);
        e1(A, 0x99);                             /* cdq, cqo */
    } else {
        alu_rr(A, false, ALU_XOR, RDX, RDX);
    }
    if (rb == RDX)
        op_rm(A, opw(0xf7, w), sgn ? 7 : 6, frame(F_TMP));
    else
        op_rr(A, opw(0xf7, w), sgn ? 7 : 6, rb);
    end = jmp8(A);
    if (sgn) {
        land8(A, minus);
        mov_rr(A, w, RAX, ra);
        neg_r(A, w, RAX);
        end2 = jmp8(A);
    }
    land8(A, zero);
    mov_ri(A, RAX, 0);
    land8(A, end);
    if (end2)
        land8(A, end2);
    if (keep)
        mov_rm(A, true, RDX, frame(F_TMP));
    mov_rr(A, w, d, RAX);
}

/* Shift by a register without BMI2, and ROR. */
static void shift_by_cl(struct gen *g, const struct ir_insn *i, unsigned op)
{
    bool w = is_w(i);
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, NOREG);
    bool keep = d != RCX && rb != RCX && g->reg_val[RCX] != IR_NONE;
    mov_rr(A, w, RAX, ra);
    if (keep)
        mov_mr(A, true, frame(F_TMP), RCX);
    if (rb != RCX)
        mov_rr(A, false, RCX, rb);
    shift_cl(A, w, op, RAX);
    if (keep)
        mov_rm(A, true, RCX, frame(F_TMP));
    mov_rr(A, w, d, RAX);
}

static void shift(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t x86op[4] = {SH_SHL, SH_SHR, SH_SAR, SH_ROR};
    bool w = is_w(i);
    unsigned op = x86op[i->op - IR_SHL];
    int64_t imm;
    if (is_const(g, i->b, &imm)) {
        unsigned n = (unsigned)imm & (w ? 63 : 31);
        unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
        if (op == SH_ROR && d != ra && host_state.bmi2) {
            rorx(A, w, d, ra, n);
            return;
        }
        if (op == SH_SHL && n == 1 && (d != ra || A->ef)) {
            lea(A, w, d, mo_bis(ra, ra, 0, 0));
            return;
        }
        if (d != ra)
            mov_rr(A, w, d, ra);
        if (n == 0 && !w)
            mov_rr(A, false, d, d);
        shift_ri(A, w, op, d, n);
        return;
    }
    if (op == SH_ROR || !host_state.bmi2) {
        shift_by_cl(g, i, op);
        return;
    }
    unsigned ra = use(g, i->a), rb = use(g, i->b), pref = dying_reg(g, i->a);
    if (pref == NOREG)
        pref = dying_reg(g, i->b);
    unsigned d = def(g, pref);
    if (op == SH_SHL)
        shlx(A, w, d, ra, rb);
    else if (op == SH_SHR)
        shrx(A, w, d, ra, rb);
    else
        sarx(A, w, d, ra, rb);
}

static void extr(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i);
    unsigned n = (unsigned)i->imm & (w ? 63 : 31);
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, dying_reg(g, i->b));
    if (ra == rb && host_state.bmi2) {
        rorx(A, w, d, rb, n);
        return;
    }
    if (d == ra && d != rb) {
        mov_rr(A, w, RAX, ra);
        ra = RAX;
    }
    if (d != rb || (!w && n == 0))
        mov_rr(A, w, d, rb);
    if (n)
        shrd(A, w, d, ra, n);
}

static void extend(struct gen *g, unsigned d, unsigned ra, unsigned size, bool sgn, bool w)
{
    if (size == 2) {
        if (sgn && w)
            op_rr(A, 0x63 | OP_W, d, ra);
        else
            mov_rr(A, false, d, ra);
    } else if (sgn) {
        op_rr(A, opw((size ? 0xbf : 0xbe) | M_0F | (size ? 0 : OP_BRM), w), d, ra);
    } else if (size) {
        movzx16(A, d, ra);
    } else {
        movzx8(A, d, ra);
    }
}

static void bitfield(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), sgn = i->op == IR_SBFX;
    unsigned width = w ? 64 : 32, lsb = (unsigned)i->imm & 63, len = (unsigned)(i->imm >> 8) & 127;
    unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    if (lsb == 0 && (len == 8 || len == 16 || len == 32)) {
        extend(g, d, ra, len == 8 ? 0 : len == 16 ? 1 : 2, sgn, w);
        return;
    }
    if (lsb + len > width)
        bug("bit field %u:%u of %u bits", lsb, len, width);
    if (!sgn && lsb + len <= 32)
        w = false;                               /* bits above do not matter: shorter */
    if (!sgn && lsb + len < (w ? 64u : 32u)) {
        if (lsb == 0 && len < 32) {
            if (d != ra)
                mov_rr(A, false, d, ra);
            alu_ri(A, false, ALU_AND, d, (int32_t)((1u << len) - 1));
            return;
        }
        if (len < 32) {
            if (host_state.bmi2 && d != ra) {
                rorx(A, w, d, ra, lsb);
            } else {
                if (d != ra)
                    mov_rr(A, w, d, ra);
                shift_ri(A, w, SH_SHR, d, lsb);
            }
            if (len == 8)
                movzx8(A, d, d);
            else if (len == 16)
                movzx16(A, d, d);
            else
                alu_ri(A, false, ALU_AND, d, (int32_t)((1u << len) - 1));
            return;
        }
    }
    width = w ? 64 : 32;
    if (d != ra)
        mov_rr(A, w, d, ra);
    else if (!w && lsb + len == 32 && lsb == 0)
        mov_rr(A, false, d, d);
    shift_ri(A, w, SH_SHL, d, width - lsb - len);
    shift_ri(A, w, sgn ? SH_SAR : SH_SHR, d, width - len);
}

/* a with bits lsb+:len replaced: rotate the field to the bottom, shift it out while b's low bits come in on top, rotate back. */
static void bfi(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i);
    unsigned width = w ? 64 : 32, lsb = (unsigned)i->imm & 63, len = (unsigned)(i->imm >> 8) & 127;
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, dying_reg(g, i->a));
    if (len >= width) {
        mov_rr(A, w, d, rb);
        return;
    }
    if (d == rb && d != ra) {
        mov_rr(A, w, RAX, rb);
        rb = RAX;
    } else if (ra == rb && lsb) {
        mov_rr(A, w, RAX, rb);
        rb = RAX;
    }
    if (d != ra)
        mov_rr(A, w, d, ra);
    shift_ri(A, w, SH_ROR, d, lsb);
    shrd(A, w, d, rb, len);
    shift_ri(A, w, SH_ROL, d, (lsb + len) & (width - 1));
}

static void count_zeros(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), lead = i->op == IR_CLZ;
    unsigned ra = use(g, i->a), d = def(g, NOREG);
    if (host_state.lzcnt && host_state.bmi1) {
        if (d != ra && !A->ef)
            alu_rr(A, false, ALU_XOR, d, d);     /* breaks the false dependency */
        op_rr(A, opw((lead ? 0xbd : 0xbc) | M_0F | P_F3, w), d, ra);
        A->ef = false;
        return;
    }
    mov_rr(A, w, RAX, ra);
    test_rr(A, w, RAX, RAX);
    mov_rr(A, w, d, RAX);
    uint8_t *zero = jcc8(A, X_E);
    op_rr(A, opw((lead ? 0xbd : 0xbc) | M_0F, w), d, RAX);
    if (lead)
        alu_ri(A, false, ALU_XOR, d, w ? 63 : 31);
    uint8_t *end = jmp8(A);
    land8(A, zero);
    mov_ri(A, d, w ? 64 : 32);
    land8(A, end);
    A->ef = false;
}

/* d's odd and even groups of n bits trade places. */
static void swap_groups(struct gen *g, bool w, unsigned d, unsigned t, unsigned n, uint64_t mask)
{
    mov_ri(A, t, w ? mask : (uint32_t)mask);
    mov_rr(A, w, RAX, d);
    shift_ri(A, w, SH_SHR, RAX, n);
    alu_rr(A, w, ALU_AND, RAX, t);
    alu_rr(A, w, ALU_AND, d, t);
    shift_ri(A, w, SH_SHL, d, n);
    alu_rr(A, w, ALU_OR, d, RAX);
}

static void reverse(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i);
    unsigned ra = use(g, i->a), t = NOREG;
    if (i->op == IR_RBIT || i->op == IR_REV16)
        t = temp(g, false);
    unsigned d = def(g, dying_reg(g, i->a));
    if (d != ra)
        mov_rr(A, w, d, ra);
    switch ((enum ir_op)i->op) {
    case IR_BSWAP: bswap(A, w, d); break;
    case IR_REV32:
        bswap(A, true, d);
        shift_ri(A, true, SH_ROL, d, 32);
        break;
    case IR_REV16: swap_groups(g, w, d, t, 8, 0x00ff00ff00ff00ffull); break;
    default:
        bswap(A, w, d);
        swap_groups(g, w, d, t, 4, 0x0f0f0f0f0f0f0f0full);
        swap_groups(g, w, d, t, 2, 0x3333333333333333ull);
        swap_groups(g, w, d, t, 1, 0x5555555555555555ull);
        break;
    }
}

static void selnz(struct gen *g, const struct ir_insn *i)
{
    bool w = is_w(i), wa = ir_result_type(&g->b->insn[i->a]) == IR_I64;
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c);
    unsigned d = def(g, dying_reg(g, i->c));
    test_rr(A, wa, ra, ra);
    if (d == rb && d != rc) {
        cmov(A, w, X_E, d, rc);
    } else {
        if (d != rc)
            mov_rr(A, w, d, rc);
        cmov(A, w, X_NE, d, rb);
    }
}

static void state(struct gen *g, const struct ir_insn *i)
{
    struct mo m = state_at((size_t)i->imm);
    size_t v0 = offsetof(struct vcpu, v);
    if (i->imm < (int64_t)sizeof(uint64_t) * VCPU_GPRS)
        bug("LDSTATE/STSTATE of a general register");
    if (i->op == IR_LDSTATE) {
        unsigned d = def(g, NOREG);
        switch (i->size3) {
        case 0: op_rm(A, 0xb6 | M_0F, d, m); break;
        case 1: op_rm(A, 0xb7 | M_0F, d, m); break;
        default: mov_rm(A, i->size3 == 3 && is_w(i), d, m); break;
        }
        return;
    }
    if ((size_t)i->imm >= v0 && (size_t)i->imm < v0 + sizeof(u128) * VCPU_VREGS)
        bug("STSTATE to a vector register");
    if (i->imm == (int64_t)offsetof(struct vcpu, nzcv))
        A->ef = false;
    int64_t imm;
    if (is_const(g, i->a, &imm) && i->size3 >= 2 && (i->size3 == 2 || (ir_result_type(&g->b->insn[i->a]) == IR_I64 && fits32(imm)))) {
        mov_mi(A, i->size3 == 3, m, (int32_t)imm);
        return;
    }
    unsigned r = i->size3 == 3 ? use64(g, i->a) : use(g, i->a);
    switch (i->size3) {
    case 0: op_rm(A, 0x88 | OP_B, r, m); break;
    case 1: op_rm(A, 0x89 | P_66, r, m); break;
    default: mov_mr(A, i->size3 == 3, m, r); break;
    }
}

static void getr(struct gen *g, const struct ir_insn *i)
{
    struct val *x = &g->v[g->i];
    unsigned home = home_of(i->reg);
    if (g->gval[i->reg] != IR_NONE)
        bug("guest register %u already has a value", i->reg);
    x->back = i->reg;
    g->gval[i->reg] = (uint16_t)g->i;
    if (home != NOREG) {
        x->reg = (uint8_t)home;
        g->reg_val[home] = (uint16_t)g->i;
    }
}

bool lower_int(struct gen *g, const struct ir_insn *i)
{
    switch ((enum ir_op)i->op) {
    case IR_NOP:
    case IR_CONST:
    case IR_PC:
    case IR_VCONST: return true;                 /* made where they are used */
    case IR_GETR: getr(g, i); return true;
    case IR_PUTR: put_gpr(g, i); return true;
    case IR_GETV:
        g->v[g->i].back = (uint8_t)(BACK_VEC + i->reg);
        g->vval[i->reg] = (uint16_t)g->i;
        if (vec_home_of(i->reg) != NOREG) {
            g->v[g->i].reg = (uint8_t)vec_home_of(i->reg);
            g->reg_val[vec_home_of(i->reg)] = (uint16_t)g->i;
        }
        return true;
    case IR_PUTV: put_vec(g, i); return true;
    case IR_LDSTATE:
    case IR_STSTATE: state(g, i); return true;
    case IR_ADD: alu2(g, i, ALU_ADD); return true;
    case IR_SUB: alu2(g, i, ALU_SUB); return true;
    case IR_AND: alu2(g, i, ALU_AND); return true;
    case IR_OR: alu2(g, i, ALU_OR); return true;
    case IR_XOR: alu2(g, i, ALU_XOR); return true;
    case IR_MUL: mul(g, i); return true;
    case IR_UMULH:
    case IR_SMULH: mulh(g, i); return true;
    case IR_UDIV:
    case IR_SDIV: div(g, i); return true;
    case IR_ANDN: {
        unsigned ra = use(g, i->a), rb = use(g, i->b), d;
        if (host_state.bmi1) {
            d = def(g, dying_reg(g, i->a));
            andn(A, is_w(i), d, rb, ra);
            return true;
        }
        d = def(g, dying_reg(g, i->a));
        mov_rr(A, is_w(i), RAX, rb);
        not_r(A, is_w(i), RAX);
        if (d != ra)
            mov_rr(A, is_w(i), d, ra);
        alu_rr(A, is_w(i), ALU_AND, d, RAX);
        return true;
    }
    case IR_NOT:
    case IR_NEG: {
        unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
        if (d != ra)
            mov_rr(A, is_w(i), d, ra);
        if (i->op == IR_NOT || !A->ef) {
            unary(A, is_w(i), i->op == IR_NOT ? 2 : 3, d);
        } else {
            not_r(A, is_w(i), d);                /* -a without touching EFLAGS */
            lea(A, is_w(i), d, mo_bd(d, 1));
        }
        return true;
    }
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROR: shift(g, i); return true;
    case IR_EXTR: extr(g, i); return true;
    case IR_SEXT:
    case IR_ZEXT:
    case IR_TRUNC: {
        unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
        extend(g, d, ra, i->op == IR_TRUNC ? 2 : i->size3, i->op == IR_SEXT, is_w(i));
        return true;
    }
    case IR_UBFX:
    case IR_SBFX: bitfield(g, i); return true;
    case IR_BFI: bfi(g, i); return true;
    case IR_CLZ:
    case IR_CTZ: count_zeros(g, i); return true;
    case IR_RBIT:
    case IR_BSWAP:
    case IR_REV16:
    case IR_REV32: reverse(g, i); return true;
    case IR_POPCNT: {
        unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
        op_rr(A, opw(0xb8 | M_0F | P_F3, is_w(i)), d, ra);
        A->ef = false;
        return true;
    }
    case IR_SELNZ: selnz(g, i); return true;
    default: return false;
    }
}
