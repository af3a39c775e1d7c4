/*
 * asm.h - the x86-64 encoder: tiny inline functions that append one instruction each.
 *
 * Owns the instruction formats (Intel SDM vol. 2, chapter 2). Must not know the IR or the register homes. `ef` says whether
 * EFLAGS hold the guest's NZCV; every encoder of an instruction that changes EFLAGS clears it.
 */
#ifndef GNOMON_HOST_X86_64_ASM_H
#define GNOMON_HOST_X86_64_ASM_H

#include <string.h>

#include "base/base.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, XMM0 };
#define XMM(n) (XMM0 + (n))
#define NOREG 0xff

/* x86 condition codes. */
enum { X_O, X_NO, X_B, X_AE, X_E, X_NE, X_BE, X_A, X_S, X_NS, X_P, X_NP, X_L, X_GE, X_LE, X_G };

struct as {
    uint8_t *p;
    bool ef;                                     /* EFLAGS = guest NZCV */
    bool direct;                                 /* ... with CF = C; else CF = !C */
};

/* Memory operand [base + index << scale + disp]. */
struct mo {
    uint8_t base, index, scale;
    int32_t disp;
};
static inline struct mo mo_bd(unsigned base, int32_t disp) { return (struct mo){(uint8_t)base, NOREG, 0, disp}; }
static inline struct mo mo_bis(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct mo){(uint8_t)base, (uint8_t)index, (uint8_t)scale, disp};
}

static inline void e1(struct as *a, unsigned b) { *a->p++ = (uint8_t)b; }
static inline void e4(struct as *a, uint32_t v) { memcpy(a->p, &v, 4); a->p += 4; }
static inline void e8(struct as *a, uint64_t v) { memcpy(a->p, &v, 8); a->p += 8; }
/* N bytes, up to eight, in one store: what it writes behind them is overwritten by what follows. */
static inline uint8_t *put(uint8_t *p, uint64_t v, unsigned n) { memcpy(p, &v, 8); return p + n; }

/* An opcode: byte | map << 8 | mandatory prefix << 10 | flags. */
#define M_0F 0x100u
#define M_0F38 0x200u
#define M_0F3A 0x300u
#define P_66 0x400u
#define P_F3 0x800u
#define P_F2 0xc00u
#define OP_W 0x1000u                             /* REX.W or VEX.W */
#define OP_B 0x2000u                             /* .reg is a byte register: SPL..DIL need a REX */
#define OP_BRM 0x4000u                           /* so is .rm */
#define OP_LOCK 0x8000u

/* All bytes up to the opcode; returns how many, six at most. */
static inline unsigned opcode_bytes(uint64_t *out, uint32_t op, unsigned r, unsigned x, unsigned b, bool rex)
{
    static const uint8_t pfx[4] = {0, 0x66, 0xf3, 0xf2};
    unsigned n = 1, byte = (op & OP_W ? 8u : 0) | (r & 8) >> 1 | (x & 8) >> 2 | (b & 8) >> 3;
    uint64_t v = op & 0xff;
    if ((op >> 8 & 3) > 1) {
        v = v << 16 | ((op >> 8 & 3) == 2 ? 0x380f : 0x3a0f);
        n = 3;
    } else if (op >> 8 & 3) {
        v = v << 8 | 0x0f;
        n = 2;
    }
    if (byte || rex) {
        v = v << 8 | 0x40 | byte;
        n++;
    }
    if (op >> 10 & 3) {
        v = v << 8 | pfx[op >> 10 & 3];
        n++;
    }
    if (op & OP_LOCK) {
        v = v << 8 | 0xf0;
        n++;
    }
    *out = v;
    return n;
}

/* ModRM and SIB of a memory operand. DISP8 at least when the base needs it. */
static inline uint8_t *put_mem(uint8_t *p, unsigned reg, struct mo m)
{
    unsigned b = m.base & 7, r = (reg & 7) << 3, n = 1;
    unsigned disp = m.disp == 0 && b != 5 ? 0 : m.disp == (int8_t)m.disp ? 1 : 4;
    uint64_t v = (disp == 4 ? 0x80u : disp << 6) | r;
    if (m.index != NOREG || b == 4) {
        v |= 4 | ((unsigned)m.scale << 6 | (m.index != NOREG ? m.index & 7u : 4u) << 3 | b) << 8;
        n = 2;
    } else {
        v |= b;
    }
    return put(p, v | (uint64_t)(uint32_t)m.disp << 8 * n, n + disp);
}

