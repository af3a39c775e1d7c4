/*
 * ir_test.c - the IR by itself: operations against independent expressions, flags against the host's own, builder
 * folding, register forwarding, dead code, verifier.
 */
#include "ir_test.h"

#include <sys/wait.h>
#include <unistd.h>

static unsigned count(const struct ir_block *b, enum ir_op op)
{
    unsigned n = 0;
    for (uint32_t k = 0; k < b->n; k++)
        n += b->insn[k].op == op;
    return n;
}

/* ---- integer operations ---- */

static unsigned bit_at(uint64_t v, unsigned n)
{
    return v >> n & 1;
}

/* Written bit by bit or with other means than eval_int.c, on purpose. */
static uint64_t expect_int(enum ir_op op, unsigned w, unsigned size, unsigned lsb, unsigned len, uint64_t a, uint64_t b,
                           uint64_t d)
{
    uint64_t r = 0;
    unsigned k, s = (unsigned)(b % w);
    switch (op) {
    case IR_ADD: __builtin_add_overflow(a, b, &r); break;
    case IR_SUB: r = ~(~a + b); break;
    case IR_MUL:
        for (k = 0; k < w; k++)
            r += bit_at(b, k) ? a << k : 0;
        break;
    case IR_UMULH: __asm__("mulx %2, %%rcx, %0" : "=r"(r) : "d"(a), "r"(b) : "rcx"); break;
    case IR_SMULH: __asm__("imulq %2" : "=d"(r), "+a"(a) : "r"(b) : "cc"); break;
    case IR_UDIV: r = b == 0 ? 0 : w == 32 ? (uint32_t)a / (uint32_t)b : a / b; break;
    case IR_SDIV: {
        uint64_t sign = 1ull << (w - 1), m = w == 32 ? 0xffffffff : ~0ull;
        uint64_t ua = a & sign ? (0 - a) & m : a, ub = b & sign ? (0 - b) & m : b;
        r = ub ? ua / ub : 0;
        r = (a ^ b) & sign ? 0 - r : r;
        break;
    }
    case IR_AND: r = ~(~a | ~b); break;
    case IR_OR: r = ~(~a & ~b); break;
    case IR_XOR: r = (a | b) - (a & b); break;
    case IR_ANDN: r = a - (a & b); break;
    case IR_NOT: r = 0 - a - 1; break;
    case IR_NEG: r = ~a + 1; break;
    case IR_SHL:
        for (k = s; k < w; k++)
            r |= (uint64_t)bit_at(a, k - s) << k;
        break;
    case IR_SHR:
        for (k = 0; k + s < w; k++)
            r |= (uint64_t)bit_at(a, k + s) << k;
        break;
    case IR_SAR:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, MIN(k + s, w - 1)) << k;
        break;
    case IR_ROR:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, (k + s) % w) << k;
        break;
    case IR_EXTR:
        for (k = 0; k < w; k++)
            r |= (uint64_t)(k + lsb < w ? bit_at(b, k + lsb) : bit_at(a, k + lsb - w)) << k;
        break;
    case IR_SEXT: r = size == 0 ? (uint64_t)(int8_t)a : size == 1 ? (uint64_t)(int16_t)a : (uint64_t)(int32_t)a; break;
    case IR_ZEXT: r = size == 0 ? (uint8_t)a : size == 1 ? (uint16_t)a : (uint32_t)a; break;
    case IR_TRUNC: r = a % 0x100000000ull; break;
    case IR_UBFX:
        for (k = 0; k < len; k++)
            r |= (uint64_t)bit_at(a, lsb + k) << k;
        break;
    case IR_SBFX:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, lsb + MIN(k, len - 1)) << k;
        break;
    case IR_BFI:
        for (k = 0; k < w; k++)
            r |= (uint64_t)(k >= lsb && k < lsb + len ? bit_at(b, k - lsb) : bit_at(a, k)) << k;
        break;
    case IR_CLZ:
        while (r < w && !bit_at(a, w - 1 - (unsigned)r))
            r++;
        break;
    case IR_CTZ:
        while (r < w && !bit_at(a, (unsigned)r))
            r++;
        break;
    case IR_RBIT:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, k) << (w - 1 - k);
        break;
    case IR_BSWAP:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, k) << (w - 8 - (k & ~7u) + (k & 7));
        break;
    case IR_REV16:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, k) << (k ^ 8);
        break;
    case IR_REV32:
        for (k = 0; k < w; k++)
            r |= (uint64_t)bit_at(a, k) << (k ^ 24);
        break;
    case IR_POPCNT:
        for (k = 0; k < w; k++)
            r += bit_at(a, k);
        break;
    case IR_SELNZ: r = a ? b : d; break;
    default: printf("expect_int: %s\n", ir_op_info[op].name); exit(2);
    }
    return w == 32 ? (uint32_t)r : r;
}

