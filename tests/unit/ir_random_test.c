/*
 * ir_random_test.c - random blocks, built plainly and built folded and optimised: both must do the same, and every
 * access to memory and every helper call must see the same guest state.
 */
#include "ir_test.h"

static struct ir_block blk2;

static uint64_t looking_helper(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    helper_looks = true;
    uint64_t r = helper(c, a, b, d);
    helper_looks = false;
    return r;
}

static const struct ir_helper h_wgpr = { "wgpr", helper, IRE_WGPR | IRE_WVEC };
static const struct ir_helper h_fault = { "fault", looking_helper, IRE_FAULT | IRE_WGPR | IRE_WVEC };

/* Appends without folding or forwarding. */
static ir_val plain(struct ir_block *b, struct ir_insn i)
{
    unsigned nargs = i.op == IR_CALL ? 1 : ir_op_info[i.op].nargs;
    i.pc_off = b->cur_pc_off;
    i.a = nargs > 0 ? i.a : IR_NONE;
    i.b = nargs > 1 ? i.b : IR_NONE;
    i.c = nargs > 2 ? i.c : IR_NONE;
    b->insn[b->n] = i;
    return (ir_val)b->n++;
}
#define PLAIN(...) plain(p, (struct ir_insn){ __VA_ARGS__ })

