/*
 * translate_simd_ldst.c - loads and stores of SIMD&FP registers: single, pair, literal, and structures (LD1-LD4,
 * ST1-ST4).
 *
 * Registers are written after the last access of the instruction, so that a fault leaves all of them unchanged.
 * Source: Arm ARM DDI 0487, C7.2 (LDR, LDP, LD1 ... SIMD&FP).
 */
#include "simd.h"

static struct ir_mem vmem(const struct a64_tr *tr, unsigned size, bool write)
{
    return a64_mem(tr, size, write, false);
}

/* One register of 1 << size bytes. */
static void access_one(struct a64_tr *tr, bool load, unsigned size, unsigned rt, ir_val base, int64_t off)
{
    if (load) {
        simd_set_v(tr, rt, ir_ldv(tr->b, vmem(tr, size, false), base, off));
    } else {
        ir_stv(tr->b, vmem(tr, size, true), base, off, simd_v(tr, rt));
    }
}

static void write_back(struct a64_tr *tr, unsigned rn, ir_val base, int64_t off)
{
    a64_set_xsp(tr, rn, ir_op2(tr->b, IR_ADD, IR_I64, base, ir_const(tr->b, IR_I64, (uint64_t)off)));
}

bool trans_LDR_lit_v(struct a64_tr *tr, const struct arg_LDR_lit_v *a)
{
    if (a->opc == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val pc = ir_pc(tr->b, (int64_t)tr->pc_off + (int64_t)a->imm19 * 4);
    access_one(tr, true, 2 + a->opc, a->rt, pc, 0);
    return true;
}

bool trans_LDST_imm9_v(struct a64_tr *tr, const struct arg_LDST_imm9_v *a)
{
    unsigned size = a->hi << 2 | a->size;
    if (size > 4 || a->idx == 2) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val base = a64_base(tr, a->rn);
    access_one(tr, a->l, size, a->rt, base, a->idx == 1 ? 0 : a->imm9);
    if (a->idx) {
        write_back(tr, a->rn, base, a->imm9);
    }
    return true;
}

bool trans_LDST_uimm_v(struct a64_tr *tr, const struct arg_LDST_uimm_v *a)
{
    unsigned size = a->hi << 2 | a->size;
    if (size > 4) {
        return false;
    }
    SIMD_CHECK(tr);
    access_one(tr, a->l, size, a->rt, a64_base(tr, a->rn), (int64_t)a->imm12 << size);
    return true;
}

bool trans_LDST_reg_v(struct a64_tr *tr, const struct arg_LDST_reg_v *a)
{
    unsigned size = a->hi << 2 | a->size;
    if (size > 4 || !(a->option & 2)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val base = a64_base(tr, a->rn), off;
    if (a->option & 1) {                         /* LSL, SXTX */
        off = a64_x(tr, IR_I64, a->rm);
    } else {                                     /* UXTW, SXTW */
        off = ir_ext(tr->b, a->option & 4 ? IR_SEXT : IR_ZEXT, IR_I64, 2, a64_x(tr, IR_I64, a->rm));
    }
    if (a->s && size) {
        off = ir_op2(tr->b, IR_SHL, IR_I64, off, ir_const(tr->b, IR_I64, size));
    }
    access_one(tr, a->l, size, a->rt, ir_op2(tr->b, IR_ADD, IR_I64, base, off), 0);
    return true;
}

bool trans_LDSTP_v(struct a64_tr *tr, const struct arg_LDSTP_v *a)
{
    unsigned size = 2 + a->opc;
    if (a->opc == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    int64_t imm = (int64_t)a->imm7 * (1 << size), off = a->idx == 1 ? 0 : imm;
    ir_val base = a64_base(tr, a->rn);
    if (a->l) {
        ir_val x = ir_ldv(tr->b, vmem(tr, size, false), base, off);
        ir_val y = ir_ldv(tr->b, vmem(tr, size, false), base, off + (1 << size));
        simd_set_v(tr, a->rt, x);
        simd_set_v(tr, a->rt2, y);
    } else {
        ir_stv(tr->b, vmem(tr, size, true), base, off, simd_v(tr, a->rt));
        ir_stv(tr->b, vmem(tr, size, true), base, off + (1 << size), simd_v(tr, a->rt2));
    }
    if (a->idx & 1) {
        write_back(tr, a->rn, base, imm);
    }
    return true;
}

/* ---- structures ---- */

/* The step of a post-indexed access: rm = 31 means the bytes transferred. */
static void post_index(struct a64_tr *tr, unsigned rn, ir_val base, unsigned rm, unsigned bytes)
{
    if (rm == 31) {
        write_back(tr, rn, base, bytes);
    } else {
        a64_set_xsp(tr, rn, ir_op2(tr->b, IR_ADD, IR_I64, base, a64_x(tr, IR_I64, rm)));
    }
}

/* out[k] from in[0..2] by byte choice: 3-element structures. gather: registers to memory order, else the reverse. */
static void permute3(struct a64_tr *tr, unsigned esz, unsigned q, bool gather, const ir_val *in, ir_val *out)
{
    unsigned width = q ? 16 : 8;
    for (unsigned k = 0; k < 3; k++) {
        ir_val sum = IR_NONE;
        for (unsigned s = 0; s < 3; s++) {
            uint8_t idx[16];
            __builtin_memset(idx, 0xff, sizeof(idx));
            for (unsigned j = 0; j < width; j++) {
                unsigned reg, byte, in_elem = j & ((1u << esz) - 1);
                if (gather) {                    /* byte k * width + j of memory is in register elem % 3 */
                    unsigned elem = (k * width + j) >> esz;
                    reg = elem % 3;
                    byte = (elem / 3 << esz) + in_elem;
                } else {
                    unsigned pos = (((j >> esz) * 3 + k) << esz) + in_elem;
                    reg = pos / width;
                    byte = pos % width;
                }
                if (reg == s) {
                    idx[j] = (uint8_t)byte;
                }
            }
            uint64_t half[2];
            __builtin_memcpy(half, idx, 16);
            ir_val part = simd_op2(tr, IR_VTBL, 0, 1, in[s], ir_vconst(tr->b, half[0], half[1]));
            sum = s ? simd_op2(tr, IR_VOR, 0, 1, sum, part) : part;
        }
        out[k] = sum;
    }
}

static void deinterleave(struct a64_tr *tr, unsigned n, unsigned esz, unsigned q, const ir_val *m, ir_val *r)
{
    if (n == 3) {
        permute3(tr, esz, q, false, m, r);
    } else if (n == 2) {
        r[0] = simd_op2(tr, IR_VUZP1, esz, q, m[0], m[1]);
        r[1] = simd_op2(tr, IR_VUZP2, esz, q, m[0], m[1]);
    } else {
        ir_val e0 = simd_op2(tr, IR_VUZP1, esz, q, m[0], m[1]), o0 = simd_op2(tr, IR_VUZP2, esz, q, m[0], m[1]);
        ir_val e1 = simd_op2(tr, IR_VUZP1, esz, q, m[2], m[3]), o1 = simd_op2(tr, IR_VUZP2, esz, q, m[2], m[3]);
        r[0] = simd_op2(tr, IR_VUZP1, esz, q, e0, e1);
        r[1] = simd_op2(tr, IR_VUZP1, esz, q, o0, o1);
        r[2] = simd_op2(tr, IR_VUZP2, esz, q, e0, e1);
        r[3] = simd_op2(tr, IR_VUZP2, esz, q, o0, o1);
    }
}

static void interleave(struct a64_tr *tr, unsigned n, unsigned esz, unsigned q, const ir_val *r, ir_val *m)
{
    if (n == 3) {
        permute3(tr, esz, q, true, r, m);
    } else if (n == 2) {
        m[0] = simd_op2(tr, IR_VZIP1, esz, q, r[0], r[1]);
        m[1] = simd_op2(tr, IR_VZIP2, esz, q, r[0], r[1]);
    } else {
        ir_val a0 = simd_op2(tr, IR_VZIP1, esz, q, r[0], r[2]), a1 = simd_op2(tr, IR_VZIP2, esz, q, r[0], r[2]);
        ir_val b0 = simd_op2(tr, IR_VZIP1, esz, q, r[1], r[3]), b1 = simd_op2(tr, IR_VZIP2, esz, q, r[1], r[3]);
        m[0] = simd_op2(tr, IR_VZIP1, esz, q, a0, b0);
        m[1] = simd_op2(tr, IR_VZIP2, esz, q, a0, b0);
        m[2] = simd_op2(tr, IR_VZIP1, esz, q, a1, b1);
        m[3] = simd_op2(tr, IR_VZIP2, esz, q, a1, b1);
    }
}

/* opcode -> registers and elements a structure; 0 registers: unallocated. */
static const struct { uint8_t regs, selem; } multi[16] = {
    [0] = {4, 4}, [2] = {4, 1}, [4] = {3, 3}, [6] = {3, 1}, [7] = {1, 1}, [8] = {2, 2}, [10] = {2, 1},
};

/* rm: -1 no write-back. */
static bool multiple(struct a64_tr *tr, unsigned q, bool load, unsigned opcode, unsigned esz, unsigned rn, unsigned rt,
                     int rm)
{
    unsigned regs = multi[opcode].regs, selem = multi[opcode].selem, size = q ? 4 : 3;
    if (!regs || (esz == 3 && !q && selem != 1)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val base = a64_base(tr, rn), m[4], r[4];
    struct ir_mem mem = vmem(tr, size, !load);
    mem.align = 0;                               /* only elements need be aligned, if anything */
    if (load) {
        for (unsigned i = 0; i < regs; i++) {
            m[i] = ir_ldv(tr->b, mem, base, (int64_t)i << size);
        }
        if (selem > 1) {
            deinterleave(tr, selem, esz, q, m, r);
        }
        for (unsigned i = 0; i < regs; i++) {
            simd_set_v(tr, (rt + i) & 31, selem > 1 ? r[i] : m[i]);
        }
    } else {
        for (unsigned i = 0; i < regs; i++) {
            r[i] = simd_v(tr, (rt + i) & 31);
        }
        if (selem > 1) {
            interleave(tr, selem, esz, q, r, m);
        }
        for (unsigned i = 0; i < regs; i++) {
            ir_stv(tr->b, mem, base, (int64_t)i << size, selem > 1 ? m[i] : r[i]);
        }
    }
    if (rm >= 0) {
        post_index(tr, rn, base, (unsigned)rm, regs << size);
    }
    return true;
}

bool trans_LDSTM_v(struct a64_tr *tr, const struct arg_LDSTM_v *a)
{
    return multiple(tr, a->q, a->l, a->opcode, a->size, a->rn, a->rt, -1);
}

bool trans_LDSTM_post_v(struct a64_tr *tr, const struct arg_LDSTM_post_v *a)
{
    return multiple(tr, a->q, a->l, a->opcode, a->size, a->rn, a->rt, (int)a->rm);
}

/* One lane of 1 to 4 registers, or one element to all lanes (LD1R ...). */
static bool single(struct a64_tr *tr, unsigned q, bool load, unsigned r, unsigned opcode, unsigned s, unsigned size,
                   unsigned rn, unsigned rt, int rm)
{
    unsigned scale = opcode >> 1, selem = ((opcode & 1) << 1 | r) + 1, index = 0;
    bool replicate = false;

    switch (scale) {
    case 0:
        index = q << 3 | s << 2 | size;
        break;
    case 1:
        if (size & 1) {
            return false;
        }
        index = q << 2 | s << 1 | size >> 1;
        break;
    case 2:
        if (size & 2 || (size & 1 && s)) {
            return false;
        }
        index = size & 1 ? q : q << 1 | s;
        scale += size & 1;
        break;
    default:
        if (!load || s) {
            return false;
        }
        scale = size;
        replicate = true;
        break;
    }
    SIMD_CHECK(tr);
    ir_val base = a64_base(tr, rn), x[4];
    struct ir_mem mem = vmem(tr, scale, !load);
    for (unsigned i = 0; i < selem; i++) {
        int64_t off = (int64_t)i << scale;
        if (load) {
            x[i] = ir_ld(tr->b, scale == 3 ? IR_I64 : IR_I32, mem, base, off);
        } else {
            ir_val v = ir_vget(tr->b, IR_VGET, IR_I64, scale, simd_v(tr, (rt + i) & 31), index);
            ir_st(tr->b, mem, base, off, scale == 3 ? v : ir_op1(tr->b, IR_TRUNC, IR_I32, v));
        }
    }
    for (unsigned i = 0; load && i < selem; i++) {
        unsigned reg = (rt + i) & 31;
        ir_val v = replicate ? simd_op1(tr, IR_VDUP, scale, q, x[i])
                             : ir_vopi(tr->b, IR_VINS, scale, 1, simd_v(tr, reg), x[i], IR_NONE, index, 0);
        simd_set_v(tr, reg, v);
    }
    if (rm >= 0) {
        post_index(tr, rn, base, (unsigned)rm, selem << scale);
    }
    return true;
}

bool trans_LDST1_v(struct a64_tr *tr, const struct arg_LDST1_v *a)
{
    return single(tr, a->q, a->l, a->r, a->opcode, a->s, a->size, a->rn, a->rt, -1);
}

bool trans_LDST1_post_v(struct a64_tr *tr, const struct arg_LDST1_post_v *a)
{
    return single(tr, a->q, a->l, a->r, a->opcode, a->s, a->size, a->rn, a->rt, (int)a->rm);
}