static ir_val make_int(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned size, unsigned lsb, unsigned len,
                       ir_val x, ir_val y, ir_val z)
{
    switch (op) {
    case IR_SEXT:
    case IR_ZEXT: return ir_ext(b, op, t, size, x);
    case IR_UBFX:
    case IR_SBFX: return ir_op1i(b, op, t, x, lsb | (int64_t)len << 8);
    case IR_BFI: return ir_op2i(b, op, t, x, y, lsb | (int64_t)len << 8);
    case IR_EXTR: return ir_op2i(b, op, t, x, y, lsb);
    case IR_SELNZ: return ir_op3(b, op, t, x, y, z);
    default: return ir_op_info[op].nargs == 1 ? ir_op1(b, op, t, x) : ir_op2(b, op, t, x, y);
    }
}

/* One operation with each operand from a register or a constant: MASK bit k set makes operand k a constant. */
static void one_int(enum ir_op op, enum ir_type t, unsigned mask, uint64_t a, uint64_t x, uint64_t d)
{
    struct ir_block *b = begin();
    struct vcpu *c = cpu();
    unsigned w = ir_width(t), size = (unsigned)rnd() % 3;
    unsigned lsb = (unsigned)rnd() % w, len = 1 + (unsigned)rnd() % (w - lsb);
    if (rnd() % 4 == 0)
        len = w - lsb;
    if (rnd() % 4 == 0)
        lsb = 0;
    enum ir_type ta = op == IR_TRUNC ? IR_I64 : op == IR_SEXT || op == IR_ZEXT ? (rnd() & 1 ? IR_I32 : IR_I64) : t;
    if (t == IR_I32 && op != IR_TRUNC) {
        x = (uint32_t)x;
        d = (uint32_t)d;
    }
    a = ir_mask(ta, a);
    c->r[0] = t == IR_I32 ? a | rnd() << 32 : a;
    c->r[0] = ta == IR_I64 ? a : c->r[0];
    c->r[1] = x;
    c->r[2] = d;
    ir_val va = mask & 1 ? ir_const(b, ta, a) : ir_getr(b, ta, 0);
    ir_val vx = mask & 2 ? ir_const(b, t, x) : ir_getr(b, t, 1);
    ir_val vd = mask & 4 ? ir_const(b, t, d) : ir_getr(b, t, 2);
    ir_val v = make_int(b, op, t, size, lsb, len, va, vx, vd);
    ir_putr(b, 3, v);
    run(b, c);
    uint64_t want = expect_int(op, op == IR_TRUNC ? 64 : w, size, lsb, len, a, x, d);
    CHECK(c->r[3] == want, "%s.i%u const mask %u (%#lx, %#lx, %#lx) size %u lsb %u len %u = %#lx, want %#lx",
          ir_op_info[op].name, w, mask, a, x, d, size, lsb, len, c->r[3], want);
}

static void test_int(void)
{
    for (unsigned op = IR_ADD; op <= IR_SELNZ; op++)
        for (enum ir_type t = IR_I32; t <= IR_I64; t++) {
            unsigned res = ir_op_info[op].result;
            if (res != IR_RES_T && res != t)
                continue;
            for (unsigned n = 0; n < OPERANDS; n++)
                for (unsigned k = 0; k < OPERANDS; k++) {
                    uint64_t a = operand(n), x = rnd() & 15 ? operand(k) : a;
                    one_int((enum ir_op)op, t, 0, a, x, rnd());
                    one_int((enum ir_op)op, t, 1 + (unsigned)rnd() % 7, a, x, rnd());
                    one_int((enum ir_op)op, t, 2, a, x, rnd());
                }
        }
}

/* ---- flags, against what this host computes ---- */

#define HOST_FLAGS(insn, carry_in, suffix, b, r, f)                                                           \
    __asm__("bt $0, %k3\n\t" insn suffix " %2, %0\n\tlahf\n\tseto %%al"                                       \
            : "+r"(r), "=&a"(f)                                                                               \
            : "r"(b), "r"((uint32_t)(carry_in))                                                               \
            : "cc")

static uint64_t host_alu(enum ir_op op, enum ir_type t, bool c_in, uint64_t a, uint64_t b, uint32_t *arm)
{
    uint64_t r64 = a, f = 0;
    uint32_t r32 = (uint32_t)a, b32 = (uint32_t)b;
    bool sub = false;
    if (t == IR_I64) {
        switch (op) {
        case IR_ADDS: HOST_FLAGS("add", 0, "q", b, r64, f); break;
        case IR_SUBS: HOST_FLAGS("sub", 0, "q", b, r64, f); break;
        case IR_ANDS: HOST_FLAGS("and", 0, "q", b, r64, f); break;
        case IR_ADCS: HOST_FLAGS("adc", c_in, "q", b, r64, f); break;
        default: HOST_FLAGS("sbb", !c_in, "q", b, r64, f); break;
        }
    } else {
        switch (op) {
        case IR_ADDS: HOST_FLAGS("add", 0, "l", b32, r32, f); break;
        case IR_SUBS: HOST_FLAGS("sub", 0, "l", b32, r32, f); break;
        case IR_ANDS: HOST_FLAGS("and", 0, "l", b32, r32, f); break;
        case IR_ADCS: HOST_FLAGS("adc", c_in, "l", b32, r32, f); break;
        default: HOST_FLAGS("sbb", !c_in, "l", b32, r32, f); break;
        }
        r64 = r32;
    }
    sub = op == IR_SUBS || op == IR_SBCS;
    bool carry = f >> 8 & 1;
    *arm = (f >> 15 & 1 ? 1u << 31 : 0) | (f >> 14 & 1 ? 1u << 30 : 0) | (carry != sub ? 1u << 29 : 0) |
           (f & 1 ? 1u << 28 : 0);
    return r64;
}