static void random_step(struct ir_block *p, struct ir_block *b)
{
    static const enum ir_op int_ops[] = { IR_ADD, IR_SUB, IR_MUL, IR_UDIV, IR_SDIV, IR_AND, IR_OR, IR_XOR, IR_ANDN,
                                          IR_SHL, IR_SHR, IR_SAR, IR_ROR, IR_ADDS, IR_SUBS, IR_ANDS, IR_ADC, IR_SBC,
                                          IR_ADCS, IR_SBCS, IR_ADD, IR_SUB, IR_AND };
    enum ir_type t = rnd() & 1 ? IR_I64 : IR_I32;
    unsigned rd = (unsigned)rnd() % 6, rn = (unsigned)rnd() % 6, rm = (unsigned)rnd() % 6, cc = (unsigned)rnd() % 14;
    uint64_t k = ir_mask(t, rnd() & 1 ? edge[rnd() % ARRAY_LEN(edge)] : rnd() % 64);
    bool use_const = rnd() & 1, const_first = (rnd() & 7) == 0;
    struct ir_mem m = { .size = rnd() & 3, .sext = rnd() & 1, .view = rnd() % 3 };
    ir_val pa = IR_NONE, px = IR_NONE, pv = IR_NONE, v = IR_NONE, a, x;
    unsigned kind = (unsigned)rnd() % 20;

    /* Operands, both ways. */
    if (kind < 8 || kind == 12) {
        pa = const_first ? PLAIN(.op = IR_CONST, .t = t, .imm = (int64_t)k) : PLAIN(.op = IR_GETR, .t = t, .reg = rn);
        a = const_first ? ir_const(b, t, k) : ir_getr(b, t, rn);
        px = use_const ? PLAIN(.op = IR_CONST, .t = t, .imm = (int64_t)k) : PLAIN(.op = IR_GETR, .t = t, .reg = rm);
        x = use_const ? ir_const(b, t, k) : ir_getr(b, t, rm);
    } else {
        pa = PLAIN(.op = IR_GETR, .t = IR_I64, .reg = rn);
        a = ir_getr(b, IR_I64, rn);
        px = PLAIN(.op = IR_GETR, .t = t, .reg = rm);
        x = ir_getr(b, t, rm);
    }
    switch (kind) {
    case 0: case 1: case 2: case 3: case 4: {
        enum ir_op op = int_ops[rnd() % ARRAY_LEN(int_ops)];
        pv = PLAIN(.op = op, .t = t, .a = pa, .b = px);
        v = ir_op2(b, op, t, a, x);
        break;
    }
    case 5: {
        static const enum ir_op ops[] = { IR_NOT, IR_NEG, IR_CLZ, IR_CTZ, IR_RBIT, IR_BSWAP, IR_REV16, IR_POPCNT };
        enum ir_op op = ops[rnd() % ARRAY_LEN(ops)];
        pv = PLAIN(.op = op, .t = t, .a = pa);
        v = ir_op1(b, op, t, a);
        break;
    }
    case 6: {
        static const enum ir_op ops[] = { IR_UBFX, IR_SBFX, IR_BFI, IR_EXTR };
        enum ir_op op = ops[rnd() % ARRAY_LEN(ops)];
        unsigned lsb = rnd() & 1 ? 0 : (unsigned)rnd() % ir_width(t), len = 1 + (unsigned)rnd() % (ir_width(t) - lsb);
        int64_t imm = op == IR_EXTR ? lsb : lsb | (int64_t)len << 8;
        if (op == IR_UBFX || op == IR_SBFX) {
            pv = PLAIN(.op = op, .t = t, .a = pa, .imm = imm);
            v = ir_op1i(b, op, t, a, imm);
        } else {
            pv = PLAIN(.op = op, .t = t, .a = pa, .b = px, .imm = imm);
            v = ir_op2i(b, op, t, a, x, imm);
        }
        break;
    }
    case 7:
        if (rnd() & 1) {
            pv = PLAIN(.op = IR_CSEL, .t = t, .a = pa, .b = px, .cc = cc);
            v = ir_csel(b, t, (enum ir_cc)cc, a, x);
        } else {
            PLAIN(.op = IR_CCMP, .t = t, .a = pa, .b = px, .cc = cc, .imm = rd);
            ir_ccmp(b, IR_CCMP, t, (enum ir_cc)cc, rd, a, x);
            return;
        }
        break;
    case 8: case 9: case 10: {                   /* extensions, from either type to either */
        unsigned size = (unsigned)rnd() % 3;
        enum ir_op op = rnd() & 1 ? IR_SEXT : IR_ZEXT;
        enum ir_type to = rnd() & 1 ? IR_I64 : IR_I32;
        pv = PLAIN(.op = op, .t = to, .a = px, .size3 = size);
        v = ir_ext(b, op, to, size, x);
        break;
    }
    case 11:
        pv = PLAIN(.op = IR_TRUNC, .t = IR_I32, .a = pa);
        v = ir_op1(b, IR_TRUNC, IR_I32, a);
        break;
    case 12:
        pv = PLAIN(.op = IR_SELNZ, .t = t, .a = px, .b = pa, .c = px);
        v = ir_op3(b, IR_SELNZ, t, x, a, x);
        break;
    case 13: {
        m.wide = m.sext && t == IR_I64;
        int64_t off = (int64_t)(rnd() % 70000) - 35000;
        pv = PLAIN(.op = IR_LD, .t = t, .a = pa, .mem = m, .imm = off);
        v = ir_ld(b, t, m, a, off);
        break;
    }
    case 14: {                                   /* address arithmetic in front of a store */
        int64_t add = (int64_t)(rnd() % 9000) - 4500, off = (int64_t)(rnd() % 512);
        ir_val pk = PLAIN(.op = IR_CONST, .t = IR_I64, .imm = add);
        ir_val pb = PLAIN(.op = IR_ADD, .t = IR_I64, .a = pa, .b = pk);
        ir_val ab = ir_op2(b, IR_ADD, IR_I64, a, ir_const(b, IR_I64, (uint64_t)add));
        m.write = 1;
        m.sext = 0;
        PLAIN(.op = IR_ST, .t = t, .a = pb, .b = px, .mem = m, .imm = off);
        ir_st(b, m, ab, off, x);
        if (rnd() & 1) {
            PLAIN(.op = IR_PUTR, .t = IR_I64, .reg = rd, .a = pb);
            ir_putr(b, rd, ab);
        }
        return;
    }
    case 15: {
        ir_val pk = PLAIN(.op = IR_SETC, .t = t, .cc = cc);
        pv = PLAIN(.op = IR_ADD, .t = t, .a = px, .b = pk);
        v = ir_op2(b, IR_ADD, t, x, ir_setc(b, t, (enum ir_cc)cc));
        break;
    }
    case 16:
        m.write = 1;
        m.sext = 0;
        pv = PLAIN(.op = IR_AMO, .t = t, .a = pa, .b = px, .mem = m, .cc = AMO_EOR);
        v = ir_amo(b, t, AMO_EOR, m, a, x);
        break;
    case 17: {
        ir_val pg = PLAIN(.op = IR_GETV, .t = IR_V, .reg = rn), g = ir_getv(b, rn);
        ir_val ph = PLAIN(.op = IR_GETV, .t = IR_V, .reg = rm), h = ir_getv(b, rm);
        static const enum ir_op ops[] = { IR_VADD, IR_VXOR, IR_VOR, IR_VAND, IR_VSUB, IR_VCMEQ, IR_VZIP1 };
        enum ir_op op = ops[rnd() % ARRAY_LEN(ops)];
        unsigned esz = (unsigned)rnd() & 3, q = (unsigned)rnd() & 1;
        ir_val pr = PLAIN(.op = op, .t = IR_V, .esz = esz, .q = q, .a = pg, .b = ph);
        ir_val r = ir_vop(b, op, esz, q, g, h, IR_NONE);
        PLAIN(.op = IR_PUTV, .t = IR_V, .reg = rd, .a = pr);
        ir_putv(b, rd, r);
        return;
    }
    case 18: {
        ir_val pr = PLAIN(.op = IR_VDUP, .t = IR_V, .esz = m.size, .q = 1, .a = px);
        ir_val r = ir_vop(b, IR_VDUP, m.size, 1, x, IR_NONE, IR_NONE);
        if (rnd() & 1) {
            pr = PLAIN(.op = IR_VLOW, .t = IR_V, .q = 1, .a = pr);
            r = ir_vop(b, IR_VLOW, 0, 1, r, IR_NONE, IR_NONE);
        }
        PLAIN(.op = IR_PUTV, .t = IR_V, .reg = rd, .a = pr);
        ir_putv(b, rd, r);
        pv = PLAIN(.op = IR_VGET, .t = IR_I64, .esz = 2, .a = pr, .imm = 1);
        v = ir_vget(b, IR_VGET, IR_I64, 2, r, 1);
        break;
    }
    default: {
        const struct ir_helper *h = rnd() & 1 ? &h_wgpr : &h_fault;
        PLAIN(.op = IR_CALL, .t = IR_NOTYPE, .a = pa, .call = h);
        ir_call(b, IR_NOTYPE, h, a, IR_NONE, IR_NONE);
        return;
    }
    }
    PLAIN(.op = IR_PUTR, .t = ir_result_type(&p->insn[pv]), .reg = rd, .a = pv);
    ir_putr(b, rd, v);
}