/* reg, r/m register. Registers may be given as XMM numbers: only the low four bits count. */
static inline void op_rr(struct as *a, uint32_t op, unsigned reg, unsigned rm)
{
    bool rex = (op & OP_B && (reg & 15) >= 4) || (op & OP_BRM && (rm & 15) >= 4);
    uint64_t v;
    unsigned n = opcode_bytes(&v, op, reg, 0, rm, rex);
    a->p = put(a->p, v | (uint64_t)(0xc0 | (reg & 7) << 3 | (rm & 7)) << 8 * n, n + 1);
}
static inline void op_rm(struct as *a, uint32_t op, unsigned reg, struct mo m)
{
    uint64_t v;
    unsigned n = opcode_bytes(&v, op, reg, m.index == NOREG ? 0 : m.index, m.base, op & OP_B && (reg & 15) >= 4);
    a->p = put_mem(put(a->p, v, n), reg, m);
}
static inline uint32_t opw(uint32_t op, bool w) { return w ? op | OP_W : op; }

/* VEX.128 (L = 0): op reg, vvvv, rm. */
static inline void emit_vex(struct as *a, uint32_t op, unsigned r, unsigned x, unsigned b, unsigned vvvv, unsigned l)
{
    unsigned map = op >> 8 & 3, last = (~vvvv & 15) << 3 | l << 2 | (op >> 10 & 3);
    if (map == 1 && !(op & OP_W) && !(x & 8) && !(b & 8)) {
        a->p = put(a->p, 0xc5 | ((r & 8 ? 0 : 0x80u) | last) << 8 | (op & 0xff) << 16, 3);
    } else {
        unsigned first = (r & 8 ? 0 : 0x80u) | (x & 8 ? 0 : 0x40) | (b & 8 ? 0 : 0x20) | map;
        a->p = put(a->p, 0xc4 | first << 8 | ((op & OP_W ? 0x80u : 0) | last) << 16 | (uint64_t)(op & 0xff) << 24, 4);
    }
}
static inline void vex_rrr(struct as *a, uint32_t op, unsigned reg, unsigned v, unsigned rm)
{
    emit_vex(a, op, reg, 0, rm, v & 15, 0);
    e1(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}
static inline void vex_rrm(struct as *a, uint32_t op, unsigned reg, unsigned v, struct mo m)
{
    emit_vex(a, op, reg, m.index == NOREG ? 0 : m.index, m.base, v & 15, 0);
    a->p = put_mem(a->p, reg, m);
}

/* The same with a constant at TO, addressed from RIP; IMM bytes of immediate follow. */
static inline void vex_rri(struct as *a, uint32_t op, unsigned reg, unsigned v, const uint8_t *to, unsigned imm)
{
    emit_vex(a, op, reg, 0, 0, v & 15, 0);
    e1(a, (reg & 7) << 3 | 5);
    e4(a, (uint32_t)(to - (a->p + 4 + imm)));
}

static inline void op_rk(struct as *a, uint32_t op, unsigned reg, const uint8_t *to, unsigned imm)
{
    uint64_t v;
    unsigned n = opcode_bytes(&v, op, reg, 0, 0, false);
    a->p = put(a->p, v | (uint64_t)((reg & 7) << 3 | 5) << 8 * n, n + 1);
    e4(a, (uint32_t)(to - (a->p + 4 + imm)));
}

/* ---- moves: EFLAGS unchanged ---- */
static inline void mov_rr(struct as *a, bool w, unsigned d, unsigned s) { op_rr(a, opw(0x8b, w), d, s); }
static inline void mov_rm(struct as *a, bool w, unsigned d, struct mo m) { op_rm(a, opw(0x8b, w), d, m); }
static inline void mov_mr(struct as *a, bool w, struct mo m, unsigned s) { op_rm(a, opw(0x89, w), s, m); }
static inline void mov_mi(struct as *a, bool w, struct mo m, int32_t imm)
{
    op_rm(a, opw(0xc7, w), 0, m);
    e4(a, (uint32_t)imm);
}
static inline void mov_ri(struct as *a, unsigned d, uint64_t imm)
{
    if (imm == 0 && !a->ef) {
        op_rr(a, 0x33, d, d);
    } else if (imm <= UINT32_MAX) {
        uint64_t v = imm << 8 | 0xb8 | (d & 7);
        a->p = d & 8 ? put(a->p, v << 8 | 0x41, 6) : put(a->p, v, 5);
    } else if ((int64_t)imm == (int32_t)imm) {
        op_rr(a, 0xc7 | OP_W, 0, d);
        e4(a, (uint32_t)imm);
    } else {
        e1(a, 0x48 | (d & 8) >> 3);
        e1(a, 0xb8 | (d & 7));
        e8(a, imm);
    }
}
static inline void lea(struct as *a, bool w, unsigned d, struct mo m) { op_rm(a, opw(0x8d, w), d, m); }
static inline void movzx8(struct as *a, unsigned d, unsigned s) { op_rr(a, 0xb6 | M_0F | OP_BRM, d, s); }
static inline void movzx16(struct as *a, unsigned d, unsigned s) { op_rr(a, 0xb7 | M_0F, d, s); }
static inline void cmov(struct as *a, bool w, unsigned cc, unsigned d, unsigned s) { op_rr(a, opw(0x40 | cc | M_0F, w), d, s); }
static inline void setcc(struct as *a, unsigned cc, unsigned d) { op_rr(a, 0x90 | cc | M_0F | OP_BRM, 0, d); }
static inline void bswap(struct as *a, bool w, unsigned d)
{
    unsigned rex = (w ? 8u : 0) | (d & 8) >> 3;
    if (rex)
        e1(a, 0x40 | rex);
    e1(a, 0x0f);
    e1(a, 0xc8 | (d & 7));
}

/* ---- arithmetic ---- */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
static inline void alu_rr(struct as *a, bool w, unsigned op, unsigned d, unsigned s)
{
    op_rr(a, opw(op << 3 | 3, w), d, s);
    a->ef = false;
}
static inline void alu_rm(struct as *a, bool w, unsigned op, unsigned d, struct mo m)
{
    op_rm(a, opw(op << 3 | 3, w), d, m);
    a->ef = false;
}
static inline void alu_ri(struct as *a, bool w, unsigned op, unsigned d, int32_t imm)
{
    if (imm == (int8_t)imm) {
        op_rr(a, opw(0x83, w), op, d);
        e1(a, (uint8_t)imm);
    } else if (d == RAX) {
        uint64_t v = (uint64_t)(uint32_t)imm << 8 | op << 3 | 5;
        a->p = w ? put(a->p, v << 8 | 0x48, 6) : put(a->p, v, 5);
    } else {
        op_rr(a, opw(0x81, w), op, d);
        e4(a, (uint32_t)imm);
    }
    a->ef = false;
}
static inline void alu_mi(struct as *a, bool w, unsigned op, struct mo m, int32_t imm)
{
    if (imm == (int8_t)imm) {
        op_rm(a, opw(0x83, w), op, m);
        e1(a, (uint8_t)imm);
    } else {
        op_rm(a, opw(0x81, w), op, m);
        e4(a, (uint32_t)imm);
    }
    a->ef = false;
}
static inline void test_rr(struct as *a, bool w, unsigned d, unsigned s)
{
    op_rr(a, opw(0x85, w), s, d);
    a->ef = false;
}
static inline void test_ri(struct as *a, bool w, unsigned d, int32_t imm)
{
    if (imm > 0 && imm < 128) {
        op_rr(a, 0xf6 | OP_BRM, 0, d);
        e1(a, (uint8_t)imm);
    } else {
        op_rr(a, opw(0xf7, w), 0, d);
        e4(a, (uint32_t)imm);
    }
    a->ef = false;
}
static inline void unary(struct as *a, bool w, unsigned n, unsigned d) { op_rr(a, opw(0xf7, w), n, d); a->ef = a->ef && n == 2; }
static inline void not_r(struct as *a, bool w, unsigned d) { unary(a, w, 2, d); }
static inline void neg_r(struct as *a, bool w, unsigned d) { unary(a, w, 3, d); }
static inline void imul_ri(struct as *a, bool w, unsigned d, unsigned s, int32_t imm)
{
    op_rr(a, opw(0x69, w), d, s);
    e4(a, (uint32_t)imm);
    a->ef = false;
}
static inline void imul_rr(struct as *a, bool w, unsigned d, unsigned s)
{
    op_rr(a, opw(0xaf | M_0F, w), d, s);
    a->ef = false;
}
enum { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAL, SH_SAR };
static inline void shift_ri(struct as *a, bool w, unsigned op, unsigned d, unsigned n)
{
    if (n == 0)
        return;
    if (n == 1) {
        op_rr(a, opw(0xd1, w), op, d);
    } else {
        op_rr(a, opw(0xc1, w), op, d);
        e1(a, n);
    }
    a->ef = false;
}
static inline void shift_cl(struct as *a, bool w, unsigned op, unsigned d)
{
    op_rr(a, opw(0xd3, w), op, d);
    a->ef = false;
}
static inline void shrd(struct as *a, bool w, unsigned d, unsigned s, unsigned n)
{
    op_rr(a, opw(0xac | M_0F, w), s, d);
    e1(a, n);
    a->ef = false;
}
/* BMI2: EFLAGS unchanged. */
static inline void rorx(struct as *a, bool w, unsigned d, unsigned s, unsigned n)
{
    vex_rrr(a, opw(0xf0 | M_0F3A | P_F2, w), d, 0, s);
    e1(a, n);
}
static inline void shlx(struct as *a, bool w, unsigned d, unsigned s, unsigned n) { vex_rrr(a, opw(0xf7 | M_0F38 | P_66, w), d, n, s); }
static inline void shrx(struct as *a, bool w, unsigned d, unsigned s, unsigned n) { vex_rrr(a, opw(0xf7 | M_0F38 | P_F2, w), d, n, s); }
static inline void sarx(struct as *a, bool w, unsigned d, unsigned s, unsigned n) { vex_rrr(a, opw(0xf7 | M_0F38 | P_F3, w), d, n, s); }
/* RDX times rm: the low half to LO, the high half to HI (to HI only, where they are the same). */
static inline void mulx(struct as *a, bool w, unsigned hi, unsigned lo, unsigned rm) { vex_rrr(a, opw(0xf6 | M_0F38 | P_F2, w), hi, lo, rm); }
static inline void andn(struct as *a, bool w, unsigned d, unsigned inv, unsigned s)
{
    vex_rrr(a, opw(0xf2 | M_0F38, w), d, inv, s);
    a->ef = false;
}

/* ---- MXCSR to and from memory ---- */
static inline void stmxcsr(struct as *a, struct mo m) { op_rm(a, 0xae | M_0F, 3, m); }
static inline void ldmxcsr(struct as *a, struct mo m) { op_rm(a, 0xae | M_0F, 2, m); }

/* ---- stack ---- */
static inline void push_r(struct as *a, unsigned r)
{
    if (r & 8)
        e1(a, 0x41);
    e1(a, 0x50 | (r & 7));
}
static inline void pop_r(struct as *a, unsigned r)
{
    if (r & 8)
        e1(a, 0x41);
    e1(a, 0x58 | (r & 7));
}

/* ---- control flow ---- */
/* Forward jumps: return where the displacement is; land() fills it in. */
static inline uint8_t *jcc32(struct as *a, unsigned cc)
{
    a->p = put(a->p, 0x800f | cc << 8, 6);
    return a->p - 4;
}
static inline uint8_t *jmp32(struct as *a)
{
    a->p = put(a->p, 0xe9, 5);
    return a->p - 4;
}
static inline void ret(struct as *a) { e1(a, 0xc3); }
static inline uint8_t *call32(struct as *a)
{
    a->p = put(a->p, 0xe8, 5);
    return a->p - 4;
}
static inline uint8_t *jcc8(struct as *a, unsigned cc)
{
    e1(a, 0x70 | cc);
    e1(a, 0);
    return a->p - 1;
}
static inline uint8_t *jmp8(struct as *a)
{
    e1(a, 0xeb);
    e1(a, 0);
    return a->p - 1;
}
static inline void set_rel32(uint8_t *at, const uint8_t *to)
{
    int32_t d = (int32_t)(to - (at + 4));
    memcpy(at, &d, 4);
}
static inline void land32(struct as *a, uint8_t *at) { set_rel32(at, a->p); }
static inline void land8(struct as *a, uint8_t *at)
{
    if (a->p - (at + 1) > 127)
        bug("short jump too far");
    *at = (uint8_t)(a->p - (at + 1));
}
static inline void jmp_to(struct as *a, const uint8_t *to)
{
    a->p = put(a->p, 0xe9 | (uint64_t)(uint32_t)(to - (a->p + 5)) << 8, 5);
}
static inline void call_to(struct as *a, const uint8_t *to)
{
    a->p = put(a->p, 0xe8 | (uint64_t)(uint32_t)(to - (a->p + 5)) << 8, 5);
}
static inline void nops(struct as *a, unsigned n)
{
    static const uint8_t nop[9][8] = {{0}, {0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0}, {0x0f, 0x1f, 0x40, 0},
        {0x0f, 0x1f, 0x44, 0, 0}, {0x66, 0x0f, 0x1f, 0x44, 0, 0}, {0x0f, 0x1f, 0x80, 0, 0, 0, 0},
        {0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}};
    memcpy(a->p, nop[n], n);
    a->p += n;
}

/* ---- SSE moves ---- */
static inline void movups_rm(struct as *a, unsigned d, struct mo m) { op_rm(a, 0x10 | M_0F, d, m); }
static inline void movups_mr(struct as *a, struct mo m, unsigned s) { op_rm(a, 0x11 | M_0F, s, m); }
static inline void movaps_rr(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x28 | M_0F, d, s); }
static inline void xorps_rr(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x57 | M_0F, d, s); }
static inline void movq_xr(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x6e | M_0F | P_66 | OP_W, d, s); }
static inline void movd_xr(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x6e | M_0F | P_66, d, s); }
static inline void movq_rx(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x7e | M_0F | P_66 | OP_W, s, d); }
static inline void movd_rx(struct as *a, unsigned d, unsigned s) { op_rr(a, 0x7e | M_0F | P_66, s, d); }

#endif