/* Arm ARM, ConditionHolds, on the Arm layout. */
static bool expect_cc(uint32_t f, unsigned cc)
{
    bool n = f >> 31 & 1, z = f >> 30 & 1, c = f >> 29 & 1, v = f >> 28 & 1;
    const bool t[16] = { z, !z, c, !c, n, !n, v, !v, c & !z, !(c & !z), n == v, n != v,
                          !z & (n == v), !(!z & (n == v)), true, true };
    return t[cc];
}

static void test_flags(void)
{
    static const enum ir_op ops[] = { IR_ADDS, IR_SUBS, IR_ANDS, IR_ADCS, IR_SBCS, IR_ADC, IR_SBC };
    for (unsigned o = 0; o < ARRAY_LEN(ops); o++)
        for (enum ir_type t = IR_I32; t <= IR_I64; t++)
            for (unsigned n = 0; n < OPERANDS; n++)
                for (unsigned k = 0; k < OPERANDS; k++) {
                    uint64_t a = ir_mask(t, operand(n)), x = ir_mask(t, operand(k));
                    uint32_t before = (uint32_t)rnd() & 0xf0000000, want;
                    bool writes = o < 5;
                    enum ir_op same = ops[o] == IR_ADC ? IR_ADCS : ops[o] == IR_SBC ? IR_SBCS : ops[o];
                    uint64_t r = host_alu(same, t, before >> 29 & 1, a, x, &want);
                    unsigned cc = (unsigned)rnd() & 15;
                    struct ir_block *b = begin();
                    struct vcpu *c = cpu();
                    c->r[0] = a;
                    c->r[1] = x;
                    c->nzcv = nzcv_from_arm(before);
                    ir_val vx = rnd() & 1 ? ir_const(b, t, x) : ir_getr(b, t, 1);
                    ir_putr(b, 2, ir_op2(b, ops[o], t, ir_getr(b, t, 0), vx));
                    ir_putr(b, 3, ir_setc(b, t, (enum ir_cc)cc));
                    ir_putr(b, 4, ir_csel(b, t, (enum ir_cc)cc, ir_getr(b, t, 0), vx));
                    ir_putr(b, 5, ir_op0(b, IR_GETNZCV, IR_I64));
                    ir_exit_cc(b, (enum ir_cc)cc, 0x2000, -0x40);
                    run(b, c);
                    if (!writes)
                        want = before;
                    CHECK(c->r[2] == r && nzcv_to_arm(c->nzcv) == want && c->r[5] == want,
                          "%s.%u %#lx, %#lx: %#lx %#x, want %#lx %#x",
                          ir_op_info[ops[o]].name, ir_width(t), a, x, c->r[2], nzcv_to_arm(c->nzcv), r, want);
                    bool yes = expect_cc(want, cc);
                    CHECK(c->r[3] == yes && c->r[4] == (yes ? a : x), "cc %u with flags %#x", cc, want);
                    CHECK(vcpu_pc(c) == 0xffff800010203000ull + (yes ? 0x2000 : (uint64_t)-0x40),
                          "exit to %#lx", vcpu_pc(c));
                }
    /* CCMP and CCMN: every condition with every flag state. */
    for (unsigned cc = 0; cc < 16; cc++)
        for (uint32_t f = 0; f < 16; f++)
            for (unsigned o = 0; o < 4; o++) {
                enum ir_type t = o & 1 ? IR_I64 : IR_I32;
                uint64_t a = ir_mask(t, operand((unsigned)rnd() % OPERANDS));
                uint64_t x = ir_mask(t, operand((unsigned)rnd() % OPERANDS));
                unsigned imm = (unsigned)rnd() & 15;
                struct ir_block *b = begin();
                struct vcpu *c = cpu();
                uint32_t want;
                c->r[0] = a;
                c->r[1] = x;
                c->r[2] = (uint64_t)f << 28 | (rnd() & 0xffffffff0fffffff);
                host_alu(o & 2 ? IR_SUBS : IR_ADDS, t, 0, a, x, &want);
                ir_op1(b, IR_SETNZCV, IR_I64, ir_getr(b, IR_I64, 2));
                ir_ccmp(b, o & 2 ? IR_CCMP : IR_CCMN, t, (enum ir_cc)cc, imm, ir_getr(b, t, 0), ir_getr(b, t, 1));
                run(b, c);
                if (!expect_cc(f << 28, cc))
                    want = imm << 28;
                CHECK(nzcv_to_arm(c->nzcv) == want, "%s cc %u flags %#x: %#x, want %#x", o & 2 ? "CCMP" : "CCMN", cc, f,
                      nzcv_to_arm(c->nzcv), want);
            }
}