static void test_random(void)
{
    struct ir_block *b = &blk, *p = &blk2;
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t seed = rng_state;
        ir_reset(b, 0);
        ir_reset(p, 0);
        for (unsigned n = 0, steps = 1 + (unsigned)rnd() % 40; n < steps; n++) {
            ir_begin_insn(b, n * 4);
            ir_begin_insn(p, n * 4);
            random_step(p, b);
        }
        unsigned cc = (unsigned)rnd() % 14;
        PLAIN(.op = IR_EXIT_CC, .cc = cc, .imm = 64, .imm2 = 128);
        ir_exit_cc(b, (enum ir_cc)cc, 64, 128);
        ir_verify(p);
        ir_verify(b);
        opt_block(b);
        ir_verify(b);

        struct vcpu *c = cpu();
        uint64_t init[24], hash[2], pc[2], log_hash[2];
        unsigned log_n[2];
        for (unsigned k = 0; k < 24; k++)
            init[k] = operand((unsigned)rnd() % OPERANDS);
        for (unsigned w = 0; w < 2; w++) {
            c = cpu();
            memcpy(c->r, init, sizeof(init));
            memcpy(c->v, init, sizeof(init));
            c->nzcv = nzcv_from_arm((uint32_t)init[3]);
            trace.n = 0;
            ir_interpret(w ? b : p, c, &mem_ops);
            hash[w] = state_hash(c);
            pc[w] = vcpu_pc(c);
            log_n[w] = trace.n;
            log_hash[w] = 0;
            for (unsigned k = 0; k < MIN(trace.n, LOG); k++)
                log_hash[w] = mix(log_hash[w], trace.h[k]);
        }
        CHECK(hash[0] == hash[1] && pc[0] == pc[1], "random block, seed %#lx: state differs", seed);
        CHECK(log_n[0] == log_n[1] && log_hash[0] == log_hash[1], "random block, seed %#lx: accesses differ", seed);
    }
}

int main(void)
{
    test_random();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