/* ---- exits, state access, helpers ---- */

static const struct ir_helper h_pure = { "pure", helper, 0 };
static const struct ir_helper h_wgpr = { "wgpr", helper, IRE_WGPR };
static const struct ir_helper h_wvec = { "wvec", helper, IRE_WVEC };
static const struct ir_helper h_rgpr = { "rgpr", helper, IRE_RGPR };
static const struct ir_helper h_fault = { "fault", helper, IRE_FAULT };
static const struct ir_helper h_flags = { "flags", helper, IRE_RFLAGS };

static void test_exits(void)
{
    const uint64_t page = 0xffff800010203000ull;
    static const enum ir_op ops[] = { IR_EXIT_NZ, IR_EXIT_Z, IR_EXIT_BIT };
    for (unsigned o = 0; o < 3; o++)
        for (unsigned n = 0; n < OPERANDS; n++)
            for (unsigned k = 0; k < 4; k++) {
                enum ir_type t = k & 1 ? IR_I64 : IR_I32;
                uint64_t a = ir_mask(t, operand(n));
                unsigned bit = (unsigned)rnd() % ir_width(t);
                struct ir_block *b = begin();
                struct vcpu *c = cpu();
                c->r[0] = a;
                ir_exit_test(b, ops[o], k & 2 ? ir_const(b, t, a) : ir_getr(b, t, 0), bit, -4096, 0x1008);
                run(b, c);
                bool yes = o == 0 ? a != 0 : o == 1 ? a == 0 : a >> bit & 1;
                CHECK(vcpu_pc(c) == (yes ? page - 4096 : page + 0x1008), "exit %u of %#lx bit %u", o, a, bit);
            }
    struct ir_block *b = begin();
    struct vcpu *c = cpu();
    c->r[0] = 0x12345678;
    ir_exit_ind(b, ir_getr(b, IR_I64, 0), BR_RET);
    run(b, c);
    CHECK(c->pc_page == 0x12345000 && c->pc_off == 0x678, "EXIT_IND");

    b = begin();
    c = cpu();
    ir_exit_call(b, -16, ir_pc(b, 8), 8);
    run(b, c);
    CHECK(vcpu_pc(c) == page - 16, "EXIT_CALL");
    b = begin();
    c = cpu();
    c->r[0] = 0x12345678;
    ir_exit_callr(b, ir_getr(b, IR_I64, 0), ir_pc(b, 8), 8);
    run(b, c);
    CHECK(vcpu_pc(c) == 0x12345678, "EXIT_CALLR");

    for (unsigned half = 0; half < 2; half++) {
        b = begin();
        c = cpu();
        c->r[0] = half ? 0xffff800000000678ull : 0x12345678;
        c->ctx_space[half] = 0x1230;
        ir_exit_mode(b, ir_getr(b, IR_I64, 0), ir_const(b, IR_I64, 0xff0));
        run(b, c);
        CHECK(vcpu_pc(c) == c->r[0] && c->jc_ctx == 0x1dc0, "EXIT_MODE");
    }

    b = begin();
    c = cpu();
    ir_exit_dispatch(b, -8);
    run(b, c);
    CHECK(vcpu_pc(c) == page - 8, "EXIT_DISPATCH");

    b = begin();
    c = cpu();
    c->pc_off = 0x555;
    ir_val v = ir_call(b, IR_I32, &h_pure, ir_const(b, IR_I64, 5), IR_NONE, ir_const(b, IR_I32, ~0ull));
    ir_putr(b, 0, v);
    ir_exit_state(b);
    run(b, c);
    CHECK(vcpu_pc(c) == page + 0x100 && c->r[0] == 0x34567890, "CALL and EXIT_STATE");
    CHECK(helper_saw[0] == 5 && helper_saw[1] == 0 && helper_saw[2] == 0xffffffff && helper_saw[3] == 0x100,
          "helper arguments");

    b = begin();
    c = cpu();
    size_t off = offsetof(struct vcpu, excl_val);
    c->excl_val[0] = 0x8877665544332211ull;
    for (unsigned s = 0; s < 4; s++)
        ir_putr(b, s, ir_ldstate(b, s == 3 ? IR_I64 : IR_I32, s, off));
    ir_ststate(b, 1, off + 8, ir_const(b, IR_I64, 0xabcdef));
    ir_putr(b, 4, ir_op2(b, IR_ADD, IR_I64, ir_pc(b, 0x123), ir_const(b, IR_I64, 0x1000)));
    run(b, c);
    CHECK(c->r[0] == 0x11 && c->r[1] == 0x2211 && c->r[2] == 0x44332211 && c->r[3] == 0x8877665544332211ull, "LDSTATE");
    CHECK(c->excl_val[1] == 0xcdef, "STSTATE %#lx", c->excl_val[1]);
    CHECK(c->r[4] == page + 0x1123 && count(b, IR_ADD) == 0, "PC + constant");
}

/* ---- builder: what is emitted ---- */

static void test_folding(void)
{
    struct ir_block *b = begin();
    ir_val x = ir_getr(b, IR_I64, 0), w = ir_getr(b, IR_I32, 1);
    uint32_t n = b->n;
#define CI(v) ir_const(b, IR_I64, v)
#define OP(op, p, q) ir_op2(b, IR_##op, IR_I64, p, q)
    CHECK(OP(ADD, x, CI(0)) == x && OP(SUB, x, CI(0)) == x && OP(OR, CI(0), x) == x && OP(XOR, x, CI(0)) == x, "x + 0");
    CHECK(OP(AND, x, CI(~0ull)) == x && OP(AND, x, x) == x && OP(OR, x, x) == x && OP(MUL, CI(1), x) == x,
          "x & ~0, x & x");
    CHECK(OP(SHL, x, CI(64)) == x && OP(ROR, x, CI(0)) == x && OP(SAR, x, CI(0)) == x, "shift by 0");
    CHECK(OP(XOR, x, x) == CI(0) && OP(SUB, x, x) == CI(0) && OP(AND, x, CI(0)) == CI(0), "x ^ x");
    CHECK(b->n == n + 4, "%u operations where constants 0, ~0, 1, 64 do", b->n - n);
    ir_val s = OP(SUB, x, CI(16));
    CHECK(b->insn[s].op == IR_ADD && b->insn[b->insn[s].b].imm == -16, "SUB x, c is ADD x, -c");
    ir_val e = OP(ADD, CI(24), s);
    CHECK(b->insn[e].a == x && b->insn[b->insn[e].b].imm == 8, "ADD chain");
    CHECK(OP(ADD, e, CI(-8ull)) == x, "ADD chain back to x");
    ir_val f = ir_op2(b, IR_SUBS, IR_I64, x, CI(16));
    CHECK(b->insn[f].op == IR_SUBS, "SUBS stays");
    ir_val z = ir_ext(b, IR_ZEXT, IR_I64, 0, x);
    CHECK(ir_ext(b, IR_ZEXT, IR_I64, 1, z) == z && ir_ext(b, IR_ZEXT, IR_I64, 2, z) == z && OP(AND, z, CI(0xff)) == z,
          "ext of ext");
    CHECK(ir_ext(b, IR_SEXT, IR_I64, 1, z) == z, "sign of a zero-extended value");
    ir_val wide = ir_ext(b, IR_ZEXT, IR_I64, 2, w);
    CHECK(ir_op1(b, IR_TRUNC, IR_I32, wide) == w, "TRUNC of ZEXT");
    CHECK(ir_op1(b, IR_NOT, IR_I64, ir_op1(b, IR_NOT, IR_I64, x)) == x, "NOT NOT");
    CHECK(b->insn[OP(MUL, x, CI(8))].op == IR_SHL && b->insn[OP(UDIV, x, CI(8))].op == IR_SHR, "powers of two");

    struct ir_mem m = { .size = 3, .view = VIEW_KERNEL };
    b = begin();
    x = ir_getr(b, IR_I64, 0);
    const struct ir_insn *i = &b->insn[ir_ld(b, IR_I64, m, OP(ADD, x, CI(256)), -16)];
    CHECK(i->a == x && i->imm == 240, "base + constant");
    i = &b->insn[ir_ld(b, IR_I64, m, OP(ADD, x, CI(32760)), 8)];
    CHECK(i->a != x && i->imm == 8, "displacement beyond the guard");
    i = &b->insn[ir_ldv(b, m, x, 65520)];
    CHECK(i->a != x && i->imm == 0, "large displacement");
    ir_val inc = OP(ADD, x, CI(8));
    ir_putr(b, 0, inc);
    i = &b->insn[ir_ld(b, IR_I64, m, inc, 8)];
    CHECK(i->a == inc && i->imm == 8, "a written-back base is the base");
    ir_exit_jmp(b, 0);
    ir_verify(b);
    CHECK(i->mem.write == 0, "mem.write of a load");
}

static void test_forwarding(void)
{
    struct ir_block *b = begin();
    ir_val x = ir_getr(b, IR_I64, 0);
    CHECK(ir_getr(b, IR_I64, 0) == x, "second GETR");
    uint32_t n = b->n;
    ir_putr(b, 0, x);
    CHECK(b->n == n, "PUTR of what is there");
    ir_val y = ir_op2(b, IR_ADD, IR_I64, x, ir_getr(b, IR_I64, 1));
    ir_putr(b, 0, y);
    CHECK(ir_getr(b, IR_I64, 0) == y, "GETR after PUTR");
    ir_val lo = ir_getr(b, IR_I32, 0);
    CHECK(b->insn[lo].op == IR_TRUNC && b->insn[lo].a == y && ir_getr(b, IR_I32, 0) == lo,
          "low half of a known register");
    ir_val w = ir_op2(b, IR_ADD, IR_I32, lo, ir_getr(b, IR_I32, 2));
    ir_putr(b, 3, w);
    ir_val full = ir_getr(b, IR_I64, 3);
    CHECK(b->insn[full].op == IR_ZEXT && b->insn[full].size3 == 2 && b->insn[full].a == w, "GETR I64 after PUTR I32");
    CHECK(ir_getr(b, IR_I64, 3) == full && ir_getr(b, IR_I32, 3) == w, "both views");
    ir_putr(b, 4, full);
    CHECK(ir_getr(b, IR_I32, 4) == w, "I32 view of a zero-extended I32");
    ir_putr(b, 5, ir_const(b, IR_I64, 0x123456789abcull));
    ir_val k = ir_getr(b, IR_I32, 5);
    CHECK(b->insn[k].op == IR_CONST && b->insn[k].imm == 0x56789abc, "I32 view of a constant");
    ir_val g = ir_getr(b, IR_I32, 6);
    ir_putr(b, 6, g);
    CHECK(b->insn[b->n - 1].op == IR_PUTR, "mov w6, w6 clears the upper half");
    ir_val v = ir_getv(b, 7);
    ir_call(b, IR_NOTYPE, &h_rgpr, IR_NONE, IR_NONE, IR_NONE);
    CHECK(ir_getr(b, IR_I64, 0) == y && ir_getv(b, 7) == v, "a reading helper keeps values");
    ir_call(b, IR_NOTYPE, &h_wgpr, IR_NONE, IR_NONE, IR_NONE);
    CHECK(ir_getr(b, IR_I64, 0) != y && ir_getr(b, IR_I32, 3) != w && ir_getv(b, 7) == v, "a helper that writes GPRs");
    ir_call(b, IR_NOTYPE, &h_wvec, IR_NONE, IR_NONE, IR_NONE);
    CHECK(ir_getv(b, 7) != v, "a helper that writes vectors");
    struct vcpu *c = cpu();
    run(b, c);
    CHECK(ir_has_room(b), "room");
}

/* ---- dead code ---- */

static void test_dead(void)
{
    struct ir_mem m = { .size = 3, .view = VIEW_KERNEL };
    struct ir_block *b = begin();
    ir_putr(b, 0, ir_const(b, IR_I64, 1));
    ir_putr(b, 0, ir_const(b, IR_I64, 2));
    ir_exit_jmp(b, 4);
    opt_block(b);
    CHECK(count(b, IR_PUTR) == 1 && count(b, IR_CONST) == 1, "overwritten PUTR");
    ir_verify(b);

    b = begin();
    ir_putr(b, 0, ir_const(b, IR_I64, 1));
    ir_ld(b, IR_I64, m, ir_const(b, IR_I64, 0), 0);
    ir_putr(b, 0, ir_const(b, IR_I64, 2));
    ir_exit_jmp(b, 4);
    opt_block(b);
    CHECK(count(b, IR_PUTR) == 2 && count(b, IR_LD) == 1, "PUTR before a load stays, the unused load stays");

    const struct ir_helper *const h[] = { &h_pure, &h_rgpr, &h_fault, &h_flags, &h_wgpr };
    const unsigned puts[] = { 1, 2, 2, 1, 2 }, subs[] = { 1, 1, 2, 2, 1 };
    for (unsigned k = 0; k < ARRAY_LEN(h); k++) {
        b = begin();
        ir_putr(b, 0, ir_op2(b, IR_SUBS, IR_I64, ir_getr(b, IR_I64, 1), ir_getr(b, IR_I64, 2)));
        ir_call(b, IR_I64, h[k], IR_NONE, IR_NONE, IR_NONE);
        ir_putr(b, 0, ir_op2(b, IR_SUBS, IR_I64, ir_getr(b, IR_I64, 2), ir_getr(b, IR_I64, 1)));
        ir_exit_jmp(b, 4);
        opt_block(b);
        CHECK(count(b, IR_PUTR) == puts[k] && count(b, IR_SUBS) == subs[k] && count(b, IR_CALL) == 1,
              "around helper %s", h[k]->name);
    }

    b = begin();
    ir_val x = ir_getr(b, IR_I64, 1), y = ir_getr(b, IR_I64, 2);
    ir_val s = ir_op2(b, IR_SUBS, IR_I64, x, y);
    ir_putr(b, 0, s);
    ir_ccmp(b, IR_CCMP, IR_I64, CC_EQ, 4, x, y);
    ir_op1(b, IR_SETNZCV, IR_I64, x);
    ir_op2(b, IR_ANDS, IR_I64, x, y);
    ir_exit_cc(b, CC_EQ, 0, 4);
    opt_block(b);
    CHECK(b->insn[s].op == IR_SUB && !count(b, IR_CCMP) && !count(b, IR_SETNZCV) && count(b, IR_ANDS) == 1,
          "dead flags");
    ir_verify(b);

    b = begin();
    ir_val u = ir_getv(b, 1);
    ir_vop(b, IR_FADD, 3, 0, u, u, IR_NONE);
    ir_vop(b, IR_VADD, 3, 1, u, u, IR_NONE);
    ir_fcmp(b, 3, u, u, false);
    ir_op2(b, IR_ADDS, IR_I32, ir_getr(b, IR_I32, 0), ir_getr(b, IR_I32, 1));
    ir_putv(b, 0, u);
    ir_putv(b, 0, ir_vconst(b, 1, 2));
    ir_exit_jmp(b, 4);
    opt_block(b);
    CHECK(count(b, IR_FADD) == 1 && count(b, IR_FCMP) == 1 && count(b, IR_VADD) == 0 && count(b, IR_PUTV) == 1,
          "FP stays");
    ir_verify(b);
}

/* ---- vectors: the builder's folds, and lanes against memory order ---- */

static void test_vec(void)
{
    for (unsigned n = 0; n < 2000; n++) {
        union { u128 v; uint8_t b[16]; uint16_t h[8]; uint32_t w[4]; uint64_t d[2]; } a, x, r, want = { .v = { 0, 0 } };
        a.v = (u128){ rnd(), rnd() };
        x.v = (u128){ rnd() & 0x1f1f1f1f1f1f1f1full, rnd() };
        struct vcpu *c = cpu();
        struct ir_insn i = { .t = IR_V, .q = 1 };
#define EVAL(o, e, im) (i.op = IR_##o, i.esz = e, i.imm = im, r.v = ir_eval_vec(&i, c, a.v, x.v, a.v))
#define SAME(name) CHECK(!memcmp(&r, &want, 16), name " %#lx %#lx", r.v.lo, r.v.hi)
        EVAL(VADD, 0, 0);
        for (unsigned k = 0; k < 16; k++)
            want.b[k] = (uint8_t)(a.b[k] + x.b[k]);
        SAME("VADD");
        EVAL(VZIP2, 1, 0);
        for (unsigned k = 0; k < 8; k++)
            want.h[k] = (k & 1 ? x.h : a.h)[4 + k / 2];
        SAME("VZIP2");
        EVAL(VUZP2, 2, 0);
        want.w[0] = a.w[1], want.w[1] = a.w[3], want.w[2] = x.w[1], want.w[3] = x.w[3];
        SAME("VUZP2");
        EVAL(VTRN1, 0, 0);
        for (unsigned k = 0; k < 16; k++)
            want.b[k] = (k & 1 ? x.b : a.b)[k & ~1u];
        SAME("VTRN1");
        EVAL(VEXT, 0, 5);
        memcpy(want.b, a.b + 5, 11), memcpy(want.b + 11, x.b, 5);
        SAME("VEXT");
        EVAL(VREV, 1, 3);
        for (unsigned k = 0; k < 8; k++)
            want.h[k] = a.h[(k & 4) + 3 - (k & 3)];
        SAME("VREV64.8h");
        EVAL(VTBL, 0, 0);
        for (unsigned k = 0; k < 16; k++)
            want.b[k] = x.b[k] < 16 ? a.b[x.b[k]] : 0;
        SAME("VTBL");
        EVAL(VADDP, 2, 0);
        want.w[0] = a.w[0] + a.w[1], want.w[1] = a.w[2] + a.w[3];
        want.w[2] = x.w[0] + x.w[1], want.w[3] = x.w[2] + x.w[3];
        SAME("VADDP");
        EVAL(VXTN, 1, 0);
        for (unsigned k = 0; k < 4; k++)
            want.h[k] = (uint16_t)a.w[k];
        want.d[1] = 0;
        SAME("VXTN");
        EVAL(VSXTL, 0, 0);
        for (unsigned k = 0; k < 8; k++)
            want.h[k] = (uint16_t)(int8_t)a.b[k];
        SAME("VSXTL");
        EVAL(VSSHR, 1, 16);
        for (unsigned k = 0; k < 8; k++)
            want.h[k] = (uint16_t)((int16_t)a.h[k] >> 15);
        SAME("VSSHR by the width");
        EVAL(VUSHR, 3, 64);
        want.v = (u128){ 0, 0 };
        SAME("VUSHR by the width");
        EVAL(VCMHI, 3, 0);
        want.d[0] = a.d[0] > x.d[0] ? ~0ull : 0, want.d[1] = a.d[1] > x.d[1] ? ~0ull : 0;
        SAME("VCMHI");
        EVAL(VBSL, 0, 0);
        want.v = (u128){ (a.v.lo & x.v.lo), (a.v.hi & x.v.hi) };
        SAME("VBSL");
        EVAL(VINS, 2, 3);
        want = a;
        want.w[3] = x.w[0];
        SAME("VINS");
        i.imm2 = 9;
        EVAL(VINSE, 0, 2);
        want = a;
        want.b[2] = x.b[9];
        SAME("VINSE");
        i.q = 0;
        EVAL(VMUL, 1, 0);
        for (unsigned k = 0; k < 4; k++)
            want.h[k] = (uint16_t)((unsigned)a.h[k] * x.h[k]);
        want.d[1] = 0;
        SAME("VMUL of 64 bits");
        i.t = IR_I32, i.op = IR_VGETS, i.esz = 1, i.imm = 6;
        CHECK(ir_eval_vint(&i, c, a.v) == (uint32_t)(int16_t)a.h[6], "VGETS");
    }
    struct ir_block *b = begin();
    ir_val v = ir_vop(b, IR_VDUP, 1, 1, ir_const(b, IR_I32, 0x12345), IR_NONE, IR_NONE);
    CHECK(b->insn[v].op == IR_VCONST && b->insn[v].imm == 0x2345234523452345 && b->insn[v].imm2 == 0x2345234523452345,
          "VDUP of constant");
    ir_val g = ir_getv(b, 0);
    ir_val q0 = ir_vop(b, IR_VADD, 0, 0, g, v, IR_NONE);
    CHECK(ir_vop(b, IR_VLOW, 0, 1, q0, IR_NONE, IR_NONE) == q0 && ir_vop(b, IR_VLOW, 0, 1, g, IR_NONE, IR_NONE) != g,
          "VLOW");
    CHECK(ir_vop(b, IR_VOR, 0, 1, g, g, IR_NONE) == g && ir_vop(b, IR_VOR, 0, 0, g, g, IR_NONE) != g, "VOR of itself");
    ir_val one = ir_vconst(b, 0x3ff0000000000000, 0);
    ir_val sum = ir_vop(b, IR_FADD, 3, 0, one, ir_vconst(b, 0x4000000000000000, 7), IR_NONE);
    ir_putv(b, 1, sum);
    ir_val i = ir_vget(b, IR_FTOS, IR_I64, 3, sum, FP_RZ);
    ir_putr(b, 0, i);
    ir_putr(b, 1, ir_vget(b, IR_VGET, IR_I32, 2, sum, 1));
    ir_putv(b, 2, ir_ffrom(b, IR_FFROMS, IR_I32, 2, ir_const(b, IR_I32, -3ull)));
    ir_fcmp(b, 3, sum, sum, false);
    struct vcpu *c = cpu();
    run(b, c);
    CHECK(c->v[1].lo == 0x4008000000000000 && c->v[1].hi == 0 && c->r[0] == 3 && c->r[1] == 0x40080000,
          "FADD, FTOS, VGET");
    CHECK(c->v[2].lo == 0xc0400000 && nzcv_to_arm(c->nzcv) == 6u << 28, "FFROMS, FCMP: %#lx %#x",
          c->v[2].lo, nzcv_to_arm(c->nzcv));
}

/* ---- verifier ---- */

static bool aborts(const struct ir_block *b)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        ir_verify(b);
        _exit(0);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static struct ir_block *good(void)
{
    struct ir_block *b = begin();                /* %0 getr, %1 getr, %2 add, %3 putr, %4 getv, %5 ld, %6 exit */
    struct ir_mem m = { .size = 3 };
    ir_val x = ir_getr(b, IR_I64, 0);
    ir_val y = ir_op2(b, IR_ADD, IR_I64, x, ir_getr(b, IR_I64, 1));
    ir_putr(b, 2, y);
    ir_getv(b, 0);
    ir_ld(b, IR_I64, m, x, 0);
    ir_exit_jmp(b, 0);
    return b;
}

static void test_verify(void)
{
    struct ir_block *b = good();
    CHECK(!aborts(b), "a good block");
#define BAD(change, what) do { b = good(); change; CHECK(aborts(b), "not rejected: %s", what); } while (0)
    BAD(b->n = 0, "empty");
    BAD(b->n--, "no exit");
    BAD(b->insn[3] = b->insn[6], "exit in the middle");
    BAD(b->insn[2].a = 2, "use of itself");
    BAD(b->insn[2].a = 5, "use before definition");
    BAD(b->insn[2].b = IR_NONE, "missing operand");
    BAD(b->insn[2].c = 0, "operand too many");
    BAD(b->insn[2].t = IR_I32, "I32 operation on I64");
    BAD(b->insn[2].t = IR_V, "integer operation of type V");
    BAD(b->insn[2].a = 4; b->n++; b->insn[7] = b->insn[6]; b->insn[6] = b->insn[2],
        "V operand of an integer operation");
    BAD(b->insn[5].a = 3, "operand without value");
    BAD(b->insn[5].mem.write = 1, "writing load");
    BAD(b->insn[5].mem.size = 4, "16-byte integer load");
    BAD(b->insn[0].reg = 32, "register 32");
    BAD(b->insn[0].op = IR_OP_COUNT, "unknown operation");
    BAD(b->insn[2].op = IR_NOP, "use of a removed value");
    BAD(b->insn[2].pc_off = 4096, "pc_off outside the page");
    BAD((b->insn[1].op = IR_LDSTATE, b->insn[1].imm = 8), "direct access to a GPR");
    BAD((b->insn[1].op = IR_CALL, b->insn[1].call = NULL), "CALL of nothing");
}

int main(void)
{
    test_int();
    test_flags();
    test_exits();
    test_folding();
    test_forwarding();
    test_dead();
    test_vec();
    test_verify();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
